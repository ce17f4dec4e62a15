"""Files that are either whole and on the disk, or not there: every name given here is given after its content was fsynced."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
"""A backup holds the keys of the installation and how people answered: it is its owner's alone."""
PRIVATE_FOLDER: Final = 0o700


def sync(path: Path) -> None:
    """What `path`, a file or a folder's list of names, holds now outlives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """`sync` for everything below `folder`, and for itself."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a private file, complete or not at all."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync(path.parent)


def copy_private(source: Path, target: Path) -> None:
    """Copies one file's content; only its owner may read it. Not synced."""
    with source.open("rb") as origin, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as copy:
        shutil.copyfileobj(origin, copy, 1024 * 1024)


def digest(path: Path) -> str:
    """SHA-256 of a file in lower-case hex, as it lies on the disk: what memory holds of it proves nothing about that."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return file_digest(file, "sha256").hexdigest()


def make_folder(path: Path) -> None:
    """A private folder, with its parents; its own name is on the disk."""
    if not path.is_dir():
        path.mkdir(mode=PRIVATE_FOLDER, parents=True)
        sync(path.parent)


def rename(source: Path, target: Path) -> None:
    """Gives a synced file or folder its name, at once and for good. A file that was there is replaced."""
    source.replace(target)
    sync(target.parent)


def remove_folder(folder: Path) -> None:
    """Removes a folder so that at no time a part of it stands under its name."""
    doomed = folder.with_name(f"{REMOVING}{folder.name}")
    rename(folder, doomed)
    shutil.rmtree(doomed)


MAKING: Final = ".making-"
REMOVING: Final = ".removing-"
"""How the names begin of folders that are not whole yet, or any more."""


def clear_away(folder: Path) -> None:
    """Removes what a cut has left of folders in the making and in removal."""
    for begun in (MAKING, REMOVING):
        for path in folder.glob(f"{begun}*"):
            shutil.rmtree(path)


@contextlib.contextmanager
def locked(file: Path, *, alone: bool, wait: bool = False) -> Iterator[bool]:
    """Holds `file` as a lock, `alone` or with others who share it; gives whether it was got. It ends with the process at latest.

    Where the folder is missing, or nothing can be written into it, there is nothing to protect: got.
    """
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        yield True
        return
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, PRIVATE)
    # granian takes the place of the process that started it, and must go on holding what that held.
    os.set_inheritable(descriptor, True)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
