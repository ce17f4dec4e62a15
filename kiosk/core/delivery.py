"""What to send next, what an acknowledgement means, and how long to wait when nobody listens. Pure: time and chance come in.

The worker asks `task(now)`, does it, and tells the result. Rows are safe in the ledger all the while, so forgetting what was
under way costs sending it again and nothing else; the server takes the same row twice for one.

After a long outage a tenth as many of the newest rows travel between the oldest, so that pages about today are about today.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from kiosk.core.progress import EPOCHS_REMEMBERED, Progress, Standing
from wire.envelopes import MAX_BYTES, MAX_ROWS, Ack

WINDOW: Final = 8
"""Batches under way at most. paho keeps its queue in memory only and hands out 65,535 ids, so the ledger stays the only queue."""
ACK_PATIENCE: Final = 15_000
"""Milliseconds without word of a batch after which it counts as lost. Sending twice is harmless, so this need not be long."""
NEWEST: Final = MAX_ROWS // 10
"""Rows of a batch from the new end, one of which goes between two from the old end."""
FRAGMENTS: Final = 60
"""Stretches of rows that may be stored beyond the first gap: a few fewer than the gaps named in one acknowledgement."""
RESEND_AFTER: Final = 2_000
"""A batch overtaken by one that was sent later is sent again after so many ms: until then it may be with another ingest worker."""
GREET_EVERY: Final = 30_000
"""A device with no credit asks again after so many ms, in case the word that it may go on was lost."""
ACK_AGE: Final = 300_000
"""A device with nothing to send still asks for word after so many ms: otherwise nobody would notice that its link is dead."""
UNMOVED: Final = 3
"""Silences without progress after which a server that says it has less than we thought is believed: sending twice is harmless."""
RESTART_AFTER: Final = 3
"""Silences in a row after which the link itself is suspect: a half-open socket still calls itself connected."""
BACK_OFF_LEAST: Final = 1_000
BACK_OFF_MOST: Final = 300_000
"""Bounds of the pause between attempts, in ms: doubling, and drawn at random so that a court's devices do not come back in step."""
BATCH_OVERHEAD: Final = 256
"""Room for a batch's own fields beside its rows, with the length bytes of each row counted separately."""

NO_SUBSCRIBERS: Final = 0x10
"""MQTT 5's "no matching subscribers": the broker took the message and dropped it, because the server is not there."""
REFUSALS: Final = 0x80
"""MQTT 5 reason codes from here on are errors."""


class Greet(NamedTuple):
    """Send a `Hello`, then call `greeted`."""


class Send(NamedTuple):
    """Send rows `first` … `last`, or as many from `first` on as fit, then call `sent`."""

    first: int
    last: int


class Renew(NamedTuple):
    """Another device has sent rows of this stream otherwise: let the ledger begin a new one, then call `recorded`."""


class Wait(NamedTuple):
    """Nothing to do before `until` (monotonic ms), or before something happens if it is None."""

    until: int | None


class Restart(NamedTuple):
    """Tear the link down and build it up again, then call `disconnected`."""


Task = Greet | Send | Renew | Wait | Restart


class Hole(NamedTuple):
    """Rows `first` … `last` were lost on their way or by the server, which was noticed at `at` (monotonic ms)."""

    first: int
    last: int
    at: int


class Heard(NamedTuple):
    """What an acknowledgement changed. `urgent` knowledge must be on the card before anything else is done."""

    changed: bool = False
    urgent: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Flight:
    """Rows under way. A greeting is a flight of no rows (`first` 0). `overtaken_at` is when one sent later was first known to have
    landed."""

    first: int
    last: int
    token: int
    sent_at: int
    overtaken_at: int | None = None


class Delivery:
    """One device's conversation with the server about one stream. `draw` gives numbers in [0, 1)."""

    def __init__(self, standing: Standing, *, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._standing = standing
        self._flights: list[Flight] = []
        self._stored_beyond: list[tuple[int, int]] = []
        self._connected = False
        self._greeted_at: int | None = None
        self._credit = WINDOW
        self._failures = 0
        self._silences = 0
        self._unmoved = 0
        self._not_before = 0
        self._heard_at = 0
        self._newest_next = False
        self._refused = False
        self._hole: Hole | None = None

    @property
    def progress(self) -> Progress:
        """What the server has, as far as is known here."""
        return self._standing.progress

    @property
    def standing(self) -> Standing:
        """The ledger as it was last reported, with that progress."""
        return self._standing

    @property
    def hole(self) -> Hole | None:
        """What was lost last."""
        return self._hole

    @property
    def wanting(self) -> bool:
        """Whether there is something to say, or to be answered."""
        if self._refused:
            return False  # the server has been heard well enough
        return self._greeted_at is None or bool(self._flights) or bool(self._holes())

    @property
    def under_way(self) -> int:
        """Batches sent and not yet acknowledged."""
        return sum(1 for flight in self._flights if flight.first)

    @property
    def _window(self) -> int:
        return min(WINDOW, self._credit)

    # --- what happens ------------------------------------------------------------------------------------------------------

    def recorded(self, standing: Standing) -> None:
        """The ledger holds more, or less, or a new stream. What is known of the server here is newer than what the ledger says."""
        if standing.stream != self._standing.stream:
            self._forget_flights()
            self._stored_beyond = []
            self._greeted_at = None
            self._standing = standing
        else:
            self._standing = standing._replace(progress=self._standing.progress)

    def connected(self, now: int) -> None:
        """The link is up."""
        self._connected = True
        self._heard_at = now
        self._forget_flights()
        self._greeted_at = None
        self._not_before = now
        self._refused = False

    def disconnected(self) -> None:
        """The link is down; what was under way may or may not have arrived."""
        self._connected = self._refused = False
        self._forget_flights()
        self._greeted_at = None

    def greet_again(self) -> None:
        """The server is to be told something that only a greeting says."""
        self._greeted_at = None

    def greeted(self, token: int, now: int) -> None:
        """The `Hello` was handed to the link as message `token`."""
        self._greeted_at = now
        self._newest_next = True
        self._flights.append(Flight(0, 0, token, now))

    def sent(self, first: int, last: int, token: int, now: int) -> None:
        """Rows `first` … `last` were handed to the link as message `token`."""
        holes = self._holes()
        self._newest_next = bool(holes) and first == holes[0][0]
        self._flights.append(Flight(first, last, token, now))

    def not_taken(self, now: int) -> None:
        """The link would not take the message, or its rows could not be read."""
        self._back_off(now)

    def delivered(self, token: int, reason: int, now: int) -> None:
        """The broker answered message `token`. Its word is no promise: only bad news is acted on."""
        if reason != NO_SUBSCRIBERS and reason < REFUSALS:
            return
        if any(flight.token == token for flight in self._flights):
            self._forget_flights()
            self._greeted_at = None
            self._back_off(now)

    def acknowledged(self, ack: Ack, now: int, *, ours: bool = True) -> Heard:
        """The server has spoken; `ours` says whether the rows it speaks of can be those of this ledger, by their chain."""
        known = self.progress
        if ack.stream != self._standing.stream:
            return Heard(note="an acknowledgement for another stream")
        if ack.epoch in known.retired:
            return Heard(note="an acknowledgement from before the server was restored")
        self._silences = 0
        self._heard_at = now
        self._refused = ack.refused is not None
        if ack.refused is not None:
            self._forget_flights()
            self._greeted_at = None
            self._back_off(now)
            return Heard(note=f"refused: {ack.refused}")
        self._failures = 0
        self._not_before = now
        if (row := self._forked_at(ack, ours=ours)) is not None:
            # Nobody knows from which row on the server speaks of another device's rows, so nothing of it is believed.
            self._standing = self._standing._replace(progress=msgspec.structs.replace(known, forked_at=row))
            return Heard(row != known.forked_at, row != known.forked_at, f"another device with this name sent row {row} before us")
        self._flights = [flight for flight in self._flights if flight.first]
        self._credit = ack.credit
        poorer = self._unmoved >= UNMOVED and ack.epoch == known.epoch and ack.stored_through < known.stored_through
        changed = self._learn(ack, believe=poorer)
        if ack.epoch != known.epoch or ack.stored_through >= known.stored_through or poorer:  # not overtaken by a newer one
            self._land(ack, now, moved=changed.stored_through > known.stored_through)
        self._standing = self._standing._replace(progress=changed)
        if changed.stored_through < known.stored_through:
            self._hole = Hole(changed.stored_through + 1, known.stored_through, now)
        if poorer or changed.stored_through > known.stored_through:
            self._unmoved = 0
        note = ""
        if poorer:
            note = f"the server has rows up to {ack.stored_through} only, where it had {known.stored_through}"
        elif known.epoch and changed.epoch != known.epoch:
            note = f"the server was restored and has rows up to {ack.stored_through}"
        urgent = poorer or changed.epoch != known.epoch
        return Heard(changed != known, urgent, note)

    # --- what to do --------------------------------------------------------------------------------------------------------

    def task(self, now: int) -> Task:
        """What to do at `now`. Ask again after doing it, after anything that happened, and when a wait is over."""
        if any(flight.sent_at + ACK_PATIENCE <= now for flight in self._flights):
            self._forget_flights()
            self._greeted_at = None
            self._silences += 1
            self._unmoved += 1
            self._back_off(now)
        if self.progress.forked_at is not None:
            return Renew()
        if self._silences >= RESTART_AFTER:
            self._silences = 0
            return Restart()
        self._drop_lost(now)
        if not self._connected:
            return Wait(None)
        if now < self._not_before:
            return Wait(self._not_before)
        if self._greeted_at is None:
            return Greet()
        if self._credit == 0 and not self._flights:
            if now >= self._greeted_at + GREET_EVERY:
                return Greet()
            return Wait(self._greeted_at + GREET_EVERY)
        if self.under_way < self._window and (batch := self._next_batch()):
            return batch
        if not self._flights and now >= self._heard_at + ACK_AGE:
            return Greet()
        return Wait(min((self._due(flight) for flight in self._flights), default=self._heard_at + ACK_AGE))

    def _next_batch(self) -> Send | None:
        """From the old end, or, behind a backlog deeper than the window, every second time from the new one."""
        holes = self._holes()
        if not holes:
            return None
        oldest, (low, newest) = holes[0], holes[-1]
        first = max(low, newest - NEWEST + 1)
        if (
            self._newest_next
            and newest - oldest[0] >= self._window * MAX_ROWS
            and (len(holes) < FRAGMENTS or newest < self._standing.next - 1)  # below what has landed it makes no further fragment
        ):
            return Send(first, newest)
        return Send(oldest[0], min(oldest[1], oldest[0] + MAX_ROWS - 1))

    def _holes(self) -> list[tuple[int, int]]:
        """The rows (first, last) that the server lacks and that are not under way, the oldest first."""
        first = max(self.progress.stored_through + 1, self._standing.oldest)
        end = self._standing.next
        holes: list[tuple[int, int]] = []
        for low, high in sorted([*((flight.first, flight.last) for flight in self._flights if flight.first), *self._stored_beyond]):
            if first < min(low, end):
                holes.append((first, min(low, end) - 1))
            first = max(first, high + 1)
        if first < end:
            holes.append((first, end - 1))
        return holes

    # --- what an acknowledgement means ----------------------------------------------------------------------------------------

    def _learn(self, ack: Ack, *, believe: bool) -> Progress:
        known = self.progress
        if believe:
            known = msgspec.structs.replace(known, stored_through=ack.stored_through)
            self._forget_flights()
            self._stored_beyond = []
        if known.epoch and ack.epoch != known.epoch:  # restored from a backup: what it says now counts, however little it is
            retired = (*known.retired, known.epoch)[-EPOCHS_REMEMBERED:]
            known = Progress(ack.epoch, 0, 0, retired)
            self._forget_flights()
            self._stored_beyond = []
        stored = min(max(known.stored_through, ack.stored_through), self._standing.next - 1)
        backed = min(ack.backed_through, stored)
        return msgspec.structs.replace(known, epoch=ack.epoch, stored_through=stored, backed_through=backed)

    def _forked_at(self, ack: Ack, *, ours: bool) -> int | None:
        """A row that another device with our name has sent otherwise. Rows that we have never written are its rows, too: a card
        that was put back to an earlier state meets them."""
        signs = [row for row in (self.progress.forked_at, ack.forked_at) if row is not None]
        if not ours:
            signs.append(max(1, ack.stored_through))
        if max(ack.stored_through, ack.highest) >= self._standing.next:
            signs.append(self._standing.next)
        return min(signs, default=None)

    def _land(self, ack: Ack, now: int, *, moved: bool) -> None:
        """Drops the flights that have landed, and remembers what is stored beyond the first gap."""
        gaps = [(gap.first, gap.last) for gap in ack.missing]
        self._stored_beyond = [(low[1] + 1, high[0] - 1) for low, high in pairwise(gaps) if low[1] + 1 < high[0]]
        if gaps and gaps[-1][1] < ack.highest:
            self._stored_beyond.append((gaps[-1][1] + 1, ack.highest))
        landed = [place for place, flight in enumerate(self._flights) if self._has_landed(flight, ack.stored_through)]
        left: list[Flight] = []
        for place, flight in enumerate(self._flights):
            if place in landed:
                continue
            overtaken = bool(landed) and place < landed[-1]
            left.append(
                replace(
                    flight,
                    sent_at=now if moved or landed else flight.sent_at,
                    overtaken_at=now if overtaken and flight.overtaken_at is None else flight.overtaken_at,
                )
            )
        self._flights = left

    def _has_landed(self, flight: Flight, stored_through: int) -> bool:
        return flight.last <= stored_through or any(
            low <= flight.first and flight.last <= high for low, high in self._stored_beyond
        )

    def _drop_lost(self, now: int) -> None:
        """What was overtaken long enough ago did not arrive: it is not under way any more."""
        lost = [flight for flight in self._flights if flight.overtaken_at is not None and self._due(flight) <= now]
        if lost:
            self._hole = Hole(min(flight.first for flight in lost), max(flight.last for flight in lost), now)
            self._flights = [flight for flight in self._flights if flight not in lost]

    @staticmethod
    def _due(flight: Flight) -> int:
        """When `flight` counts as lost."""
        timeout = flight.sent_at + ACK_PATIENCE
        return timeout if flight.overtaken_at is None else min(timeout, flight.overtaken_at + RESEND_AFTER)

    # --- pauses ----------------------------------------------------------------------------------------------------------------

    def _forget_flights(self) -> None:
        self._flights = []

    def _back_off(self, now: int) -> None:
        if now < self._not_before:
            return  # this failure belongs to the one that is being waited out
        self._failures += 1
        most = min(BACK_OFF_MOST, BACK_OFF_LEAST << min(self._failures, 20))
        self._not_before = now + BACK_OFF_LEAST + int(self._draw() * (most - BACK_OFF_LEAST))


def fit(rows: Sequence[bytes]) -> int:
    """How many of `rows` go into one batch, at least one: the bound holds even where deflating gains nothing."""
    room = MAX_BYTES - BATCH_OVERHEAD
    for count, row in enumerate(rows[:MAX_ROWS]):
        room -= len(row) + 3
        if room < 0:
            return max(1, count)
    return min(len(rows), MAX_ROWS)
