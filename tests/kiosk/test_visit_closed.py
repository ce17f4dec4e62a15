"""After hours, under the cloth, and out of order; and all of them at once."""

from dataclasses import replace

import pytest

from kiosk.core import visit
from kiosk.core.access import Keystroke
from kiosk.core.hours import Opening
from kiosk.core.visit import COMMIT_PATIENCE, Phase
from tests.kiosk.exit import RULES, Exit, only_the_first_item
from wire.events import Answer, Flag, Retract

MONDAY = Opening(0, 2, 540)
TUESDAY = Opening(1, 1, 540)


def flags(exit_: Exit) -> list[str]:
    return [row.reason for row in exit_.rows(Flag) if isinstance(row, Flag)]


def resting(exit_: Exit) -> bool:
    return visit.at_rest(exit_.conductor._state)


# --- closed ------------------------------------------------------------------------------------------------------------------


def test_a_device_that_waits_closes_and_says_when_it_opens() -> None:
    exit_ = Exit()
    exit_.close(MONDAY)
    assert (exit_.scene.phase, exit_.scene.opens, exit_.scene.item) == (Phase.CLOSED, MONDAY, None)
    exit_.close(TUESDAY)
    assert exit_.scene.opens == TUESDAY
    exit_.open()
    assert (exit_.scene.phase, exit_.scene.opens) == (Phase.WELCOME, None)


def test_a_visitor_in_front_finishes_unflagged_and_then_it_closes() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.close(MONDAY)
    assert exit_.scene.phase is Phase.FOLLOW_UP
    exit_.tap(2)
    assert (exit_.scene.phase, exit_.scene.can_undo) == (Phase.THANKS, True)
    exit_.done()
    assert (exit_.scene.phase, exit_.scene.opens) == (Phase.CLOSED, MONDAY)
    assert flags(exit_) == []


def test_closing_during_a_commit_waits_for_the_thanks() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.tap(4)
    exit_.close(MONDAY)
    exit_.settle(True)
    assert exit_.scene.phase is Phase.FOLLOW_UP


@pytest.mark.parametrize(
    "touch",
    [
        visit.Stay,
        lambda stamp: visit.Tap(4, 1, stamp),  # type: ignore[arg-type]
        visit.Skip,
        visit.Done,
        visit.Undo,
        visit.Access,
        lambda stamp: visit.Key(Keystroke.CHOOSE, stamp),
        lambda stamp: visit.Speak("en", stamp),
    ],
)
def test_any_touch_wakes_it_and_left_alone_it_sleeps_again(touch) -> None:  # type: ignore[no-untyped-def]
    exit_ = Exit()
    exit_.close(MONDAY)
    exit_.do(touch(exit_.clock.stamp()))
    assert exit_.scene.phase is Phase.WELCOME
    assert exit_.scene.deadline is not None
    exit_.wait(200_000)
    assert (exit_.scene.phase, exit_.scene.aid, exit_.scene.language) == (Phase.CLOSED, None, "uk")
    assert exit_.card.rows == []


def test_waking_by_a_language_or_by_a_key_does_what_it_says() -> None:
    exit_ = Exit()
    exit_.close()
    exit_.speak("en")
    assert exit_.scene.language == "en"
    exit_.wait(30_000)
    exit_.keys(Keystroke.ACCESS)
    assert exit_.scene.aid is not None


def test_an_answer_after_hours_is_recorded_flagged_and_thanked() -> None:
    exit_ = Exit()
    exit_.close()
    exit_.stay()
    exit_.tap(4)
    assert exit_.scene.phase is Phase.FOLLOW_UP
    assert flags(exit_) == ["closed"]
    exit_.tap(1)
    exit_.undo()
    exit_.tap(5)
    assert flags(exit_) == ["closed"]


def test_a_face_button_rates_at_once_after_hours() -> None:
    exit_ = Exit(only_the_first_item())
    exit_.close(MONDAY)
    exit_.press(5)
    assert exit_.scene.phase is Phase.THANKS
    exit_.press(4)
    assert [row.value for row in exit_.rows(Answer) if isinstance(row, Answer)] == [5, 4]
    assert flags(exit_) == ["closed", "rapid", "closed"]
    exit_.wait(60_000)
    assert exit_.scene.phase is Phase.CLOSED


def test_a_button_without_a_meaning_wakes_nothing() -> None:
    exit_ = Exit()
    exit_.close()
    exit_.press(9)
    assert exit_.scene.phase is Phase.CLOSED


def test_opening_while_somebody_has_woken_it_and_touched_nothing_asks_nobody_whether_they_are_there() -> None:
    exit_ = Exit()
    exit_.close()
    exit_.stay()
    exit_.open()
    assert (exit_.scene.phase, exit_.scene.deadline) == (Phase.WELCOME, None)


def test_opening_while_somebody_is_busy_leaves_them_alone() -> None:
    exit_ = Exit()
    exit_.close()
    exit_.speak("en")
    exit_.open()
    assert (exit_.scene.phase, exit_.scene.language) == (Phase.WELCOME, "en")
    exit_.wait(30_000)
    assert (exit_.scene.phase, exit_.scene.language) == (Phase.WELCOME, "uk")


def test_a_new_configuration_takes_effect_on_a_closed_device() -> None:
    exit_ = Exit()
    exit_.close(MONDAY)
    exit_.conductor.configure(replace(RULES, language="en"))
    assert (exit_.scene.phase, exit_.scene.language, exit_.scene.opens) == (Phase.CLOSED, "en", MONDAY)


# --- cleaning ----------------------------------------------------------------------------------------------------------------


def test_under_the_cloth_nothing_reacts_and_then_the_question_is_back() -> None:
    exit_ = Exit()
    exit_.clean()
    assert (exit_.scene.phase, exit_.scene.deadline) == (Phase.CLEANING, exit_.clock.now + 30_000)
    locked = exit_.scene
    exit_.wait(10_000)
    for value in range(1, 6):
        exit_.tap(value)
        exit_.press(value)
    exit_.stay()
    exit_.speak("en")
    exit_.access()
    exit_.keys(*Keystroke)
    exit_.clean()
    assert exit_.scene == locked
    exit_.wait(20_000)
    assert (exit_.scene.phase, exit_.scene.language) == (Phase.WELCOME, "uk")
    assert exit_.card.rows == []


def test_cleaning_begins_only_where_no_answer_can_be_lost() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.clean()
    assert exit_.scene.phase is Phase.FOLLOW_UP
    exit_.skip()
    exit_.clean()
    assert exit_.scene.phase is Phase.THANKS
    exit_.wait(7_000)
    exit_.clean()
    assert exit_.scene.phase is Phase.CLEANING


def test_cleaning_waits_for_no_commit_but_does_not_interrupt_one() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.tap(4)
    exit_.clean()
    assert exit_.scene.busy is visit.Action.ANSWER
    exit_.settle(True)
    assert exit_.scene.phase is Phase.FOLLOW_UP


def test_the_lock_does_not_shut_out_those_who_pressed_before_it() -> None:
    exit_ = Exit(only_the_first_item())
    exit_.card.by_itself = False
    for value in (1, 2):
        exit_.conductor.handle(visit.Press(value, exit_.clock.stamp()))
    exit_.card.settle(True)
    exit_.loop.calls.pop(0)()  # the first is thanked, the second waits for the next turn of the loop
    exit_.conductor.handle(visit.Clean(exit_.clock.stamp()))
    exit_.loop.run()
    exit_.settle(True)
    assert [row.value for row in exit_.rows(Answer) if isinstance(row, Answer)] == [1, 2]


@pytest.mark.parametrize("begun", ["visit", "mode", "language"])
def test_a_hand_on_the_corner_throws_no_visitor_out(begun: str) -> None:
    exit_ = Exit()
    match begun:
        case "visit":
            exit_.tap(4)
            exit_.undo()
        case "mode":
            exit_.access()
        case "language":
            exit_.speak("en")
    before = exit_.scene
    exit_.clean()
    assert exit_.scene == before
    exit_.wait(200_000)
    exit_.clean()
    assert exit_.scene.phase is Phase.CLEANING


def test_a_closed_device_can_be_wiped_and_is_closed_afterwards() -> None:
    exit_ = Exit()
    exit_.close(MONDAY)
    exit_.clean()
    exit_.close(TUESDAY)
    assert (exit_.scene.phase, exit_.scene.opens) == (Phase.CLEANING, None)
    exit_.wait(30_000)
    assert (exit_.scene.phase, exit_.scene.opens) == (Phase.CLOSED, TUESDAY)


def test_a_court_that_opens_during_the_wiping_is_open_after_it() -> None:
    exit_ = Exit()
    exit_.close()
    exit_.clean()
    exit_.open()
    assert exit_.scene.phase is Phase.CLEANING
    exit_.wait(30_000)
    assert exit_.scene.phase is Phase.WELCOME


# --- out of order ------------------------------------------------------------------------------------------------------------


def test_out_of_order_wins_over_closed_and_gives_way_to_it() -> None:
    exit_ = Exit()
    exit_.break_()
    exit_.close(MONDAY)
    assert (exit_.scene.phase, exit_.scene.opens) == (Phase.OUT_OF_ORDER, None)
    exit_.press(4)
    exit_.clean()
    assert exit_.scene.phase is Phase.OUT_OF_ORDER
    exit_.mend()
    assert (exit_.scene.phase, exit_.scene.opens) == (Phase.CLOSED, MONDAY)
    exit_.break_()
    assert exit_.scene.phase is Phase.OUT_OF_ORDER
    exit_.open()
    exit_.mend()
    assert exit_.scene.phase is Phase.WELCOME


def test_a_device_that_breaks_under_the_cloth_says_so_at_once() -> None:
    exit_ = Exit()
    exit_.clean()
    exit_.break_()
    assert (exit_.scene.phase, exit_.scene.deadline) == (Phase.OUT_OF_ORDER, None)
    exit_.mend()
    assert exit_.scene.phase is Phase.WELCOME


def test_being_told_again_that_it_is_broken_does_not_interrupt_who_listens() -> None:
    exit_ = Exit()
    exit_.break_()
    exit_.access()
    exit_.break_()
    assert exit_.scene.aid is not None


def test_mending_a_device_that_works_changes_nothing() -> None:
    exit_ = Exit()
    exit_.tap(4)
    before = exit_.scene
    exit_.mend()
    assert exit_.scene == before


def test_a_commit_that_comes_after_closing_is_still_taken_back() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.tap(4)
    exit_.close(MONDAY)
    exit_.wait(COMMIT_PATIENCE)
    assert exit_.scene.phase is Phase.NOT_RECORDED
    exit_.wait(60_000)
    assert exit_.scene.phase is Phase.CLOSED
    exit_.settle(True)
    exit_.settle(True)
    assert [type(row) for row in exit_.card.rows] == [Answer, Retract]
    assert (exit_.scene.phase, resting(exit_)) == (Phase.CLOSED, True)


def test_a_commit_that_comes_under_the_cloth_is_still_taken_back() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.tap(4)
    exit_.wait(COMMIT_PATIENCE)
    exit_.done()
    exit_.clean()
    exit_.settle(True)
    exit_.settle(True)
    assert [type(row) for row in exit_.card.rows] == [Answer, Retract]
    assert exit_.scene.phase is Phase.CLEANING
