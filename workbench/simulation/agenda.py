"""True time, what is to happen in it, and the record of what did. Nothing else in a simulation knows what time it really is."""

import heapq
from collections import Counter, deque
from collections.abc import Callable
from hashlib import sha256
from random import Random
from typing import Final

LINES_KEPT: Final = 400
"""Of the trace, for whoever looks into a failure; all of it goes into the digest."""


class Agenda:
    """Calls things at their time, one after the other, in an order that depends on the seed alone. Times are ms since the epoch."""

    def __init__(self, seed: int, begin: int, *, lines: int = LINES_KEPT) -> None:
        self.now = begin
        self.random = Random(seed)
        self.happened: Counter[str] = Counter()
        self.lines: deque[str] = deque(maxlen=lines)
        self._digest = sha256()
        self._entries: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    @property
    def digest(self) -> str:
        """What distinguishes this run from any that went otherwise."""
        return self._digest.hexdigest()[:16]

    def at(self, when: int, call: Callable[[], None]) -> None:
        """Calls `call` at `when`, or now if that is past; never within this call."""
        self._count += 1
        heapq.heappush(self._entries, (max(when, self.now), self._count, call))

    def after(self, ms: float, call: Callable[[], None]) -> None:
        """Calls `call` in `ms`."""
        self.at(self.now + int(ms), call)

    def run(self, until: int, done: Callable[[], bool] = lambda: False) -> None:
        """Everything that is due up to `until`, or until `done`, which is asked after each call."""
        while self._entries and self._entries[0][0] <= until and not done():
            when, _, call = heapq.heappop(self._entries)
            self.now = when
            call()
        if not done():
            self.now = max(self.now, until)

    def note(self, who: str, what: str) -> None:
        """Writes one line of the trace."""
        line = f"{self.now} {who}: {what}"
        self._digest.update(line.encode() + b"\n")
        self.lines.append(line)

    def ended(self, how: str) -> None:
        """What the run has come to is part of the digest, and too long for the trace."""
        self._digest.update(how.encode() + b"\n")

    def fault(self, kind: str, who: str, what: str = "") -> None:
        """Something bad of `kind` has happened, and is counted."""
        self.happened[kind] += 1
        self.note(who, f"[{kind}] {what}")

    def chance(self, share: float) -> bool:
        """True in `share` of all cases."""
        return self.random.random() < share
