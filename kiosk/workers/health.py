"""Says every minute how the device is, to the server and to staff on the device, and keeps the ledger short."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import disk_usage
from typing import Final

import structlog

from kiosk.core.ports import Clock, Link, Shelf
from kiosk.core.progress import Progress, fork_note
from kiosk.errors import LedgerError
from wire.codec import encode
from wire.envelopes import Clock as ClockReading
from wire.envelopes import Health
from wire.events import DAY_MS

log = structlog.get_logger("health")

EVERY_S: Final = 60.0
NOTES: Final = 20
"""Notes that fit into a report."""
NOTE_LENGTH: Final = 200


class HealthWorker:
    """`step` makes and sends one report. `notes` gives sentences that staff should read, most important first."""

    def __init__(
        self,
        *,
        shelf: Shelf,
        link: Link,
        clock: Clock,
        reading: Callable[[], ClockReading],
        state_dir: Path,
        software: str,
        retention_days: int,
        config_version: Callable[[], int],
        progress: Callable[[], Progress | None],
        notes: Callable[[], Sequence[str]],
        keep: Callable[[Health, Progress], None],
    ) -> None:
        """`keep` is given each report and what is known of the server, for whoever asks on the device itself."""
        self._shelf = shelf
        self._link = link
        self._clock = clock
        self._reading = reading
        self._state_dir = state_dir
        self._software = software
        self._retention_ms = retention_days * DAY_MS
        self._config_version = config_version
        self._progress = progress
        self._notes = notes
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
        """Sends one report and prunes the ledger. Returns the report."""
        report, progress = self.report()
        self._keep(report, progress)
        self._link.publish("health", *encode(report))
        try:
            while self._shelf.prune(older_than=self._clock.stamp().wall - self._retention_ms):
                pass
        except LedgerError as fault:
            log.warning("not-pruned", text=str(fault))
        return report

    def report(self) -> tuple[Health, Progress]:
        """How the device is now, and what it knows of the server: from the ledger until the sync worker has begun."""
        notes = list(self._notes())
        recorded, written = 0, Progress()
        try:
            standing = self._shelf.standing()
            recorded, written = standing.next - 1, standing.progress
        except LedgerError as fault:
            notes.insert(0, f"ledger: {fault}")
        progress = self._progress() or written
        if progress.forked_at is not None:
            notes.insert(0, fork_note(progress.forked_at))
        report = Health(
            1,
            self._reading(),
            (self._clock.stamp().monotonic - self._started) // 1000,
            recorded,
            progress.stored_through,
            disk_usage(self._state_dir).free,
            self._software,
            self._config_version(),
            [note[:NOTE_LENGTH] for note in notes[:NOTES]],
        )
        return report, progress
