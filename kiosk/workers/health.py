"""Says every minute how the device is, to the server and to staff on the device, and keeps the ledger short."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import disk_usage
from typing import Final

import structlog

from kiosk.core.ports import Clock, Shelf
from kiosk.core.progress import Progress, Standing
from kiosk.errors import LedgerError
from kiosk.workers.sync import Outlook
from kiosk.workers.upward import reading
from wire.codec import WireError, decode_event
from wire.envelopes import Health
from wire.events import DAY_MS, StreamId, at

log = structlog.get_logger("health")

EVERY_S: Final = 60.0
NOTES: Final = 20
"""Notes that fit into a report."""
NOTE_LENGTH: Final = 200
LONG_HENCE: Final = 2**52
"""A wall clock reading (ms) that no row can have."""
PRESSED_BELOW: Final = 64 * 1024 * 1024
"""Free bytes on the card below which rows are not kept longer than the server's backups ask for."""


class HealthWorker:
    """`step` makes and sends one report. `notes` gives sentences that staff should read, most important first."""

    def __init__(
        self,
        *,
        shelf: Shelf,
        clock: Clock,
        state_dir: Path,
        software: str,
        retention_days: int,
        config_version: Callable[[], int],
        outlook: Callable[[], Outlook],
        notes: Callable[[], Sequence[str]],
        send: Callable[[Health], None],
        keep: Callable[[Health], None],
    ) -> None:
        """`send` and `keep` are given each report: the one for the server, the other for whoever asks on the device itself."""
        self._shelf = shelf
        self._clock = clock
        self._state_dir = state_dir
        self._software = software
        self._retention_ms = retention_days * DAY_MS
        self._config_version = config_version
        self._outlook = outlook
        self._notes = notes
        self._send = send
        self._keep = keep
        self._started = clock.stamp().monotonic
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        """Reports from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Reports no more."""
        self._stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def nudge(self) -> None:
        """There is news worth a report before its time. From any thread."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self.step()
            except Exception:
                log.exception("health-step-failed")
            self._wake.wait(EVERY_S)
            self._wake.clear()

    def step(self) -> Health:
        """Sends one report, prunes the ledger, and leaves the report for staff. Returns it.

        In this order: a full card cannot take the file for staff, and it is the other two that help it.
        """
        report = self.report()
        self._send(report)
        self._prune(pressed=report.free_bytes < PRESSED_BELOW)
        self._keep(report)
        return report

    def _prune(self, *, pressed: bool) -> None:
        """Deletes what is backed up, once it is old; all of it where there is hardly any room, whatever the clocks say."""
        older_than = LONG_HENCE if pressed else self._clock.stamp().wall - self._retention_ms
        try:
            while self._shelf.prune(older_than=older_than):
                pass
        except LedgerError as fault:
            log.warning("not-pruned", text=str(fault))

    def report(self) -> Health:
        """How the device is now, and what it knows of the server."""
        notes = list(self._notes())
        standing = Standing(StreamId(b""), 1, 1, Progress())
        waiting_since: int | None = None
        try:
            standing = self._shelf.standing()
            waiting_since = self._waiting_since(standing)
        except LedgerError as fault:
            notes.insert(0, f"ledger: {fault}")
        outlook = self._outlook()
        try:
            free = disk_usage(self._state_dir).free
        except OSError as fault:
            free = 0
            notes.insert(0, f"the card does not say how much room it has: {fault}")
        stamp = self._clock.stamp()
        return Health(
            1,
            reading(self._clock),
            (stamp.monotonic - self._started) // 1000,
            standing.next - 1,
            standing.progress.stored_through,
            free,
            self._software,
            self._config_version(),
            [note[:NOTE_LENGTH] for note in notes[:NOTES]],
            stream=standing.stream,
            backed_through=standing.progress.backed_through,
            moving=standing.moving,
            waiting_since=waiting_since,
            gap=outlook.troubles.gap,
            way=outlook.way.value,
            echo=outlook.echo,
            fork=outlook.troubles.fork_at(stamp.wall),
            moved_through=standing.moved,
        )

    def _waiting_since(self, standing: Standing) -> int | None:
        """When the oldest row was recorded that the server has not said it has; None where no clock knew. Raises `LedgerError`."""
        first = max(standing.progress.stored_through + 1, standing.oldest)
        if first >= standing.next:
            return None
        rows = self._shelf.read(standing.stream, first, 1).rows
        if not rows:
            return None
        try:
            row = decode_event(rows[0])
        except WireError:
            return None  # a row from another time: it waits all the same, and nobody here can read since when
        now = self._clock.stamp()
        if row.boot == now.boot and now.synchronised:
            return row.visit + row.dt + now.wall_offset
        return at(row) if row.synchronised else None
