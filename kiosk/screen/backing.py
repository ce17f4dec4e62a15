"""Whether a court's crest needs a plate behind it, judged by what is seen of its own pixels on the ground. Pure arithmetic.

A dark crest is lost on a dark screen, and a pale one on a light screen. Its colours are the court's and are left alone; what it
stands on is ours.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from kiosk.screen.theme import SHAPE_CONTRAST
from wire.colour import Rgb, contrast

ENOUGH: Final = 0.25
"""Of a crest at least this share must stand out as shapes do: a gold trident carries a dark shield, a thin gold rim does not."""
CLEAR: Final = 0.5
"""Opacity below which a pixel belongs to the ground rather than to the crest."""
OWN_GROUND: Final = 0.98
"""A picture that covers this share of its box has no outline to lose: it has brought its own ground."""


class Pixel(NamedTuple):
    """A pixel of the crest: its colour on black and on white, from which follows what it is on anything."""

    on_black: Rgb
    on_white: Rgb

    @property
    def opacity(self) -> float:
        """From 0, nothing, to 1."""
        return 1 - max(white - black for white, black in zip(self.on_white, self.on_black, strict=True))

    def on(self, ground: Rgb) -> Rgb:
        """The colour it has on `ground`."""
        red, green, blue = (
            black + (white - black) * under for black, white, under in zip(self.on_black, self.on_white, ground, strict=True)
        )
        return red, green, blue


def backing(crest: Sequence[Pixel], ground: Rgb, *others: Rgb) -> Rgb | None:
    """The colour of the plate that `crest` needs where it would stand on `ground`: whichever of `others` shows most of it. None
    where the ground shows enough, or no other more.
    """
    covered = [pixel for pixel in crest if pixel.opacity >= CLEAR]
    if len(covered) >= OWN_GROUND * len(crest):
        return None
    shown = {each: _shown(covered, each) for each in (ground, *others)}
    if shown[ground] >= ENOUGH * len(covered):
        return None
    best = max(shown, key=lambda each: shown[each])
    return best if shown[best] > shown[ground] else None


def _shown(pixels: Sequence[Pixel], ground: Rgb) -> int:
    """How many of `pixels` stand out from `ground`."""
    return sum(contrast(pixel.on(ground), ground) >= SHAPE_CONTRAST for pixel in pixels)
