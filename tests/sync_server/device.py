"""A device as the server meets it: a key, a stream, a chain, signed batches. Used by the tests of several rooms."""

from datetime import UTC, datetime
from os import urandom
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sync_server.courts import services as courts
from sync_server.courts.models import Court, Device, Exit
from sync_server.ingest.services import Outcome, Received, accept
from wire import chain, codec
from wire.envelopes import Ack, Batch, Clock, Echo, Hello
from wire.events import Answer, Event, Input, Link, StreamId

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""A Friday; 14:00 in Kyiv."""
BOOTED = int(NOON.timestamp() * 1000) - 3_600_000
"""Wall clock (ms) at which the monotonic clock of these devices read 0."""


def a_court(slug: str = "court", *, timezone: str = "Europe/Kyiv") -> Court:
    return courts.open_court(slug=slug, name_uk=f"Суд {slug}", timezone=timezone)


def an_exit(court: Court, name: str = "Головний вихід") -> Exit:
    return courts.open_exit(court=court, name_uk=name)


class Source:
    """One ledger file of one device: rows are added to it, batches are cut from it."""

    def __init__(self, name: str, key: Ed25519PrivateKey, device: Device | None = None) -> None:
        self.name = name
        self.key = key
        self.device = device
        self.stream = StreamId(urandom(16))
        self.boot = urandom(16)
        self.rows: list[bytes] = []
        self.links: list[Link] = []

    def clone(self) -> "Source":
        """The same card copied: same key, same stream, same rows, and a future of its own."""
        twin = Source(self.name, self.key, self.device)
        twin.stream, twin.boot = self.stream, self.boot
        twin.rows, twin.links = list(self.rows), list(self.links)
        return twin

    def add(self, *events: Event | bytes) -> None:
        for event in events:
            row = event if isinstance(event, bytes) else codec.encode_event(event)
            self.links.append(chain.link(self.links[-1] if self.links else chain.origin(self.stream), row))
            self.rows.append(row)

    def event(
        self, kind: type[Any], at: datetime = NOON, *extra: Any, dt: int = 0, synchronised: bool = True, item: str = "overall"
    ) -> Any:
        """A row of this device whose visit began at `at`."""
        visit = int(at.timestamp() * 1000) - BOOTED
        return kind(1, item, "uk", int(Input.TOUCH), self.boot, BOOTED, synchronised, visit, dt, *extra)

    def rate(self, *values: int, at: datetime = NOON, **more: Any) -> None:
        """One visit per value, a second apart."""
        for place, value in enumerate(values):
            moment = datetime.fromtimestamp(at.timestamp() + len(self.rows) + place / 1000, UTC)
            self.add(self.event(Answer, moment, value, **more))

    def batch(self, first: int = 1, last: int | None = None, *, key: Ed25519PrivateKey | None = None) -> Batch:
        end = len(self.rows) if last is None else last
        previous = self.links[first - 2] if first > 1 else chain.origin(self.stream)
        rows = self.rows[first - 1 : end]
        statement = chain.batch_statement(self.stream, first, len(rows), self.links[end - 1])
        return Batch(1, self.stream, first, previous, rows, (key or self.key).sign(statement))

    def message(self, first: int = 1, last: int | None = None, *, received: datetime = NOON) -> Received:
        content_type, data = codec.encode(self.batch(first, last))
        return Received(self.name, content_type, data, _ms(received) + 60_000)

    def hello(
        self,
        *,
        next: int | None = None,
        oldest: int = 1,
        synchronised: bool = True,
        received: datetime = NOON,
        epoch: bytes = b"",
        echoes: bool = False,
        moved: int | None = None,
    ) -> Received:
        """A greeting that arrives as it is made; `echoes` the server's clock, heard a tenth of a second before, if asked to."""
        monotonic = _ms(received) - BOOTED
        greeting = Hello(
            v=1,
            stream=self.stream,
            next=len(self.rows) + 1 if next is None else next,
            oldest=oldest,
            config=0,
            clock=Clock(self.boot, monotonic, monotonic + BOOTED if synchronised else monotonic, synchronised),
            software="test",
            epoch=epoch,
            echo=Echo(_ms(received) - 100, monotonic - 80) if echoes else None,
            moved_through=moved,
        )
        content_type, data = codec.encode(greeting)
        return Received(self.name, content_type, data, _ms(received))

    def send(self, first: int = 1, last: int | None = None, *, received: datetime = NOON) -> Ack:
        return told(accept([self.message(first, last, received=received)])[0])


def a_source(name: str = "kiosk-test-1", *, exit: Exit | None = None, since: datetime = datetime(2020, 1, 1, tzinfo=UTC)) -> Source:
    """An enrolled device with an empty ledger, standing at `exit` from `since` on."""
    key = Ed25519PrivateKey.generate()
    device = courts.register_device(name=name, public_key=key.public_key().public_bytes_raw(), enrolled_at=since)
    if exit is not None:
        courts.place_device(device=device, exit=exit, starts_at=since)
    return Source(name, key, device)


def told(outcome: Outcome) -> Ack:
    assert outcome.ack is not None
    return outcome.ack


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
