"""Fills the sample courts through the one way in: sample devices sign batches, and `accept` takes them.

Runs inside a configured Django process. Keys are made on the spot and forgotten afterwards, so that nothing can be added in a
sample device's name later. What it writes besides answers are courts, exits, devices and placements, by their own services.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.core import visit as core
from wire import chain, codec
from wire.envelopes import MAX_ROWS, Batch, Questionnaire
from wire.events import Event, Link, StreamId, at
from workbench.sample_courts import COURTS, SampleCourt, SampleExit
from workbench.visitors import WEEKS, Door, rows_of_weeks

if TYPE_CHECKING:
    from sync_server.ingest.services import Outcome, Received

    Accept = Callable[[list[Received]], list[Outcome]]

SEED: Final = 2026
BATCHES_AT_ONCE: Final = 16
DELIVERY_MS: Final = 4_000  # from the last row of a batch to its arrival

Say = Callable[[int, int, str], None]
"""Told (rows accepted, rows in all, the court being filled)."""


class SamplesRefused(Exception):
    """`accept` did not store what a sample device sent."""


@dataclass
class SampleDevice:
    """One device at one door: its rows, its key while it lives, and its place in its stream."""

    name: str
    door: Door
    rows: list[Event]
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def public_key(self) -> bytes:
        """The 32 bytes the server knows it by."""
        return self.key.public_key().public_bytes_raw()

    def batches(self) -> Iterator[tuple[int, str, bytes, int]]:
        """(rows, content type, signed and encoded batch, arrival in epoch ms), in the stream's order."""
        stream = StreamId(sha256(f"{self.name}/{self.public_key.hex()}".encode()).digest()[:16])
        link: Link = chain.origin(stream)
        for start in range(0, len(self.rows), MAX_ROWS):
            part = self.rows[start : start + MAX_ROWS]
            encoded = [codec.encode_event(row) for row in part]
            head = chain.links(link, encoded)[-1]
            statement = chain.batch_statement(stream, start + 1, len(encoded), head)
            batch = Batch(1, stream, start + 1, link, encoded, self.key.sign(statement))
            content_type, data = codec.encode(batch)
            yield len(part), content_type, data, at(part[-1]) + DELIVERY_MS
            link = head


def devices(
    questionnaire: Questionnaire, *, now: datetime, seed: int = SEED, courts: tuple[SampleCourt, ...] = COURTS
) -> list[SampleDevice]:
    """Every sample device with its twelve weeks of rows up to `now` (aware). Rows depend on nothing but the arguments."""
    rules = core.Rules(questionnaire, languages=("uk", "en"), language="uk")
    zone = ZoneInfo("Europe/Kyiv")
    made = []
    for court_number, court in enumerate(courts, start=1):
        for number, door_exit in enumerate(court.exits, start=1):
            door = Door(court, door_exit, zone)
            weeks = rows_of_weeks(
                door, last=now.astimezone(zone).date(), until_ms=int(now.timestamp() * 1000), rules=rules, seed=seed
            )
            # A visit under way at `now` would still be on the device.
            rows = [row for day in weeks for row in day if at(row) + DELIVERY_MS < now.timestamp() * 1000]
            made.append(SampleDevice(f"sample-court{court_number}-exit{number}", door, rows))
    return made


def fill(say: Say, *, now: datetime, seed: int = SEED, courts: tuple[SampleCourt, ...] = COURTS) -> int:
    """Opens the sample courts and sends their twelve weeks through `accept`. Returns the rows stored. Not to be repeated."""
    from sync_server.ingest.services import Received, accept
    from sync_server.surveys.selectors import current_questionnaire

    questionnaire = current_questionnaire("exit")
    if questionnaire is None:
        raise SamplesRefused("no questionnaire has been released yet")
    everyone = devices(questionnaire, now=now, seed=seed, courts=courts)
    _set_up(everyone, courts, starts_at=now - timedelta(days=WEEKS * 7 + 1))
    total = sum(len(device.rows) for device in everyone)
    stored = 0
    for device in everyone:
        waiting: list[tuple[int, Received]] = []
        for count, content_type, data, arrival in device.batches():
            waiting.append((count, Received(device.name, content_type, data, arrival)))
            if len(waiting) == BATCHES_AT_ONCE:
                stored += _offer(waiting, accept)
                waiting = []
                say(stored, total, device.door.court.name_uk)
        if waiting:
            stored += _offer(waiting, accept)
            say(stored, total, device.door.court.name_uk)
    return stored


def _offer(waiting: list[tuple[int, "Received"]], accept: "Accept") -> int:
    """Sends what waits and believes only the acknowledgement. Raises SamplesRefused."""
    outcomes = accept([message for _, message in waiting])
    for outcome in outcomes:
        if outcome.ack is None:
            raise SamplesRefused(f"{outcome.device}: a batch was not acknowledged")
        if outcome.ack.refused or outcome.ack.rejected:
            raise SamplesRefused(f"{outcome.device}: {outcome.ack.refused or outcome.ack.rejected[0].reason}")
    return sum(count for count, _ in waiting)


def _set_up(everyone: list[SampleDevice], courts: tuple[SampleCourt, ...], *, starts_at: datetime) -> None:
    from sync_server.courts.services import open_court, open_exit, place_device, register_device

    opened = {
        court.slug: open_court(slug=court.slug, name_uk=court.name_uk, name_en=court.name_en, is_sample=True) for court in courts
    }
    for device in everyone:
        place: SampleExit = device.door.exit
        door = open_exit(court=opened[device.door.court.slug], name_uk=place.name_uk, name_en=place.name_en)
        registered = register_device(
            name=device.name, public_key=device.public_key, enrolled_at=starts_at.astimezone(UTC), label="sample"
        )
        place_device(device=registered, exit=door, starts_at=starts_at)
