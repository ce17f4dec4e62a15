"""What really happened: every row that was on a card, who still holds it, and what each visitor was told.

Nothing here asks the code that is tried. A row's fate is what the ledger said to its visitor when it happened; where the power went
before anybody could be told, either outcome is right.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from wire.events import Answer, DeviceId, Event, Flag, Left, Passage, Retract
from workbench.simulation.clocks import Boot
from workbench.simulation.meetings import Meetings

KINDS: Final[dict[type[Event], int]] = {Answer: 1, Retract: 2, Left: 3, Passage: 4, Flag: 5}
"""The tags of the wire's rows, written down a second time so that a change of one is noticed."""


class Failure(Exception):
    """Something happened in the middle of a run that must never happen."""


class Key(NamedTuple):
    """Everything the server's ledger keeps of a row. Two rows that agree in all of it say the same."""

    device: str
    boot: bytes
    visit: int
    dt: int
    kind: int
    item: str
    value: int | None
    input: int
    wall_offset: int
    synchronised: bool


class Visit(NamedTuple):
    """What one visitor said about one item."""

    device: str
    boot: bytes
    visit: int
    item: str


class Fate(StrEnum):
    """What must become of a row."""

    KEPT = "kept"
    """Its commit was reported: it has to be there in the end."""
    REFUSED = "refused"
    """Its visitor was told that it was not recorded: it must not be there."""
    UNKNOWN = "unknown"
    """Nobody was told anything, or a card failed and died before it could forget: either is right."""
    LOST = "lost"
    """It was kept, and every card that held it was destroyed before any server that is left had it."""


class Told(StrEnum):
    """What a visitor was told, where it was not an answer that counts."""

    TAKEN_BACK = "taken back"
    NOT_RECORDED = "not recorded"
    """Refused, or too late: then it must not count, if the device lived to take it back."""
    UNKNOWN = "unknown"


def key_of(device: DeviceId, event: Event) -> Key:
    """The key of a row of `device`."""
    value = event.value if isinstance(event, Answer) else event.count if isinstance(event, Passage) else None
    return Key(
        device, event.boot, event.visit, event.dt, KINDS[type(event)], event.item, value, event.input, event.wall_offset,
        event.synchronised,
    )  # fmt: skip


class Truth:
    """The simulator's own books."""

    def __init__(self) -> None:
        self.fates: dict[Key, Fate] = {}
        self.boots: dict[bytes, Boot] = {}
        self.meetings = Meetings()
        self.holds: dict[int, set[Key]] = {}
        """By card, what was ever committed to it and not destroyed since; what it has pruned is still its own affair."""
        self.promises: dict[Visit, int | Told] = {}
        self.passed: Counter[str] = Counter()
        """By device, how many people a working sensor has seen."""
        self.streams: set[tuple[str, bytes]] = set()
        """(device, stream) of everything that a card ever held and spoke of."""

    def wrote(self, card: int, device: DeviceId, rows: Iterable[Event], fate: Fate) -> list[Key]:
        """The commit of `rows` ended so. What is recorded once more, as door counts may be, keeps the better fate."""
        keys = [key_of(device, row) for row in rows]
        for key in keys:
            if fate is Fate.KEPT or self.fates.get(key) not in (Fate.KEPT, Fate.UNKNOWN):
                self.fates[key] = fate
            if fate is not Fate.REFUSED:
                self.holds.setdefault(card, set()).add(key)
        return keys

    def asked(self, device: DeviceId, rows: Iterable[Event]) -> None:
        """`rows` are on their way to the card: until somebody is told what became of an answer among them, it is open whether it
        counts. Who gives it need not be who opened the visit: nobody can tell two people apart in front of the same question."""
        for row in rows:
            if isinstance(row, Answer):
                self.promises[Visit(device, row.boot, row.visit, row.item)] = Told.UNKNOWN

    def kept(self, device: DeviceId, rows: Iterable[Event]) -> bool:
        """Whether all of `rows` are on the card."""
        return all(self.fates.get(key_of(device, row)) is Fate.KEPT for row in rows)

    def died(self, device: DeviceId, boot: bytes) -> None:
        """The device of `boot` takes nothing back any more: what its card holds against what a visitor was told may count."""
        for visit, told in self.promises.items():
            if told is Told.NOT_RECORDED and (visit.device, visit.boot) == (device, boot) and not self.taken_back(visit):
                self.promises[visit] = Told.UNKNOWN

    def taken_back(self, visit: Visit) -> bool:
        """Whether the card holds no answer of `visit`, or a retraction of the last one as well."""
        return self._last_answer(visit) is None or Fate.KEPT in self._retracted(visit)

    def owes(self, visit: Visit) -> bool:
        """Whether the card has refused to take the last answer of `visit` back."""
        return Fate.REFUSED in self._retracted(visit)

    def _retracted(self, visit: Visit) -> set[Fate]:
        """What became of the retractions of the last answer of `visit`."""
        since = self._last_answer(visit) or 0
        return {fate for key, fate in self._said(visit) if key.kind == KINDS[Retract] and key.dt >= since}

    def _last_answer(self, visit: Visit) -> int | None:
        """When, within its visit, the last answer was given that may be on the card."""
        said = (key.dt for key, fate in self._said(visit) if key.kind == KINDS[Answer] and fate is not Fate.REFUSED)
        return max(said, default=None)

    def _said(self, visit: Visit) -> list[tuple[Key, Fate]]:
        return [(key, fate) for key, fate in self.fates.items() if (key.device, key.boot, key.visit, key.item) == visit]

    def doubt(self, keys: Iterable[Key]) -> None:
        """These were refused by a card that then lost its power before it was opened afresh."""
        for key in keys:
            if self.fates[key] is Fate.REFUSED:
                self.fates[key] = Fate.UNKNOWN

    def destroyed(self, card: int, gone: Iterable[Key], server: set[Key]) -> int:
        """`card` holds these no more; where nobody else does either, they are lost. Returns how many."""
        gone = list(gone)
        self.holds.setdefault(card, set()).difference_update(gone)
        return self.forgotten(key for key in gone if key not in server)

    def forgotten(self, keys: Iterable[Key]) -> int:
        """The server does not have these. Those that no card holds any more are lost; returns how many."""
        held = set().union(*self.holds.values())
        count = 0
        for key in keys:
            if key not in held and self.fates.get(key) is Fate.KEPT:
                self.fates[key] = Fate.LOST
                count += 1
        return count

    def count(self) -> Counter[Fate]:
        """How many rows have which fate."""
        return Counter(self.fates.values())
