"""Copies and replaces an SQLite database. The server may write to it while it is copied, and must not run while it is replaced."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sync_server.keeping import contents, files
from sync_server.keeping.contents import Contents
from sync_server.keeping.errors import Damaged, InUse, KeepingError
from sync_server.keeping.patience import patiently
from sync_server.project.sqlite.log import LOG, settle

WAIT_S: Final = 60.0
"""How long to wait for a writer; reading a database in WAL waits for nobody."""
INDEX_OF_LOG: Final = "-shm"


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    with closing(
        sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=WAIT_S, isolation_level=None)
    ) as opened:
        yield opened


def dump(source: Path, target: Path) -> Contents:
    """Copies one state of `source` into the new file `target` and reads from the copy what it holds. Raises `KeepingError`.

    The whole copy is one step, so that it reads one snapshot however much is written meanwhile.
    """
    target.touch(mode=files.PRIVATE)
    try:
        with _opened(source, "rw") as origin, closing(sqlite3.connect(target)) as copy:
            settle(origin)
            origin.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, complete in itself
        held = verify(target)
    except sqlite3.DatabaseError as fault:
        raise _explained(source, fault) from None
    if held is None:
        raise KeepingError(f"{source} holds no installation yet. Run first: ./vidhuk server init")
    return held


def verify(path: Path) -> Contents | None:
    """Reads the whole of `path`, and returns what it holds. Raises `Damaged`."""
    with _opened(path, "ro") as opened:
        said = opened.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if said != "ok":
            raise Damaged(f"{path} is damaged: {said.splitlines()[-1]}. Restore a backup: ./vidhuk server backups")
        return contents.read(lambda statement: opened.execute(statement).fetchall())


def _explained(path: Path, fault: sqlite3.DatabaseError) -> KeepingError:
    """SQLite calls a file damaged by raising the most general of its errors itself, and everything else by a kind of it."""
    if type(fault) is sqlite3.DatabaseError:
        return Damaged(f"{path} is damaged: {fault}. Restore a backup: ./vidhuk server backups")
    return KeepingError(f"{path} cannot be copied: {fault}. Put that right and try again.")


def replace(database: Path, copy: Path, rebirth: str) -> None:
    """Puts `copy`, changed by the statement `rebirth`, in the place of `database`, at once. Raises `KeepingError`.

    A cut at any moment leaves the old database or the new one. The copy is made ready beside it, and the old one takes in what
    stands in its log before the name changes hands: a log that stayed behind would be played into the new one.
    """
    draft = database.with_name(f"{database.name}.restoring")
    files.make_folder(database.parent)
    _remove(draft)
    try:
        _make_ready(copy, draft, rebirth)
        patiently(lambda: _close_log(database))
        files.rename(draft, database)
    except BaseException:
        _remove(draft)  # a full disk is worse with half a database on it
        raise


def _remove(draft: Path) -> None:
    for leftover in (draft, draft.with_name(draft.name + "-journal")):
        leftover.unlink(missing_ok=True)


def _make_ready(copy: Path, draft: Path, rebirth: str) -> None:
    files.copy_private(copy, draft)
    try:
        with _opened(draft, "rw") as made:
            made.execute("PRAGMA synchronous = FULL")
            made.execute(rebirth)
        verify(draft)
    except sqlite3.DatabaseError as fault:
        raise _explained(copy, fault) from None
    files.sync(draft)
    files.sync(draft.parent)


def _close_log(database: Path) -> None:
    """Moves what stands in the log of `database` into its file, so that there is no log any more. Raises `InUse`.

    Where the database is too damaged for that, or gone, it is put aside together with its log.
    """
    if not database.exists():
        _put_aside(database)
        return
    try:
        with _opened(database, "rw") as old:
            settle(old)
            mode = old.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    except sqlite3.OperationalError as fault:
        # SQLite does not wait by itself for whoever keeps it from leaving its log.
        if fault.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise KeepingError(f"{database} cannot be opened: {fault}. Put that right and try again.") from None
        mode = "busy"
    except sqlite3.DatabaseError:
        _put_aside(database)
        return
    if mode != "delete":
        raise InUse(f"{database} is in use. Stop the server, and whatever else reads it, and try again.")


def _put_aside(database: Path) -> None:
    """Gives a damaged database and its log other names, so that nobody takes them for part of the new one."""
    for name in (database.name + LOG, database.name + INDEX_OF_LOG, database.name):
        path = database.with_name(name)
        if path.exists():
            files.rename(path, path.with_name(f"{name}.damaged-{int(time.time())}"))
