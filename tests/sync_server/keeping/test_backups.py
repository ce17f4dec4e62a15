"""Backups: what is in them, which of them count, and what devices may delete because of them."""

import os
import shutil
import sqlite3
import stat
import threading
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from sync_server.ingest.entering import installation
from sync_server.keeping import backups, commands, files, postgresql, shelf, warnings, watermarks
from sync_server.keeping.daily import due
from sync_server.keeping.errors import KeepingError
from sync_server.keeping.shelf import Backup
from sync_server.project.config import ServerConfig
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


# --- which count ------------------------------------------------------------------------------------------------------------------


def test_what_devices_may_delete_is_what_the_oldest_backup_holds_that_may_still_be_restored(place: Place) -> None:
    place.rated(5, 4)
    assert place.stream().backed_through == 0
    first = place.backup()
    assert place.stream().backed_through == 2
    place.rated(3, 2, 1)
    second = place.backup()
    assert place.stream().backed_through == 2, "the first one may still be restored"
    assert place.source.send(1, 1).backed_through == 2, "and devices are told so"
    backups.retire(place.config, first.name)
    assert place.stream().backed_through == 5
    backups.retire(place.config, second.name)
    assert place.stream().backed_through == 0, "nothing is backed up any more"


def test_a_stream_that_one_backup_lacks_is_not_backed_up(place: Place) -> None:
    place.backup()
    place.rated(5)
    place.backup()
    assert place.stream().backed_through == 0


def test_a_copy_that_is_carried_away_holds_nothing_back_and_backs_nothing_up(on_sqlite: Place, tmp_path: Path) -> None:
    on_sqlite.rated(5)
    copy = backups.make(on_sqlite.config, to=tmp_path / "stick")
    assert copy.folder.parent == tmp_path / "stick"
    assert on_sqlite.stream().backed_through == 0
    on_sqlite.rated(4)
    on_sqlite.backup()
    (tmp_path / "stick" / copy.name).rename(on_sqlite.config.backup_dir / f"{copy.name}-9")
    assert watermarks.recount(on_sqlite.config.backup_dir) == []
    assert on_sqlite.stream().backed_through == 2


def test_a_retirement_that_was_cut_off_is_finished_at_the_next_start(on_sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    on_sqlite.rated(5)
    first = on_sqlite.backup()
    on_sqlite.rated(4)
    on_sqlite.backup()

    def cut(_: Path) -> None:
        assert shelf.look(first.folder).retired_at is not None, "the marker comes before devices may delete more"
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(watermarks, "recount", cut)
        with pytest.raises(ZeroDivisionError):
            backups.retire(on_sqlite.config, first.name)
    assert on_sqlite.stream().backed_through == 1
    on_sqlite.start()
    assert on_sqlite.stream().backed_through == 2


def said(config: ServerConfig, **options: Callable[[], datetime]) -> list[str]:
    with translation.override("en"):
        return list(warnings.warnings(config, **options))


def _flip(path: Path, *, place: int = -20) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_a_manifest_that_was_altered_lets_nothing_rise_until_somebody_retires_it(on_sqlite: Place) -> None:
    on_sqlite.rated(5, 4, 3)
    old = on_sqlite.backup()
    on_sqlite.rated(2, 1)
    on_sqlite.backup()
    manifest = old.folder / shelf.MANIFEST
    manifest.write_text(manifest.read_text().replace('"stored_through": 3', '"stored_through": 9'))
    (damaged,) = watermarks.recount(on_sqlite.config.backup_dir)
    assert (damaged.name, damaged.fault) == (old.name, "its manifest was altered")
    assert on_sqlite.stream().backed_through == 3, "neither nine nor the five of the other one"
    assert any(old.name in warning for warning in said(on_sqlite.config))
    backups.retire(on_sqlite.config, old.name)
    assert on_sqlite.stream().backed_through == 5


def test_a_database_that_was_cut_short_goes_on_counting_as_long_as_another_is_sound(on_sqlite: Place) -> None:
    on_sqlite.rated(5, 4, 3)
    old = on_sqlite.backup()
    on_sqlite.rated(2, 1)
    new = on_sqlite.backup()
    os.truncate(old.database, 100)
    (damaged,) = watermarks.recount(on_sqlite.config.backup_dir)
    assert "was altered: 100 bytes" in damaged.fault
    assert on_sqlite.stream().backed_through == 3
    os.truncate(new.database, 100)
    watermarks.recount(on_sqlite.config.backup_dir)
    assert on_sqlite.stream().backed_through == 0, "none of them could be restored"


def test_a_flipped_bit_is_found_by_reading_everything(place: Place) -> None:
    made = place.backup()
    _flip(made.database)
    assert shelf.look(made.folder).fault == ""
    assert "has another digest" in shelf.look(made.folder, deep=True).fault


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


# --- how many are kept ---------------------------------------------------------------------------------------------------------


def test_the_newest_are_kept_the_others_retired_and_deleted_a_week_later(on_sqlite: Place) -> None:
    config = on_sqlite.with_backups(keep=2)
    monday = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
    made = []
    for day in range(4):
        on_sqlite.rated(5)
        made.append(backups.make(config, now=lambda day=day: monday + timedelta(days=day)).name)
        backups.tidy(config, now=lambda day=day: monday + timedelta(days=day))
    states = {backup.name: backup.retired_at is not None for backup in shelf.find_all(config.backup_dir)}
    assert states == dict(zip(made, [True, True, False, False], strict=True))
    assert on_sqlite.stream().backed_through == 3
    backups.tidy(config, now=lambda: monday + timedelta(days=9, hours=1))
    assert [backup.name for backup in shelf.find_all(config.backup_dir)] == made[1:], "the first was retired seven days ago"


def test_a_damaged_backup_neither_counts_among_those_kept_nor_is_retired_by_itself(on_sqlite: Place) -> None:
    config = on_sqlite.with_backups(keep=1)
    good = on_sqlite.backup()
    bad = on_sqlite.backup()
    os.truncate(bad.database, 10)
    assert backups.tidy(config) == []
    assert [backup.name for backup in shelf.find_all(config.backup_dir) if backup.counts] == [good.name, bad.name]


def test_a_backup_is_retired_once_and_by_its_name(on_sqlite: Place) -> None:
    made = on_sqlite.backup()
    backups.retire(on_sqlite.config, made.name)
    with pytest.raises(KeepingError, match="was retired on"):
        backups.retire(on_sqlite.config, made.name)
    for name in ("20200101T000000Z-00000000", "..", "nonsense"):
        with pytest.raises(KeepingError, match="There is no backup"):
            backups.retire(on_sqlite.config, name)


def test_missing_and_old_backups_are_worth_a_warning(on_sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "_disk", lambda path: path)
    (missing,) = said(on_sqlite.config)
    assert missing.startswith("There is no backup yet")
    made = on_sqlite.backup().known.made_at
    assert list(said(on_sqlite.config, now=lambda: made + timedelta(days=1))) == []
    (old,) = said(on_sqlite.config, now=lambda: made + timedelta(days=2, minutes=1))
    assert old.startswith(f"The newest backup is of {made:%Y-%m-%d}")


def test_backups_on_the_disk_of_the_database_are_worth_a_warning(on_sqlite: Place) -> None:
    on_sqlite.backup()
    (same,) = said(on_sqlite.config)
    assert same.startswith("The backups lie on the same disk as the database")
    assert same.endswith("Set backup.folder to another disk.")


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


# --- shelves that are not there -------------------------------------------------------------------------------------------------


def _unmounted(place: Place) -> Path:
    """The shelf's disk is gone; returns where it is."""
    away = place.config.state_dir.parent / "unmounted"
    place.config.backup_dir.rename(away)
    return away


def _marks(place: Place) -> tuple[int, int]:
    stream = place.stream()
    return stream.backed_through, stream.told


def test_a_shelf_that_is_not_mounted_raises_nothing_and_no_backup_is_begun_on_an_empty_one(place: Place) -> None:
    place.rated(5, 4, 3)
    place.backup()
    away = _unmounted(place)
    place.rated(2, 1)
    place.start()
    assert _marks(place) == (3, 3), "it stays where it was"
    with pytest.raises(KeepingError, match=r"has none of the 1 backups.*Mount their disk.*retire --missing"):
        commands.backup(Namespace(to=None), place.config)
    assert not place.config.backup_dir.exists()
    backups.make(place.config)
    place.start()
    assert _marks(place) == (3, 3), "even where one was made all the same"
    assert "is missing from" in said(place.config)[0]
    shutil.rmtree(place.config.backup_dir)
    away.rename(place.config.backup_dir)
    place.start()
    assert _marks(place) == (3, 3)


def test_another_machine_s_shelf_raises_nothing(place: Place) -> None:
    place.rated(5, 4, 3)
    place.backup()
    place.rated(2, 1)
    other = place.with_backups(folder=place.config.state_dir.parent / "other")
    backups.make(other)
    backups.settle(other)
    assert _marks(place) == (3, 3)
    place.start()
    assert _marks(place) == (3, 3), "and the first machine misses the other one's"


def test_one_backup_that_was_removed_by_hand_holds_the_marks_until_it_is_retired_by_name(place: Place) -> None:
    place.rated(5)
    first = place.backup()
    place.rated(4)
    place.backup()
    shutil.rmtree(first.folder)
    place.start()
    assert _marks(place) == (1, 1)
    backups.retire(place.config, first.name)
    assert _marks(place) == (2, 2)


def test_backups_that_are_lost_for_good_are_retired_and_one_begins_afresh(place: Place) -> None:
    place.rated(5, 4, 3)
    lost = place.backup()
    _unmounted(place)
    assert backups.retire_missing(place.config) == [lost.name]
    assert _marks(place) == (0, 3), "nothing is backed up, and what devices were told is not forgotten"
    place.rated(2)
    assert commands.backup(Namespace(to=None), place.config) == 0
    assert _marks(place) == (4, 4)


def test_a_retired_backup_does_not_come_back_by_a_copy_that_knows_nothing_of_it(on_sqlite: Place, tmp_path: Path) -> None:
    on_sqlite.rated(5)
    first = on_sqlite.backup()
    shutil.copytree(first.folder, tmp_path / first.name)
    on_sqlite.rated(4)
    on_sqlite.backup()
    backups.retire(on_sqlite.config, first.name)
    shutil.rmtree(first.folder)
    shutil.copytree(tmp_path / first.name, first.folder)
    on_sqlite.start()
    assert not shelf.look(first.folder).counts
    assert _marks(on_sqlite) == (2, 2)


# --- disks that rot --------------------------------------------------------------------------------------------------------------


def test_nothing_is_retired_for_the_sake_of_backups_that_have_rotted(on_sqlite: Place) -> None:
    config = on_sqlite.with_backups(keep=2)
    made = []
    for _ in range(3):
        on_sqlite.rated(5)
        made.append(backups.make(config))
    _flip(made[1].database)
    assert backups.tidy(config) == [], "of the two that would be kept one cannot be read"
    assert shelf.look(made[1].folder).fault, "and this is remembered"
    assert on_sqlite.stream().backed_through == 1
    _flip(made[1].database)
    assert shelf.check(made[1].folder, backups.utc_now()).fault == "", "until it can be read again"
    assert backups.tidy(config) == [made[0].name]


def test_the_log_counts_in_the_room_that_a_backup_needs(on_sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    on_sqlite.rated(5)
    state = on_sqlite.config.state_dir
    size, log = ((state / name).stat().st_size for name in ("server.sqlite3", "server.sqlite3-wal"))
    assert log > 0
    usage = shutil.disk_usage("/")._replace(free=size + log + backups.SPARE - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(KeepingError, match="Make room"):
        on_sqlite.backup()


def test_a_start_writes_nothing_where_nothing_has_changed_and_waits_for_nobody_at_the_shelf(on_sqlite: Place) -> None:
    on_sqlite.rated(5)
    on_sqlite.backup()
    with CaptureQueriesContext(connection) as seen:
        backups.settle(on_sqlite.config)
    assert not [query for query in seen.captured_queries if query["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE", "BEGIN")]
    with files.locked(on_sqlite.config.backup_dir / shelf.LOCK, alone=True):
        on_sqlite.start()
