"""Setting text: with a ruler on which every letter is as wide as the half of its size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.screen.typeset import LAST_RESORT, STEP, fit, narrowest, set_lines


def ruler(text: str, size: int, bold: bool) -> int:
    return len(text) * size // 2


def lines(text: str, width: int, max_lines: int = 3) -> tuple[str, ...]:
    found = set_lines(text, ruler, width=width, size=20, bold=False, max_lines=max_lines)
    assert found is not None
    return found.lines


def test_one_line_where_one_is_enough() -> None:
    assert lines("Як пройшов ваш візит", 400) == ("Як пройшов ваш візит",)


def test_lines_are_of_even_length() -> None:
    assert lines("aaa bbb ccc ddd", 120) == ("aaa bbb", "ccc ddd")


def test_a_short_word_stays_with_the_next() -> None:
    assert lines("Будівля та умови", 120) == ("Будівля", "та умови")


def test_a_sentence_gets_a_line_of_its_own() -> None:
    assert lines("Дякую! Вашу відповідь збережено.", 300) == ("Дякую!", "Вашу відповідь збережено.")


def test_none_when_the_lines_are_not_enough() -> None:
    assert set_lines("aaa bbb ccc", ruler, width=40, size=20, bold=False, max_lines=2) is None


@given(
    words=st.lists(st.text("абвгґіїє", min_size=1, max_size=12), min_size=1, max_size=40),
    width=st.integers(80, 600),
    height=st.integers(20, 300),
    max_lines=st.integers(1, 6),
)
def test_what_is_set_fits_or_is_as_small_as_text_can_be(words: list[str], width: int, height: int, max_lines: int) -> None:
    text = " ".join(words)
    found = fit(text, ruler, width=width, height=height, size=30, least=20, bold=False, max_lines=max_lines)
    assert " ".join(found.lines) == text
    assert found.widths == tuple(ruler(line, found.size, False) for line in found.lines)
    assert found.size == LAST_RESORT or (found.width <= width and found.height <= height)


@pytest.mark.parametrize("size", [20, 30, 40, 41, 57])
def test_text_is_as_large_as_asked_or_the_next_of_the_few_sizes_below(size: int) -> None:
    found = fit("аб", ruler, width=9_999, height=9_999, size=size, least=20, bold=False, max_lines=1).size
    assert size / STEP - 1 < found <= size


def test_text_of_the_accessible_mode_needs_few_more_sizes() -> None:
    def sizes(least: int) -> set[int]:
        wished = range(least, 90)
        return {fit("аб", ruler, width=9_999, height=999, size=size, least=least, bold=False, max_lines=1).size for size in wished}

    assert sizes(30) <= sizes(20)


@given(words=st.lists(st.text("абв", min_size=1, max_size=9), min_size=1, max_size=8), max_lines=st.integers(1, 3))
def test_the_narrowest_width_is_enough_and_a_pixel_less_is_not(words: list[str], max_lines: int) -> None:
    text = " ".join(words)
    least = narrowest(text, ruler, size=20, bold=False, max_lines=max_lines)
    assert set_lines(text, ruler, width=least, size=20, bold=False, max_lines=max_lines) is not None
    assert set_lines(text, ruler, width=least - 1, size=20, bold=False, max_lines=max_lines) is None
