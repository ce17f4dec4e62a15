"""Breaking text into lines and finding the size at which it fits. Pure: the width of a line is asked of a `Measure`."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import combinations, pairwise
from math import comb
from typing import Final, NamedTuple

from kiosk.screen.picture import Measure

LEAD: Final = 1.2
BOLD_LEAD: Final = 1.12
"""Line height in text sizes. What is bold is a heading or a label, whose lines belong closer together."""
CLINGING: Final = 2
"""Words of up to so many letters stay with the next one: a line that ends in «до» or «й» reads badly."""
MOST_BREAKS: Final = 400
"""Ways to break a text that are all tried for the most even lines; a longer text is filled line by line."""
SENTENCES: Final = re.compile(r"[.!?] ")
WHOLE_SENTENCES: Final = 0.88
"""Text of several sentences is set so much smaller at most if each can then have lines of its own."""
STEP: Final = 1.5 ** (1 / 8)
"""From one text size to the next, about 5 %. Few sizes, because each costs a font some 240 kB; and eight steps are the half that
the accessible mode adds."""
COARSE: Final = 40
"""px. Lines are measured in this size first, so that a font of a size in which nothing fits is never opened."""
LAST_RESORT: Final = 8
"""Pixels. Text is made smaller rather than ever cut off; this is where even that ends."""


class Setting(NamedTuple):
    """Text as it fits: its lines, how wide each is, the size in px and the height of a line."""

    lines: tuple[str, ...]
    widths: tuple[int, ...]
    size: int
    lead: int

    @property
    def width(self) -> int:
        """Width of the widest line."""
        return max(self.widths, default=0)

    @property
    def height(self) -> int:
        """Height of all lines."""
        return self.lead * len(self.lines)


def lead(size: int, bold: bool) -> int:
    """Height of a line at `size` px."""
    return round(size * (BOLD_LEAD if bold else LEAD))


def fit(text: str, measure: Measure, *, width: int, height: int, size: int, least: int, bold: bool, max_lines: int) -> Setting:
    """`text` at the largest size from `size` down at which it fits; below `least` only when nothing else fits."""
    torn: Setting | None = None
    found: Setting | None = None
    for tried in _sizes(size, least):
        if torn is not None and tried < max(least, torn.size * WHOLE_SENTENCES):
            return torn
        found = set_lines(text, measure, width=width, size=tried, bold=bold, max_lines=max_lines)
        if found is None or found.height > height:
            continue
        if not SENTENCES.search(text) or not _torn(found.lines):
            return found
        torn = torn or found
    return torn or found or _one_line(text, measure, LAST_RESORT, bold)


def common_size(
    texts: Iterable[str], measure: Measure, *, width: int, height: int, size: int, least: int, bold: bool, max_lines: int
) -> int:
    """The largest size at which every one of `texts` fits, so that labels side by side are set alike."""
    sizes = (
        fit(text, measure, width=width, height=height, size=size, least=least, bold=bold, max_lines=max_lines).size
        for text in texts
    )
    return min(sizes, default=size)


def all_fit(texts: Iterable[str], measure: Measure, *, width: int, height: int, size: int, bold: bool, max_lines: int) -> bool:
    """Whether every one of `texts` fits at `size` px."""
    found = (set_lines(text, measure, width=width, size=size, bold=bold, max_lines=max_lines) for text in texts)
    return all(setting is not None and setting.height <= height for setting in found)


def set_lines(text: str, measure: Measure, *, width: int, size: int, bold: bool, max_lines: int) -> Setting | None:
    """`text` in as few lines as fit `width`, of lengths as equal as can be; None when `max_lines` are not enough."""
    words = text.split()
    if _hopeless("".join(words), measure, max_lines * width, size, bold):  # the spaces at which lines break are not seen
        return None
    for count in range(1, min(max_lines, len(words)) + 1):
        best: tuple[tuple[int, int, int, int], Setting] | None = None
        few = comb(len(words) - 1, count - 1) <= MOST_BREAKS
        ways = _breaks(tuple(words), count) if few else (_greedy(words, measure, width, size, bold),)
        for lines in ways:
            if len(lines) > count or any(_hopeless(line, measure, width, size, bold) for line in lines):
                continue
            widths = tuple(measure(line, size, bold) for line in lines)
            if max(widths) > width:
                continue
            rank = (_hanging(lines), _torn(lines), max(widths), sum(width**2 for width in widths))
            if best is None or rank < best[0]:
                best = (rank, Setting(lines, widths, size, lead(size, bold)))
        if best is not None:
            return best[1]
    return None


def narrowest(text: str, measure: Measure, *, size: int, bold: bool, max_lines: int) -> int:
    """The least width in px at which `text` stands in at most `max_lines` lines."""
    words = tuple(text.split())
    ways = (lines for count in range(1, min(max_lines, len(words)) + 1) for lines in _breaks(words, count))
    return min((max(measure(line, size, bold) for line in lines) for lines in ways), default=0)


def _sizes(size: int, least: int) -> Sequence[int]:
    """Sizes to try, the largest first: `least` and what stands above it in whole steps, and below it what desperation asks for."""
    above, found = float(least), [least]
    while (above := above * STEP) <= size:
        found.append(round(above))
    below, desperate = float(least), []
    while (below := below / STEP) > LAST_RESORT:
        desperate.append(round(below))
    return [*reversed(found), *desperate, LAST_RESORT]


@lru_cache(maxsize=512)
def _breaks(words: tuple[str, ...], count: int) -> tuple[tuple[str, ...], ...]:
    found = []
    for cuts in combinations(range(1, len(words)), count - 1):
        edges = (0, *cuts, len(words))
        found.append(tuple(" ".join(words[start:end]) for start, end in pairwise(edges)))
    return tuple(found)


def _hopeless(text: str, measure: Measure, width: int, size: int, bold: bool) -> bool:
    """Whether `text` is wider than `width` px at `size` px beyond doubt. Widths grow with the size, each letter's rounded."""
    scale = size / COARSE
    return measure(text, COARSE, bold) * scale - len(text) * (scale + 1) / 2 > width


def _greedy(words: Sequence[str], measure: Measure, width: int, size: int, bold: bool) -> tuple[str, ...]:
    lines = [words[0]]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        if measure(longer, size, bold) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return tuple(lines)


def _hanging(lines: tuple[str, ...]) -> int:
    """How many lines but the last end in a short word that belongs to the next one."""
    return sum(len(line.split()[-1]) <= CLINGING for line in lines[:-1])


def _torn(lines: tuple[str, ...]) -> int:
    """How many lines but the last end within a sentence."""
    return sum(line[-1] not in "!.?" for line in lines[:-1])


def _one_line(text: str, measure: Measure, size: int, bold: bool) -> Setting:
    return Setting((text,), (measure(text, size, bold),), size, lead(size, bold))
