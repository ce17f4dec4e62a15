"""The one thread that touches the ledger file. Everything else asks it; what waits together is committed together."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from kiosk.core.progress import Excerpt, Progress, Standing
from kiosk.errors import LedgerError
from kiosk.ledger.keeper import Keeper
from wire.events import Event, StreamId

ASK_PATIENCE_S: Final = 30.0
"""A card that has not answered for so long is not going to."""
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
    ask: Callable[[], Any]
    answer: "Future[Any]"


class _Nothing:
    """No further job."""


_NOTHING: Final = _Nothing()
_Job = _Append | _Question | _Nothing | None


class LedgerThread:
    """The durable ledger, from any thread.

    `on_rows` hears, on the ledger's thread, after each commit that brought rows; `on_health` whether rows can be recorded at all,
    when that changes.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_rows: Callable[[], None] = lambda: None,
        on_health: Callable[[bool], None] = lambda usable: None,
    ) -> None:
        self._path = path
        self._keeper = Keeper(path, now=time.monotonic, on_health=on_health)
        self._on_rows = on_rows
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    @property
    def quarantined(self) -> Sequence[str]:
        """Names of ledger files that this process had to put aside."""
        return self._keeper.quarantined

    @property
    def trouble(self) -> str:
        """Why nothing is recorded at present; empty while all is well."""
        return self._keeper.trouble

    def start(self) -> None:
        """Opens the file. Raises `LedgerInUse` when another kiosk has it, `LedgerTooNew` when a newer program wrote it, and
        `LedgerError` when the card does not answer or nobody has foreseen what happened; a card that fails in a known way is tried
        again later.
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
        """As `Keeper.read`."""
        return self._ask(lambda: self._keeper.read(stream, first, count))

    def standing(self) -> Standing:
        """As `Keeper.standing`."""
        return self._ask(self._keeper.standing)

    def remember(self, stream: StreamId, progress: Progress, *, now: bool = False) -> None:
        """As `Keeper.remember`."""
        self._ask(lambda: self._keeper.remember(stream, progress, now=now))

    def prune(self, *, older_than: int) -> int:
        """As `Keeper.prune`."""
        return self._ask(lambda: self._keeper.prune(older_than=older_than))

    def begin_anew(self, stream: StreamId, progress: Progress) -> Standing:
        """As `Keeper.begin_anew`."""
        return self._ask(lambda: self._keeper.begin_anew(stream, progress))

    def _ask(self, ask: Callable[[], T]) -> T:
        answer: Future[T] = Future()
        self._jobs.put(_Question(ask, answer))
        try:
            return answer.result(ASK_PATIENCE_S)
        except TimeoutError:
            raise LedgerError("The card does not answer.") from None

    # --- on the ledger's thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._keeper.open()
        except LedgerError as fault:
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
        self._keeper.close()

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
            due = self._keeper.due
            try:
                return self._jobs.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            except queue.Empty:
                if self._keeper.bite():
                    self._on_rows()

    def _commit(self, appends: list[_Append]) -> None:
        outcomes = self._keeper.record([append.rows for append in appends])
        for append, stored in zip(appends, outcomes, strict=True):
            append.done(stored)
        if any(append.rows and stored for append, stored in zip(appends, outcomes, strict=True)):
            self._on_rows()

    def _reply(self, question: _Question) -> None:
        try:
            question.answer.set_result(question.ask())
        except Exception as fault:
            question.answer.set_exception(fault)
