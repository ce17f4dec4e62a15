"""How a backup is made: what is in it, of one state, whole or not at all."""

import os
import shutil
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from django.db import connection

from sync_server.ingest.entering import installation
from sync_server.keeping import backups, files, postgresql, shelf
from sync_server.keeping.daily import due
from sync_server.keeping.errors import KeepingError
from sync_server.keeping.shelf import Backup
from tests.support.waiting import until
from tests.sync_server.keeping.place import Place


def test_a_backup_holds_the_database_the_keys_and_how_far_every_stream_is_stored(place: Place) -> None:
    place.rated(5, 4, 3)
    made = place.backup()
    found = shelf.look(made.folder, deep=True)
    assert found.fault == ""
    manifest = found.known
    assert manifest.epoch == bytes(installation().epoch).hex()
    assert manifest.database == place.kind
    assert [(mark.device, mark.stream, mark.stored_through) for mark in manifest.streams] == [
        ("kiosk-test-1", place.source.stream.hex(), 3)
    ]
    assert "0003_nothing_lost" in manifest.schema["ingest"]
    for name in ("keys/secret_key", "keys/authority/ca.key", "keys/authority/ca.crt", "keys/authority/config.key"):
        assert name in manifest.files
    assert [backup.name for backup in shelf.find_all(place.config.backup_dir)] == [made.name]
    assert made.name == f"{manifest.made_at:%Y%m%dT%H%M%SZ}-{manifest.epoch[:8]}"


def test_a_backup_is_its_owner_s_alone(place: Place) -> None:
    made = place.backup()
    for path in [made.folder, *made.folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_two_backups_within_a_second_have_two_names(on_sqlite: Place) -> None:
    instant = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
    first, second = (backups.make(on_sqlite.config, now=lambda: instant) for _ in range(2))
    assert second.name == first.name + "-2"


def test_a_clock_that_was_set_back_for_years_does_not_make_the_newest_backup_the_oldest(on_sqlite: Place) -> None:
    config = on_sqlite.with_backups(keep=2)
    times = [datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC)]
    made = [backups.make(config, now=lambda instant=instant: instant).name for instant in times]
    assert [backup.name for backup in shelf.find_all(config.backup_dir)] == made
    assert backups.tidy(config) == [made[0]]
    last = shelf.newest(shelf.find_all(config.backup_dir))
    assert last is not None
    assert last.name == made[2]
    assert not due(time(2, 30), times[2], last.known.made_at), "one a day, and not one a minute until the clock has caught up"


def test_before_there_is_an_installation_there_is_nothing_to_back_up(place: Place) -> None:
    installation().delete()
    with pytest.raises(KeepingError, match="holds no installation yet"):
        place.backup()
    assert shelf.find_all(place.config.backup_dir) == []


def test_everything_is_synced_before_a_backup_gets_its_name_and_the_name_after_it(
    on_sqlite: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, int]] = []
    named: list[tuple[str, set[int]]] = []
    fsync, rename = os.fsync, files.rename

    def noted(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, len(named)))
        fsync(descriptor)

    def renamed(source: Path, target: Path) -> None:
        whole = {path.stat().st_ino for path in [source, *source.rglob("*")]}
        named.append((target.name, whole - {inode for inode, _ in synced}))
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(files, "rename", renamed)
    made = on_sqlite.backup()
    assert named == [(made.name, set())], "nothing of it was not synced"
    assert (made.folder.parent.stat().st_ino, 1) in synced, "then its name was"


def test_writers_go_on_while_a_large_database_is_copied_and_the_copy_is_one_state(on_sqlite: Place) -> None:
    """A pair of rows is written in each transaction: whatever moment the copy is of, it has both or neither."""
    path = on_sqlite.config.state_dir / "server.sqlite3"
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as writer:
            while not stop.is_set():
                writer.execute("BEGIN IMMEDIATE")
                writer.executemany("INSERT INTO pair VALUES (?, ?)", [(len(written), os.urandom(2000)) for _ in range(2)])
                writer.execute("COMMIT")
                written.append(1)

    with closing(sqlite3.connect(path, isolation_level=None)) as ground:
        ground.execute("PRAGMA journal_mode = WAL")
        ground.execute("CREATE TABLE pair (number INTEGER, filling BLOB)")
        ground.execute("BEGIN")
        ground.executemany("INSERT INTO pair VALUES (-1, ?)", [(os.urandom(2000),) for _ in range(4_000)])
        ground.execute("COMMIT")
    made: list[Backup] = []

    def overtaken() -> bool:
        """Makes a backup; whether somebody wrote meanwhile."""
        before = len(written)
        made.append(on_sqlite.backup())
        return len(written) > before

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            until(overtaken, "somebody writes while a backup is made")
        finally:
            stop.set()
        writing.result()
    for backup in made:
        with closing(sqlite3.connect(backup.database)) as copy:
            assert copy.execute("SELECT number FROM pair WHERE number >= 0 GROUP BY number HAVING count(*) <> 2").fetchall() == []


def test_a_dump_and_its_watermarks_are_of_one_state_whatever_is_stored_meanwhile(
    on_postgresql: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_postgresql.rated(5, 4, 3)
    run = postgresql._run

    def meanwhile(argv: list[str], *settings: postgresql.Settings) -> bytes:
        if argv[0] == "pg_dump":
            on_postgresql.rated(2, 1)
        return run(argv, *settings)

    monkeypatch.setattr(postgresql, "_run", meanwhile)
    made = on_postgresql.backup()
    assert [mark.stored_through for mark in made.known.streams] == [3]
    rows = run(["pg_restore", "--data-only", "--table=ingest_ledger", "--file=-", str(made.database)])
    assert len(list(postgresql._copied(rows.decode()))) == 3


def test_a_dump_of_another_state_than_its_watermarks_is_not_called_a_backup(
    on_postgresql: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_postgresql.rated(5, 4, 3)
    run = postgresql._run

    def without_snapshot(argv: list[str], *settings: postgresql.Settings) -> bytes:
        if argv[0] == "pg_dump":
            on_postgresql.rated(2, 1)
        return run([word for word in argv if not word.startswith("--snapshot")], *settings)

    monkeypatch.setattr(postgresql, "_run", without_snapshot)
    with pytest.raises(KeepingError, match="holds other streams than the database did"):
        on_postgresql.backup()
    assert shelf.find_all(on_postgresql.config.backup_dir) == []


def test_a_tool_that_is_not_installed_is_named_with_its_package(on_postgresql: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(KeepingError, match=r"pg_dump is not installed. Install the package postgresql-client"):
        on_postgresql.backup()


def test_a_damaged_database_is_not_called_a_backup(on_sqlite: Place) -> None:
    on_sqlite.rated(*[3] * 200)
    connection.close()
    path = on_sqlite.config.state_dir / "server.sqlite3"
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = opened.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'ingest_ledger'").fetchone()
        (page,) = opened.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    content[(root - 1) * page : root * page] = os.urandom(page)
    path.write_bytes(content)
    with pytest.raises(KeepingError, match="is damaged"):
        on_sqlite.backup()
    assert shelf.find_all(on_sqlite.config.backup_dir) == []


# --- disks that are full --------------------------------------------------------------------------------------------------------


def test_a_backup_that_would_fill_the_disk_is_not_begun(on_sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum((on_sqlite.config.state_dir / name).stat().st_size for name in ("server.sqlite3", "server.sqlite3-wal"))
    usage = shutil.disk_usage("/")._replace(free=size + backups.SPARE - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(KeepingError, match="Make room, or use another disk"):
        on_sqlite.backup()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=usage.free + 1))
    assert on_sqlite.backup().sound


def test_a_backup_that_fails_leaves_no_part_of_it(on_sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "copy_private", full)
    with pytest.raises(OSError, match="No space left"):
        on_sqlite.backup()
    assert [path.name for path in on_sqlite.config.backup_dir.iterdir()] == [shelf.LOCK]


def test_the_log_counts_in_the_room_that_a_backup_needs(on_sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    on_sqlite.rated(5)
    state = on_sqlite.config.state_dir
    size, log = ((state / name).stat().st_size for name in ("server.sqlite3", "server.sqlite3-wal"))
    assert log > 0
    usage = shutil.disk_usage("/")._replace(free=size + log + backups.SPARE - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(KeepingError, match="Make room"):
        on_sqlite.backup()
