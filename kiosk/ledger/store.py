"""The ledger file: one SQLite database, one connection, used on one thread. Rows are appended, read and pruned, never changed.

WAL with `synchronous=FULL`: a commit that returned has been synced, so it survives a power cut. `locking_mode=EXCLUSIVE`: no
other connection, of this process or another, so whoever wants to know something asks the ledger's keeper. What is deleted is
overwritten (`secure_delete`), so that nothing comes back when a damaged file is read page by page.
"""

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from sqlite_utils import Database

from kiosk.core.progress import Excerpt, Progress, Standing
from kiosk.durable import settle, shorten, sync_folder
from kiosk.errors import LedgerError
from kiosk.ledger import aside
from kiosk.ledger.faults import explained
from kiosk.ledger.meta import Meta, Pruned
from kiosk.ledger.pages import Row, read_log, rows_beyond
from kiosk.ledger.pasts import COLUMNS, Past, bite, safe_through
from kiosk.ledger.salvage import Salvage
from kiosk.ledger.schema import GATHERED, check, is_current, migrate
from kiosk.ledger.sealing import Unreadable, row_seal
from wire import chain
from wire.codec import WireError, decode_event
from wire.events import ID_BYTES, Link, StreamId, at

PRUNE_AT_ONCE: Final = 2_000
"""Rows deleted in one transaction: a visitor's tap that comes meanwhile waits no longer than it would for the card itself."""
CHECK_AT_ONCE: Final = 2_000
"""Rows whose chain is followed in one go, for the same reason."""
LEDGER: Final = "ledger-{device}.sqlite3"
"""A device that is enrolled anew is a new device to the server: its rows must not be counted under both names."""
CACHE_KIB: Final = 256
"""Pages of the file kept in memory. Rows are appended and read again once, so a larger cache would only fill up in time."""
LOCK_PATIENCE_S: Final = 2.0
"""How long a starting kiosk waits for the one before it to let go of the file."""
CHECKED_AT_ONCE_BYTES: Final = 8 * 1024 * 1024
"""A file up to this size (some 50,000 rows) is checked whole at opening; a larger one would keep the first visitor waiting."""
LOG_BYTES: Final = 1024 * 1024
"""What the write-ahead log keeps of the card after it was emptied."""

Connect = Callable[[Path], sqlite3.Connection]
Birth = Callable[[], bytes]


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the file, made if there is none. Raises `sqlite3.Error`."""
    return sqlite3.connect(path, timeout=LOCK_PATIENCE_S)


def birth() -> bytes:
    """A new stream's id."""
    return secrets.token_bytes(ID_BYTES)


class Store:
    """An open ledger. Raises `LedgerInUse`, `LedgerTooNew`, `LedgerError` (try again) or `Unreadable` (put it aside) at opening."""

    def __init__(self, path: Path, *, known_next: int | None = None, connect: Connect = connect, birth: Birth = birth) -> None:
        """`known_next`: rows from there on were refused to their visitors before this process opened the file once more."""
        self.path = path
        self._birth = birth
        self._stream = StreamId(b"")
        self._oldest = self._next = 1
        self._head = Link(b"")
        self._progress = Progress()
        self._moving: list[Past] = []
        self._salvage: Salvage | None = None
        self._kept: dict[str, int] = {}
        self._behind: int | None = None
        self._moved: int | None = None
        self._is_ours = False
        try:
            aside.put_back(path)
            if aside.has_log_only(path):
                raise Unreadable("the file is empty, and its write-ahead log is not")
            self._connection = connect(path)
        except OSError as fault:
            raise explained(path, fault) from fault
        except sqlite3.Error as fault:
            raise LedgerError(f"The ledger {path} cannot be opened: {fault}.") from fault
        try:
            self._open(known_next)
        except BaseException as fault:
            meaning = explained(path, fault)
            if self._is_ours or isinstance(meaning, Unreadable):
                self.let_go()
            else:
                self._connection.close()  # another process has it
            raise meaning from fault

    @property
    def standing(self) -> Standing:
        """What it holds now."""
        moving = sum(past.left for past in self._moving) + (self._salvage.left if self._salvage else 0)
        behind = self._behind if self._salvage is None else (self._behind or 0) + self._salvage.behind
        moved = None if self._moving or self._salvage else self._moved
        return Standing(self._stream, self._oldest, self._next, self._progress, moving, behind, moved)

    @property
    def salvage(self) -> Salvage | None:
        """What is known of the damaged file that is being read into this one."""
        return self._salvage

    @property
    def moves(self) -> bool:
        """Whether there are rows for `move`."""
        return bool(self._moving)

    def append(self, rows: Sequence[bytes]) -> range:
        """Puts `rows` behind the last one and on the card, all or none. Returns their sequence numbers. Raises `sqlite3.Error`."""
        if not rows:
            return range(self._next, self._next)
        with self._db.atomic():
            head = self._insert(rows)
        return self._grown(len(rows), head)

    def read(self, first: int, count: int) -> Excerpt:
        """At most `count` rows from `first` on. Raises `LedgerError` if the ledger does not hold `first` any more, `Unreadable` if
        a row is not what was written."""
        if not self._oldest <= first <= self._next:
            raise LedgerError(f"Row {first} is not in the ledger, which holds {self._oldest} to {self._next - 1}.")
        wanted = max(0, min(count, self._next - first))
        found = self._connection.execute(
            f"SELECT {COLUMNS} FROM rows WHERE seq >= ? ORDER BY seq LIMIT ?", (first, wanted)
        ).fetchall()
        previous = self._link_before(first)
        rows: list[bytes] = [row for _, row, *_ in found]
        if len(rows) != wanted or chain.links(previous, rows) != [link for *_, link, _ in found]:
            raise Unreadable(f"the chain of rows {first} to {first + wanted - 1} is broken")
        return Excerpt(first, previous, rows, Link(found[-1][2]) if found else previous)

    def check(self, first: int) -> int:
        """Follows the chain through some rows from `first` on. Returns where to go on, `standing.next` at the end. Raises
        `Unreadable`."""
        return first + len(self.read(first, CHECK_AT_ONCE).rows)

    def remember(self, progress: Progress) -> None:
        """What the server has. Losing this costs sending rows twice, so it may be written late. Raises `sqlite3.Error`."""
        with self._db.atomic():
            self._meta.put(progress=progress)
        self._progress = progress

    def prune(self, *, older_than: int) -> int:
        """Deletes some rows that are backed up and happened before `older_than` (wall ms). Returns how many; 0 when none is left.

        The newest row always stays, so that the chain and the numbering go on from it.
        """
        limit = min(self._progress.backed_through, self._progress.stored_through, self._next - 2)
        found = self._connection.execute(
            f"SELECT {COLUMNS} FROM rows WHERE seq <= ? ORDER BY seq LIMIT ?", (limit, PRUNE_AT_ONCE)
        ).fetchall()
        last: Pruned | None = None
        for seq, row, link, _ in found:
            if not _is_older(row, older_than):
                break
            last = Pruned(seq, link)
        if last is None:
            return 0
        with self._db.atomic():
            self._connection.execute("DELETE FROM rows WHERE seq <= ?", (last.seq,))
            self._meta.put(pruned=last)
        gone = last.seq + 1 - self._oldest
        self._oldest += gone
        return gone

    # --- a new stream ----------------------------------------------------------------------------------------------------------

    def begin_anew(self, progress: Progress) -> None:
        """A new stream, in one transaction that is as short for a million rows as for one; `move` brings the rows over afterwards.

        `progress` is what the server has of the stream so far: rows that its backups hold stay behind. After a fork no row does,
        because nobody knows from which row on it was the other device's rows that the server spoke of. Raises `sqlite3.Error`.
        """
        past = Past(
            number=self.unused_past(),
            floor=safe_through(progress),
            left=self._next - self._oldest,
            taken=self._oldest - 1,
            prior=(self._link_before(self._oldest),),
        )
        stream = StreamId(self._birth())
        anew = Progress(epoch=progress.epoch, retired=progress.retired)
        moving = [*self._moving, past] if past.left else self._moving
        behind = (self._behind or 0) + max(past.floor, past.taken)
        with self._db.atomic():
            (made,) = self._connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'rows'").fetchone()
            self._connection.execute(f"ALTER TABLE rows RENAME TO {past.table}" if past.left else "DROP TABLE rows")
            self._connection.execute(made)
            self._meta.begin(stream)
            self._meta.put(progress=anew, pasts=moving, behind=behind)
        self._kept = {}
        self._stream, self._progress, self._moving, self._behind, self._moved = stream, anew, moving, behind, 0
        self._oldest = self._next = 1
        self._head = chain.origin(stream)

    def move(self) -> int:
        """Takes over some rows of the oldest past. Returns how many rows the stream has gained. Raises `sqlite3.Error`."""
        if not self._moving:
            return 0
        with self._db.atomic():
            taken = bite(self._connection, self._moving[0])
            moving = [taken.past, *self._moving[1:]] if taken.past.left else self._moving[1:]
            moved = self._next - 1 + len(taken.rows) if taken.rows else self._moved
            self._meta.put(pasts=moving, **({} if moved is None else {"moved": moved}))
            head = self._insert(taken.rows)
        self._moving, self._moved = moving, moved
        return len(self._grown(len(taken.rows), head))

    def unused_past(self) -> int:
        """A number that no past has."""
        return max([0, *(past.number for past in self._moving), *([self._salvage.number] if self._salvage else [])]) + 1

    # --- a damaged file --------------------------------------------------------------------------------------------------------

    def begin_salvage(self, salvage: Salvage) -> None:
        """Makes room for the rows of a damaged file. Raises `sqlite3.Error`."""
        with self._db.atomic():
            self._connection.execute(f"CREATE TABLE {salvage.past.table} {GATHERED}")
            self._meta.put(salvage=salvage)
        self._salvage = salvage

    def gather(self, rows: Sequence[Row], salvage: Salvage) -> None:
        """Puts down rows of the damaged file and how far it has been read, which is what `salvage` says. Raises `sqlite3.Error`."""
        with self._db.atomic():
            # A file that was put aside while it was read into another has left what was read so far in both.
            found = [row for row in rows if not any(self._holds(row, past.table) for past in self._moving)]
            put = self._connection.executemany(
                f"INSERT INTO {salvage.past.table} (seq, row, link, seal) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", found
            )
            salvage = msgspec.structs.replace(salvage, found=salvage.found + max(0, put.rowcount))
            moving = [*self._moving, salvage.past] if salvage.read else self._moving
            self._meta.put(pasts=moving, salvage=salvage)
        self._moving, self._salvage = moving, salvage

    def end_salvage(self) -> None:
        """The damaged file has been read and bears a name that says so. Raises `sqlite3.Error`."""
        behind = self.standing.behind
        with self._db.atomic():
            self._meta.put(behind=behind)
            self._meta.forget("salvage")
        self._salvage, self._behind = None, behind

    def outlived(self, names: Sequence[str]) -> list[str]:
        """Which of the salvaged files called `names` are of no more use: a row has been pruned that came after all that was taken
        over from them, so that this is in the server's backups and old. Raises `sqlite3.Error`."""
        if self._moving or self._salvage:
            return []
        kept = {name: self._kept.get(name, self._next) for name in names}
        if kept != self._kept:
            with self._db.atomic():
                self._meta.put(kept=kept)
            self._kept = kept
        return [name for name, after in kept.items() if after < self._oldest]

    # --- the file --------------------------------------------------------------------------------------------------------------

    def tidy(self) -> None:
        """Moves what the write-ahead log holds into the file, while nobody waits for the card. Raises `sqlite3.Error`."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    def let_go(self) -> None:
        """Lets go of the file and leaves its log as it is, broken or not."""
        aside.let_go(self.path, self._connection)

    def _open(self, known_next: int | None) -> None:
        # No checkpoint comes behind a visitor's commit: its failure would look like the commit's own.
        for pragma in (
            "locking_mode = EXCLUSIVE",
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
            "wal_autocheckpoint = 0",
            f"journal_size_limit = {LOG_BYTES}",
            f"cache_size = -{CACHE_KIB}",
        ):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        self._db = Database(self._connection, recursive_triggers=False, execute_plugins=False)
        self._meta = Meta(self._connection)
        if self._pragma("journal_mode") != "wal" or self._pragma("synchronous") != 2:
            raise LedgerError(f"SQLite did not grant the ledger {self.path} a synced write-ahead log.")
        self._pragma("schema_version")  # from here on the file is ours alone, and its log has been read
        self._is_ours = True
        settle(self.path.with_name(self.path.name + "-wal"))
        small = self.path.stat().st_size <= CHECKED_AT_ONCE_BYTES
        if known_next is None and small and (finding := self._pragma("quick_check(1)")) != "ok":
            raise Unreadable(str(finding))
        beyond, transactions = ([], 0) if known_next is not None else rows_beyond(self.path)
        if transactions > 1:
            self._judge(beyond)
        if transactions and not beyond:
            self._cut_off_torn()
        migrate(self._db)
        check(self._db)
        if self._meta.is_empty:
            with self._db.atomic():
                self._meta.begin(StreamId(self._birth()))
        if known_next is not None:
            with self._db.atomic():
                self._connection.execute("DELETE FROM rows WHERE seq >= ?", (known_next,))
        self._load(small=small)
        self.append([found.row for found in self._going_on(beyond)])
        if transactions and beyond:  # not earlier: until then what is put back stands nowhere else
            self._cut_off_torn()
        # Each time, and not for a new file only: whoever made it may have failed here, and without its name nothing is kept.
        sync_folder(self.path.parent)

    def _load(self, *, small: bool) -> None:
        found = self._meta.read()
        self._stream, self._progress, self._moving = found.stream, found.progress, found.pasts
        self._salvage, self._kept, self._behind = found.salvage, found.kept, found.behind
        # Into the first stream nothing was taken over, whoever wrote it.
        self._moved = 0 if found.moved is None and found.behind is None and not found.salvage and not found.pasts else found.moved
        (low,) = self._connection.execute("SELECT min(seq) FROM rows").fetchone()
        (high,) = self._connection.execute("SELECT max(seq) FROM rows").fetchone()
        if low is not None and low != found.pruned.seq + 1:
            raise Unreadable(f"rows begin with {low}, but {found.pruned.seq} are pruned")
        self._oldest = found.pruned.seq + 1
        self._next = self._oldest if high is None else high + 1
        if self._progress.stored_through >= self._next:
            # A log that was cut short lays old pages over newer ones of the file. New rows would take the numbers of lost ones.
            raise Unreadable(f"the server has rows up to {self._progress.stored_through}, here they end with {self._next - 1}")
        self._head = self._link_before(self._next)
        if high is not None:
            self.read(high, 1)
        if small:
            (count,) = self._connection.execute("SELECT count(*) FROM rows").fetchone()
            if count != self._next - self._oldest:
                raise Unreadable(f"rows {self._oldest} to {self._next - 1} have gaps: there are {count}")

    def _cut_off_torn(self) -> None:
        """What a power cut has torn goes from the log. Left there, its end would stand behind what is written over its beginning,
        and if that is torn as well, two transactions would be broken: that is taken for damage. Raises `OSError`."""
        log = self.path.with_name(self.path.name + "-wal")
        shorten(log, read_log(log).end)

    def _judge(self, beyond: Sequence[Row]) -> None:
        """Rows stand in the log behind a frame that was damaged: no power cut tears more than the last transaction. If they cannot
        all be put back, nothing may be written, as it would go over them. Raises `Unreadable`."""
        if is_current(self._db) and not self._meta.is_empty:
            self._load(small=False)
            back = self._going_on(beyond)
            if all(row in back or self._holds(row) for row in beyond):
                return
        raise Unreadable("the write-ahead log is broken")

    def _going_on(self, beyond: Sequence[Row]) -> list[Row]:
        """Which of the rows that stand behind a break of the log, where SQLite does not look, continue the chain."""
        found: list[Row] = []
        state = self._head
        for row in beyond if not self._moving else ():
            if row.seq == self._next + len(found) and chain.link(state, row.row) == row.link:
                found.append(row)
                state = Link(row.link)
        return found

    def _holds(self, row: Row, table: str = "rows") -> bool:
        return row in self._connection.execute(f"SELECT {COLUMNS} FROM {table} WHERE seq = ?", (row.seq,)).fetchall()

    def _insert(self, rows: Sequence[bytes]) -> Link:
        """Within the caller's transaction. Returns the head of the chain after `rows`."""
        links = chain.links(self._head, rows)
        self._connection.executemany(
            "INSERT INTO rows (seq, row, link, seal) VALUES (?, ?, ?, ?)",
            ((seq, row, link, row_seal(seq, row)) for seq, (row, link) in enumerate(zip(rows, links, strict=True), self._next)),
        )
        return links[-1] if links else self._head

    def _grown(self, count: int, head: Link) -> range:
        first, self._next, self._head = self._next, self._next + count, head
        return range(first, self._next)

    def _link_before(self, seq: int) -> Link:
        if seq == 1:
            return chain.origin(self._stream)
        found = self._connection.execute(f"SELECT {COLUMNS} FROM rows WHERE seq = ?", (seq - 1,)).fetchone()
        if found is not None:
            return Link(found[2])
        pruned = self._meta.pruned()
        if pruned.seq != seq - 1:
            raise Unreadable(f"the chain before row {seq} is gone")
        return Link(pruned.link)

    def _pragma(self, name: str) -> object:
        return self._connection.execute(f"PRAGMA {name}").fetchone()[0]


def look(state_dir: Path, device: str) -> Standing | None:
    """What the ledger of `device` holds while no kiosk runs; None where there is none. Raises as `Store` does."""
    path = state_dir / LEDGER.format(device=device)
    if not path.exists():
        return None
    store = Store(path)
    try:
        return store.standing
    finally:
        store.close()


def _is_older(row: bytes, wall: int) -> bool:
    try:
        return at(decode_event(row)) < wall
    except WireError:
        return True  # a row from another time: it is backed up, and nobody here can read its age
