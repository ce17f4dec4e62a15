"""Which lights say what a scene says. For the visitor at a row of buttons they are the whole screen."""

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from kiosk.core.visit import Action, Phase, Scene


class Mood(Enum):
    """What the lights say. `KEYS`: the face buttons work somebody's accessible mode and rate nothing now."""

    READY = "ready"
    KEYS = "keys"
    PRESSED = "pressed"
    THANKED = "thanked"
    NOT_RECORDED = "not-recorded"
    OUT_OF_ORDER = "out-of-order"
    CLOSED = "closed"
    CLEANING = "cleaning"


class Look(NamedTuple):
    """What the lights say, and which face it is about: the one chosen, or of `Mood.KEYS` the one that is the key to choose with."""

    mood: Mood
    value: int | None = None


UNLIT: Final = {
    Phase.NOT_RECORDED: Mood.NOT_RECORDED,
    Phase.OUT_OF_ORDER: Mood.OUT_OF_ORDER,
    Phase.CLOSED: Mood.CLOSED,
    Phase.CLEANING: Mood.CLEANING,
}
"""Where no face is to be chosen."""


def look(scene: Scene) -> Look:
    """What `scene` looks like in lights."""
    if scene.phase in UNLIT:
        return Look(UNLIT[scene.phase])
    if scene.busy is Action.ANSWER and scene.phase is Phase.WELCOME:
        return Look(Mood.PRESSED, scene.pressed)
    if scene.aid is not None and scene.aid.choosing is not None:
        return Look(Mood.KEYS, scene.aid.choosing)
    if scene.phase in (Phase.FOLLOW_UP, Phase.THANKS):
        return Look(Mood.THANKED, scene.rating)
    return Look(Mood.READY)


class Lighting:
    """A screen made of lights: tells `light` whenever they change."""

    def __init__(self, light: Callable[[Look], None]) -> None:
        self._light = light
        self._shown: Look | None = None

    def show(self, scene: Scene) -> None:
        """As `kiosk.core.ports.Screen`."""
        wanted = look(scene)
        if wanted != self._shown:
            self._shown = wanted
            self._light(wanted)
