"""Colours are compared as WCAG compares them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.colour import TEXT_CONTRAST, WHITE, contrast, lifted, luminance, rgb

BLACK = (0.0, 0.0, 0.0)
NIGHT = rgb("#10171E")
channels = st.integers(0, 255).map(lambda value: value / 255)
colours = st.tuples(channels, channels, channels)


def test_black_and_white_are_as_far_apart_as_colours_can_be() -> None:
    assert contrast(BLACK, WHITE) == contrast(WHITE, BLACK) == pytest.approx(21)
    assert contrast(WHITE, WHITE) == 1


def test_a_grey_whose_contrast_is_known_has_it() -> None:
    assert contrast(rgb("#767676"), WHITE) == pytest.approx(4.54, abs=0.005)
    assert luminance(rgb("#ff0000")) == pytest.approx(0.2126)


@pytest.mark.parametrize("written", ["", "plum", "1A5490", "#1A549", "#1A54900", "#1A549G", "#1A5490\n", "#١٢٣٤٥٦"])
def test_what_is_no_colour_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="no colour"):
        rgb(written)


@given(colours)
def test_any_colour_can_be_lifted_until_it_is_read_on_a_dark_ground_and_no_further(colour: tuple[float, float, float]) -> None:
    found = lifted(colour, NIGHT)
    assert found is not None
    assert contrast(found, NIGHT) >= TEXT_CONTRAST
    if contrast(colour, NIGHT) >= TEXT_CONTRAST:
        assert found == colour
    else:
        assert contrast(found, NIGHT) < TEXT_CONTRAST + 1


def test_on_a_light_ground_no_white_helps() -> None:
    assert lifted(rgb("#1A5490"), NIGHT, WHITE) is None
