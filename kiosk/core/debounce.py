"""Edges to presses: a contact chatters for some milliseconds whenever it moves; the edge's own time tells that from a finger.

Debouncing by the time at which a callback happens to run loses presses, and so does every library's own debouncing we have tried.
"""

from dataclasses import dataclass
from typing import Final

CHATTER: Final = 20
"""Milliseconds for which a moving contact may chatter. A finger needs 30 and more to come up and go down again."""


@dataclass
class Contact:
    """One button's contact. `window` is how long it may chatter, in ms; 0 takes every edge for real."""

    window: int = CHATTER
    down: bool = False
    moved_at: int | None = None

    def edge(self, down: bool, at: int) -> bool:
        """The contact was seen going down or up at `at` (monotonic ms). Returns whether that is a press.

        A press is the first edge downwards after the contact had been still for the window.
        """
        still = self.moved_at is None or at - self.moved_at >= self.window
        was_down, self.down = self.down, down
        self.moved_at = at
        return down and not was_down and still
