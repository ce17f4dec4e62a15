"""Which rows of a damaged ledger can be read: any that SQLite still reads, and any on a page that was not hit, whatever became of
the rest of the file. Shares no code with the ledger.
"""

import shutil
import sqlite3
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Final

from wire.codec import WireError, decode_event
from wire.events import DeviceId
from workbench.simulation.truth import Key, key_of

PAGE: Final = 4096
MOST: Final = 100_000
"""Rows looked for in one table: far more than any run writes."""


class Survey:
    """A ledger at `path` before it is damaged: its rows and their places, looked at again afterwards."""

    def __init__(self, path: Path, device: DeviceId) -> None:
        self._path = path
        self._log = path.with_name(path.name + "-wal")
        self._device = device
        self._rows = _rows_of(path, device)
        self._before = _content(path)
        self._logged = _content(self._log)

    def readable(self) -> set[Key]:
        """The rows in the file and its log, and in what was put aside before, that can still be read."""
        aside = sorted(self._path.parent.glob("quarantine/*.sqlite3"))
        still = [_rows_of(file, self._device) for file in (self._path, *aside)]
        return {key for rows in still for key in rows.values()} | self._untouched()

    def _untouched(self) -> set[Key]:
        """Rows whose bytes stood nowhere on a page, or in a log, that has been changed."""
        after = _content(self._path)
        places = range(0, len(self._before), PAGE)
        hit = [self._before[at : at + PAGE] for at in places if self._before[at : at + PAGE] != after[at : at + PAGE]]
        if _content(self._log) != self._logged:
            hit.append(self._logged)
        return {key for row, key in self._rows.items() if not any(row in part for part in hit)}


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _rows_of(path: Path, device: DeviceId) -> dict[bytes, Key]:
    """What SQLite reads of the file at `path` and its log: each row with its link, as they stand side by side in the file."""
    found: dict[bytes, Key] = {}
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
            pass  # not even its tables can be told, by SQLite at least
        finally:
            database.close()
    return found


def _whole(database: sqlite3.Connection, table: str, device: DeviceId) -> dict[bytes, Key]:
    """Rows that decode, and continue the chain of the one before where that can be read."""
    found: dict[bytes, Key] = {}
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
            found[row + link] = key_of(device, event)
            before = link
        else:
            before = None
    return found
