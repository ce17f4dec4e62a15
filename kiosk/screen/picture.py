"""A picture: what is where on the screen, in pixels, as plain values. Screens compose it, the painter paints it, tests measure it.

Because every text's place and size is decided here, by measuring, nothing can be cut off or overlap without a test seeing it.
Coordinates run from the top left, y downwards.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

Tone = Literal["paper", "surface", "pressed", "ink", "quiet", "line", "edge", "accent"]
Align = Literal["left", "centre", "right"]


class Box(NamedTuple):
    """A rectangle in px."""

    x: int
    y: int
    w: int
    h: int

    @property
    def right(self) -> int:
        """The first column past it."""
        return self.x + self.w

    @property
    def bottom(self) -> int:
        """The first row past it."""
        return self.y + self.h

    def inset(self, x: int, y: int) -> "Box":
        """The same box, smaller by `x` at both sides and by `y` above and below."""
        return Box(self.x + x, self.y + y, self.w - 2 * x, self.h - 2 * y)

    def contains(self, x: float, y: float) -> bool:
        """Whether a point lies in it."""
        return self.x <= x < self.right and self.y <= y < self.bottom

    def holds(self, other: "Box") -> bool:
        """Whether `other` lies wholly in it."""
        return self.x <= other.x and self.y <= other.y and self.right >= other.right and self.bottom >= other.bottom

    def overlaps(self, other: "Box") -> bool:
        """Whether they share a pixel."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def centred(self, w: int, h: int) -> "Box":
        """A box of `w` × `h` in its middle."""
        return Box(self.x + (self.w - w) // 2, self.y + (self.h - h) // 2, w, h)


class Measure(Protocol):
    """Says how wide a line of text is."""

    def __call__(self, text: str, size: int, bold: bool) -> int:
        """Width in px of `text` in one line at `size` px."""


@dataclass(frozen=True, slots=True)
class Text:
    """Lines of text. `room` is what it was given, `box` what it fills; each line is `lead` px high and `widths` px wide."""

    box: Box
    room: Box
    lines: tuple[str, ...]
    widths: tuple[int, ...]
    size: int
    lead: int
    bold: bool
    tone: Tone
    align: Align
    control: str | None = None


@dataclass(frozen=True, slots=True)
class Face:
    """A face of the scale; `point` runs from 1 (worst) to 5 (best)."""

    box: Box
    point: int
    control: str | None = None


@dataclass(frozen=True, slots=True)
class Icon:
    """A line drawing of `assets/icons`."""

    box: Box
    name: str
    tone: Tone
    control: str | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """A rounded ground: a tile, a button, a card. `edge` of None draws no outline."""

    box: Box
    fill: Tone | None
    edge: Tone | None
    width: int
    corner: int
    shadow: bool = False
    control: str | None = None


@dataclass(frozen=True, slots=True)
class Qr:
    """A QR code: dark modules as rows, quiet zone included."""

    box: Box
    modules: tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, slots=True)
class Drain:
    """A bar that is full at `since` and empty at `deadline` (monotonic ms). Ground of the control it belongs to."""

    box: Box
    tone: Tone
    corner: int
    since: int
    deadline: int
    control: str | None = None


@dataclass(frozen=True, slots=True)
class Ring:
    """A hollow rounded frame just inside `box`: what a tactile key has reached. Nothing it surrounds is painted over."""

    box: Box
    tone: Tone
    width: int
    corner: int
    control: str | None = None


@dataclass(frozen=True, slots=True)
class Crest:
    """The court's crest in its own colours, as large as fits into `box`."""

    box: Box


Mark = Text | Face | Icon | Panel | Qr | Drain | Ring | Crest


@dataclass(frozen=True, slots=True)
class Control:
    """Something to touch. `box` is where a finger counts, at least as large as what is seen."""

    key: str
    box: Box


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything on the screen, back to front. The first control that contains a touch gets it.

    `renews_at` is the moment (monotonic ms) from which it is out of date: it counts seconds, or offers what then ends. `focus` is
    the control that a tactile key has reached.
    """

    scene: str
    language: str
    size: tuple[int, int]
    large: bool
    marks: tuple[Mark, ...]
    controls: tuple[Control, ...] = field(default=())
    pressed: str | None = None
    renews_at: int | None = None
    focus: str | None = None

    def at(self, x: float, y: float) -> str | None:
        """The control at a point, or None."""
        return next((control.key for control in self.controls if control.box.contains(x, y)), None)
