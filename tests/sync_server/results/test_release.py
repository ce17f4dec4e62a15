"""What is shown moves by several visitors or not at all, however answers, corrections and midnights fall together."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_server.results.periods import last_days, last_weeks, monday
from sync_server.results.release import MONTH, NOTHING, Counts, Place, View, held_back, may_replace, settle, total, visitors

STEP = 5
POINTS = 3
HOURS = (9, 10, 11)
FIRST = date(2026, 11, 2)
"""A Monday."""

vectors = st.lists(st.integers(0, 9), min_size=POINTS, max_size=POINTS).map(tuple)


def change(old: Iterable[int], new: Iterable[int]) -> int:
    return sum(abs(a - b) for a, b in zip(old, new, strict=True))


# --- how many visitors a change takes -------------------------------------------------------------------------------------------


@given(vectors, vectors)
def test_a_change_takes_as_many_visitors_as_it_must_and_never_more_than_its_differences(a: Any, b: Any) -> None:
    assert visitors(a, b) == visitors(b, a)
    assert visitors(a, a) == 0
    assert change(a, b) / 2 <= visitors(a, b) <= change(a, b)


def test_five_changed_minds_are_five_visitors_although_ten_figures_move() -> None:
    assert visitors((5, 0), (0, 5)) == 5
    assert visitors((), (0, 4)) == 4


def test_one_new_answer_cannot_hide_behind_a_late_flag_on_others() -> None:
    """Five visitors are found to be misuse while a sixth answers: without the flagged ones the cell moves by five and six."""
    shown = Counts(cleaned=(9, 0), raw=(9, 0))
    fresh = Counts(cleaned=(4, 0), raw=(9, 1))
    assert not may_replace(shown, fresh, STEP), "the newest answer could be read off the column with the flagged ones"


def test_a_cell_stands_still_until_five_visitors_have_moved_it() -> None:
    shown = {MONTH: Counts((3, 2))}
    assert settle(shown, {MONTH: Counts((3, 6))}, STEP) == {}
    assert settle(shown, {MONTH: Counts((3, 7))}, STEP) == {MONTH: Counts((3, 7))}
    assert settle(shown, shown, STEP) == {}


def test_a_day_that_leaves_the_window_takes_its_single_answer_along_unseen() -> None:
    assert settle({MONTH: Counts((9, 1))}, {MONTH: Counts((9, 0))}, STEP) == {}


def test_an_hour_waits_when_the_rest_would_give_away_one_answer() -> None:
    nine, ten = Place(View.HOUR, "9"), Place(View.HOUR, "10")
    fresh = {MONTH: Counts((7, 6)), nine: Counts((7, 5)), ten: Counts((0, 1))}
    assert settle({}, fresh, STEP) == {MONTH: Counts((7, 6))}, "one answer at ten is the month without nine o'clock"
    fresh = {MONTH: Counts((7, 10)), nine: Counts((7, 5)), ten: Counts((0, 5))}
    assert settle({}, fresh, STEP) == fresh


def test_the_smallest_hour_waits_first() -> None:
    nine, ten, eleven = (Place(View.HOUR, hour) for hour in ("9", "10", "11"))
    fresh = {MONTH: Counts((20,)), nine: Counts((12,)), ten: Counts((7,)), eleven: Counts((1,))}
    assert settle({}, fresh, STEP).keys() == {MONTH, nine}


def test_each_row_of_a_cell_is_judged_by_itself() -> None:
    assert not may_replace(NOTHING, Counts((4,), raw=(6,)), STEP)
    assert not may_replace(NOTHING, Counts(raw=(4,), beside=(6,)), STEP)
    assert may_replace(NOTHING, Counts((5,), raw=(6,), beside=(1,)), STEP)
    assert may_replace(NOTHING, Counts(beside=(5,)), STEP)


# --- any history ----------------------------------------------------------------------------------------------------------------

Visit = tuple[int, int, int, bool]
"""(days after FIRST, hour, point, flagged?)"""


def fresh_on(today: date, visits: Iterable[Visit]) -> dict[Place, Counts]:
    """Every cell of these visits on a day, counted one by one: the definition, without a database."""
    month, weeks = last_days(today), last_weeks(today)
    before = month.before()
    parts: dict[Place, list[Counts]] = {}
    for days, hour, point, flagged in visits:
        day = FIRST + timedelta(days=days)
        if day > today:
            continue
        one = tuple(int(place == point) for place in range(POINTS))
        clean = (0,) * POINTS if flagged else one
        places = {
            MONTH: day in month,
            Place(View.HOUR, str(hour)): day in month,
            Place(View.BEFORE): day in before,
            Place(View.TODAY, day.isoformat()): day == today,
            Place(View.WEEK, monday(day).isoformat()): monday(day) in weeks,
        }
        for place, inside in places.items():
            if inside:
                parts.setdefault(place, []).append(Counts(clean, one) if place == MONTH else Counts(clean))
    return {place: Counts(total(c.cleaned for c in some), total(c.raw for c in some)) for place, some in parts.items()}


visit = st.tuples(st.integers(0, 65), st.sampled_from(HOURS), st.integers(0, POINTS - 1), st.booleans())
histories = st.lists(st.tuples(st.integers(0, 9), st.lists(visit, max_size=12), st.sets(st.integers(0, 30))), max_size=12)
"""Batches: how many days pass before, what comes in (late as it may be), and which earlier answers are taken back."""


def play(history: Any, step: int) -> Iterable[tuple[dict[Place, Counts], dict[Place, Counts], dict[Place, Counts]]]:
    """(what was shown, what is shown, what is so) after each batch."""
    today, visits = FIRST + timedelta(days=30), []
    shown: dict[Place, Counts] = {}
    for days, come, gone in history:
        today += timedelta(days=days)
        visits = [each for place, each in enumerate(visits) if place not in gone] + list(come)
        fresh = fresh_on(today, visits)
        left = {place for place in shown if place.view is View.TODAY and place.key != today.isoformat()}
        left |= {place for place in shown if place.view is View.WEEK and place.key < last_weeks(today)[0].isoformat()}
        before = {place: counts for place, counts in shown.items() if place not in left}
        shown = before | settle(before, fresh, step)
        yield before, shown, fresh


@settings(max_examples=150, deadline=None)
@given(histories)
def test_every_row_that_is_shown_stands_still_or_moves_by_five(history: Any) -> None:
    for before, after, _ in play(history, STEP):
        for place in before.keys() | after.keys():
            rows = zip(before.get(place, NOTHING).rows, after.get(place, NOTHING).rows, strict=True)
            for old, new in rows:
                moved = change(old or (0,) * len(new), new or (0,) * len(old))
                assert moved == 0 or moved >= STEP, place


@settings(max_examples=150, deadline=None)
@given(histories)
def test_what_the_hours_hold_back_is_nothing_or_five(history: Any) -> None:
    for _, after, _ in play(history, STEP):
        hours = total(counts.cleaned for place, counts in after.items() if place.view is View.HOUR)
        month = after.get(MONTH, NOTHING).cleaned
        width = max(len(hours), len(month))
        rest = change((*hours, *(0,) * (width - len(hours))), (*month, *(0,) * (width - len(month))))
        assert rest == 0 or rest >= STEP
        assert held_back(after) == 0 or held_back(after) >= STEP


@settings(max_examples=80, deadline=None)
@given(histories)
def test_a_step_of_one_shows_what_is_so(history: Any) -> None:
    for _, after, fresh in play(history, 1):
        for place in after.keys() | fresh.keys():
            for old, new in zip(after.get(place, NOTHING).rows, fresh.get(place, NOTHING).rows, strict=True):
                assert visitors(old, new) == 0, place


@settings(max_examples=80, deadline=None)
@given(histories)
def test_nothing_is_held_for_ever_while_enough_keeps_coming(history: Any) -> None:
    today = 30 + sum(days for days, *_ in history)
    crowd = [(today, hour, 0, False) for hour in HOURS for _ in range(200)]
    *_, (_, after, fresh) = play([*history, (0, crowd, set())], STEP)
    for place in (MONTH, *(Place(View.HOUR, str(hour)) for hour in HOURS)):
        assert after[place] == fresh[place]


@pytest.mark.parametrize("step", [1, STEP])
def test_a_midnight_alone_moves_only_what_five_visitors_move(step: int) -> None:
    """Day 0 has four answers and day 1 has five; then they leave the thirty days one midnight after the other."""
    visits = [(0, 9, 0, False)] * 4 + [(1, 9, 1, False)] * 5 + [(20, 9, 2, False)] * 6
    shown: dict[Place, Counts] = {}
    said = []
    for days in (28, 29, 30, 31):
        shown |= settle(shown, fresh_on(FIRST + timedelta(days=days), visits), step)
        said.append(shown[MONTH].cleaned)
    if step == 1:
        assert said == [(4, 5, 6), (4, 5, 6), (0, 5, 6), (0, 0, 6)]
    else:
        assert said == [(4, 5, 6), (4, 5, 6), (4, 5, 6), (0, 0, 6)]
