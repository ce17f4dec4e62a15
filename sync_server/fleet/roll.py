"""The authority's roll: whom it has certified. One line of JSON each, beside its keys, so that it outlives a restored database.

Written before the enrolment is committed: a device must not have a certificate that nobody remembers. No Django in here.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

FILE: Final = "enrolled.jsonl"


class Enrolled(msgspec.Struct, frozen=True):
    """A device that was let in: its public key (32 bytes), its certificate, and where it was to stand, by names that a database
    restored from a backup knows too. Instants are ISO 8601.
    """

    device: str
    key: bytes
    at: str
    serial: str
    expires: str
    court: str
    exit: str
    since: str


def enter(folder: Path, entry: Enrolled) -> None:
    """Adds `entry` to the roll in `folder`, for good."""
    path = folder / FILE
    fresh = not path.exists()
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
        # A line that a cut has left unfinished must not swallow the next.
        torn = file.seek(0, os.SEEK_END) and not _ends_a_line(file.fileno())
        file.write((b"\n" if torn else b"") + msgspec.json.encode(entry) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if fresh:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _ends_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, 1, size - 1) == b"\n"


def read(folder: Path) -> list[Enrolled]:
    """Everybody on the roll, in the order of their enrolment; unfinished lines are passed over."""
    try:
        lines = (folder / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(msgspec.json.decode(line, type=Enrolled))
        except msgspec.MsgspecError:
            continue
    return found
