"""Which rows of a damaged ledger, put aside, are read into the new one, and how far that has come.

A damaged file is read page by page into a past (see `kiosk.ledger.pasts`), where it is decided what can be believed; from there its
rows go into the stream like those of an earlier one. How far it was read is written down together with the rows that were found.
"""

import re
from pathlib import Path
from typing import Final

import msgspec
import structlog

from kiosk.core.progress import Progress
from kiosk.durable import sync_folder
from kiosk.ledger.aside import FOLDER
from kiosk.ledger.pages import Damaged, Row
from kiosk.ledger.pasts import Past, safe_through
from kiosk.ledger.sealing import Unreadable, opened

PAGES_AT_ONCE: Final = 16
"""Pages read in one transaction, of some 35 rows each."""
DONE: Final = ".salvaged"
"""What the name of a file ends with once all that can be read of it is in the ledger. It is kept until the server's backups hold
that, and as long as any row."""

log = structlog.get_logger("ledger")


class Salvage(msgspec.Struct, frozen=True, array_like=True):
    """The file called `name` has been read up to `step` of `steps`; `found` rows of it are in the table of the past `number`.

    Rows up to `floor` are in the server's backups; rows from `ceiling` on were refused to their visitors. `behind` rows were
    recorded and are not read from it, because the backups hold them.
    """

    name: str
    number: int
    steps: int
    floor: int = 0
    ceiling: int | None = None
    step: int = 0
    found: int = 0
    mixed: bool = False
    behind: int = 0

    @property
    def past(self) -> Past:
        """The rows found, to be taken over."""
        return Past(self.number, self.floor, self.found, mixed=self.mixed)

    @property
    def read(self) -> bool:
        """Whether all of the file has been read, and its rows are a past like others."""
        return self.step >= self.steps

    @property
    def left(self) -> int:
        """Rows that the stream has still to take over, as far as is known: a page that has not been read has one at least."""
        return 0 if self.read else self.found + self.steps - self.step

    @property
    def ended(self) -> "Salvage":
        """The same, with nothing left to read."""
        return msgspec.structs.replace(self, step=self.steps)

    def wants(self, row: Row) -> bool:
        """Whether `row` belongs into the stream."""
        return row.seq > self.floor and (self.ceiling is None or row.seq < self.ceiling)


def waiting(path: Path) -> list[str]:
    """Names of the files that were put aside from the ledger `path` and have not been salvaged, oldest first. Raises `OSError`."""
    return _named(path, "")


def kept(path: Path) -> list[str]:
    """Names of the files from the ledger `path` that have been salvaged, oldest first. Raises `OSError`."""
    return _named(path, DONE)


def discard(path: Path, name: str) -> None:
    """Deletes a file that has been salvaged, with its log. Raises `OSError`."""
    for part in ("-wal", ""):
        (path.parent / FOLDER / f"{name}{part}").unlink(missing_ok=True)
    log.warning("ledger-discarded", name=name)


def _named(path: Path, end: str) -> list[str]:
    folder = path.parent / FOLDER
    if not folder.is_dir():
        return []
    name = re.compile(rf"{re.escape(path.stem)}-(\d+){re.escape(path.suffix + end)}")
    numbered = [(int(match[1]), file.name) for file in folder.iterdir() if (match := name.fullmatch(file.name))]
    return [name for _, name in sorted(numbered)]


def begin(path: Path, name: str, *, number: int, known_next: int | None) -> Salvage:
    """A look at the file called `name`: how long it is, and what it knows of the server. Raises `OSError`."""
    damaged = Damaged(path.parent / FOLDER / name)
    values = damaged.values()
    progress = _alone(values)
    if progress is None:  # nobody knows what the numbers mean, so no row is left out because of its number
        return Salvage(name, number, damaged.steps, mixed=True, behind=_behind(values, 0))
    floor = safe_through(progress)
    return Salvage(name, number, damaged.steps, floor, known_next, behind=_behind(values, floor))


def gather(path: Path, salvage: Salvage) -> tuple[list[Row], Salvage]:
    """The next rows that belong into the stream, and how far it has come then. Raises `OSError`."""
    damaged = Damaged(path.parent / FOLDER / salvage.name)
    rows = [row for row in damaged.rows(salvage.step, PAGES_AT_ONCE) if salvage.wants(row)]
    return rows, msgspec.structs.replace(salvage, step=min(salvage.step + PAGES_AT_ONCE, salvage.steps))


def finish(path: Path, name: str) -> None:
    """Says by the name of the file that it has been read. May be called again. Raises `OSError`."""
    file = path.parent / FOLDER / name
    for part in ("-wal", ""):
        source = file.with_name(name + part)
        if source.exists():
            source.rename(source.with_name(name + DONE + part))
    sync_folder(file.parent)
    log.warning("ledger-salvaged", name=name)


def _alone(values: dict[str, bytes]) -> Progress | None:
    """What the server has of the file's stream, if that can be read, and the file holds no other stream beside it."""
    try:
        known = {key: opened(value) for key, value in values.items()}
        if "stream" not in known or "salvage" in known or msgspec.msgpack.decode(known.get("pasts", b"\x90")):
            return None
        return msgspec.msgpack.decode(known["progress"], type=Progress) if "progress" in known else Progress()
    except (Unreadable, msgspec.MsgspecError):
        return None


def _behind(values: dict[str, bytes], floor: int) -> int:
    """Rows of the file's streams that are not to be read from it, as far as it still tells."""
    try:
        earlier = msgspec.msgpack.decode(opened(values["behind"]), type=int) if "behind" in values else 0
        pruned = msgspec.msgpack.decode(opened(values["pruned"]), type=tuple[int, bytes])[0] if "pruned" in values else 0
    except (Unreadable, msgspec.MsgspecError):
        return floor
    return earlier + max(floor, pruned)
