"""A press is answered by ear, too: which sound says what, and when it is held back."""

import pytest

from kiosk.core.access import Keystroke
from kiosk.core.sounding import Sound, Sounding
from tests.kiosk.exit import RULES, Exit, rotating


class Ear:
    """An exit that can be heard."""

    def __init__(self, exit_: Exit | None = None) -> None:
        self.exit = exit_ or Exit()
        self.heard: list[Sound] = []
        self.quiet = False
        sounding = Sounding(self.heard.append, lambda: self.quiet)
        sounding.show(self.exit.scene)
        self.exit.conductor._screens += (sounding,)

    def listen(self) -> list[Sound]:
        heard, self.heard[:] = list(self.heard), []
        return heard


def test_a_rating_is_heard_when_pressed_and_again_when_it_is_saved() -> None:
    ear = Ear()
    ear.exit.card.by_itself = False
    ear.exit.tap(4)
    assert ear.listen() == [Sound.PRESSED]
    ear.exit.settle(True)
    assert ear.listen() == [Sound.SAVED]


def test_an_answer_that_is_not_saved_is_heard_to_fail() -> None:
    ear = Ear()
    ear.exit.card.by_itself = False
    ear.exit.tap(4)
    ear.exit.settle(False)
    assert ear.listen() == [Sound.PRESSED, Sound.FAILED]
    ear.exit.speak("en")
    ear.exit.done()
    assert ear.listen() == []


def test_the_last_answer_is_heard_to_be_saved_too_but_a_skip_saves_nothing() -> None:
    ear = Ear(Exit(rotating()))
    ear.exit.tap(4)
    ear.exit.skip()
    assert ear.listen() == [Sound.PRESSED, Sound.SAVED]
    ear.exit.tap(3)
    assert ear.listen() == [Sound.PRESSED, Sound.SAVED]
    ear.exit.wait(60_000)
    assert ear.listen() == []


def test_undo_is_heard_when_pressed() -> None:
    ear = Ear()
    ear.exit.tap(4)
    ear.listen()
    ear.exit.undo()
    assert ear.listen() == [Sound.PRESSED]


def test_the_announcement_is_heard_once() -> None:
    ear = Ear()
    ear.exit.tap(4)
    ear.listen()
    ear.exit.wait(29_999)
    assert ear.listen() == [Sound.STILL_THERE]
    ear.exit.stay()
    assert ear.listen() == []
    ear.exit.wait(20_000)
    assert ear.listen() == [Sound.STILL_THERE]


def test_moving_focus_is_heard_and_standing_still_is_not() -> None:
    ear = Ear()
    ear.exit.keys(Keystroke.ACCESS)
    assert ear.listen() == []
    ear.exit.keys(Keystroke.NEXT, Keystroke.NEXT, Keystroke.REPEAT, Keystroke.LOUDER)
    assert ear.listen() == [Sound.MOVED, Sound.MOVED]


def test_the_next_persons_press_is_heard_on_top_of_the_last_thank_you() -> None:
    ear = Ear()
    for _ in range(3):
        ear.exit.press(5)
    assert ear.listen() == [Sound.PRESSED, Sound.SAVED] * 3


def test_in_quiet_hours_nothing_is_heard() -> None:
    ear = Ear()
    ear.quiet = True
    ear.exit.tap(4)
    ear.exit.wait(60_000)
    assert ear.listen() == []
    ear.quiet = False
    ear.exit.tap(4)
    assert ear.listen() == [Sound.PRESSED, Sound.SAVED]


def test_who_cannot_see_hears_in_quiet_hours_too() -> None:
    ear = Ear()
    ear.quiet = True
    ear.exit.access()
    ear.exit.keys(Keystroke.NEXT, Keystroke.CHOOSE)
    assert ear.listen() == [Sound.MOVED, Sound.PRESSED, Sound.SAVED]


@pytest.mark.parametrize("moment", ["closing", "breaking", "cleaning"])
def test_nothing_is_heard_when_nobody_has_done_anything(moment: str) -> None:
    ear = Ear(Exit(RULES))
    {"closing": ear.exit.close, "breaking": ear.exit.break_, "cleaning": ear.exit.clean}[moment]()
    ear.exit.wait(60_000)
    assert ear.listen() == []
