"""Bursts, runs, stuck buttons: flagged, never dropped, thanked like any other."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from kiosk.core.visit import Phase, Press
from tests.kiosk.exit import QUESTIONNAIRE, RULES, Exit, only_the_first_item, rotating
from wire.envelopes import Misuse
from wire.events import Answer, Flag, Retract

BUTTONS = only_the_first_item(replace(RULES, misuse=Misuse(burst_count=4, burst_within=10_000, run_count=3, run_gap=6_000)))


def reasons(exit_: Exit) -> list[tuple[int, str]]:
    """(which rating, reason) of every flag, ratings counted from 0 in the order they began."""
    visits = [row.visit for row in exit_.rows(Answer)]
    return [(visits.index(row.visit), row.reason) for row in exit_.rows(Flag) if isinstance(row, Flag)]


def press_every(exit_: Exit, ms: int, *values: int) -> None:
    for value in values:
        exit_.press(value)
        exit_.wait(ms)


def test_a_burst_is_flagged_from_the_rating_that_makes_it_one() -> None:
    exit_ = Exit(BUTTONS)
    press_every(exit_, 3_300, 1, 2, 3, 4, 5, 1)
    assert reasons(exit_) == [(3, "burst"), (4, "burst"), (5, "burst")]
    assert len(exit_.rows(Answer)) == 6


def test_as_many_ratings_in_more_time_are_an_orderly_queue() -> None:
    exit_ = Exit(BUTTONS)
    press_every(exit_, 4_000, 1, 2)
    press_every(exit_, 3_000, 3, 4, 5, 1)
    assert reasons(exit_) == [(5, "burst")]
    assert [row.visit - exit_.rows(Answer)[0].visit for row in exit_.rows(Answer)] == [0, 4_000, 8_000, 11_000, 14_000, 17_000]


def test_a_burst_ends_with_the_last_millisecond_of_its_time() -> None:
    for last, expected in ((3_999, [(3, "burst")]), (4_000, [])):
        exit_ = Exit(BUTTONS)
        press_every(exit_, 3_000, 1, 2)
        press_every(exit_, last, 3)
        exit_.press(4)
        assert reasons(exit_) == expected


def test_the_same_button_again_and_again_is_flagged() -> None:
    exit_ = Exit(BUTTONS)
    press_every(exit_, 6_000, 5, 5, 5, 5)
    assert reasons(exit_) == [(2, "run"), (3, "run")]


def test_a_pause_or_another_answer_ends_a_run() -> None:
    exit_ = Exit(BUTTONS)
    press_every(exit_, 6_000, 5, 5, 1, 5, 5)
    exit_.wait(1)
    press_every(exit_, 6_000, 5)
    assert reasons(exit_) == []


def test_a_second_thought_is_no_second_rating() -> None:
    exit_ = Exit(replace(RULES, misuse=Misuse(burst_count=2, run_count=2)))
    for _ in range(5):
        exit_.tap(3)
        exit_.undo()
    exit_.tap(3)
    assert exit_.rows(Flag) == []


def test_a_second_thought_makes_the_next_visitor_no_burst() -> None:
    exit_ = Exit(replace(RULES, misuse=Misuse(burst_count=3, run_count=3)))
    exit_.tap(3)
    exit_.undo()
    exit_.tap(3)
    exit_.wait(4_000)
    exit_.press(3)
    assert exit_.rows(Flag) == []


def test_an_answer_that_was_not_recorded_is_no_rating_so_trying_again_is_no_run() -> None:
    exit_ = Exit(BUTTONS)
    exit_.card.by_itself = False
    for _ in range(4):
        exit_.press(5)
        exit_.settle(False)
    exit_.press(5)
    exit_.settle(True)
    assert len(exit_.rows(Answer)) == 1
    assert exit_.rows(Flag) == []


def test_nothing_on_screen_tells_a_doubtful_rating_from_another() -> None:
    trusting = Misuse(burst_count=100, run_count=100)
    trusted, doubted = Exit(replace(BUTTONS, misuse=trusting)), Exit(BUTTONS)
    for exit_ in (trusted, doubted):
        press_every(exit_, 3_000, 4, 4, 4, 4, 4)
    assert reasons(trusted) == []
    assert {reason for _, reason in reasons(doubted)} == {"burst", "run"}
    assert doubted.screen.scenes == trusted.screen.scenes


def test_one_rating_may_be_doubtful_for_several_reasons() -> None:
    exit_ = Exit(BUTTONS)
    exit_.close()
    press_every(exit_, 100, 2, 2, 2, 2)
    assert {reason for which, reason in reasons(exit_) if which == 3} == {"rapid", "burst", "run", "closed"}


# --- a button that does not come up ------------------------------------------------------------------------------------------


def test_a_stuck_button_makes_its_rating_doubtful_even_when_the_visit_is_over() -> None:
    exit_ = Exit(only_the_first_item())
    pressed_at = exit_.clock.now
    exit_.press(4)
    exit_.wait(10_000)
    assert exit_.scene.phase is Phase.WELCOME
    exit_.stuck(4, pressed_at)
    (flag,) = exit_.rows(Flag)
    (answer,) = exit_.rows(Answer)
    assert isinstance(flag, Flag)
    assert (flag.visit, flag.item, flag.language, flag.dt, flag.reason) == (answer.visit, "overall", "uk", 10_000, "stuck")
    assert exit_.scene.phase is Phase.WELCOME


def test_it_is_flagged_once_and_only_for_the_press_that_is_meant() -> None:
    exit_ = Exit(only_the_first_item())
    first = exit_.clock.now
    exit_.press(4)
    exit_.wait(1_000)
    second = exit_.clock.now
    exit_.press(4)
    exit_.press(2)
    exit_.stuck(4, first)
    exit_.stuck(5, second)
    assert "stuck" not in [reason for _, reason in reasons(exit_)]
    exit_.stuck(4, second)
    exit_.stuck(4, second)
    assert [which for which, reason in reasons(exit_) if reason == "stuck"] == [1]


def test_a_stuck_button_speaks_of_the_questionnaire_that_was_on_screen() -> None:
    exit_ = Exit(only_the_first_item())
    pressed_at = exit_.clock.now
    exit_.press(4)
    exit_.wait(8_000)
    exit_.conductor.configure(replace(RULES, questionnaire=structs.replace(QUESTIONNAIRE, version=9), language="en"))
    exit_.wait(2_000)
    exit_.stuck(4, pressed_at)
    (flag,) = exit_.rows(Flag)
    assert (flag.questionnaire, flag.language) == (7, "uk")


def test_a_press_that_waits_for_the_card_is_flagged_when_its_turn_has_come() -> None:
    exit_ = Exit(only_the_first_item())
    exit_.card.by_itself = False
    exit_.press(1)
    exit_.wait(1_000)
    held_at = exit_.clock.now
    exit_.press(2)
    exit_.wait(1_000)
    exit_.stuck(2, held_at)
    while exit_.card.waiting:
        exit_.settle(True)
    assert [row.visit for row in exit_.rows(Flag) if isinstance(row, Flag) and row.reason == "stuck"] == [held_at]


def test_while_its_own_commit_is_under_way_the_flag_follows_the_answer() -> None:
    exit_ = Exit(only_the_first_item())
    exit_.card.by_itself = False
    pressed_at = exit_.clock.now
    exit_.press(2)
    exit_.stuck(2, pressed_at)
    exit_.settle(True)
    assert exit_.scene.phase is Phase.THANKS
    exit_.settle(True)
    assert [type(row) for row in exit_.card.rows] == [Answer, Flag]
    assert exit_.scene.phase is Phase.THANKS


# --- a child -----------------------------------------------------------------------------------------------------------------

PRESSES = st.lists(st.tuples(st.integers(1, 5), st.integers(20, 400)), min_size=150, max_size=250)


@given(PRESSES, st.integers(0, 30))
@settings(max_examples=20, deadline=None)
def test_a_child_hammering_for_a_minute_loses_nothing_and_is_thanked_each_time(presses: list[tuple[int, int]], slow: int) -> None:
    exit_ = Exit(rotating())
    hammered = []
    end = exit_.clock.now + 60_000
    for value, pause in presses * 10:
        if exit_.clock.now >= end:
            break
        exit_.card.by_itself = len(hammered) % 31 != slow  # now and then the card is slow
        exit_.press(value)
        hammered.append(value)
        exit_.wait(pause)
        while exit_.card.waiting:
            exit_.settle(True)
    ratings = [row for row in exit_.rows(Answer) if row.item == "overall"]
    assert [row.value for row in ratings if isinstance(row, Answer)] == hammered
    assert len({row.visit for row in ratings}) == len(hammered)
    assert exit_.rows(Retract) == []
    shown = exit_.screen.scenes
    thanked = [after.rating for before, after in pairwise(shown) if before.busy and not after.busy]
    assert thanked == hammered
    assert {"burst", "rapid"} <= {row.reason for row in exit_.rows(Flag) if isinstance(row, Flag)}
    exit_.wait(120_000)
    assert exit_.scene.phase is Phase.WELCOME


def test_a_queue_behind_a_card_that_hangs_is_served_in_its_order() -> None:
    exit_ = Exit(only_the_first_item())
    exit_.card.by_itself = False
    for number in range(40):
        exit_.do(Press(number % 5 + 1, exit_.clock.stamp()))
        exit_.wait(100)
    while exit_.card.waiting:
        exit_.settle(True)
    assert [row.value for row in exit_.rows(Answer) if isinstance(row, Answer)] == [number % 5 + 1 for number in range(40)]
    assert [row.dt for row in exit_.rows(Answer)] == [0] * 40
