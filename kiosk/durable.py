"""What survives a power cut: files and names that are on the card when these return."""

import os
from pathlib import Path


def write_synced(path: Path, content: bytes) -> None:
    """Writes a file that only its owner reads. Its name is durable after `sync_folder`. Raises `OSError`."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def settle(path: Path) -> None:
    """What can be read from the file is on the card, if there is such a file. Raises `OSError`.

    After a sync that failed Linux takes the pages for clean: they are read as they were written, are not on the card, and no later
    sync brings them there. Only writing them again does.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "r+b") as file:
        content = file.read()
        file.seek(0)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def shorten(path: Path, size: int) -> None:
    """The file ends after `size` bytes. Raises `OSError`."""
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Names that are new in `folder`, or gone from it, stay so. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
