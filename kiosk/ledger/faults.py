"""What SQLite's errors mean for a ledger: to be tried again, or to be put aside."""

import sqlite3
from pathlib import Path
from typing import Final

from kiosk.errors import LedgerError, LedgerInUse
from kiosk.ledger.sealing import Unreadable

NONSENSE: Final = (ValueError, TypeError, LookupError)
"""What comes of believing a damaged file: an error message that is no text, a table without a column, a value of another kind."""

NO_CODE: Final = 0
"""Not SQLite's own error but that of its Python module, for instance over a text that is none."""


def is_full(fault: sqlite3.Error) -> bool:
    """Whether there was no room."""
    return _code(fault) == sqlite3.SQLITE_FULL


def leaves_file_known(fault: sqlite3.Error) -> bool:
    """Whether the write was refused before it touched the file: no room, or a file system that takes no writes."""
    return _code(fault) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY)


def is_damage(fault: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is broken, rather than full, locked or out of reach."""
    return _code(fault) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(fault: sqlite3.Error) -> int:
    return int(getattr(fault, "sqlite_errorcode", 0)) & 0xFF


def explained(path: Path, fault: BaseException) -> BaseException:
    """What a `fault` met while the ledger `path` was opened means: `Unreadable`, or an error that a person is told."""
    if isinstance(fault, OSError):
        return LedgerError(f"The ledger {path} cannot be used now: {fault}.", "Look at the card: is it full or read-only?")
    if isinstance(fault, NONSENSE):
        return Unreadable(f"{type(fault).__name__}: {fault}")
    if not isinstance(fault, sqlite3.Error):
        return fault
    if is_damage(fault):
        return Unreadable(str(fault))
    if _code(fault) == sqlite3.SQLITE_BUSY:
        return LedgerInUse(
            "Another kiosk is running on the ledger {path}.", "Stop it first, or give this one another state_dir.", path=path
        )
    if isinstance(fault, sqlite3.OperationalError) and _code(fault) not in (sqlite3.SQLITE_ERROR, NO_CODE):
        return LedgerError(f"The ledger {path} cannot be used now: {fault}.", "Look at the card: is it full or read-only?")
    return Unreadable(str(fault))
