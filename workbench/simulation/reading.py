"""Reads a damaged ledger as any SQLite would, row by row, to know what could still be read. Shares no code with the ledger."""

import shutil
import sqlite3
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Final

from wire.codec import WireError, decode_event
from wire.events import DeviceId
from workbench.simulation.truth import Key, key_of

MOST: Final = 100_000
"""Rows looked for in one table: far more than any run writes."""


def readable(path: Path, device: DeviceId) -> set[Key]:
    """The rows in the file at `path` and its log, and in what was put aside before, that are whole."""
    files = [path, *sorted(path.parent.glob("quarantine/*.sqlite3"))]
    return set().union(*(_rows_of(file, device) for file in files if file.exists()))


def _rows_of(path: Path, device: DeviceId) -> set[Key]:
    found: set[Key] = set()
    with tempfile.TemporaryDirectory() as folder:
        for part in ("", "-wal"):
            source = path.with_name(path.name + part)
            if source.exists():
                shutil.copy(source, Path(folder) / f"copy{part}")
        try:
            database = sqlite3.connect(Path(folder) / "copy")
        except sqlite3.Error:
            return found
        try:
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if table == "rows" or table.startswith("past_"):
                    found |= _whole(database, table, device)
        except (sqlite3.Error, UnicodeDecodeError):
            pass  # not even its tables can be told
        finally:
            database.close()
    return found


def _whole(database: sqlite3.Connection, table: str, device: DeviceId) -> set[Key]:
    """Rows that decode, and continue the chain of the one before where that can be read."""
    found: set[Key] = set()
    before: bytes | None = None
    misses = 0
    for seq in range(1, MOST):
        event = None
        row = link = b""
        try:
            row, link = database.execute(f"SELECT row, link FROM {table} WHERE seq = ?", (seq,)).fetchone() or (b"", b"")
            event = decode_event(row)
        except (sqlite3.Error, WireError, TypeError):
            pass
        if event is None or not isinstance(link, bytes):
            before = None
            misses += 1
            if misses > 2_000:
                break
            continue
        misses = 0
        if before is None or sha256(before + row).digest() == link:
            found.add(key_of(device, event))
            before = link
        else:
            before = None
    return found
