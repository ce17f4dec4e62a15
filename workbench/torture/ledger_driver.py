"""The device's real ledger, driven faster than any visitor could: rows, deliveries, pruning, new streams, and all work in bites.

Runs as a process of its own on a preloaded card. What has been promised is marked in the journal by the process itself, the
moment it would have been shown or acted upon: `recorded VISIT` once a row is said to be on the card, `try VISIT` before, `backed
VISIT …` once a server's backups hold rows, so that the ledger may delete them.
"""

import os
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

from kiosk.core.progress import Progress
from kiosk.ledger.keeper import Keeper
from wire.codec import decode_event
from wire.events import Answer, BootId, Event, Millis
from workbench.torture import journal

BOOT: Final = BootId(b"\x01" * 16)
FOR_EVER: Final = 2**52
EPOCH: Final = b"\x07" * 16
READ_AT_ONCE: Final = 250


class Clock:
    """Goes on by itself, and jumps to whatever falls due."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return time.monotonic() + self._ahead

    def reach(self, due: float) -> None:
        """It is that late now."""
        self._ahead += max(0.0, due - self())


def rating(visit: int) -> Event:
    """The only row of visit `visit`."""
    return Answer(7, "overall", "uk", 2, BOOT, 0, True, Millis(visit), Millis(0), 1 + visit % 5)


def visit_of(row: bytes) -> int:
    """Whose row it is."""
    return decode_event(row).visit


def work_off(keeper: Keeper, clock: Clock, *, bites: int | None = None) -> None:
    """All that is put off, or the next few pieces of it."""
    while (due := keeper.due) is not None and (bites is None or bites > 0):
        clock.reach(due)
        keeper.bite()
        if bites is not None:
            bites -= 1


class Driver:
    """One life. Ends by being killed, or after some thousand acts."""

    def __init__(self, ledger: Path, first: int, chance: Random) -> None:
        self._journal = Path(os.environ["TORTURE_JOURNAL"])
        self._visit = first
        self._chance = chance
        self._clock = Clock()
        self._keeper = Keeper(ledger, now=self._clock)

    def run(self, acts: int) -> None:
        """Does what a device's life consists of, in any order."""
        self._keeper.open()
        self._mark("open")
        works = [self._record] * 12 + [self._bite] * 8 + [self._deliver] * 3 + [self._prune] * 2 + [self._begin_anew]
        for _ in range(acts):
            self._chance.choice(works)()
        if self._chance.random() < 0.5:
            work_off(self._keeper, self._clock)
        self._keeper.close()

    def _mark(self, text: str) -> None:
        journal.mark(self._journal, text)

    def _record(self) -> None:
        visits = [self._visit + number for number in range(self._chance.choice((1, 1, 1, 2, 40)))]
        self._visit = visits[-1] + 1
        for visit in visits:
            self._mark(f"try {visit}")
        for visit, stored in zip(visits, self._keeper.record([[rating(visit)] for visit in visits]), strict=True):
            if stored:
                self._mark(f"recorded {visit}")

    def _bite(self) -> None:
        work_off(self._keeper, self._clock, bites=self._chance.randint(1, 4))

    def _deliver(self) -> None:
        """Some more rows reach a server, and sometimes its backups."""
        standing = self._keeper.standing()
        first = max(standing.oldest, standing.progress.stored_through + 1)
        if first >= standing.next:
            return
        excerpt = self._keeper.read(standing.stream, first, self._chance.randint(1, READ_AT_ONCE))
        stored = first + len(excerpt.rows) - 1
        backed = self._chance.choice((standing.progress.backed_through, stored))
        if backed == stored:
            low = max(standing.oldest, standing.progress.backed_through + 1)
            rows = self._keeper.read(standing.stream, low, stored + 1 - low).rows
            self._mark("backed " + " ".join(str(visit_of(row)) for row in rows))
        progress = Progress(EPOCH, stored, backed, standing.progress.retired)
        self._keeper.remember(standing.stream, progress, now=self._chance.random() < 0.3)

    def _prune(self) -> None:
        self._keeper.prune(older_than=FOR_EVER)

    def _begin_anew(self) -> None:
        standing = self._keeper.standing()
        if standing.next > standing.oldest:
            self._keeper.begin_anew(standing.stream, standing.progress)


def main() -> None:
    """`ledger_driver LEDGER FIRST_VISIT SEED ACTS`."""
    ledger, first, seed, acts = sys.argv[1:]
    Driver(Path(ledger), int(first), Random(seed)).run(int(acts))


if __name__ == "__main__":
    main()
