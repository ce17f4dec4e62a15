"""One lock for the server as a whole: whatever uses the database shares it, and a restore has it alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sync_server.keeping.errors import KeepingError
from sync_server.keeping.files import locked

FILE: Final = ".lock"


@contextmanager
def in_use(state_dir: Path) -> Iterator[None]:
    """While this lasts, nothing is restored. Raises `KeepingError` while something is being restored."""
    with locked(state_dir / FILE, alone=False) as got:
        if not got:
            raise KeepingError("A backup is being restored. Wait until that is done, and start again.")
        yield


@contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """While this lasts, nothing of the server starts. Raises `KeepingError` while something of it runs."""
    with locked(state_dir / FILE, alone=True) as got:
        if not got:
            raise KeepingError("The server is running. Stop it, and every part of it, and try again.")
        yield
