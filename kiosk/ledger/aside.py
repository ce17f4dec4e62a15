"""Puts an unreadable ledger aside: the file and its write-ahead log move together, whenever the power goes.

Before that SQLite has to let go of it without a trace. Left to itself it takes into the file what it can read of the log, and
deletes the log with all that stands behind a break.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from kiosk.durable import sync_folder, write_synced
from kiosk.ledger.pages import has_rows

FOLDER: Final = "quarantine"
PARTS: Final = ("-shm", "-journal", "-wal", "")
"""What belongs to a ledger file, by the end of its name."""


def let_go(path: Path, connection: sqlite3.Connection) -> None:
    """Closes the `connection` to the ledger `path`, whose log stays as it was. Raises `OSError` and `sqlite3.Error`, and has closed
    it then too: a connection that nobody knows any more would keep everybody out of the file."""
    log, hidden = _log(path), _hidden_log(path)
    try:
        with suppress(FileNotFoundError):
            log.rename(hidden)
            sync_folder(path.parent)  # or a power cut would find SQLite's deletion alone
    finally:
        try:
            connection.close()
        finally:
            put_back(path)


def put_back(path: Path) -> None:
    """Gives the log of the ledger `path` its name back, also after a power cut; must come before the file is opened. Raises
    `OSError`."""
    with suppress(FileNotFoundError):
        _hidden_log(path).rename(_log(path))
        sync_folder(path.parent)


def has_log_only(path: Path) -> bool:
    """Whether the ledger `path` is empty, or not there, and its log is not: SQLite would delete the log. It is there then. Raises
    `OSError`."""
    if (path.exists() and path.stat().st_size) or not has_rows(_log(path)):
        return False
    path.touch()
    return True


def put_aside(path: Path) -> Path:
    """Moves the ledger `path` into the folder `quarantine` beside it. Returns where it is now. Raises `OSError`, and may then be
    called again."""
    if (unfinished := finish(path)) is not None:
        return unfinished
    folder = path.parent / FOLDER
    folder.mkdir(exist_ok=True)
    number = _free(path)
    write_synced(_note(path, number), b"")
    sync_folder(path.parent)
    return _move(path, number)


def finish(path: Path) -> Path | None:
    """Ends a move that a power cut broke off; must come before the file is opened. None if there was none. Raises `OSError`."""
    for note in path.parent.glob(f"{path.name}-aside-*"):
        return _move(path, int(note.name.rpartition("-")[2]))
    return None


def _move(path: Path, number: int) -> Path:
    parts = [part for part in PARTS if path.with_name(path.name + part).exists()]
    target = _kept(path, number)
    if any(target.with_name(target.name + part).exists() for part in parts):
        target = _kept(path, _free(path))  # the note came back after it had done its service: this is a later ledger
    for part in parts:
        path.with_name(path.name + part).rename(target.with_name(target.name + part))
    sync_folder(target.parent)
    sync_folder(path.parent)
    _note(path, number).unlink()  # only now may a new ledger take the name
    sync_folder(path.parent)
    return target


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _hidden_log(path: Path) -> Path:
    return path.with_name(path.name + "-log")


def _free(path: Path) -> int:
    number = 1
    while any((path.parent / FOLDER).glob(f"{_kept(path, number).name}*")):
        number += 1
    return number


def _kept(path: Path, number: int) -> Path:
    return path.parent / FOLDER / f"{path.stem}-{number}{path.suffix}"


def _note(path: Path, number: int) -> Path:
    """While this file is there, whatever bears the ledger's name belongs to the one that is put aside."""
    return path.with_name(f"{path.name}-aside-{number}")
