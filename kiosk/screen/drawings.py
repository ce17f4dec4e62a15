"""The drawings that the kiosk loads: strips of square cells, white on transparent, rendered by `workbench/artwork.py`."""

from typing import Final

FACE_SIZES: Final = (*range(48, 225, 16), *range(256, 417, 32))
ICON_SIZES: Final = (20, 24, 28, 32, 36, 40, 48, 56, 64, 72, 80, 96, 112, 128, 144)
"""Pixels. The largest that fits is taken, so that no drawing is ever scaled and every edge stays sharp."""

FACES: Final = 5
DISC, RING, PRESSED_RING = 5, 6, 7
FACE_CELLS: Final = 8
"""A strip of faces: the features of the five, worst to best, then disc, ring and the heavier ring of a pressed face."""
ICONS: Final = (
    "tangibles",
    "reliability",
    "responsiveness",
    "access",
    "communication",
    "accessibility",
    "tick",
    "undo",
    "alert",
    "pause",
    "repeat",
    "louder",
    "mute",
    "closed",
    "clean",
    "skip",
    "globe",
    "phone",
    "touch",
    "moon",
    "unsure",
    "not-mine",
    "saved",
)
"""A strip of icons, in this order."""
