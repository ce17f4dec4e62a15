"""The gliding face: when it glides, where from and to, and that it is soon gone."""

from itertools import pairwise

from kiosk.screen.glide import glide
from kiosk.screen.picture import Box, Face, Picture

LARGE = Box(600, 200, 128, 128)
SMALL = Box(368, 8, 64, 64)


def asked(pressed: str | None) -> Picture:
    marks = (Face(Box(20, 200, 128, 128), 1, "answer:1"), Face(LARGE, 5, "answer:5"))
    return Picture("welcome", "uk", (800, 480), False, marks, pressed=pressed)


def answered(point: int = 5, size: tuple[int, int] = (800, 480)) -> Picture:
    return Picture("follow-up", "uk", size, False, (Face(SMALL, point),))


def test_the_face_that_was_pressed_glides_from_its_place_to_where_it_stands_small() -> None:
    flight = glide(asked("answer:5"), answered(), since=1_000, lasts=200)
    assert flight is not None
    assert flight.at(1_000) == (LARGE, 1.0)
    assert flight.at(1_200) is None, "it has arrived"
    ways = [found for now in range(1_000, 1_200, 20) if (found := flight.at(now)) is not None]
    assert all(SMALL.w <= later.w <= earlier.w for (earlier, _), (later, _) in pairwise(ways))
    assert all(SMALL.y <= later.y <= earlier.y for (earlier, _), (later, _) in pairwise(ways))
    assert all(0 < later < earlier for (_, earlier), (_, later) in pairwise(ways)), "it fades"


def test_it_is_fast_at_first_so_that_it_is_soon_out_of_the_way() -> None:
    flight = glide(asked("answer:5"), answered(), since=0, lasts=200)
    assert flight is not None
    halfway = flight.at(100)
    assert halfway is not None
    assert halfway[0].y - SMALL.y < (LARGE.y - SMALL.y) / 4


def test_nothing_glides_without_a_press_or_to_another_face_or_across_a_change_of_size() -> None:
    assert glide(asked(None), answered(), since=0, lasts=200) is None
    assert glide(asked("answer:5"), answered(1), since=0, lasts=200) is None
    assert glide(asked("undo"), answered(), since=0, lasts=200) is None
    assert glide(asked("answer:5"), answered(size=(480, 800)), since=0, lasts=200) is None


def test_a_theme_without_motion_has_no_glide() -> None:
    assert glide(asked("answer:5"), answered(), since=0, lasts=0) is None
