"""What the tests of the delivery share: what a ledger holds, a delivery that has greeted, a server and its words."""

from dataclasses import dataclass, field
from itertools import pairwise

import msgspec

from kiosk.core.delivery import (
    Delivery,
    Greet,
    Send,
)
from kiosk.core.progress import Progress, Standing
from wire.envelopes import Ack, Range
from wire.events import StreamId

STREAM = StreamId(b"s" * 16)
EPOCH = b"e" * 16


def standing(rows: int, *, oldest: int = 1, progress: Progress = Progress()) -> Standing:  # noqa: B008 - frozen
    return Standing(STREAM, oldest, rows + 1, progress)


def ack(stored: int, *, backed: int = 0, credit: int = 8, epoch: bytes = EPOCH, **more: object) -> Ack:
    return msgspec.structs.replace(Ack(1, epoch, STREAM, stored, backed, credit, 0), **more)


def connected(rows: int, **more: object) -> Delivery:
    """A delivery that has greeted and been answered."""
    delivery = Delivery(standing(rows, **more), draw=lambda: 0.5)  # type: ignore[arg-type]
    delivery.connected(0)
    assert delivery.task(0) == Greet()
    delivery.greeted(0, 0)
    delivery.acknowledged(ack(delivery.progress.stored_through), 0)
    return delivery


def send_all(delivery: Delivery, now: int, token: int = 100) -> list[Send]:
    """Does everything that is to be sent at `now`."""
    sent = []
    while isinstance(task := delivery.task(now), Send):
        delivery.sent(task.first, task.last, token + len(sent), now)
        sent.append(task)
    return sent


@dataclass
class Server:
    """Stores what comes, once, and says so. It may be restored from a backup."""

    rows: dict[int, bytes] = field(default_factory=dict)
    stored: int = 0
    backup: tuple[dict[int, bytes], int] = field(default_factory=lambda: ({}, 0))
    epoch: int = 1

    def take(self, first: int, rows: list[bytes]) -> None:
        for number, row in enumerate(rows, first):
            assert self.rows.setdefault(number, row) == row
        while self.stored + 1 in self.rows:
            self.stored += 1

    def make_backup(self) -> None:
        self.backup = dict(self.rows), self.stored

    def restore(self) -> None:
        rows, self.stored = self.backup
        self.rows = dict(rows)
        self.epoch += 1

    def ack(self) -> Ack:
        beyond = [self.stored, *sorted(number for number in self.rows if number > self.stored)]
        missing = [Range(low + 1, high - 1) for low, high in pairwise(beyond) if low + 1 < high]
        highest = missing[64].first - 1 if missing[64:] else beyond[-1]
        epoch, backed = self.epoch.to_bytes(16, "big"), min(self.stored, self.backup[1])
        return Ack(1, epoch, STREAM, self.stored, backed, 8, 0, missing[:64], highest=highest)
