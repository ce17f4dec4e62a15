"""What screens compose on: a panel of glass, a theme and a ruler. It turns tokens into pixels and collects marks and controls."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, hypot
from types import MappingProxyType
from typing import Final, Literal

from kiosk.screen import typeset
from kiosk.screen.drawings import FACE_SIZES, ICON_SIZES
from kiosk.screen.picture import Align, Box, Control, Face, Icon, Mark, Measure, Panel, Picture, Ring, Text, Tone
from kiosk.screen.theme import Theme

SHORT_SIDE: Final = 480
LONG_SIDE: Final = 800
"""The screen that the theme's lengths are for."""
SMALL: Final = -2.0
"""Step of the type scale of quiet lines and of labels: the least there is, so that the accessible mode has room to grow them."""
INCH_MM: Final = 25.4
TARGET_MM: Final = 15.0
"""What a finger must hit is at least so wide and so high."""
REACH_MM: Final = 1_200
"""Nothing to touch lies higher above the floor in the accessible mode; EN 301 549, 8.3.2.1, allows 1220 mm to somebody seated."""
LEAST_REACH: Final = 0.5
"""On a panel that hangs too high for that, the controls take its lower half, which is as much as can be done."""
RING: Final = 5.0
"""Width of the frame around what a tactile key has reached, in px at 800×480, at least 4 px anywhere."""

Valign = Literal["top", "middle", "bottom"]


@dataclass(frozen=True, slots=True)
class Glass:
    """A panel: its size in px, its diagonal in inches, how high its lower edge hangs above the floor (mm), and the width of the
    court's crest over its height, None where there is no crest."""

    size: tuple[int, int]
    diagonal: float = 7.0
    mounting_mm: int = 900
    crest: float | None = None

    @property
    def mm(self) -> float:
        """Pixels in a millimetre."""
        return hypot(*self.size) / (self.diagonal * INCH_MM)

    @property
    def target(self) -> int:
        """Least side in px of what a finger must hit."""
        return ceil(TARGET_MM * self.mm)


def corner(glass: Glass) -> Box:
    """Where staff hold a finger to lock the screen for wiping: the top left, where the court's name stands."""
    return Box(0, 0, 2 * glass.target, glass.target)


def too_high(glass: Glass) -> str | None:
    """What to say about a panel that hangs so high that not all that is to be touched is within reach; None if it is."""
    highest = int(REACH_MM - glass.size[1] * LEAST_REACH / glass.mm)
    if glass.mounting_mm <= highest:
        return None
    return (
        f"the screen hangs too high for somebody seated: its lower edge is {glass.mounting_mm} mm above the floor by "
        f"screen.mounting_mm, and what is to be touched would lie above {REACH_MM} mm; hang it at {highest} mm or lower"
    )


def snap(sizes: Iterable[int], room: float) -> int:
    """The largest of `sizes` that fits `room`, or the smallest there is."""
    every = sorted(sizes)
    return max((size for size in every if size <= room), default=every[0])


class Board:
    """Collects one picture. With `large` it is one of the accessible mode, in which `focused` is what a key has reached.

    `caps` holds the largest size in px for words that could not grow by half in the accessible mode if they were any larger.
    """

    def __init__(
        self,
        glass: Glass,
        theme: Theme,
        measure: Measure,
        *,
        large: bool,
        focused: str | None = None,
        caps: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.glass = glass
        self.width, self.height = glass.size
        self.theme = theme
        self.measure = measure
        self.large = large
        short, long = sorted(glass.size)
        self.unit = min(short / SHORT_SIDE, long / LONG_SIDE)
        self.portrait = self.height > self.width
        self.margin = self.px(24)
        self.target = max(glass.target, self.px(56))
        self._focused = focused
        self._caps = caps
        self._grow = theme.large_text if large else 1.0
        self._marks: list[Mark] = []
        self._controls: list[Control] = []

    # --- measures ---

    def px(self, length: float) -> int:
        """A length at 800×480 in px of this screen."""
        return round(length * self.unit)

    def type(self, step: float) -> int:
        """Text size in px at most: `step` steps of the type scale above the base."""
        wanted: float = self.theme.base * self.theme.ratio**step * self.unit * self._grow
        return max(self.least, ceil(wanted))

    @property
    def least(self) -> int:
        """No text is smaller, in px."""
        return ceil(self.theme.least * self.unit * self._grow)

    def line(self, step: float, *, bold: bool = False) -> int:
        """Height of one line of text in px."""
        return typeset.lead(self.type(step), bold)

    @property
    def ring(self) -> int:
        """Width in px of the frame around what a key has reached, which a control without a ground keeps free."""
        return max(4, self.px(RING))

    @property
    def ceiling(self) -> int:
        """The first row of px that may hold something to touch: in the accessible mode only what is within reach may."""
        if not self.large:
            return 0
        within = (REACH_MM - self.glass.mounting_mm) * self.glass.mm
        low = max(self.height * (1 - self.theme.reach), self.height - within)
        return ceil(min(low, self.height * LEAST_REACH))

    # --- putting things down ---

    def text(
        self,
        words: str,
        room: Box,
        *,
        step: float = 0,
        size: int | None = None,
        bold: bool = False,
        tone: Tone = "ink",
        align: Align = "left",
        valign: Valign = "middle",
        max_lines: int = 1,
        control: str | None = None,
    ) -> Box:
        """Sets `words` into `room` as large as `step` (or `size` px) allows; returns what it fills."""
        wanted = self._capped(words, size or self.type(step))
        found = typeset.fit(
            words,
            self.measure,
            width=room.w,
            height=room.h,
            size=wanted,
            least=min(self.least, wanted),
            bold=bold,
            max_lines=max_lines,
        )
        spare = room.h - found.height
        y = room.y + {"top": 0, "middle": spare // 2, "bottom": spare}[valign]
        slack = room.w - found.width
        x = room.x + {"left": 0, "centre": slack // 2, "right": slack}[align]
        box = Box(x, y, found.width, found.height)
        self._marks.append(Text(box, room, found.lines, found.widths, found.size, found.lead, bold, tone, align, control))
        return box

    def setting(
        self, words: str, *, width: int, height: int, step: float, bold: bool = False, max_lines: int = 1
    ) -> typeset.Setting:
        """How `words` would be set, without putting them down."""
        return typeset.fit(
            words,
            self.measure,
            width=width,
            height=height,
            size=self._capped(words, self.type(step)),
            least=self.least,
            bold=bold,
            max_lines=max_lines,
        )

    def set_at(self, words: str, size: int, *, width: int, max_lines: int) -> typeset.Setting:
        """How bold `words` are set at `size` px, or smaller where they do not fit."""
        return typeset.fit(
            words,
            self.measure,
            width=width,
            height=self.height,
            size=size,
            least=min(size, self.least),
            bold=True,
            max_lines=max_lines,
        )

    def common_size(self, texts: Iterable[str], *, width: int, height: int, step: float, bold: bool, max_lines: int) -> int:
        """The text size in px at which every one of `texts` fits its room."""
        every = list(texts)
        return typeset.common_size(
            every,
            self.measure,
            width=width,
            height=height,
            size=min((self._capped(words, self.type(step)) for words in every), default=self.type(step)),
            least=self.least,
            bold=bold,
            max_lines=max_lines,
        )

    def all_fit(self, texts: Iterable[str], room: Box, *, bold: bool, max_lines: int) -> bool:
        """Whether every one of `texts` fits `room`, be it at the least size. Opens no font of a size smaller still."""
        return typeset.all_fit(texts, self.measure, width=room.w, height=room.h, size=self.least, bold=bold, max_lines=max_lines)

    def _capped(self, words: str, size: int) -> int:
        return max(self.least, min(size, self._caps.get(words, size)))

    def face(self, point: int, room: Box, control: str | None = None) -> Box:
        """Puts the face of `point` into the middle of `room`; returns its box."""
        size = snap(FACE_SIZES, min(room.w, room.h))
        box = room.centred(size, size)
        self._marks.append(Face(box, point, control))
        return box

    def icon(self, name: str, room: Box, tone: Tone = "ink", control: str | None = None) -> Box:
        """Puts an icon into the middle of `room`; returns its box."""
        size = snap(ICON_SIZES, min(room.w, room.h))
        box = room.centred(size, size)
        self._marks.append(Icon(box, name, tone, control))
        return box

    def panel(
        self,
        box: Box,
        *,
        fill: Tone | None = "surface",
        edge: Tone | None = "edge",
        width: float = 1.5,
        shadow: bool = False,
        control: str | None = None,
    ) -> None:
        """Puts a rounded ground down."""
        self._marks.append(Panel(box, fill, edge, max(1, self.px(width)), self.px(self.theme.corner), shadow, control))

    def add(self, mark: Mark) -> None:
        """Puts any mark down."""
        self._marks.append(mark)

    def touchable(self, key: str, box: Box) -> None:
        """Makes `box` answer to a finger, and frames it if a key has reached it."""
        self._controls.append(Control(key, box))
        if key == self._focused:
            self._marks.append(Ring(box, "accent", self.ring, self.px(self.theme.corner) + self.ring // 2, key))

    def picture(self, scene: str, language: str, pressed: str | None, renews_at: int | None = None) -> Picture:
        """Everything put down so far."""
        return Picture(
            scene=scene,
            language=language,
            size=(self.width, self.height),
            large=self.large,
            marks=tuple(self._marks),
            controls=tuple(self._controls),
            pressed=pressed,
            renews_at=renews_at,
            focus=self._focused,
        )
