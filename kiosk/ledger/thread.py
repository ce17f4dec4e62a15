"""The one thread that touches the ledger file. Everything else asks it; what waits together is committed together."""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from kiosk.core.progress import Excerpt, Progress, Standing
from kiosk.errors import LedgerError, LedgerInUse
from kiosk.ledger.store import Store, Unreadable, is_damage, leaves_file_known, quarantine
from wire.codec import WireError, encode_event
from wire.events import Event, StreamId

ASK_PATIENCE_S: Final = 30.0
"""A card that has not answered for so long is not going to."""
PROGRESS_LAG_S: Final = 10.0
"""How late what the server has is written down: a power cut in between costs sending rows twice, every write wears the card."""
REOPEN_EVERY_S: Final = 5.0
"""How often a ledger that could not be opened is tried again."""
COMMIT_TOGETHER: Final = 500
"""Appends taken into one transaction at most."""

T = TypeVar("T")
log = structlog.get_logger("ledger")


@dataclass(frozen=True, slots=True)
class _Append:
    rows: Sequence[Event]
    done: Callable[[bool], None]


@dataclass(frozen=True, slots=True)
class _Question:
    ask: Callable[[Store], Any]
    answer: "Future[Any]"


class _Nothing:
    """No further job."""


_NOTHING: Final = _Nothing()
_Job = _Append | _Question | _Nothing | None


class LedgerThread:
    """The durable ledger, from any thread.

    `on_rows` hears, on the ledger's thread, after each commit; `on_health` whether rows can be recorded at all, when that changes.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_rows: Callable[[], None] = lambda: None,
        on_health: Callable[[bool], None] = lambda usable: None,
    ) -> None:
        self._path = path
        self._on_rows = on_rows
        self._on_health = on_health
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._store: Store | None = None
        self._known_next: int | None = None
        self._progress: Progress | None = None
        self._progress_due: float | None = None
        self._tried_at = 0.0
        self._usable: bool | None = None
        self._opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self.quarantined: list[str] = []
        """Names of ledger files that this process had to put aside."""

    def start(self) -> None:
        """Opens the file. Raises `LedgerInUse` when another kiosk has it, `LedgerError` when the card does not answer or nobody
        has foreseen what happened; a card that fails in a known way is tried again later.
        """
        self._thread.start()
        try:
            self._opened.result(ASK_PATIENCE_S)
        except TimeoutError:
            raise LedgerError(
                f"The card does not answer: the ledger {self._path} was not open after {ASK_PATIENCE_S:.0f} seconds.",
                "Switch the device off and on; if it says so again, replace the card.",
            ) from None

    def stop(self) -> None:
        """Finishes what was asked, then closes the file."""
        self._jobs.put(None)
        if self._thread.ident is not None:
            self._thread.join(ASK_PATIENCE_S)

    def append(self, rows: Sequence[Event], done: Callable[[bool], None]) -> None:
        """As `kiosk.core.ports.Recorder`."""
        self._jobs.put(_Append(rows, done))

    def read(self, stream: StreamId, first: int, count: int) -> Excerpt:
        """As `Store.read`, if `stream` is still the one. Raises `LedgerError`."""

        def read(store: Store) -> Excerpt:
            if store.standing.stream != stream:
                raise LedgerError("The ledger has begun a new stream.")
            return store.read(first, count)

        return self._ask(read)

    def standing(self) -> Standing:
        """What the ledger holds, with what is known of the server and may not be on the card yet. Raises `LedgerError`."""
        standing = self._ask(lambda store: store.standing)
        progress = self._progress
        return standing if progress is None else standing._replace(progress=progress)

    def remember(self, stream: StreamId, progress: Progress, *, now: bool = False) -> None:
        """What the server has of `stream`: written within `PROGRESS_LAG_S`, or at once when forgetting it would do harm.

        Knowledge of a stream that is not the ledger's any more is dropped. Raises `LedgerError`.
        """

        def note(store: Store) -> None:
            if store.standing.stream != stream:
                return
            self._progress = progress
            if now:
                self._write_progress(store)
            elif self._progress_due is None:
                self._progress_due = time.monotonic() + PROGRESS_LAG_S

        self._ask(note)

    def prune(self, *, older_than: int) -> int:
        """As `Store.prune`, against what is written down. Raises `LedgerError`."""

        def prune(store: Store) -> int:
            self._write_progress(store)
            return store.prune(older_than=older_than)

        return self._ask(prune)

    def _ask(self, ask: Callable[[Store], T]) -> T:
        answer: Future[T] = Future()
        self._jobs.put(_Question(ask, answer))
        try:
            return answer.result(ASK_PATIENCE_S)
        except TimeoutError:
            raise LedgerError("The card does not answer.") from None

    # --- on the ledger's thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._open()
        except LedgerInUse as fault:
            self._opened.set_exception(fault)
            return
        except Exception as fault:  # whoever waits must hear of it now, not when their patience ends
            log.exception("ledger-not-started")
            self._opened.set_exception(
                LedgerError(
                    f"The ledger {self._path} cannot be opened: {type(fault).__name__}: {fault}.",
                    "Look into the log for what happened.",
                )
            )
            return
        self._opened.set_result(None)
        running = True
        while running:
            try:
                running = self._turn(self._next_job())
            except Exception:
                log.exception("ledger-job-failed")  # one bad job must not end the thread that everybody waits for
        self._close()

    def _turn(self, job: _Job) -> bool:
        """Does `job` and what waits with it. False when the thread is to end."""
        appends: list[_Append] = []
        while isinstance(job, _Append):
            appends.append(job)
            try:
                job = self._jobs.get_nowait() if len(appends) < COMMIT_TOGETHER else _NOTHING
            except queue.Empty:
                job = _NOTHING
        if appends:
            self._commit(appends)
        if isinstance(job, _Question):
            self._reply(job)
        return job is not None

    def _next_job(self) -> _Job:
        """The next job; meanwhile what has been put off is done when it falls due."""
        while True:
            due = self._tried_at + REOPEN_EVERY_S if self._store is None else self._progress_due
            try:
                return self._jobs.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            except queue.Empty:
                if self._store is None:
                    self._open_again()
                else:
                    self._quiet(self._store)

    def _commit(self, appends: list[_Append]) -> None:
        good: list[_Append] = []
        encoded: list[bytes] = []
        for append in appends:
            try:
                encoded.extend([encode_event(row) for row in append.rows])
                good.append(append)
            except WireError as fault:
                log.error("row-refused", reason=fault.reason, text=str(fault))
                append.done(False)
        stored = self._write(encoded)
        for append in good:
            append.done(stored)
        if stored and encoded:
            self._on_rows()

    def _write(self, rows: list[bytes]) -> bool:
        store = self._store or self._open_again()
        if store is None:
            return False
        try:
            store.append(rows)
        except sqlite3.Error as fault:
            self._fail(store, fault)
            return False
        return True

    def _reply(self, question: _Question) -> None:
        store = self._store
        if store is None:
            question.answer.set_exception(LedgerError("The ledger is not open."))
            return
        try:
            question.answer.set_result(question.ask(store))
        except (sqlite3.Error, Unreadable) as fault:
            self._fail(store, fault)
            question.answer.set_exception(LedgerError(f"The card failed: {fault}."))
        except Exception as fault:
            question.answer.set_exception(fault)

    def _write_progress(self, store: Store) -> None:
        self._progress_due = None
        if self._progress is not None and self._progress != store.standing.progress:
            store.remember(self._progress)

    def _quiet(self, store: Store) -> None:
        """Nobody has asked for anything for a while: the moment for what can wait."""
        try:
            self._write_progress(store)
            store.tidy()
        except sqlite3.Error as fault:
            self._fail(store, fault)

    def _fail(self, store: Store, fault: sqlite3.Error | Unreadable) -> None:
        """After most failures nobody knows what the file holds: it is opened afresh, without the rows that were refused."""
        log.error("ledger-failed", text=str(fault), name=getattr(fault, "sqlite_errorname", ""))
        if isinstance(fault, sqlite3.Error) and leaves_file_known(fault):
            return
        self._known_next = store.standing.next
        self._store = None
        try:
            store.close()
        except sqlite3.Error as closing:
            log.error("ledger-close-failed", text=str(closing))
        if isinstance(fault, Unreadable) or is_damage(fault):
            self._put_aside(str(fault))
        self._open_again()

    def _open_again(self) -> Store | None:
        try:
            self._open()
        except LedgerInUse as fault:
            log.error("ledger-in-use", text=str(fault))
        return self._store

    def _open(self) -> None:
        """Opens it if that can be done now. Raises `LedgerInUse`."""
        self._tried_at = time.monotonic()
        try:
            self._store = self._opened_store()
            self._known_next = None
        except LedgerInUse:
            raise
        except (LedgerError, OSError, sqlite3.Error, Unreadable) as fault:
            log.error("ledger-not-opened", text=str(fault))
        usable = self._store is not None
        if usable is not self._usable:
            self._usable = usable
            self._on_health(usable)

    def _opened_store(self) -> Store:
        try:
            return Store(self._path, known_next=self._known_next)
        except Unreadable as fault:
            self._put_aside(str(fault))
            return Store(self._path)

    def _put_aside(self, why: str) -> None:
        kept = quarantine(self._path, f"ledger-{time.strftime('%Y%m%d-%H%M%S')}.sqlite3")
        self._known_next = None
        self._progress = None
        self.quarantined.append(kept.name)
        log.error("ledger-quarantined", why=why, kept=str(kept))

    def _close(self) -> None:
        if self._store is not None:
            self._quiet(self._store)
        if self._store is not None:
            self._store.close()
            self._store = None
