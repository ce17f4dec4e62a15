"""Decides which touches count. The time is the touch's own, in monotonic ms."""

from typing import Final

TWIN_MS: Final = 300
"""Two input layers, a ghost or a second finger report one touch again within this time (Kivy issues 3801, 4172, 8494). Nobody reads
a new question and answers it faster."""
RESTING_MS: Final = 10_000
"""A finger that rests on the glass blocks others for so long; after that something leans on it, and the rest must go on working."""


class TouchGate:
    """Lets a touch through once: not in the first moments, not twice within `TWIN_MS`, not while another finger rests."""

    def __init__(self, opens_at: int) -> None:
        self._opens_at = opens_at
        self._last: int | None = None
        self._resting: dict[object, int] = {}

    def begins(self, finger: object, at: int) -> bool:
        """A finger came down; whether that counts."""
        rests = any(at - since < RESTING_MS for since in self._resting.values())
        self._resting[finger] = at
        if at < self._opens_at or rests:
            return False
        if self._last is not None and 0 <= at - self._last < TWIN_MS:
            return False
        self._last = at
        return True

    def ends(self, finger: object) -> None:
        """A finger was lifted."""
        self._resting.pop(finger, None)
