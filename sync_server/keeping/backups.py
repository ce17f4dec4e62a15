"""Making backups while the server runs, and retiring them. What devices may delete follows by `watermarks.recount`, not before."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from django.db import connection

from sync_server.keeping import files, postgresql, shelf, sqlite, watermarks
from sync_server.keeping.contents import Contents
from sync_server.keeping.errors import KeepingError
from sync_server.keeping.shelf import Backup, FileSum, Manifest, Retirement
from sync_server.project.config import ServerConfig
from sync_server.project.sqlite.log import LOG

SPARE: Final = 64 * 1024 * 1024
"""Bytes that a backup leaves free at least: where backups and database share a disk, ratings come first."""
DELETED_AFTER: Final = timedelta(days=7)
"""A retired backup still lies there for so long: who has retired the wrong one, or must restore by force, has a week for it."""

Now = Callable[[], datetime]


def utc_now() -> datetime:
    """The present instant, aware."""
    return datetime.now(UTC)


def make(config: ServerConfig, *, to: Path | None = None, now: Now = utc_now) -> Backup:
    """Makes a backup; `to` makes one elsewhere, to be carried away, which nothing waits for. Raises `KeepingError`, and then there
    is no new backup.

    It is made under another name, synced and verified; what it is called in the end is what says that it is whole.
    """
    folder = to or config.backup_dir
    files.make_folder(folder)
    with _shelf_to_itself(folder):
        files.clear_away(folder)
        _require_room(folder)
        draft = folder / f"{files.MAKING}backup"
        draft.mkdir(mode=files.PRIVATE_FOLDER)
        try:
            return _make(config, draft, carried=to is not None, instant=now().astimezone(UTC))
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise


def _make(config: ServerConfig, draft: Path, *, carried: bool, instant: datetime) -> Backup:
    folder = draft.parent
    held = _dump(draft)
    _copy_keys(config, draft / shelf.KEYS)
    shelf.write_manifest(draft, _manifest(draft, held, instant, carried=carried))
    files.sync_tree(draft)
    made = shelf.check(draft, instant)
    if made.fault:
        raise KeepingError(f"What was written to {folder} reads back otherwise: {made.fault}. Use another disk.")
    final = folder / _free_name(folder, instant, held)
    files.rename(draft, final)
    return shelf.look(final)


def require_shelf(config: ServerConfig) -> None:
    """Raises `KeepingError` where no backup is on the shelf, though there were some: its disk may not be mounted."""
    if any(backup.counts for backup in shelf.find_all(config.backup_dir)):
        return
    lost = watermarks.missing(config.backup_dir)
    if lost and watermarks.ever_backed():
        raise KeepingError(
            f"{config.backup_dir} has none of the {len(lost)} backups that there were ({lost[0]} … {lost[-1]}). Mount their disk,"
            " or set backup.folder right. If they are lost for good, begin afresh: ./vidhuk server retire --missing"
        )


def _require_room(folder: Path) -> None:
    """Raises `KeepingError` where a backup would leave less than `SPARE`. A dump is taken to be as large as the last one."""
    if _kind() == "sqlite":
        database = Path(connection.settings_dict["NAME"])
        size = _size(database) + _size(database.with_name(database.name + LOG))
    else:
        last = shelf.newest(shelf.find_all(folder))
        size = last.size if last else 0
    free = shutil.disk_usage(folder).free
    if free < size + SPARE:
        raise KeepingError(
            f"{folder} has {free / 1e6:.0f} MB left, and a backup needs {(size + SPARE) / 1e6:.0f}. Make room, or use another disk."
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def retire(config: ServerConfig, name: str, *, now: Now = utc_now) -> Backup:
    """From now on `name` is not restored any more, and devices may delete what only it lacked. Raises `KeepingError`.

    The marker comes first: should the rest be cut off, the server does it when it starts.
    """
    with _shelf_to_itself(config.backup_dir):
        if name in watermarks.missing(config.backup_dir):
            shelf.note_retired(config.backup_dir, [name])
            watermarks.recount(config.backup_dir)
            return Backup(config.backup_dir / name, None, now(), "it is missing")
        backup = shelf.find(config.backup_dir, name)
        if backup.retired_at is not None:
            raise KeepingError(f"{backup.name} was retired on {backup.retired_at:%Y-%m-%d}.")
        _mark_retired(backup, now)
        watermarks.recount(config.backup_dir)
        return shelf.look(backup.folder)


def tidy(config: ServerConfig, *, now: Now = utc_now) -> list[str]:
    """Retires all but the newest `keep` that are sound, deletes what has been retired for long; returns the names of the former.

    A damaged backup is never retired by itself: somebody must have been told of it first.
    """
    with _shelf_to_itself(config.backup_dir):
        _read_again(config, now)
        found = shelf.find_all(config.backup_dir)
        surplus = [backup for backup in found if backup.sound][: -config.backup.keep]
        for backup in surplus:
            _mark_retired(backup, now)
        for backup in found:
            if backup.retired_at is not None and now() - backup.retired_at > DELETED_AFTER:
                files.remove_folder(backup.folder)
        watermarks.recount(config.backup_dir)
        return [backup.name for backup in surplus]


def _kept(config: ServerConfig) -> list[Backup]:
    return [backup for backup in shelf.find_all(config.backup_dir) if backup.sound][-config.backup.keep :]


def _read_again(config: ServerConfig, now: Now) -> None:
    """Reads every byte of the oldest of those to be kept, and of the one that was not read for longest, before any is retired for
    their sake. The newest was read when it was made. One that has rotted is not among them any more, and so an older one stays.
    """
    if kept := _kept(config):
        shelf.check(min(kept, key=lambda one: one.read_at or one.known.made_at).folder, now())
    oldest = None
    while (kept := _kept(config)) and kept[0].name != oldest:
        oldest = shelf.check(kept[0].folder, now()).name


def retire_missing(config: ServerConfig, *, now: Now = utc_now) -> list[str]:
    """Retires the backups that have counted and are not on the shelf, and returns their names: they are lost."""
    files.make_folder(config.backup_dir)
    with _shelf_to_itself(config.backup_dir):
        lost = watermarks.missing(config.backup_dir)
        shelf.note_retired(config.backup_dir, lost)
        watermarks.recount(config.backup_dir)
        return lost


def settle(config: ServerConfig) -> list[Backup]:
    """What follows from the shelf as it is, at every start: `watermarks.recount`. Whoever is at the shelf does that himself."""
    with files.locked(config.backup_dir / shelf.LOCK, alone=True) as got:
        return watermarks.recount(config.backup_dir) if got else []


@contextmanager
def _shelf_to_itself(folder: Path) -> Iterator[None]:
    """Of several who make or retire backups, one after the other."""
    with files.locked(folder / shelf.LOCK, alone=True, wait=True):
        yield


def _dump(draft: Path) -> Contents:
    settings = connection.settings_dict
    target = draft / shelf.DATABASES[_kind()]
    if _kind() == "sqlite":
        return sqlite.dump(Path(settings["NAME"]), target)
    held = postgresql.dump(settings, target)
    postgresql.verify(target, held)
    return held


def _kind() -> str:
    return connection.vendor


def _copy_keys(config: ServerConfig, target: Path) -> None:
    target.mkdir(mode=files.PRIVATE_FOLDER)
    authority = target / config.authority_dir.name
    authority.mkdir(mode=files.PRIVATE_FOLDER)
    if config.secret_key_file.is_file():
        files.copy_private(config.secret_key_file, target / config.secret_key_file.name)
    for path in sorted(config.authority_dir.glob("*")):
        if path.is_file() and path.suffix != ".new":
            files.copy_private(path, authority / path.name)


def _manifest(draft: Path, held: Contents, made_at: datetime, *, carried: bool) -> Manifest:
    before = [backup.manifest.number for backup in shelf.find_all(draft.parent) if backup.manifest]
    parts = sorted(path for path in draft.rglob("*") if path.is_file())
    return Manifest(
        number=max(before, default=0) + 1,
        made_at=made_at,
        epoch=held.epoch.hex(),
        database="sqlite" if _kind() == "sqlite" else "postgresql",
        schema=held.schema,
        streams=held.streams,
        files={str(path.relative_to(draft)): FileSum(path.stat().st_size, files.digest(path)) for path in parts},
        carried=carried,
    )


def _free_name(folder: Path, instant: datetime, held: Contents) -> str:
    """A name that no backup has, nor had one that is gone: it would inherit its retirement."""
    name = f"{instant:%Y%m%dT%H%M%SZ}-{held.epoch.hex()[:8]}"
    used = {path.name for path in folder.iterdir()} | shelf.retired_names(folder) | watermarks.counted()
    return next(free for number in range(1, 1000) if (free := name if number == 1 else f"{name}-{number}") not in used)


def _mark_retired(backup: Backup, now: Now) -> None:
    files.write_whole(backup.folder / shelf.RETIRED, msgspec.json.encode(Retirement(now().astimezone(UTC))))
    shelf.note_retired(backup.folder.parent, [backup.name])
