"""The server side: the real `accept` and the real tallies on a database in memory, that crashes, is backed up and is restored.

What is real: everything below `accept`, and the counting. What stands in: backups, restoring and the watermarks that follow from
them are written a second time here, as the rule says it and without files; the real ones are in `sync_server.keeping`, tried by its
own tests, `tests/faults` and the restore drill. Processes are not ended but left in the middle of a transaction.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from wire import codec
from wire.codec import WireError, decode_event
from wire.envelopes import Ack, Clock
from wire.events import ID_BYTES, DeviceId, Event
from workbench.simulation.agenda import Agenda
from workbench.simulation.truth import Key, Truth, key_of

TALLY_STEPS: Final = 2_000
"""More steps than any run leaves to do: a step that is never done is a defect."""


OUTAGE: Final = 1_000
"""A gap of more rows than are under way at once is no loss: the newest of a backlog have come first."""


class ServerDied(Exception):
    """The process ended in the middle of what it was doing."""


@cache
def _template() -> sqlite3.Connection:
    """A new installation's database. Django is set up here, once a process."""
    state = tempfile.mkdtemp(prefix="vidhuk-simulation-")
    config = Path(state) / "server.toml"
    config.write_text('state_dir = "state"\n')
    (Path(state) / "state").mkdir()
    os.environ["VIDHUK_SERVER_CONFIG"] = str(config)
    os.environ.pop("DATABASE_URL", None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "sync_server.project.settings"
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = ":memory:"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    return _copy(_raw())


def _copy(database: sqlite3.Connection) -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    database.backup(made)
    return made


def _raw() -> sqlite3.Connection:
    from django.db import connection

    connection.ensure_connection()
    found: sqlite3.Connection = connection.connection
    return found


class Backup(NamedTuple):
    """A backup that may be restored until it is retired. `held` is how far it holds each stream, read from the copy itself."""

    name: str
    made_at: int
    data: sqlite3.Connection
    held: dict[bytes, int]


class StoredRow(NamedTuple):
    """A row of the server's ledger, with what the simulator needs to find it again."""

    stream: int
    seq: int
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
    at: int | None


class Server:
    """One server. Whoever calls it looks at `up` first."""

    def __init__(self, agenda: Agenda, truth: Truth) -> None:
        template = _template()  # before any of Django's models can be imported
        from sync_server.ingest.models import Installation

        self._agenda = agenda
        self._truth = truth
        self.up = True
        self.credit: int | None = None
        """Batches that a device may have under way, where it is not what a server that has time grants."""
        self.unread = 0.0
        """The share of rows that it cannot read: it is older than the devices that write them."""
        self.backups: list[Backup] = []
        self._made = 0
        template.backup(_raw())
        Installation.objects.all().delete()
        Installation.objects.create(epoch=agenda.random.randbytes(ID_BYTES))

    # --- what devices say --------------------------------------------------------------------------------------------------

    def accept(self, messages: Sequence[tuple[DeviceId, str | None, bytes]]) -> dict[DeviceId, list[Ack]]:
        """The real `accept`; the newest word for each stream of each device. Raises `ServerDied` where the run has it die."""
        from sync_server.ingest.services import Received, accept

        now = self._agenda.now
        received = [Received(device, content_type, data, now) for device, content_type, data in messages]
        with self._in_its_state():
            outcomes = accept(received, now=lambda: now / 1000)
        for outcome in outcomes:
            if outcome.hello is not None:
                self._met(outcome.hello.clock)
        newest: dict[tuple[str, bytes], Ack] = {}
        for outcome in outcomes:
            if outcome.ack is not None:
                self._count(outcome.ack)
                newest[outcome.device, outcome.ack.stream] = outcome.ack
        answers: dict[DeviceId, list[Ack]] = {}
        for (device, _), ack in newest.items():
            answers.setdefault(DeviceId(device), []).append(ack)
        return answers

    @contextmanager
    def _in_its_state(self) -> Iterator[None]:
        """While it takes something in, it grants as little and reads as badly as it does now."""
        from sync_server.ingest import books

        with ExitStack() as stack:
            if self.credit is not None:
                stack.enter_context(patch.object(books, "CREDIT", self.credit))
            if self.unread:
                stack.enter_context(patch.object(codec, "decode_event", self._read))
            yield

    def _read(self, row: bytes) -> Event:
        """The same rows can be read or cannot, however often they come."""
        if sha256(row).digest()[0] < 256 * self.unread:
            self._agenda.happened["row set aside"] += 1
            raise WireError("row", "this server is too old for it")
        return decode_event(row)

    def mend(self) -> None:
        """It is brought up to date, and what is set aside is tried again."""
        from sync_server.ingest.replay import repeatable, replay

        self.unread = 0.0
        outcomes = replay(repeatable().order_by("pk"), now=lambda: self._agenda.now / 1000)
        if outcomes:
            self._agenda.note("server", f"what was set aside is tried again: {sorted(outcomes.items())}")

    def rows_aside(self) -> set[Key]:
        """Rows of its ledger whose places are held only, but which lie beside it in their own bytes."""
        from sync_server.ingest.replay import is_row, waiting

        return {key_of(DeviceId(entry.device), decode_event(bytes(entry.data))) for entry in waiting() if is_row(entry)}

    def _count(self, ack: Ack) -> None:
        if ack.missing:
            self._agenda.happened["gap asked for again"] += 1
            if len(ack.missing) > 1:
                self._agenda.happened["several gaps"] += 1
            if ack.missing[0].last - ack.missing[0].first >= OUTAGE:
                self._agenda.happened["newest before oldest"] += 1

    def note(self, device: DeviceId, content_type: str | None, data: bytes) -> None:
        """A report: its clock and its echo bound the times of the rows of its boot."""
        from sync_server.ingest.services import hear

        try:
            health = codec.decode_health(content_type, data)
        except WireError:
            return
        hear(device, health, self._agenda.now)
        self._met(health.clock)

    def _met(self, written: Clock) -> None:
        """What was written at this reading of a device's clock is in the ledger's books now."""
        boot = self._truth.boots[written.boot]
        self._truth.meetings.taken(boot.id, boot.true(written.monotonic), self._agenda.now)

    def standing(self, device: DeviceId) -> Ack | None:
        """What a device is told that waits when the server comes back."""
        from sync_server.ingest.selectors import standing

        found: Ack | None = standing(device, self._agenda.now)
        return found

    @contextmanager
    def dying(self, statement: int) -> Iterator[None]:
        """The process ends at its `statement`-th statement from here, if it gets there."""
        from django.db import connection

        left = [statement]

        def perhaps(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            left[0] -= 1
            if left[0] <= 0:
                raise ServerDied
            return execute(sql, params, many, context)

        with connection.execute_wrapper(perhaps):
            yield

    # --- tallies -----------------------------------------------------------------------------------------------------------

    def tally(self, steps: int = TALLY_STEPS) -> bool:
        """At most so many steps of the tally worker. Whether nothing is left to do."""
        from sync_server.results import tallies

        now = datetime.fromtimestamp(self._agenda.now / 1000, UTC)
        return any(not tallies.step(now) for _ in range(steps))

    # --- backups -----------------------------------------------------------------------------------------------------------

    def back_up(self) -> Backup:
        """A copy of this moment, from which it may be restored until it is retired."""
        from sync_server.ingest.models import Stream

        self._made += 1
        held = {bytes(stream): through for stream, through in Stream.objects.values_list("stream", "stored_through")}
        backup = Backup(f"backup-{self._made}", self._agenda.now, _copy(_raw()), held)
        self.backups.append(backup)
        self._follow()
        return backup

    def retire(self, backup: Backup) -> None:
        """`backup` may be restored no more."""
        self.backups.remove(backup)
        backup.data.close()
        self._follow()

    def restore(self, backup: Backup) -> None:
        """The database is what it was at `backup`, under a new epoch."""
        from sync_server.ingest.models import Installation

        backup.data.backup(_raw())
        self._truth.meetings.forgotten()
        Installation.objects.update(
            epoch=self._agenda.random.randbytes(ID_BYTES), restored_from=backup.name, restored_at=self._agenda.now
        )
        self._follow()

    def safe_through(self, stream: bytes) -> int:
        """How far every backup that may be restored holds `stream`: below that, and nowhere above, a device may forget."""
        return min((backup.held.get(stream, 0) for backup in self.backups), default=0)

    def _follow(self) -> None:
        from sync_server.ingest.models import Stream

        for stream in Stream.objects.all():
            through = self.safe_through(bytes(stream.stream))
            if through != stream.backed_through:
                Stream.objects.filter(pk=stream.pk).update(backed_through=through)

    @property
    def epoch(self) -> bytes:
        """Its state of being."""
        from sync_server.ingest.models import Installation

        return bytes(Installation.objects.values_list("epoch", flat=True).get())

    # --- what it holds -----------------------------------------------------------------------------------------------------

    def rows(self) -> list[StoredRow]:
        """The whole ledger but for places held by rows that were set aside, oldest stream first."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT l.stream_id, l.seq, d.name, b.boot, l.visit, l.dt, l.kind, i.key, l.value, l.input, l.wall_offset,"
                ' l.synchronised, l."at" FROM ingest_ledger l JOIN ingest_stream s ON s.id = l.stream_id'
                " JOIN courts_device d ON d.id = s.device_id JOIN ingest_boot b ON b.id = l.boot_id"
                " JOIN ingest_itemkey i ON i.id = l.item_id ORDER BY l.stream_id, l.seq"
            )
            return [StoredRow(*row)._replace(boot=bytes(row[3]), synchronised=bool(row[11])) for row in cursor.fetchall()]

    def tallies(self) -> list[tuple[object, ...]]:
        """All that is counted, in one order."""
        from sync_server.results.models import COUNTS, Tally

        cell = ("court_id", "exit_id", "item", "local_date", "input")
        return list(Tally.objects.order_by(*cell).values_list(*cell, "hours", *COUNTS))
