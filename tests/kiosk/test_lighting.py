"""What the lamps say."""

from dataclasses import replace

from kiosk.core.access import KEYPADS, Keystroke
from kiosk.core.lighting import Lighting, Look, Mood
from kiosk.core.visit import Rules
from tests.kiosk.exit import Exit, only_the_first_item

KEYPAD = tuple(zip(range(1, 6), KEYPADS[5], strict=True))


class Lamps:
    """An exit whose lamps can be seen."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.exit = Exit(rules or only_the_first_item())
        self.seen: list[Look] = []
        lighting = Lighting(self.seen.append)
        lighting.show(self.exit.scene)
        self.exit.conductor._screens += (lighting,)


def test_a_press_lights_its_own_face_from_the_touch_to_the_end_of_the_thanks() -> None:
    lamps = Lamps()
    lamps.exit.press(4)
    lamps.exit.wait(60_000)
    assert lamps.seen == [Look(Mood.READY), Look(Mood.PRESSED, 4), Look(Mood.THANKED, 4), Look(Mood.READY)]


def test_a_closed_device_is_dark_and_thanks_whoever_presses_all_the_same() -> None:
    lamps = Lamps()
    lamps.exit.close()
    lamps.exit.press(2)
    lamps.exit.wait(60_000)
    assert lamps.seen[1:] == [Look(Mood.CLOSED), Look(Mood.PRESSED, 2), Look(Mood.THANKED, 2), Look(Mood.CLOSED)]


def test_what_cannot_be_pressed_now_says_so() -> None:
    lamps = Lamps()
    lamps.exit.clean()
    lamps.exit.break_()
    lamps.exit.mend()
    lamps.exit.card.by_itself = False
    lamps.exit.press(1)
    lamps.exit.settle(False)
    moods = [look.mood for look in lamps.seen[1:]]
    assert moods == [Mood.CLEANING, Mood.OUT_OF_ORDER, Mood.READY, Mood.PRESSED, Mood.NOT_RECORDED]


def test_a_row_that_is_the_keypad_of_somebodys_mode_does_not_look_ready_and_shows_the_key_to_choose_with() -> None:
    lamps = Lamps(replace(only_the_first_item(), keypad=KEYPAD))
    lamps.exit.access()
    lamps.exit.press(2)
    lamps.exit.press(3)
    lamps.exit.wait(200_000)
    assert lamps.seen == [Look(Mood.READY), Look(Mood.KEYS, 3), Look(Mood.PRESSED, 1), Look(Mood.KEYS, 3), Look(Mood.READY)]


def test_where_the_mode_would_not_be_noticed_the_lamps_do_not_change_for_it() -> None:
    lamps = Lamps(replace(only_the_first_item(), accessible=False))
    lamps.exit.keys(Keystroke.ACCESS)
    lamps.exit.access()
    assert lamps.seen == [Look(Mood.READY)]


def test_lamps_are_told_only_what_is_new() -> None:
    lamps = Lamps()
    lamps.exit.speak("en")
    lamps.exit.access()
    lamps.exit.wait(200_000)
    assert lamps.seen == [Look(Mood.READY)]
