"""Edges to presses: a contact chatters for some milliseconds whenever it moves; the edge's own time tells that from a finger.

Debouncing by the time at which a callback happens to run loses presses, and so does every library's own debouncing we have tried.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from kiosk.core.timekeeping import Stamp

CHATTER: Final = 20
"""Milliseconds for which a moving contact may chatter. A finger needs 30 and more to come up and go down again."""
SPIKE: Final = 3
"""Milliseconds that a contact must be closed without a break: interference is shorter, a finger ten times as long."""
UNSTUCK: Final = 1_000
"""Milliseconds that a stuck contact must be open before it is believed again: what leans on a button trembles."""


class Turn(Enum):
    """What has become certain about a contact."""

    PRESSED = "pressed"
    STUCK = "stuck"
    FREE = "free"


@dataclass(slots=True)
class Debounce:
    """One contact. `window` is how long it may chatter, `stuck_after` how long it may be held, in ms; without a window each closing
    counts.

    A press is the first closing that lasts, once the contact has been open for the window. What is already down when the device
    starts is no press.
    """

    window: int = CHATTER
    stuck_after: int = 10_000
    down: bool = False
    moved_at: int | None = None
    began: Stamp | None = None
    pressed: bool = False
    stuck: bool = False
    counted: bool = True

    def hold(self, stamp: Stamp) -> None:
        """It was found closed at `stamp`, nobody knows since when."""
        if self.moved_at is None:
            self.down, self.pressed, self.counted = True, True, False
            self.moved_at, self.began = stamp.monotonic, stamp

    def edge(self, down: bool, stamp: Stamp) -> None:
        """It was seen closing or opening. `settle` comes first, with the same time."""
        if down is self.down:
            return  # an edge in between was lost
        open_for = None if self.moved_at is None else stamp.monotonic - self.moved_at
        if down and (open_for is None or open_for >= self.window):
            self.pressed, self.counted = False, True
        if down and not self.pressed:
            self.began = stamp
        self.down, self.moved_at = down, stamp.monotonic

    def due(self) -> int | None:
        """When `settle` will have something to say, if no edge comes before (monotonic ms)."""
        if self.moved_at is None or self.began is None:
            return None
        if self.stuck:
            return None if self.down else self.moved_at + UNSTUCK
        if not self.down:
            return None
        return self.began.monotonic + self.stuck_after if self.pressed else self.moved_at + min(SPIKE, self.window)

    def settle(self, now: int) -> Turn | None:
        """What has become certain by `now` (monotonic ms), each thing once."""
        due = self.due()
        if due is None or now < due:
            return None
        if self.stuck:
            self.stuck = False
            return Turn.FREE
        if self.pressed:
            self.stuck = True
            return Turn.STUCK
        self.pressed = True
        return Turn.PRESSED
