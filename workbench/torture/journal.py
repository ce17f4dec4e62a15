"""The journal of a preloaded card, as shim.c writes it, and the marks that a harness puts between: what happened, in order."""

import os
import struct
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

HEAD: Final = struct.Struct("=IIIIQQ")


class Kind(IntEnum):
    """What happened. The first are shim.c's."""

    WRITE = 1
    TRUNCATE = 2
    SYNC = 3
    SYNC_FAILED = 4
    SYNC_ALL = 5
    CREATE = 6
    UNLINK = 7
    RENAME = 8
    LINK = 9
    MKDIR = 10
    RMDIR = 11
    SYMLINK = 12
    MAP_SHARED_WRITABLE = 13
    MARK = 100
    """The harness saw something, for instance that a visitor was thanked."""


class Record(NamedTuple):
    """One event. `first` is what was written, a name or a mark; `second` another name."""

    kind: Kind
    inode: int
    offset: int
    first: bytes
    second: bytes


def read(path: Path) -> list[Record]:
    """Everything in the journal; a record that a kill cut off in the middle has not happened."""
    return list(_records(path.read_bytes()))


def mark(path: Path, text: str) -> None:
    """Notes `text` behind everything that has happened so far."""
    first = text.encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, HEAD.pack(Kind.MARK, len(first), 0, 0, 0, 0) + first)
    finally:
        os.close(descriptor)


def _records(data: bytes) -> Iterator[Record]:
    at = 0
    while at + HEAD.size <= len(data):
        kind, first, second, _, inode, offset = HEAD.unpack_from(data, at)
        at += HEAD.size
        if at + first + second > len(data):
            return
        yield Record(Kind(kind), inode, offset, data[at : at + first], data[at + first : at + first + second])
        at += first + second
