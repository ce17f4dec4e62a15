"""When a court's crest gets a plate behind it, and of which colour."""

import pytest

from kiosk.screen import theme as themes
from kiosk.screen.backing import Pixel, backing
from wire.colour import Rgb, rgb

THEME = themes.default()
LIGHT, DARK, CONTRAST = THEME.light.paper, THEME.dark.paper, THEME.contrast.paper
NOTHING = Pixel((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
NAVY, GOLD, WHITE = rgb("#102040"), rgb("#E0B040"), rgb("#FFFFFF")


def solid(colour: Rgb) -> Pixel:
    return Pixel(colour, colour)


def crest(**shares: int) -> list[Pixel]:
    """A hundred pixels: so many of each colour, and nothing around them."""
    named = {"navy": NAVY, "gold": GOLD, "white": WHITE}
    pixels = [solid(named[name]) for name, share in shares.items() for _ in range(share)]
    return pixels + [NOTHING] * (100 - len(pixels))


def plate(pixels: list[Pixel], ground: Rgb) -> Rgb | None:
    return backing(pixels, ground, LIGHT, DARK)


@pytest.mark.parametrize(("ground", "wanted"), [(LIGHT, None), (CONTRAST, None), (DARK, LIGHT)])
def test_a_dark_crest_gets_a_light_plate_on_the_dark_look_only(ground: Rgb, wanted: Rgb | None) -> None:
    assert plate(crest(navy=60), ground) == wanted
    assert plate(crest(navy=54, gold=6), ground) == wanted, "a thin gold rim does not carry a dark shield"


@pytest.mark.parametrize(("ground", "wanted"), [(LIGHT, DARK), (CONTRAST, DARK), (DARK, None)])
def test_a_pale_crest_gets_a_dark_plate_where_the_screen_is_light(ground: Rgb, wanted: Rgb | None) -> None:
    assert plate(crest(white=60), ground) == wanted


def test_a_crest_of_which_enough_stands_out_stands_on_the_screen_itself() -> None:
    for ground in (LIGHT, DARK, CONTRAST):
        assert plate(crest(navy=30, gold=30), ground) is None


def test_a_picture_that_covers_its_whole_box_has_brought_its_own_ground() -> None:
    for ground in (LIGHT, DARK, CONTRAST):
        assert plate(crest(white=90, navy=10), ground) is None
        assert plate(crest(navy=100), ground) is None


def test_what_is_nearly_transparent_neither_needs_a_plate_nor_asks_for_one() -> None:
    veil = [Pixel((0.0, 0.0, 0.0), (0.8, 0.8, 0.8))] * 90
    assert plate(veil + [NOTHING] * 10, DARK) is None
    assert plate(crest(), DARK) is None, "nothing is there"
    assert plate([], DARK) is None


def test_a_plate_that_would_show_no_more_is_left_out() -> None:
    middle = [solid(rgb("#777777"))] * 50 + [NOTHING] * 50
    assert backing(middle, rgb("#707070"), rgb("#808080")) is None
    assert backing(middle, rgb("#707070"), rgb("#808080"), WHITE) == WHITE
