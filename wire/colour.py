"""Colours as WCAG 2.2 compares them: what both sides need to say whether people can read something. Pure arithmetic."""

import re
from typing import Annotated, Final

import msgspec

TEXT_CONTRAST: Final = 7.0
"""Success criterion 1.4.6 (enhanced): text to its ground. What is written in an accent is text."""

PATTERN: Final = r"^#[0-9A-Fa-f]{6}$(?!\n)"
Colour = Annotated[str, msgspec.Meta(pattern=PATTERN)]
"""`#RRGGBB`."""
Rgb = tuple[float, float, float]
"""Red, green and blue of sRGB, each from 0 to 1."""

BLACK: Final[Rgb] = (0.0, 0.0, 0.0)
WHITE: Final[Rgb] = (1.0, 1.0, 1.0)
STEPS: Final = 64
"""Steps from a colour to white: no eye tells two neighbours apart."""

_written: Final = re.compile(PATTERN)


def rgb(written: str) -> Rgb:
    """The colour written as `#RRGGBB`. Raises `ValueError` for anything else."""
    if not _written.match(written):
        raise ValueError(f"{written!r} is no colour such as #1A5490")
    red, green, blue = (int(written[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def luminance(colour: Rgb) -> float:
    """Relative luminance, 0 (black) to 1 (white)."""
    linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Rgb, other: Rgb) -> float:
    """Contrast ratio, 1 to 21, whichever of the two is the lighter."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def lifted(colour: Rgb, *grounds: Rgb, least: float = TEXT_CONTRAST) -> Rgb | None:
    """`colour` with as little white in it as makes it stand out by `least` on each of the (dark) `grounds`; none if even white
    does not."""
    for step in range(STEPS + 1):
        share = step / STEPS
        red, green, blue = (channel + (white - channel) * share for channel, white in zip(colour, WHITE, strict=True))
        if all(contrast((red, green, blue), ground) >= least for ground in grounds):
            return red, green, blue
    return None
