"""The conductor: every scene to every screen, every row to the card, an alarm for whatever is due."""

import contextlib

import pytest

from kiosk.core import visit
from kiosk.core.conductor import LOST, PRESSES_HELD
from kiosk.core.visit import COMMIT_PATIENCE, Phase
from tests.kiosk.exit import Exit, HandScreen, only_the_first_item, rotating
from wire.events import Answer, Flag


class Torn:
    """A screen that has failed for good."""

    def show(self, scene: visit.Scene) -> None:
        raise RuntimeError("no display")


def test_a_screen_that_fails_takes_nothing_from_the_others() -> None:
    exit_ = Exit()
    last = HandScreen()
    exit_.conductor._screens = (Torn(), exit_.screen, last)
    with pytest.raises(RuntimeError):
        exit_.tap(4)
    with pytest.raises(RuntimeError):
        exit_.loop.run()
    assert exit_.screen.phase is Phase.FOLLOW_UP
    assert last.scenes == exit_.screen.scenes[1:]
    assert len(exit_.rows(Answer)) == 1
    assert exit_.loop.alarm is not None


def test_presses_that_wait_behind_a_failing_screen_are_still_served() -> None:
    exit_ = Exit(only_the_first_item())
    exit_.conductor._screens = (Torn(),)
    exit_.card.by_itself = False
    with pytest.raises(RuntimeError):
        exit_.press(1)
    exit_.press(2)
    exit_.press(3)
    while exit_.card.waiting:
        exit_.card.settle(True)
        while exit_.loop.calls:
            with contextlib.suppress(RuntimeError):  # as the loops do
                exit_.loop.run()
    assert [row.value for row in exit_.rows(Answer) if isinstance(row, Answer)] == [1, 2, 3]


def test_what_waits_behind_a_scene_that_cannot_be_shown_still_happens() -> None:
    exit_ = Exit(only_the_first_item())
    exit_.card.by_itself = False
    exit_.press(1)
    exit_.press(9)  # means nothing, and waits all the same
    exit_.clean()
    exit_.close()
    exit_.conductor._screens = (Torn(),)
    exit_.card.settle(True)
    while exit_.loop.calls:
        with contextlib.suppress(RuntimeError):
            exit_.loop.run()
    assert not exit_.conductor._held
    exit_.conductor._screens = (exit_.screen,)
    exit_.wait(60_000)
    assert exit_.screen.phase is Phase.CLOSED


def test_the_same_scene_is_shown_once() -> None:
    exit_ = Exit()
    exit_.stay()
    exit_.tap(9)
    exit_.mend()
    assert len(exit_.screen.scenes) == 1


def test_a_loop_that_wakes_early_sets_the_alarm_again() -> None:
    exit_ = Exit()
    exit_.tap(4)
    assert exit_.loop.alarm is not None
    due, call = exit_.loop.alarm
    exit_.loop.alarm = None
    call()
    assert exit_.loop.alarm is not None
    assert exit_.loop.alarm[0] == due


def test_an_idle_device_has_no_alarm() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.wait(60_000)
    assert exit_.loop.alarm is None


def test_a_press_is_not_given_up_for_the_time_it_had_to_wait_for_its_turn() -> None:
    exit_ = Exit(only_the_first_item())
    exit_.card.by_itself = False
    begun = exit_.clock.now
    for value in (1, 2, 3):
        exit_.press(value)
        exit_.wait(100)
    for _ in range(3):
        exit_.wait(COMMIT_PATIENCE - 1_000)
        exit_.settle(True)
        assert exit_.scene.phase in (Phase.THANKS, Phase.WELCOME)
    assert not any(scene.phase is Phase.NOT_RECORDED for scene in exit_.screen.scenes)
    assert exit_.card.waiting == []
    assert [row.visit - begun for row in exit_.rows(Answer)] == [0, 100, 200]


def test_presses_held_have_an_end() -> None:
    """A card that hangs while somebody leans on the buttons must not fill the memory."""
    exit_ = Exit(only_the_first_item())
    exit_.card.by_itself = False
    for _ in range(PRESSES_HELD * 3):
        exit_.press(3)
    while exit_.card.waiting:
        exit_.settle(True)
    assert len(exit_.rows(Answer)) == PRESSES_HELD + 1


def test_presses_that_cannot_be_kept_are_counted_aloud_at_the_first_and_at_the_last() -> None:
    exit_ = Exit(only_the_first_item())
    exit_.card.by_itself = False
    for jam in (1, 2):
        for _ in range(PRESSES_HELD + 1):
            exit_.press(3)
        assert len(exit_.raised) == 2 * (jam - 1)
        for _ in range(10):
            exit_.press(3)
        while exit_.card.waiting:
            exit_.settle(True)
    assert {name for name, _ in exit_.raised} == {LOST}
    assert [sentence.split()[-1] for _, sentence in exit_.raised] == ["1", "10", "11", "20"]


def test_who_pressed_before_closing_time_is_not_after_hours_because_the_card_is_slow() -> None:
    exit_ = Exit(only_the_first_item())
    exit_.card.by_itself = False
    for _ in range(PRESSES_HELD * 2):
        exit_.press(3)
    exit_.close()
    exit_.open()
    exit_.close()
    while exit_.card.waiting:
        exit_.settle(True)
    assert "closed" not in [row.reason for row in exit_.rows(Flag) if isinstance(row, Flag)]
    exit_.wait(60_000)
    assert exit_.scene.phase is Phase.CLOSED


def test_nothing_is_written_to_memory_that_has_not_changed() -> None:
    exit_ = Exit(rotating(), {f"bank-{number}": 5 for number in range(4)})
    exit_.memory.kept = {}
    exit_.access()
    exit_.wait(200_000)
    exit_.press(4)
    exit_.wait(200_000)
    assert exit_.memory.kept == {}
    exit_.tap(4)
    exit_.skip()
    exit_.wait(200_000)
    assert exit_.memory.kept["bank-0"] == 6


def test_the_latest_of_several_configurations_counts() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.conductor.configure(rotating())
    exit_.conductor.configure(only_the_first_item())
    exit_.wait(60_000)
    exit_.tap(4)
    assert exit_.scene.phase is Phase.THANKS
