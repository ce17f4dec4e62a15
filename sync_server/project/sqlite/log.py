"""Settles SQLite's write-ahead log: what the next commit builds on is on the disk.

After a sync that failed Linux takes the pages for clean: they are read as they were written, are not on the disk, and no later sync
brings them there. As long as anybody has the database open this does no harm, because SQLite writes its next commit over what was
refused. But whoever opens it first reads the log anew, takes what was refused for committed, and everything behind it would be
synced behind a hole and be gone after a power cut. Only writing the same bytes again closes the hole.
"""

import os
import sqlite3
from pathlib import Path
from typing import Final

LOG: Final = "-wal"
"""What SQLite has not yet moved into the file itself; it belongs to that file and to no other of the same name."""
PIECE: Final = 1 << 20
"""Bytes that are read and written again at once."""


class NotSettled(sqlite3.OperationalError):
    """The log could not be written again: the disk fails."""

    sqlite_errorcode = sqlite3.SQLITE_IOERR


def settle(opened: sqlite3.Connection) -> None:
    """Everything in the log of `opened` is on the disk, if it is a file and has a log. Raises `NotSettled`, or what SQLite
    raises.

    Nobody else can write meanwhile, because the log is rewritten under SQLite's own lock; readers see the same bytes as before.
    After a failure `opened` must not be closed as long as it can be tried again: closing would move into the database what may
    not be on the disk.
    """
    (path,) = (file for _, name, file in opened.execute("PRAGMA database_list") if name == "main")
    if not path:
        return
    opened.execute("BEGIN IMMEDIATE")
    try:
        _rewrite(Path(path + LOG))
        _sync_folder(Path(path).parent)
    except OSError as fault:
        raise NotSettled(f"the log of {path} cannot be written again ({fault.strerror})") from fault
    finally:
        opened.rollback()


def _rewrite(log: Path) -> None:
    try:
        descriptor = os.open(log, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        at = 0
        while piece := os.pread(descriptor, PIECE, at):
            at += os.pwrite(descriptor, piece, at)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """SQLite takes it lightly when the log's name cannot be made durable; without its name the log is nothing."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
