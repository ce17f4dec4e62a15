"""Icons without drawings: when no strip of `assets/icons` can be read, their signs are drawn from plain strokes.

Those that may stand without words, or say what has happened, keep their meaning; the others stand beside words, and a ring with a
dot says that something is there.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from kivy.graphics import SmoothEllipse, SmoothLine

GRID: Final = 48
"""As the drawings' own: lengths below are of an icon 48 wide, y downwards."""
STROKE: Final = 3.0
Point = tuple[float, float]


class Disc(NamedTuple):
    """A filled disc."""

    x: float
    y: float
    radius: float


class Sign(NamedTuple):
    """What an icon is drawn of: strokes, each through its points, and discs."""

    strokes: Sequence[Sequence[Point]]
    discs: Sequence[Disc] = ()


def _arc(x: float, y: float, radius: float, start: float, end: float) -> list[Point]:
    """Points on a circle from one angle to another, in degrees clockwise from the right."""
    steps = max(4, round(abs(end - start) / 10))
    angles = [math.radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


_RING: Final = _arc(24, 24, 18.5, 0, 360)
_HORN: Final = [(6.5, 19.0), (13.0, 19.0), (22.5, 11.0), (22.5, 37.0), (13.0, 29.0), (6.5, 29.0), (6.5, 19.0)]
OTHER: Final = Sign([_RING], [Disc(24, 24, 5)])
SIGNS: Final = {
    "accessibility": Sign(
        [
            _RING,
            [(14.0, 20.0), (24.0, 21.7), (34.0, 20.0)],
            [(24.0, 21.7), (24.0, 29.0), (19.0, 38.0)],
            [(24.0, 29.0), (29.0, 38.0)],
        ],
        [Disc(24, 13.4, 3.1)],
    ),
    "repeat": Sign(
        [
            _arc(24, 24, 18, -30, -360),
            [(41.5, 6.5), (41.5, 16.0), (32.0, 16.0)],
            [(21.0, 18.5), (21.0, 29.5), (30.0, 24.0), (21.0, 18.5)],
        ]
    ),
    "louder": Sign([_HORN, _arc(24, 24, 8, -45, 45), _arc(24, 24, 16, -45, 45)]),
    "mute": Sign([_HORN, [(30.5, 18.5), (41.5, 29.5)], [(41.5, 18.5), (30.5, 29.5)]]),
    "undo": Sign(
        [[(8.0, 18.5), (29.5, 18.5), *_arc(29.5, 29, 10.5, -90, 90), (17.0, 39.5)], [(17.0, 8.5), (7.0, 18.5), (17.0, 28.5)]]
    ),
    "skip": Sign([[(6.5, 24.0), (30.5, 24.0)], [(21.0, 14.5), (30.5, 24.0), (21.0, 33.5)], [(40.0, 12.0), (40.0, 36.0)]]),
    "tick": Sign([[(9.0, 25.5), (19.0, 35.5), (39.5, 13.0)]]),
    "saved": Sign([_RING, [(15.5, 24.8), (21.3, 30.6), (32.5, 18.0)]]),
    "alert": Sign([_RING, [(24.0, 14.0), (24.0, 26.0)]], [Disc(24, 33, 2.4)]),
    "pause": Sign([_RING, [(19.0, 17.0), (19.0, 31.0)], [(29.0, 17.0), (29.0, 31.0)]]),
}


def draw(name: str, left: float, bottom: float, size: int) -> None:
    """Draws the sign of `name`, `size` px wide, in the colour that holds on the open canvas; y counts from the bottom."""
    scale = size / GRID
    sign = SIGNS.get(name, OTHER)
    for stroke in sign.strokes:
        points = [part for x, y in stroke for part in (left + x * scale, bottom + (GRID - y) * scale)]
        SmoothLine(points=points, width=max(1.0, STROKE * scale / 2 + 0.5), cap="round", joint="miter")
    for x, y, radius in sign.discs:
        corner = (left + (x - radius) * scale, bottom + (GRID - y - radius) * scale)
        SmoothEllipse(pos=corner, size=(2 * radius * scale, 2 * radius * scale))
