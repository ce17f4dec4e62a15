"""Which round trips have been made: from one of them the server can date a start of a device, whatever clock it has."""

from collections import defaultdict
from typing import Final

DRIFTS: Final = 10_000
"""Of so many ms that pass between the two halves of a round trip the server gives one away to drift."""


class Meetings:
    """What server and devices have told each other, by start of a device and in true ms."""

    def __init__(self) -> None:
        self._heard: dict[bytes, list[tuple[int, int]]] = defaultdict(list)
        self._doubts: dict[bytes, int] = {}

    def heard(self, boot: bytes, told: int, now: int) -> None:
        """A device has heard now what the server had told at `told`; the last word is what it goes by."""
        self._heard[boot].append((now, told))

    def started_afresh(self, boot: bytes) -> None:
        """A process has taken along into its grave what it had heard."""
        self._heard[boot].clear()

    def taken(self, boot: bytes, written: int, now: int) -> None:
        """The server has taken what was written at `written`: a greeting or a report, in which stands what was last heard."""
        before = [(heard, told) for heard, told in self._heard[boot] if heard < written]
        if before:
            heard, told = before[-1]
            doubt = (heard - told) + (now - written) + (written - heard) // DRIFTS
            self._doubts[boot] = min(doubt, self._doubts.get(boot, doubt))

    def forgotten(self) -> None:
        """The server was set back: what it knew of any start may be gone."""
        self._doubts.clear()

    def doubt(self, boot: bytes) -> int | None:
        """Within how many ms the server can tell the clock of this start, if it can."""
        return self._doubts.get(boot)
