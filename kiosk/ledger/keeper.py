"""Keeps one ledger: opens it, answers for it, outlives a failing card, and does in bites whatever can wait. No threads, no clock.

Whoever drives it calls `bite` once `due` has come and nobody waits for an answer. Everything else is answered at once.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from kiosk.core.progress import Excerpt, Progress, Standing
from kiosk.errors import LedgerError, LedgerInUse, LedgerTooNew
from kiosk.ledger import aside, ballast, salvage, store
from kiosk.ledger.faults import is_damage, is_full, leaves_file_known
from kiosk.ledger.salvage import Salvage
from kiosk.ledger.sealing import Unreadable
from kiosk.ledger.store import Birth, Connect, Store
from wire.codec import WireError, encode_event
from wire.events import Event, StreamId

PROGRESS_LAG_S: Final = 10.0
"""How late what the server has is written down: a power cut in between costs sending rows twice, every write wears the card."""
TIDY_LAG_S: Final = 10.0
"""How long after a commit the write-ahead log is emptied, if nothing else comes."""
TIDY_AFTER: Final = 250
"""Commits after which it is emptied at once: the log stays short, and quick to read back."""
REOPEN_EVERY_S: Final = 5.0
"""How often a ledger that could not be opened is tried again, and work that found no room on the card."""
BREATH_S: Final = 0.05
"""Pause between two bites of long work, in which the processor and the card are free for others."""

log = structlog.get_logger("ledger")


class Keeper:
    """One ledger, used on one thread. `now` gives seconds on any clock that does not go back."""

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], float],
        birth: Birth = store.birth,
        connect: Connect = store.connect,
        on_health: Callable[[bool], None] = lambda usable: None,
    ) -> None:
        """`birth` makes stream ids, `connect` opens the file; `on_health` hears whether rows can be recorded, when that changes."""
        self._path = path
        self._now = now
        self._birth = birth
        self._connect = connect
        self._on_health = on_health
        self._store: Store | None = None
        self._known_next: int | None = None
        self._progress: Progress | None = None
        self._progress_due: float | None = None
        self._tidy_due: float | None = None
        self._commits = 0
        self._work_due = 0.0
        self._checked = 0
        self._waiting: list[str] = []
        self._ceilings: dict[str, int] = {}
        self._tried_at = 0.0
        self._usable: bool | None = None
        self.quarantined: list[str] = []
        """Names of ledger files that this process had to put aside."""
        self.trouble = ""
        """Why nothing is recorded at present, as the card says it; empty while all is well."""

    def open(self) -> None:
        """Opens the file now or, if that cannot be done, later. Raises `LedgerInUse` and `LedgerTooNew`: waiting does not help."""
        self._tried_at = self._now()
        try:
            self._store = self._opened_store()
            self._known_next = None
            self._checked = self._store.standing.oldest
            self._work_due = self._now()
            begun = self._store.salvage
            self._waiting = [name for name in salvage.waiting(self._path) if begun is None or name != begun.name]
            self._begin_salvage(self._store)
        except (LedgerInUse, LedgerTooNew):
            raise
        except (LedgerError, OSError, sqlite3.Error, Unreadable) as fault:
            log.error("ledger-not-opened", text=str(fault))
            self.trouble = str(fault)
        usable = self._store is not None
        if usable is not self._usable:
            self._usable = usable
            self._on_health(usable)

    def close(self) -> None:
        """Writes what was put off, then lets go of the file."""
        if self._store is not None:
            with self._caring(self._store):
                self._write_progress(self._store)
                self._tidy(self._store)
        if self._store is not None:
            self._store.close()
            self._store = None

    # --- what is asked ---------------------------------------------------------------------------------------------------------

    def record(self, appends: Sequence[Sequence[Event]]) -> list[bool]:
        """Writes all `appends` in one transaction. Returns for each whether it is on the card; one with a row that nobody would
        accept is refused, and does not harm its neighbours."""
        encoded = [_encoded(rows) for rows in appends]
        stored = self._write([row for rows in encoded if rows is not None for row in rows])
        return [rows is not None and stored for rows in encoded]

    def standing(self) -> Standing:
        """What the ledger holds, with what is known of the server and may not be on the card yet. Raises `LedgerError`."""
        standing = self._open_store().standing
        if self._waiting:
            standing = standing._replace(moved=None)  # there is more to take over
        return standing if self._progress is None else standing._replace(progress=self._progress)

    def read(self, stream: StreamId, first: int, count: int) -> Excerpt:
        """As `Store.read`, if `stream` is still the one. Raises `LedgerError`."""
        with self._asked() as store:
            if store.standing.stream != stream:
                raise LedgerError("The ledger has begun a new stream.")
            return store.read(first, count)

    def remember(self, stream: StreamId, progress: Progress, *, now: bool = False) -> None:
        """What the server has of `stream`: written within `PROGRESS_LAG_S`, or at once when forgetting it would do harm.

        Knowledge of a stream that is not the ledger's any more is dropped. Raises `LedgerError`.
        """
        with self._asked() as store:
            if store.standing.stream != stream:
                return
            self._progress = progress
            if now:
                self._write_progress(store)
            elif self._progress_due is None:
                self._progress_due = self._now() + PROGRESS_LAG_S

    def prune(self, *, older_than: int) -> int:
        """As `Store.prune`, against what is written down. Works on a full card too. Raises `LedgerError`."""
        with self._asked() as store:
            try:
                pruned = self._prune(store, older_than)
                if not pruned and not self.trouble:
                    self._discard(store)
                return pruned
            except sqlite3.OperationalError as fault:
                if not is_full(fault) or self.standing().progress.backed_through < store.standing.oldest:
                    raise
                if not ballast.drop(self._path):
                    raise
                log.warning("ledger-ballast-dropped")
                self._tidy(store)
                return self._prune(store, older_than)

    def _prune(self, store: Store, older_than: int) -> int:
        self._write_progress(store)
        pruned = store.prune(older_than=older_than)
        if pruned:
            self._committed(store)
        return pruned

    def _discard(self, store: Store) -> None:
        """Damaged files are deleted with the rows that were taken over from them, or a failing card would fill up with them."""
        try:
            for name in store.outlived(salvage.kept(self._path)):
                salvage.discard(self._path, name)
        except OSError as fault:
            log.error("ledger-not-discarded", text=str(fault))

    def begin_anew(self, stream: StreamId, progress: Progress) -> Standing:
        """Ends `stream`, of which the server has `progress`, and begins another, to which the rows are brought over in bites,
        except for those that its backups hold (after a fork, all of them). If `stream` is not the present one, nothing is done.
        Raises `LedgerError`."""
        with self._asked() as store:
            if store.standing.stream == stream:
                store.begin_anew(progress)
                self._progress, self._progress_due = None, None
                self._checked = 1
                self._work_due = self._now()
                self._committed(store)
                log.warning("stream-begun-anew", moving=store.standing.moving)
        return self.standing()

    # --- what is put off -------------------------------------------------------------------------------------------------------

    @property
    def due(self) -> float | None:
        """When `bite` is to be called next, by `now`; None if nothing is put off."""
        if self._store is None:
            return self._tried_at + REOPEN_EVERY_S
        dues = [due for due in (self._progress_due, self._tidy_due) if due is not None]
        if self._has_work(self._store):
            dues.append(self._work_due)
        return min(dues, default=None)

    def bite(self) -> bool:
        """Does one short piece of what is due. Returns whether the stream has rows that it had not before."""
        now = self._now()
        due = self.due
        if due is None or now < due:
            return False
        if self._store is None:
            self._open_again()
            return False
        gained = False
        with self._caring(self._store):
            if self._progress_due is not None and now >= self._progress_due:
                self._write_progress(self._store)
            elif self._tidy_due is not None and now >= self._tidy_due:
                self._tidy(self._store)
            else:
                self._work_due = now + REOPEN_EVERY_S  # should the card refuse
                gained = self._work(self._store)
                self._work_due = now + BREATH_S
        return gained

    def _has_work(self, store: Store) -> bool:
        return (
            bool(self.trouble)
            or store.salvage is not None
            or store.moves
            or bool(self._waiting)
            or self._checked < store.standing.next
        )

    def _work(self, store: Store) -> bool:
        if self.trouble:
            if ballast.has_room(self._path):  # else a small write may fit into what the log has already, and a rating does not
                store.remember(store.standing.progress)  # a write that harms nobody tells whether the card takes writes again
                self._committed(store)
            return False
        if store.salvage is not None:
            self._salvage(store, store.salvage)
            return False
        if self._waiting:
            self._begin_salvage(store)
            return False
        if store.moves:
            gained = store.move() > 0
            self._committed(store)
            return gained
        self._checked = store.check(max(self._checked, store.standing.oldest))
        return False

    def _begin_salvage(self, store: Store) -> None:
        """From its first moment on a ledger counts what it has still to take over from a damaged one."""
        if store.salvage is not None or not self._waiting:
            return
        name = self._waiting[0]
        try:
            begun = salvage.begin(self._path, name, number=store.unused_past(), known_next=self._ceilings.get(name))
        except OSError as fault:
            log.error("ledger-not-salvaged", name=name, text=str(fault))  # the next start tries again
        else:
            store.begin_salvage(begun)
            self._committed(store)
        self._waiting.remove(name)

    def _salvage(self, store: Store, under_way: Salvage) -> None:
        if under_way.read:
            salvage.finish(self._path, under_way.name)
            store.end_salvage()
        else:
            try:
                rows, further = salvage.gather(self._path, under_way)
            except OSError as fault:
                log.error("ledger-not-salvaged", name=under_way.name, text=str(fault))
                rows, further = [], under_way.ended
            store.gather(rows, further)
        self._committed(store)

    def _write_progress(self, store: Store) -> None:
        self._progress_due = self._now() + PROGRESS_LAG_S  # should the card refuse
        if self._progress is not None and self._progress != store.standing.progress:
            store.remember(self._progress)
            self._committed(store)
        self._progress_due = None

    def _committed(self, store: Store) -> None:
        """The card has taken a write, and the write-ahead log has grown."""
        self.trouble = ""
        self._commits += 1
        self._tidy_due = self._now() + (TIDY_LAG_S if self._commits < TIDY_AFTER else 0.0)

    def _tidy(self, store: Store) -> None:
        self._tidy_due, self._commits = None, 0
        store.tidy()
        ballast.take(self._path)

    # --- what can go wrong -----------------------------------------------------------------------------------------------------

    def _write(self, rows: list[bytes]) -> bool:
        store = self._store or self._open_again()
        if store is None:
            return False
        try:
            checked = self._checked == store.standing.next
            store.append(rows)
        except (sqlite3.Error, UnicodeDecodeError) as fault:
            self._fail(store, fault, refused=True)
            return False
        if checked:
            self._checked = store.standing.next
        self._committed(store)
        return True

    def _open_store(self) -> Store:
        if self._store is None:
            raise LedgerError("The ledger is not open.")
        return self._store

    @contextmanager
    def _asked(self) -> Iterator[Store]:
        """The store, for somebody who is told when the card fails."""
        store = self._open_store()
        try:
            yield store
        except (sqlite3.Error, Unreadable, UnicodeDecodeError) as fault:
            self._fail(store, fault)
            raise LedgerError(f"The card failed: {fault}.") from fault

    @contextmanager
    def _caring(self, store: Store) -> Iterator[None]:
        """For work that nobody waits for."""
        try:
            yield
        except OSError as fault:
            log.error("ledger-work-failed", text=str(fault))
        except (sqlite3.Error, Unreadable, UnicodeDecodeError) as fault:
            self._fail(store, fault)

    def _fail(self, store: Store, fault: sqlite3.Error | Unreadable | UnicodeDecodeError, *, refused: bool = False) -> None:
        """After most failures nobody knows what the file holds: it is opened afresh. Rows that were `refused` to a visitor are cut
        off then; anything else is right as the file has it, written or not."""
        log.error("ledger-failed", text=str(fault), name=getattr(fault, "sqlite_errorname", ""))
        self.trouble = str(fault)
        if isinstance(fault, sqlite3.Error) and leaves_file_known(fault):
            return
        self._known_next = store.standing.next if refused else None
        self._store = None
        damaged = not isinstance(fault, sqlite3.Error) or is_damage(fault)
        try:
            store.let_go() if damaged else store.close()
        except (OSError, sqlite3.Error) as closing:
            log.error("ledger-close-failed", text=str(closing))
        if damaged:
            try:
                self._put_aside(str(fault))
            except OSError as moving:
                log.error("ledger-not-put-aside", text=str(moving))
        self._open_again()

    def _open_again(self) -> Store | None:
        try:
            self.open()
        except (LedgerInUse, LedgerTooNew) as fault:
            log.error("ledger-not-opened", text=str(fault))
        return self._store

    def _opened_store(self) -> Store:
        if (kept := aside.finish(self._path)) is not None:
            self._heard_aside(kept, "the move was broken off")
        try:
            return self._store_as_it_is()
        except Unreadable as fault:
            self._put_aside(str(fault))
            return self._store_as_it_is()

    def _store_as_it_is(self) -> Store:
        return Store(self._path, known_next=self._known_next, connect=self._connect, birth=self._birth)

    def _put_aside(self, why: str) -> None:
        self._heard_aside(aside.put_aside(self._path), why)

    def _heard_aside(self, kept: Path, why: str) -> None:
        if self._known_next is not None:
            self._ceilings[kept.name] = self._known_next
        self._known_next = None
        self._progress = self._progress_due = None
        self.quarantined.append(kept.name)
        log.error("ledger-quarantined", why=why, kept=str(kept))


def _encoded(rows: Sequence[Event]) -> list[bytes] | None:
    try:
        return [encode_event(row) for row in rows]
    except WireError as fault:
        log.error("row-refused", reason=fault.reason, text=str(fault))
        return None
