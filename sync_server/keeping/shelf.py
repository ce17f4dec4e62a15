"""The folder of backups: each a folder of its own, whose manifest says what it holds and how to tell that it is unaltered.

The manifests are the truth. What the database says of backups is derived from them, because a database that is restored, or lost,
must not take the knowledge of its backups with it.
"""

import contextlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from sync_server.keeping import files
from sync_server.keeping.contents import Mark
from sync_server.keeping.errors import KeepingError

MANIFEST: Final = "manifest.json"
SUM: Final = "manifest.sha256"
RETIRED: Final = "retired.json"
"""In a backup's folder: since when it is. Beside them all: the names of all that ever were, because their folders go."""
READ: Final = "read.json"
LOCK: Final = ".lock"
NAME: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}(-\d+)?")
KEYS: Final = "keys"
DATABASES: Final = {"sqlite": "server.sqlite3", "postgresql": "server.dump"}
"""What the database's copy is called, by kind."""

StreamKey = tuple[str, str]
"""A device's name and one of its streams, in hex."""


class FileSum(msgspec.Struct, frozen=True):
    """How large a file is, and its SHA-256 in hex."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. `number` counts the backups of a folder as they were made, whatever the clock said; `schema` names the
    changes its tables have seen, by app; `streams` is read from the very same state of the database as the copy; `carried` is a
    copy that was made elsewhere, to be taken away, and holds nothing back.
    """

    format: Literal[1] = 1
    number: int
    made_at: datetime
    epoch: str
    database: Literal["sqlite", "postgresql"]
    schema: dict[str, list[str]]
    streams: list[Mark]
    files: dict[str, FileSum]
    carried: bool = False


class Retirement(msgspec.Struct, frozen=True):
    """Since when a backup is not to be restored any more."""

    at: datetime


class Reading(msgspec.Struct, frozen=True):
    """When every byte of a backup was last read, and what was wrong."""

    at: datetime
    fault: str


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup as it lies there. `fault` says why it cannot be restored; without a manifest nothing else is known of it.
    `read_at` is when every byte of it was last read, if that is known.
    """

    folder: Path
    manifest: Manifest | None
    retired_at: datetime | None
    fault: str = ""
    read_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def known(self) -> Manifest:
        """Its manifest. Raises `KeepingError` when that cannot be believed."""
        if self.manifest is None:
            raise KeepingError(f"{self.folder}: {self.fault}. Restore another one; see: ./vidhuk server backups")
        return self.manifest

    @property
    def database(self) -> Path:
        """The copy of the database."""
        return self.folder / DATABASES[self.known.database]

    @property
    def size(self) -> int:
        """Bytes of all its files, as far as is known."""
        return sum(part.size for part in self.manifest.files.values()) if self.manifest else 0

    @property
    def counts(self) -> bool:
        """It may still be restored: devices keep what it does not hold."""
        return self.retired_at is None and not (self.manifest is not None and self.manifest.carried)

    @property
    def sound(self) -> bool:
        """It counts, and nothing is known against it."""
        return self.counts and not self.fault


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes it and its own digest, in the form that `sha256sum -c` reads."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    files.write_whole(folder / MANIFEST, text)
    files.write_whole(folder / SUM, f"{files.digest(folder / MANIFEST)}  {MANIFEST}\n".encode())


def look(folder: Path, *, deep: bool = False) -> Backup:
    """The backup in `folder`. Sizes are always compared; `deep` reads every byte and compares digests too. Otherwise what was found
    when that was last done is believed.
    """
    retired_at = _retired_at(folder)
    try:
        if (folder / SUM).read_text().split()[:1] != [files.digest(folder / MANIFEST)]:
            return Backup(folder, None, retired_at, "its manifest was altered")
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as fault:
        return Backup(folder, None, retired_at, f"its manifest cannot be read ({fault})")
    last = _last_reading(folder)
    wrong = _fault(folder, manifest.files, deep=deep) or (last.fault if last and not deep else "")
    return Backup(folder, manifest, retired_at, wrong, last.at if last else None)


def _last_reading(folder: Path) -> Reading | None:
    try:
        return msgspec.json.decode((folder / READ).read_bytes(), type=Reading)
    except (OSError, msgspec.MsgspecError):
        return None


def check(folder: Path, instant: datetime) -> Backup:
    """Reads every byte of the backup in `folder`, and notes beside them what was found, where anything can be written."""
    found = look(folder, deep=True)
    with contextlib.suppress(OSError):  # a disk that is read-only, or full: what was found is returned all the same
        files.write_whole(folder / READ, msgspec.json.encode(Reading(instant.astimezone(UTC), found.fault)))
    return found


def retired_names(folder: Path) -> set[str]:
    """The names of all backups of `folder` that were ever retired, gone or not; none where that cannot be read: then they count."""
    try:
        return set(msgspec.json.decode((folder / RETIRED).read_bytes(), type=list[str]))
    except (OSError, msgspec.MsgspecError):
        return set()


def note_retired(folder: Path, names: Iterable[str]) -> None:
    """Enters `names` there, for good."""
    files.write_whole(folder / RETIRED, msgspec.json.encode(sorted(retired_names(folder).union(names))))


def _retired_at(folder: Path) -> datetime | None:
    """When it was retired. A marker that cannot be read still is one: it is written whole, so somebody has altered it. Nor does one
    come back that was copied here from where its retirement is not known.
    """
    marker = folder / RETIRED
    if not marker.exists():
        if folder.name not in retired_names(folder.parent):
            return None
        marker = folder.parent / RETIRED
        return datetime.fromtimestamp(marker.stat().st_mtime).astimezone()
    try:
        return msgspec.json.decode(marker.read_bytes(), type=Retirement).at
    except (OSError, msgspec.MsgspecError):
        return datetime.fromtimestamp(marker.stat().st_mtime).astimezone()


def _fault(folder: Path, sums: dict[str, FileSum], *, deep: bool) -> str:
    for name, told in sums.items():
        path = folder / name
        try:
            if path.stat().st_size != told.size:
                return f"{name} was altered: {path.stat().st_size} bytes instead of {told.size}"
            if deep and files.digest(path) != told.sha256:
                return f"{name} was altered: it has another digest"
        except OSError as fault:
            return f"{name} cannot be read ({fault.strerror})"
    return ""


def find_all(folder: Path, *, deep: bool = False) -> list[Backup]:
    """Every backup in `folder` as they were made, those of which that is not known first; none where there is no such folder."""
    if not folder.is_dir():
        return []
    found = [look(path, deep=deep) for path in sorted(folder.iterdir()) if NAME.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda backup: (backup.manifest.number if backup.manifest else 0, backup.name))


def find(folder: Path, name: str, *, deep: bool = False) -> Backup:
    """The backup called `name`, or in the folder `name` where it is a path. Raises `KeepingError`."""
    path = folder / name if NAME.fullmatch(name) else Path(name)
    if not NAME.fullmatch(path.name) or not path.is_dir():
        raise KeepingError(f"There is no backup {name} in {folder}. See: ./vidhuk server backups")
    return look(path, deep=deep)


def common(backups: Iterable[Backup]) -> dict[StreamKey, int]:
    """How far every one of `backups` holds each stream; what one of them lacks altogether is not named."""
    least: dict[StreamKey, int] | None = None
    for backup in backups:
        held = held_by(backup.known)
        least = held if least is None else {key: min(through, held[key]) for key, through in least.items() if key in held}
    return least or {}


def held_by(manifest: Manifest) -> dict[StreamKey, int]:
    """How far this backup holds each stream."""
    return {(mark.device, mark.stream): mark.stored_through for mark in manifest.streams}


def newest(backups: Sequence[Backup]) -> Backup | None:
    """The newest that may be restored and is not known to be damaged."""
    return next((backup for backup in reversed(backups) if backup.sound), None)
