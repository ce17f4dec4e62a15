""" "Still there?", and how long things are offered."""

from dataclasses import replace

import pytest
from msgspec import structs

from kiosk.core import visit
from kiosk.core.visit import NOT_RECORDED_SHOWN, Phase
from tests.kiosk.exit import RULES, Exit, only_the_first_item, standing
from wire.events import Left, Retract


def with_timings(**timings: int) -> visit.Rules:
    return replace(RULES, timings=structs.replace(RULES.timings, **timings))


def test_a_question_is_announced_before_it_is_taken_away() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.wait(19_999)
    assert exit_.scene.leaving_at is None
    exit_.wait(1)
    assert exit_.scene.leaving_at == exit_.clock.now + 10_000
    assert exit_.scene.phase is Phase.FOLLOW_UP
    exit_.wait(10_000)
    assert (exit_.scene.phase, exit_.scene.leaving_at) == (Phase.WELCOME, None)
    assert [row.item for row in exit_.rows(Left)] == ["reason"]


def test_a_short_time_out_is_announced_at_its_half() -> None:
    exit_ = Exit(with_timings(question=8_000))
    exit_.tap(4)
    exit_.wait(3_999)
    assert exit_.scene.leaving_at is None
    exit_.wait(1)
    assert exit_.scene.leaving_at == exit_.clock.now + 4_000


@pytest.mark.parametrize(
    "sign_of_life",
    [
        lambda exit_: exit_.stay(),
        lambda exit_: exit_.tap(9),  # no option of this item
        lambda exit_: exit_.press(9),
        lambda exit_: exit_.speak("en"),
        lambda exit_: exit_.speak("uk"),
        lambda exit_: exit_.done(),
        lambda exit_: exit_.access(),
    ],
)
def test_any_touch_or_key_takes_the_announcement_back_and_the_time_begins_anew(sign_of_life) -> None:  # type: ignore[no-untyped-def]
    exit_ = Exit()
    exit_.tap(4)
    exit_.wait(25_000)
    assert exit_.scene.leaving_at is not None
    sign_of_life(exit_)
    assert (exit_.scene.phase, exit_.scene.leaving_at) == (Phase.FOLLOW_UP, None)
    exit_.wait(19_999)
    assert (exit_.scene.phase, exit_.scene.leaving_at) == (Phase.FOLLOW_UP, None)
    assert not exit_.rows(Left)


def test_an_answer_in_the_last_second_counts() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.wait(29_999)
    exit_.tap(2)
    assert (exit_.scene.phase, exit_.scene.leaving_at) == (Phase.THANKS, None)
    assert not exit_.rows(Left)


def test_a_welcome_in_a_chosen_language_is_announced_too() -> None:
    exit_ = Exit()
    exit_.speak("en")
    exit_.wait(20_000)
    assert exit_.scene.leaving_at is not None
    exit_.wait(10_000)
    assert (exit_.scene.language, exit_.scene.leaving_at) == ("uk", None)


def test_a_welcome_that_nobody_has_changed_waits_for_nothing() -> None:
    exit_ = Exit()
    exit_.stay()
    exit_.speak("en")
    exit_.speak("uk")
    assert (exit_.scene.deadline, exit_.loop.alarm) == (None, None)


def test_the_thank_you_is_not_announced_because_its_end_loses_nothing() -> None:
    exit_ = Exit(with_timings(thanks=60_000))
    exit_.tap(4)
    exit_.skip()
    exit_.wait(59_999)
    assert not any(scene.leaving_at for scene in exit_.screen.scenes)
    assert exit_.scene.phase is Phase.THANKS


def test_undo_is_offered_on_the_thank_you_for_its_time_and_then_withdrawn() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.skip()
    assert exit_.scene.undo_until == exit_.clock.now + 5_000
    exit_.wait(4_999)
    assert exit_.scene.can_undo
    exit_.wait(1)
    assert (exit_.scene.phase, exit_.scene.can_undo, exit_.scene.undo_until) == (Phase.THANKS, False, None)
    exit_.undo()
    assert not exit_.rows(Retract)


def test_undo_is_never_offered_longer_than_the_thank_you_stands() -> None:
    exit_ = Exit(with_timings(thanks=2_000, undo=60_000))
    exit_.tap(4)
    exit_.skip()
    assert exit_.scene.undo_until == exit_.scene.deadline


def test_on_a_further_question_undo_is_offered_as_long_as_it_is_shown() -> None:
    exit_ = Exit()
    exit_.tap(4)
    for _ in range(10):
        exit_.wait(25_000)
        assert (exit_.scene.can_undo, exit_.scene.undo_until) == (True, None)
        exit_.stay()


def test_undo_stays_on_screen_while_its_own_commit_is_under_way() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.skip()
    exit_.card.by_itself = False
    exit_.wait(4_900)
    exit_.undo()
    exit_.wait(1_000)
    exit_.do(visit.Tick(exit_.clock.stamp()))
    assert (exit_.scene.busy, exit_.scene.can_undo) == (visit.Action.UNDO, True)
    exit_.settle(True)
    assert exit_.scene.phase is Phase.WELCOME


def test_an_undo_that_fails_offers_nothing_more() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.skip()
    exit_.card.by_itself = False
    exit_.undo()
    exit_.settle(False)
    assert (exit_.scene.phase, exit_.scene.can_undo, exit_.scene.undo_until) == (Phase.NOT_RECORDED, False, None)
    assert standing(exit_.card.rows) == [(exit_.clock.now, "overall", 4)]


def test_trying_again_after_not_recorded_keeps_the_language() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.speak("en")
    exit_.tap(4)
    exit_.settle(False)
    exit_.done()
    assert (exit_.scene.phase, exit_.scene.language) == (Phase.WELCOME, "en")
    exit_.tap(4)
    exit_.settle(True)
    assert exit_.card.rows[-1].language == "en"


def test_not_recorded_left_alone_gives_way_to_the_courts_language() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.speak("en")
    exit_.tap(4)
    exit_.settle(False)
    exit_.wait(NOT_RECORDED_SHOWN)
    assert (exit_.scene.phase, exit_.scene.language, exit_.scene.deadline) == (Phase.WELCOME, "uk", None)


def test_a_device_that_slept_over_the_announcement_resets_at_once() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.clock.now += 3_600_000
    exit_.loop.run()
    assert exit_.scene.phase is Phase.WELCOME
    assert [row.dt for row in exit_.rows(Left)] == [3_600_000]


def test_a_touch_that_is_heard_late_takes_no_time_away() -> None:
    exit_ = Exit()
    touched = exit_.clock.stamp()
    exit_.wait(8_000)
    exit_.tap(4)
    until = exit_.scene.deadline
    exit_.do(visit.Stay(touched))
    assert exit_.scene.deadline == until


def test_a_tick_too_early_changes_nothing() -> None:
    exit_ = Exit(only_the_first_item())
    exit_.tap(4)
    before = exit_.scene
    exit_.do(visit.Tick(exit_.clock.stamp()))
    assert exit_.scene == before


def test_what_is_due_next_is_the_earliest_of_what_can_fall_due() -> None:
    exit_ = Exit(with_timings(thanks=9_000, undo=4_000, question=30_000, warning=10_000))
    assert visit.due(exit_.conductor._state) is None
    exit_.tap(4)
    assert visit.due(exit_.conductor._state) == exit_.clock.now + 20_000
    exit_.wait(20_000)
    assert visit.due(exit_.conductor._state) == exit_.clock.now + 10_000
    exit_.skip()
    assert visit.due(exit_.conductor._state) == exit_.clock.now + 4_000
    exit_.wait(4_000)
    assert visit.due(exit_.conductor._state) == exit_.clock.now + 5_000
