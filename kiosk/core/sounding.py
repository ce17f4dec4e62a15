"""Which sounds say what a scene says."""

from collections.abc import Callable
from enum import Enum

from kiosk.core.visit import Action, Phase, Scene


class Sound(Enum):
    """Signs for the ear; each is a file in `assets/sounds`, and a pattern of a buzzer."""

    PRESSED = "pressed"
    SAVED = "saved"
    STILL_THERE = "still-there"
    FAILED = "failed"
    MOVED = "moved"


def sound(before: Scene, now: Scene) -> Sound | None:
    """What is to be heard when `now` follows `before`; the weightiest, where there is more than one thing to say."""
    if now.phase is Phase.NOT_RECORDED and before.phase is not Phase.NOT_RECORDED:
        return Sound.FAILED
    if before.busy is Action.ANSWER and now.busy is None and now.phase in (Phase.FOLLOW_UP, Phase.THANKS):
        return Sound.SAVED
    if now.busy is not None and before.busy is None:
        return Sound.PRESSED
    if now.leaving_at is not None and before.leaving_at is None:
        return Sound.STILL_THERE
    if now.aid is not None and now.aid.focused is not None and (before.aid is None or now.aid.focused != before.aid.focused):
        return Sound.MOVED
    return None


class Sounding:
    """A screen for the ear: tells `play` what is to be heard.

    While it is `quiet` nothing is, except in the accessible mode: for who cannot see, sounds are the screen.
    """

    def __init__(self, play: Callable[[Sound], None], quiet: Callable[[], bool]) -> None:
        self._play = play
        self._quiet = quiet
        self._shown: Scene | None = None

    def show(self, scene: Scene) -> None:
        """As `kiosk.core.ports.Screen`."""
        before, self._shown = self._shown, scene
        heard = sound(before, scene) if before is not None else None
        if heard is not None and (scene.aid is not None or not self._quiet()):
            self._play(heard)
