"""What visitors did, as rows of a device's ledger: for tests that count them again."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sync_server.courts import services as courts
from sync_server.courts.models import Court
from sync_server.ingest.services import Received, accept
from sync_server.results import tallies
from sync_server.results.models import COUNTS, Tally
from tests.sync_server.device import NOON, Source
from wire import codec
from wire.envelopes import Clock, Echo, Hello
from wire.events import Answer, Flag, Input, Left, Retract

BOOTED = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""Wall clock (ms) at which these devices' monotonic clock read 0: before every day that the tests ask about."""
FRIDAY = date(2026, 11, 20)
LATER = NOON + timedelta(days=1)
"""When rows of that day have all come in."""


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


class Visit:
    """One visit to `source`, begun at `at`. Each method is a row; `ms` is how long after the first touch it happens."""

    def __init__(self, source: Source, at: datetime, *, synchronised: bool = True, channel: Input = Input.TOUCH) -> None:
        self.source = source
        self.visit = int(at.timestamp() * 1000) - BOOTED
        self.synchronised = synchronised
        self.channel = channel

    def answer(self, value: int, *, ms: int = 0, item: str = "overall") -> "Visit":
        return self._row(Answer, item, ms, value)

    def retract(self, *, ms: int, item: str = "overall") -> "Visit":
        return self._row(Retract, item, ms)

    def left(self, *, ms: int, item: str = "reason") -> "Visit":
        return self._row(Left, item, ms)

    def flag(self, reason: str = "rapid", *, ms: int = 0) -> "Visit":
        return self._row(Flag, "overall", ms, reason)

    def _row(self, kind: Any, item: str, ms: int, *extra: Any) -> "Visit":
        where = (self.source.boot, BOOTED, self.synchronised, self.visit, ms)
        self.source.add(kind(1, item, "uk", int(self.channel), *where, *extra))
        return self


def counts(court: Court, day: date | None, item: str = "overall", **where: Any) -> dict[str, int]:
    """The non-zero columns of a court's tallies of one local day, over its exits and inputs."""
    total: dict[str, int] = {}
    for tally in Tally.objects.filter(court=court, local_date=day, item=item, **where):
        for name in COUNTS:
            if getattr(tally, name):
                total[name] = total.get(name, 0) + getattr(tally, name)
    return total


def hours(court: Court, day: date, item: str = "overall") -> dict[int, int]:
    """{local hour: answers} of a court's day."""
    found: dict[int, int] = {}
    for tally in Tally.objects.filter(court=court, local_date=day, item=item):
        for hour, points in tally.hours.items():
            found[int(hour)] = found.get(int(hour), 0) + sum(points)
    return found


def settle(now: datetime = NOON) -> None:
    while tallies.step(now):
        pass


def send(source: Source, first: int = 1, last: int | None = None) -> None:
    source.send(first, last, received=LATER)
    settle()


def greet(source: Source, at: datetime) -> None:
    """The device says hello at `at`, its clock says how long it has been up, and when it last heard this server's."""
    monotonic = int(at.timestamp() * 1000) - BOOTED
    clock, echo = Clock(source.boot, monotonic, monotonic, False), Echo(BOOTED + monotonic - 100, monotonic - 80)
    content_type, data = codec.encode(Hello(1, source.stream, len(source.rows) + 1, 1, 0, clock, "test", echo=echo))
    accept([Received(source.name, content_type, data, int(at.timestamp() * 1000))])
    settle()


def moved(source: Source, exit: Any, at: datetime) -> None:
    assert source.device is not None
    courts.place_device(device=source.device, exit=exit, starts_at=at)
