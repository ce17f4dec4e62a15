"""Faces without drawings: when no strip of `assets/faces` can be read, disc, eyes and mouth are drawn from plain shapes."""

from typing import Final

from kivy.graphics import Color, Line, SmoothEllipse

from kiosk.screen.theme import Palette

GRID: Final = 96
"""As the drawings' own: lengths below are of a face 96 wide, y upwards."""
RADIUS: Final = 46
EYES: Final = ((33, 55), (63, 55))
EYE: Final = 5
MOUTH_Y: Final = 32
MOUTH_HALF: Final = 18
BEND: Final = 9
"""How far the mouth's middle lies below its corners, for each point away from the middle of the scale."""


def draw(point: int, size: int, palette: Palette) -> None:
    """Draws the face of `point` (1 worst to 5 best) `size` px wide at the origin of the open canvas."""
    scale = size / GRID
    fill = palette.scale[point - 1]
    for radius, colour in ((RADIUS, palette.outline()), (RADIUS - 5, fill)):
        Color(*colour)
        _disc(GRID / 2, GRID / 2, radius, scale)
    Color(*palette.mark_on(fill))
    for x, y in EYES:
        _disc(x, y, EYE, scale)
    bend = (point - 3) * BEND
    corners = MOUTH_Y + bend / 2
    middle = MOUTH_Y - bend
    points = [GRID / 2 - MOUTH_HALF, corners, GRID / 2, middle, GRID / 2 + MOUTH_HALF, corners]
    Line(bezier=[length * scale for length in points], width=max(1.0, 3 * scale), cap="round")


def _disc(x: float, y: float, radius: float, scale: float) -> None:
    SmoothEllipse(pos=((x - radius) * scale, (y - radius) * scale), size=(2 * radius * scale, 2 * radius * scale))
