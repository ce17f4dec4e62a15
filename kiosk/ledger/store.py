"""The ledger file: one SQLite database, one connection, used on one thread. Rows are appended, read and pruned, never changed.

WAL with `synchronous=FULL`: a commit that returned has been synced, so it survives a power cut. `locking_mode=EXCLUSIVE`: no
other connection, of this process or another, so whoever wants to know something asks the ledger's thread.
"""

import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from sqlite_utils import Database

from kiosk.core.progress import Excerpt, Progress, Standing
from kiosk.durable import sync_folder
from kiosk.errors import LedgerError, LedgerInUse
from kiosk.ledger.schema import migrations
from wire import chain
from wire.codec import WireError, decode_event
from wire.events import ID_BYTES, Link, StreamId, at

PRUNE_AT_ONCE: Final = 2_000
"""Rows deleted in one transaction: a visitor's tap that comes meanwhile waits no longer than it would for the card itself."""
LEDGER: Final = "ledger-{device}.sqlite3"
"""A device that is enrolled anew is a new device to the server: its rows must not be counted under both names."""
CACHE_KIB: Final = 256
"""Pages of the file kept in memory. Rows are appended and read again once, so a larger cache would only fill up in time."""
LOCK_PATIENCE_S: Final = 2.0
"""How long a starting kiosk waits for the one before it to let go of the file."""

_progress: Final[msgspec.msgpack.Decoder[Progress]] = msgspec.msgpack.Decoder(Progress)


class Unreadable(Exception):
    """The file is not a ledger any more; what can be done is to put it aside."""


class Store:
    """An open ledger. Raises `LedgerInUse`, `LedgerError` (try again) or `Unreadable` (put it aside) at opening."""

    def __init__(self, path: Path, *, known_next: int | None = None) -> None:
        """`known_next`: rows from there on were refused to their visitors before this process opened the file once more."""
        self.path = path
        self._stream = StreamId(b"")
        self._oldest = self._next = 1
        self._head = Link(b"")
        self._progress = Progress()
        born = not path.exists()
        try:
            self._connection = sqlite3.connect(path, timeout=LOCK_PATIENCE_S)
        except sqlite3.Error as fault:
            raise LedgerError(f"The ledger {path} cannot be opened: {fault}.") from fault
        try:
            self._open(known_next)
        except BaseException as fault:
            self._connection.close()
            raise _explained(path, fault) from fault
        if born:
            sync_folder(path.parent)

    @property
    def standing(self) -> Standing:
        """What it holds now."""
        return Standing(self._stream, self._oldest, self._next, self._progress)

    def append(self, rows: Sequence[bytes]) -> range:
        """Puts `rows` behind the last one and on the card, all or none. Returns their sequence numbers. Raises `sqlite3.Error`."""
        first = self._next
        links = chain.links(self._head, rows)
        if not links:
            return range(first, first)
        with self._db.atomic():
            self._connection.executemany(
                "INSERT INTO rows (seq, row, link) VALUES (?, ?, ?)",
                zip(range(first, first + len(rows)), rows, links, strict=True),
            )
        self._next = first + len(rows)
        self._head = links[-1]
        return range(first, self._next)

    def read(self, first: int, count: int) -> Excerpt:
        """At most `count` rows from `first` on. Raises `LedgerError` if the ledger does not hold `first` any more."""
        if not self._oldest <= first <= self._next:
            raise LedgerError(f"Row {first} is not in the ledger, which holds {self._oldest} to {self._next - 1}.")
        found = self._connection.execute(
            "SELECT row, link FROM rows WHERE seq >= ? ORDER BY seq LIMIT ?", (first, max(0, min(count, self._next - first)))
        ).fetchall()
        previous = self._link_before(first)
        return Excerpt(first, previous, [row for row, _ in found], Link(found[-1][1]) if found else previous)

    def remember(self, progress: Progress) -> None:
        """What the server has. Losing this costs sending rows twice, so it may be written late. Raises `sqlite3.Error`."""
        with self._db.atomic():
            self._put("progress", msgspec.msgpack.encode(progress))
        self._progress = progress

    def prune(self, *, older_than: int) -> int:
        """Deletes some rows that are backed up and happened before `older_than` (wall ms). Returns how many; 0 when none is left.

        The newest row always stays, so that the chain and the numbering go on from it.
        """
        limit = min(self._progress.backed_through, self._progress.stored_through, self._next - 2)
        found = self._connection.execute(
            "SELECT seq, row, link FROM rows WHERE seq <= ? ORDER BY seq LIMIT ?", (limit, PRUNE_AT_ONCE)
        ).fetchall()
        last: tuple[int, bytes] | None = None
        seq: int
        for seq, row, link in found:
            if not _is_older(row, older_than):
                break
            last = seq, link
        if last is None:
            return 0
        with self._db.atomic():
            self._connection.execute("DELETE FROM rows WHERE seq <= ?", (last[0],))
            self._put("pruned", msgspec.msgpack.encode(last))
        gone = last[0] + 1 - self._oldest
        self._oldest += gone
        return gone

    def tidy(self) -> None:
        """Moves what the write-ahead log holds into the file, while nobody waits for the card. Raises `sqlite3.Error`."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    def _open(self, known_next: int | None) -> None:
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL", f"cache_size = -{CACHE_KIB}"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._db = Database(self._connection, recursive_triggers=False, execute_plugins=False)
        if self._pragma("journal_mode") != "wal" or self._pragma("synchronous") != 2:
            raise LedgerError(f"SQLite did not grant the ledger {self.path} a synced write-ahead log.")
        if known_next is None and (finding := self._pragma("quick_check(1)")) != "ok":
            raise Unreadable(str(finding))
        migrations.apply(self._db)
        self._stream = self._birth()
        if known_next is not None:
            with self._db.atomic():
                self._connection.execute("DELETE FROM rows WHERE seq >= ?", (known_next,))
        self._load()

    def _birth(self) -> StreamId:
        """The stream's id, made in the same file and at the same time as its first table rows."""
        if (stream := self._get("stream")) is None:
            stream = secrets.token_bytes(ID_BYTES)
            with self._db.atomic():
                self._put("stream", stream)
        if len(stream) != ID_BYTES:
            raise Unreadable("the stream's id has the wrong length")
        return StreamId(stream)

    def _load(self) -> None:
        try:
            pruned, _ = msgspec.msgpack.decode(self._get("pruned") or b"\x92\x00\xc4\x00", type=tuple[int, bytes])
            self._progress = _progress.decode(self._get("progress") or msgspec.msgpack.encode(Progress()))
        except msgspec.MsgspecError as fault:
            raise Unreadable(f"meta: {fault}") from fault
        low, high, count = self._connection.execute("SELECT min(seq), max(seq), count(*) FROM rows").fetchone()
        if count and (low != pruned + 1 or high - low + 1 != count):
            raise Unreadable(f"rows {low} to {high} have gaps: {count} rows, {pruned} pruned")
        self._oldest = pruned + 1
        self._next = high + 1 if count else pruned + 1
        self._head = self._link_before(self._next)
        if count:
            (row,) = self._connection.execute("SELECT row FROM rows WHERE seq = ?", (high,)).fetchone()
            if chain.link(self._link_before(high), row) != self._head:
                raise Unreadable(f"row {high} does not continue the chain")

    def _link_before(self, seq: int) -> Link:
        if seq == 1:
            return chain.origin(self._stream)
        found = self._connection.execute("SELECT link FROM rows WHERE seq = ?", (seq - 1,)).fetchone()
        if found is not None:
            return Link(found[0])
        pruned, link = msgspec.msgpack.decode(self._get("pruned") or b"\x92\x00\xc4\x00", type=tuple[int, bytes])
        if pruned != seq - 1:
            raise Unreadable(f"the chain before row {seq} is gone")
        return Link(link)

    def _pragma(self, name: str) -> object:
        return self._connection.execute(f"PRAGMA {name}").fetchone()[0]

    def _get(self, key: str) -> bytes | None:
        found = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return bytes(found[0]) if found else None

    def _put(self, key: str, value: bytes) -> None:
        self._connection.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
        )


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


def quarantine(path: Path, name: str) -> Path:
    """Moves an unreadable ledger and its log aside, under `name`, for whoever salvages it. Returns where it is now."""
    folder = path.parent / "quarantine"
    folder.mkdir(exist_ok=True)
    target = folder / name
    for number in range(2, 1000):
        if not target.exists():
            break
        target = folder / f"{name}-{number}"
    for suffix in ("-wal", "-shm", "-journal", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))
    sync_folder(folder)
    sync_folder(path.parent)
    return target


def leaves_file_known(fault: sqlite3.Error) -> bool:
    """Whether the write was refused before it touched the file: no room, or a file system that takes no writes."""
    return getattr(fault, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY)


def is_damage(fault: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is broken, rather than full, locked or out of reach."""
    code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _explained(path: Path, fault: BaseException) -> BaseException:
    if not isinstance(fault, sqlite3.Error):
        return fault
    if is_damage(fault):
        return Unreadable(str(fault))
    if getattr(fault, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
        return LedgerInUse(
            "Another kiosk is running on the ledger {path}.", "Stop it first, or give this one another state_dir.", path=path
        )
    if isinstance(fault, sqlite3.OperationalError) and getattr(fault, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_ERROR:
        return LedgerError(f"The ledger {path} cannot be used now: {fault}.", "Look at the card: is it full or read-only?")
    return Unreadable(str(fault))


def _is_older(row: bytes, wall: int) -> bool:
    try:
        return at(decode_event(row)) < wall
    except WireError:
        return True  # a row from another time: it is backed up, and nobody here can read its age
