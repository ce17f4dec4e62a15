"""What stands around every screen: the court's name on top, at the bottom a bar with the accessibility control and languages."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Final

from kiosk.screen import typeset, views
from kiosk.screen.board import SMALL, Board, snap
from kiosk.screen.drawings import ICON_SIZES
from kiosk.screen.picture import Align, Box, Crest, Drain, Panel, Tone

ACCESS: Final = "access"
MOST_ROWS: Final = 2
"""The bar takes no more of the height than so many rows of targets."""
ABOVE: Final = 220
ABOVE_UPRIGHT: Final = 340
"""Within reach above the bar of the accessible mode there is so much room, in landscape and in portrait: for two rows of tiles, or
faces with their words, and for the way back."""
INSIDE: Final = 5
"""Between the words of a control in the bar and its edge."""
ASKING: Final = -1.0
"""Step of the type scale of "Still there?"."""
MUTE: Final = 32
"""Side of the sign before the line that no voice speaks this language."""
NAME_LINES: Final = 4
"""Lines of a court's name at most."""
CREST: Final = 40
"""Height of the court's crest."""


# --- top ---------------------------------------------------------------------------------------------------------------------


def header(board: Board, frame: views.Frame, *, asks: bool = False, notice: str = "", noticed: bool = False) -> Box:
    """Crest and court's name at the top left; returns the room taken, the whole width. In the accessible mode the line that says
    that the language has no voice stands here instead. On a screen that `asks`, the question whether anybody is still there comes
    in their place, and its room is kept; so is that of `notice`, which is what has just happened when it is `noticed`."""
    voiceless = frame.aid.voiceless if frame.aid.on else None
    room = Box(
        board.margin, board.px(4 if board.large else 10), board.width - 2 * board.margin, max(board.px(CREST), board.line(SMALL))
    )
    crest = min(round(room.h * board.glass.crest), room.w // 4) + board.px(10) if board.glass.crest else 0
    name = Box(room.x + crest, room.y, room.w - crest, room.h)
    named = _lines(board, frame.court, name.w)
    height = named * board.line(SMALL) if voiceless is None else note_height(board, voiceless, room.w)
    if asks:
        height = max(height, still_there_height(board, frame, room.w), note_height(board, notice, room.w, bold=True))
    name = Box(name.x, name.y, name.w, max(name.h, named * board.line(SMALL)))
    room = Box(room.x, room.y, room.w, max(room.h, height))
    if asks and frame.leaving is not None:
        still_there(board, frame, room)
    elif noticed:
        note(board, notice, room, icon="tick", bold=True)
    elif voiceless is not None:
        note(board, voiceless, room)
    else:
        if crest:
            board.add(Crest(Box(room.x, room.y, crest - board.px(10), name.h)))
        if frame.court:
            board.text(frame.court, name, size=board.least, tone="quiet", max_lines=named)
    return Box(0, 0, board.width, room.bottom + board.px(4))


def _lines(board: Board, words: str, width: int) -> int:
    """How many lines quiet `words` take: courts are called as long as their districts and regions are."""
    tried = range(1, NAME_LINES)
    fits = (n for n in tried if typeset.set_lines(words, board.measure, width=width, size=board.least, bold=False, max_lines=n))
    return next(fits, NAME_LINES)


def note(board: Board, words: str, room: Box, *, icon: str = "mute", bold: bool = False) -> None:
    """A line after its sign: a quiet one that says that no voice speaks this language, or a bold one that confirms something."""
    side = snap(ICON_SIZES, board.px(MUTE))
    tone: Tone = "ink" if bold else "quiet"
    board.icon(icon, Box(room.x, room.y, side, room.h), tone)
    label = Box(room.x + side + board.px(10), room.y, room.w - side - board.px(10), room.h)
    board.text(words, label, size=board.least, bold=bold, tone=tone, max_lines=2)


def note_height(board: Board, words: str, width: int, *, bold: bool = False) -> int:
    """The room that `note` wants where it has `width` px."""
    one = board.measure(words, board.least, bold) <= width - snap(ICON_SIZES, board.px(MUTE)) - board.px(10)
    return (1 if one else 2) * board.line(SMALL)


def still_there(board: Board, frame: views.Frame, room: Box) -> None:
    """The question whether anybody is still there, over a bar that runs out. It covers nothing that can be touched."""
    if frame.leaving is None:
        return
    bar, pad = max(2, board.px(5)), board.px(6)
    board.panel(room, fill="accent", edge=None)
    words = Box(room.x + 2 * pad, room.y + pad // 2, room.w - 4 * pad, room.h - bar - pad - pad // 2)
    board.text(frame.still_there, words, step=ASKING, bold=True, tone="paper", align="centre", max_lines=2)
    track = Box(room.x + 2 * pad, room.bottom - bar - pad, room.w - 4 * pad, bar)
    board.add(Drain(track, "paper", bar // 2, frame.leaving.since, frame.leaving.until))


def still_there_height(board: Board, frame: views.Frame, width: int) -> int:
    """The room that `still_there` wants where it has `width` px."""
    lines = 1 if board.measure(frame.still_there, board.least, True) <= width - 4 * board.px(6) else 2
    return lines * board.line(ASKING, bold=True) + board.px(16)


# --- bottom ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cell:
    """One control of the bar. Without an icon its words are always shown; `least` is the narrowest it may be."""

    key: str
    words: str
    icon: str | None = None
    pips: tuple[int, int] | None = None
    shown: bool = True
    """Whether the words stand beside the icon."""


def bar(board: Board, frame: views.Frame) -> Box:
    """The accessibility control at the left, in its mode the voice's beside it, then the languages. Returns the room taken."""
    edge = board.px(4) if board.large else board.margin - board.px(INSIDE)
    width = board.width - 2 * edge
    rows = _rows(board, frame, width)
    height = board.target
    gap = board.px(4)
    room = Box(edge, board.height - gap - len(rows) * height, width, len(rows) * height)
    if not board.large:
        board.add(Panel(Box(board.margin, room.y - 1, board.width - 2 * board.margin, max(1, board.px(1))), "line", None, 0, 0))
    below: list[int] = []
    for place in reversed(range(len(rows))):
        below = _row(board, rows[place], below, Box(room.x, room.y + place * height, width, height))
    return Box(0, room.y, board.width, board.height - room.y)


def _cells(board: Board, frame: views.Frame, *, names: bool, words: int) -> list[_Cell]:
    """Languages by their names or by their signs; words beside no icon, beside that of access, or beside all."""
    cells = [_Cell(ACCESS, frame.access, "accessibility", shown=words > 0)]
    if frame.aid.on:
        cells.append(_Cell("repeat", frame.aid.repeat, "repeat", shown=words > 1))
        cells.append(_Cell("louder", frame.aid.louder, "louder", (frame.aid.volume, frame.aid.most), shown=words > 1))
    cells += [_Cell(f"language:{each.code}", each.name if names else each.short) for each in frame.languages]
    return cells


def _rows(board: Board, frame: views.Frame, width: int) -> list[list[_Cell]]:
    """As few rows as languages have room in by their own names, else one of signs, in a column or where there are very many
    languages two, with as many words as fit."""
    fewest = MOST_ROWS if board.portrait else 1
    for words in (2, 1, 0) if board.large else (2,):
        for most in range(fewest, _most_rows(board, fewest) + 1):
            rows = _packed(board, _cells(board, frame, names=True, words=words), width)
            if len(rows) <= most:
                return rows
    for most in range(fewest, MOST_ROWS + 1):
        for names, words in ((True, 2), (False, 2), (True, 1), (False, 1), (False, 0)):
            rows = _packed(board, _cells(board, frame, names=names, words=words), width)
            if len(rows) <= most:
                return rows
    cells = _cells(board, frame, names=False, words=0)  # more than a hand can tell apart on this panel: they share what there is
    half = -(-len(cells) // MOST_ROWS)
    return [cells[:half], cells[half:]]


def _most_rows(board: Board, fewest: int) -> int:
    """In the accessible mode there is one row more where what can be touched above it keeps its room."""
    if not board.large:
        return fewest
    left = board.height - board.ceiling - (fewest + 1) * board.target
    return fewest + (left >= board.px(ABOVE_UPRIGHT if board.portrait else ABOVE))


def _packed(board: Board, cells: Sequence[_Cell], width: int) -> list[list[_Cell]]:
    """`cells` in rows: as many as they need, the fullest as empty as can be. In the accessible mode the voice's controls
    and languages keep to rows of their own if they can."""
    wishes = [_natural(board, cell) for cell in cells]
    for count in range(1, min(MOST_ROWS + 1, len(cells)) + 1):
        ways = []
        for cuts in combinations(range(1, len(cells)), count - 1):
            rows = list(pairwise((0, *cuts, len(cells))))
            fullest = max(sum(wishes[start:end]) for start, end in rows)
            if fullest <= width:
                mixed = sum(len({cell.icon is None for cell in cells[start:end]}) > 1 for start, end in rows)
                ways.append((mixed if board.large else 0, fullest, rows))
        if ways:
            return [list(cells[start:end]) for start, end in min(ways)[2]]
    return [[cell] for cell in cells]


def _natural(board: Board, cell: _Cell, inside: int | None = None) -> int:
    """The width that a control wants, with `inside` px at both sides of its words."""
    inside = board.px(INSIDE) if inside is None else inside
    if cell.icon is None and board.large:  # here the words stand on a button, whose edge they keep clear of
        inside += board.px(4)
    if cell.icon is None:
        return max(board.target, board.measure(cell.words, board.least, True) + 2 * inside)
    if not cell.shown:
        return board.target
    return max(board.target, _sign(board, cell) + board.px(10) + _label(board, cell) + 3 * inside)


def _label(board: Board, cell: _Cell) -> int:
    """Width of a control's words, broken into two lines where they have to be."""
    lines = board.setting(
        cell.words, width=board.px(150 if not board.large else 210), height=board.target, step=SMALL, bold=True, max_lines=2
    )
    return lines.width if lines.size >= board.least else board.measure(cell.words, board.least, True)


def _icon(board: Board) -> int:
    return snap(ICON_SIZES, min(board.px(40), board.target * 0.6))


def _sign(board: Board, cell: _Cell) -> int:
    """Width of what stands before a control's words: its icon, or the pips beneath it."""
    if cell.pips is None:
        return _icon(board)
    side, gap = _pip(board)
    return max(_icon(board), cell.pips[1] * (side + gap) - gap)


def _pip(board: Board) -> tuple[int, int]:
    """The side of a pip, and the gap to the next."""
    return max(4, board.px(7)), max(2, board.px(3))


def _row(board: Board, cells: Sequence[_Cell], below: Sequence[int], room: Box) -> list[int]:
    """Controls side by side. In the accessible mode they fill the row; in the usual look access keeps left and the rest right, over
    those `below` where they fit. Returns their widths."""
    widths = [_natural(board, cell) for cell in cells]
    if sum(widths) > room.w:
        widths = _stretched([0] * len(cells), room.w)
    elif not board.large and not below:
        air = _air(board, cells, room.w)
        widths[1:] = [_natural(board, cell, air) for cell in cells[1:]]
        room = Box(room.x, room.y, room.w + air - board.px(INSIDE), room.h)  # the last word ends where all else on the screen does
        widths[0] += room.w - sum(widths)
    elif not board.large and cells[0].key == ACCESS:
        columns = [max(pair) for pair in zip(widths[1:], below[len(below) - len(widths) + 1 :], strict=False)]
        if len(columns) == len(widths) - 1 and widths[0] + sum(columns) <= room.w:
            widths[1:] = columns
        widths[0] += room.w - sum(widths)
    else:
        widths = _stretched(widths, room.w - sum(widths))
    x = room.x
    for cell, width in zip(cells, widths, strict=True):
        least = width if board.large or cell.key != ACCESS else min(width, _natural(board, cell))
        _cell(board, cell, Box(x, room.y, least, room.h))
        x += width
    return widths


def _air(board: Board, cells: Sequence[_Cell], room_w: int) -> int:
    """Room at both sides of each language's words, so that they stand evenly however short they are."""
    least = board.px(INSIDE)
    first = _natural(board, cells[0]) + board.margin if cells[0].key == ACCESS else _natural(board, cells[0])
    for air in range(board.px(14), least, -1):
        if first + sum(_natural(board, cell, air) for cell in cells[1:]) + least - air <= room_w:
            return air
    return least


def _stretched(widths: Sequence[int], spare: int) -> list[int]:
    """Widths with `spare` px shared among them, the last pixel too."""
    each, rest = divmod(spare, len(widths))
    return [width + each + (place < rest) for place, width in enumerate(widths)]


def _cell(board: Board, cell: _Cell, box: Box) -> None:
    tone: Tone = "ink" if board.large else "accent"
    if board.large:
        board.panel(box.inset(board.px(4), board.px(4)), control=cell.key)
    inside = board.px(INSIDE)
    room = box.inset(inside, board.px(2))
    if cell.icon is not None:
        side = _sign(board, cell)
        words = _label(board, cell) if cell.shown else 0
        start = box.x + inside if not board.large else box.x + (box.w - side - words - (board.px(10) if words else 0)) // 2
        raised = board.px(7) if cell.pips else 0
        spot = Box(start if words else box.x + (box.w - side) // 2, box.y - raised, side, box.h)
        icon = board.icon(cell.icon, spot.centred(_icon(board), spot.h), tone, cell.key)
        if cell.pips:
            _pips(board, cell, icon, box)
        after = spot.right + board.px(10)
        room = Box(after, room.y, box.right - inside // 2 - after, room.h)
    if cell.icon is None or cell.shown:
        align: Align = "left" if cell.icon else "centre"
        board.text(
            cell.words, room, size=board.least, bold=True, tone=tone, align=align, max_lines=2 if cell.icon else 1, control=cell.key
        )
    board.touchable(cell.key, box)


def _pips(board: Board, cell: _Cell, icon: Box, box: Box) -> None:
    """How loud the voice is: so many of the pips under the icon are filled."""
    loud, most = cell.pips or (0, 0)
    side, gap = _pip(board)
    start = icon.x + (icon.w - most * side - (most - 1) * gap) // 2
    y = min(icon.bottom + board.px(2), box.bottom - board.px(8) - side)
    for place in range(most):
        pip = Box(start + place * (side + gap), y, side, side)
        board.add(Panel(pip, "accent" if place < loud else "surface", "accent", max(1, board.px(1)), 0, control=cell.key))
