"""The accessible mode: what it remembers, and the keys that work it. The visit's state machine decides what they do."""

from enum import Enum
from typing import Final, NamedTuple, NewType

Volume = NewType("Volume", int)
"""Loudness of the voice, from `QUIETEST` to `LOUDEST`."""
QUIETEST: Final = Volume(1)
USUAL: Final = Volume(3)
"""Where each visit begins."""
LOUDEST: Final = Volume(5)


class Keystroke(Enum):
    """What a tactile key means."""

    ACCESS = "access"
    PREVIOUS = "previous"
    NEXT = "next"
    CHOOSE = "choose"
    REPEAT = "repeat"
    LOUDER = "louder"


KEYPADS: Final[dict[int, tuple[Keystroke, ...]]] = {
    2: (Keystroke.NEXT, Keystroke.CHOOSE),
    3: (Keystroke.PREVIOUS, Keystroke.NEXT, Keystroke.CHOOSE),
    4: (Keystroke.PREVIOUS, Keystroke.NEXT, Keystroke.CHOOSE, Keystroke.REPEAT),
    5: (Keystroke.PREVIOUS, Keystroke.NEXT, Keystroke.CHOOSE, Keystroke.REPEAT, Keystroke.LOUDER),
}
"""What a row of two to five buttons means from left to right. Two reach everything: what has no key of its own is in the ring."""


class Aid(NamedTuple):
    """The accessible mode of one visitor.

    `ring` are the controls in reading order, by the keys that pictures use: `answer:4`, `skip`, `undo`, `done`, `language:pl`, and
    the mode's own `repeat`, `louder`, `access` (which leaves it). `focus` is the place in the ring, None before the first move:
    then the whole screen has just been read. `reads` grows with every wish to hear it again. `choosing` is the face button that is
    the key to choose with, None where face buttons rate in the mode too.
    """

    ring: tuple[str, ...]
    focus: int | None = None
    volume: Volume = USUAL
    reads: int = 0
    choosing: int | None = None

    @property
    def focused(self) -> str | None:
        """The control in focus."""
        return None if self.focus is None or self.focus >= len(self.ring) else self.ring[self.focus]
