"""A file that only takes room: thrown overboard when the card is full, so that what the server has backed up can be deleted.

Deleting rows needs room in the write-ahead log first. On a card without any, nothing could ever be deleted again.
"""

import contextlib
from pathlib import Path
from shutil import disk_usage
from typing import Final

from kiosk.durable import write_synced

BYTES: Final = 1024 * 1024
"""Twice what one turn of pruning writes."""
ROOM: Final = 16 * BYTES
"""Free room from which on it is taken on board again: visitors' answers come first."""

APPEND: Final = 64 * 1024
"""Free room that any append finds enough."""


def has_room(path: Path) -> bool:
    """Whether the card says that an append beside the ledger `path` finds room; a card that says nothing is asked by writing."""
    try:
        return disk_usage(path.parent).free >= APPEND
    except OSError:
        return True


def take(path: Path) -> None:
    """Sees to it that the ledger `path` has its ballast, if the card has room to spare."""
    file = _file(path)
    try:
        if (not file.exists() or file.stat().st_size != BYTES) and disk_usage(path.parent).free >= ROOM:
            write_synced(file, b"\0" * BYTES)
    except OSError:  # it can be done without until the card is full, and then it could not be made
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def drop(path: Path) -> bool:
    """Gives its room back. False if there was none, or the card does not let it go."""
    try:
        _file(path).unlink()
    except OSError:
        return False
    return True


def _file(path: Path) -> Path:
    return path.with_name(path.name + "-ballast")
