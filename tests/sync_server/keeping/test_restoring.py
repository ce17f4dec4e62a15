"""Restoring: what is refused, what is named, and that a device and a restored server find together again."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from sync_server.courts.models import Device, Placement
from sync_server.courts.services import register_device
from sync_server.fleet import roll
from sync_server.fleet.risks import at_risk
from sync_server.ingest.entering import installation
from sync_server.ingest.models import LedgerRow
from sync_server.ingest.services import accept
from sync_server.keeping import backups, lock, patience, restoring, shelf
from sync_server.keeping.errors import InUse, KeepingError
from tests.sync_server.device import told
from tests.sync_server.keeping.place import Place


def restore(place: Place, name: str, **options: Any) -> list[str]:
    """Restores, starts, and gives what was said."""
    said: list[str] = []
    restoring.restore(place.config, name, say=said.append, **options)
    place.start()
    return [line for line in said if not line.startswith(("Replaced", "Filled"))]


def unchanged(place: Place) -> Callable[[], bool]:
    """Later tells whether the database is as it is now."""

    def look() -> tuple[bytes, int]:
        return bytes(installation().epoch), LedgerRow.objects.count()

    before = look()
    return lambda: look() == before


def test_a_restored_server_has_a_new_epoch_and_what_it_lacks_is_sent_again_and_counted_once(place: Place) -> None:
    place.rated(5, 4, 3)
    backup = place.backup()
    place.rated(2, 1)
    before = bytes(installation().epoch)
    restore(place, backup.name)
    here = installation()
    assert bytes(here.epoch) != before
    assert here.restored_from == backup.name
    assert here.restored_at is not None
    greeted = told(accept([place.source.hello()])[0])
    assert (greeted.epoch, greeted.stored_through, greeted.forked_at) == (bytes(here.epoch), 3, None)
    assert place.source.send(1).stored_through == 5
    assert LedgerRow.objects.count() == 5


def test_what_there_was_is_backed_up_first_and_a_restore_can_be_taken_back(place: Place) -> None:
    place.rated(5, 4, 3)
    backup = place.backup()
    place.rated(2, 1)
    (said,) = restore(place, backup.name)
    kept = said.removeprefix("What there was is backed up first: ")
    assert LedgerRow.objects.count() == 3
    restore(place, kept)
    assert LedgerRow.objects.count() == 5


def test_the_oldest_of_those_kept_can_be_restored_and_still_counts_afterwards(on_sqlite: Place) -> None:
    place = Place("sqlite", on_sqlite.with_backups(keep=1), on_sqlite.authority, on_sqlite.source)
    place.rated(5)
    backup = place.backup()
    place.rated(4)
    restore(place, backup.name)
    assert shelf.look(backup.folder).counts
    assert place.stream().backed_through == 1


def test_a_retired_backup_is_refused_unless_forced_and_then_the_rows_at_risk_are_named(place: Place) -> None:
    place.rated(5, 4, 3)
    first = place.backup()
    place.rated(2, 1)
    place.backup()
    backups.retire(place.config, first.name)
    assert place.stream().backed_through == 5
    row = f"kiosk-test-1, stream {place.source.stream.hex()[:8]}: rows 4 to 5"
    as_it_was = unchanged(place)
    with pytest.raises(KeepingError, match="was retired on") as refused:
        restore(place, first.name)
    assert row in str(refused.value)
    assert str(refused.value).endswith("--force.")
    assert as_it_was()
    assert f"At risk: {row}" in restore(place, first.name, force=True)
    assert place.stream().stored_through == 3


def test_rows_that_a_device_has_deleted_are_named_gone_after_a_restore_by_force_and_waited_for_no_more(place: Place) -> None:
    place.rated(5, 4, 3)
    first = place.backup()
    place.rated(2, 1)
    place.backup()
    backups.retire(place.config, first.name)
    place.rated(5)
    restore(place, first.name, force=True)
    device, stream = place.stream().device, bytes(place.stream().stream)
    assert at_risk({device.pk: device.name}) == {device.pk: {stream: [(4, 5)]}}, "staff see what may be lost"
    assert not (place.config.state_dir / "at-risk.json").exists()
    accept([place.source.hello(oldest=6)])
    ack = place.source.send(6)
    assert (ack.stored_through, ack.missing) == (6, [])
    assert list(place.stream().gone.values_list("first", "last")) == [(4, 5)]


def test_the_rows_at_risk_are_known_from_the_other_backups_where_the_database_is_gone(on_sqlite: Place) -> None:
    on_sqlite.rated(5, 4, 3)
    first = on_sqlite.backup()
    on_sqlite.rated(2, 1)
    on_sqlite.backup()
    backups.retire(on_sqlite.config, first.name)
    connection.close()
    for path in on_sqlite.config.state_dir.glob("server.sqlite3*"):
        path.unlink()
    with pytest.raises(KeepingError, match="rows 4 to 5"):
        restore(on_sqlite, first.name)


def test_a_retired_backup_that_lacks_nothing_is_refused_all_the_same(on_sqlite: Place) -> None:
    on_sqlite.rated(5)
    only = on_sqlite.backup()
    backups.retire(on_sqlite.config, only.name)
    with pytest.raises(KeepingError, match="As far as is known, it lacks nothing"):
        restore(on_sqlite, only.name)
    restore(on_sqlite, only.name, force=True)


def test_a_carried_copy_that_is_older_than_what_devices_were_told_is_refused(on_sqlite: Place, tmp_path: Path) -> None:
    on_sqlite.rated(5)
    copy = backups.make(on_sqlite.config, to=tmp_path / "stick")
    on_sqlite.rated(4)
    on_sqlite.backup()
    with pytest.raises(KeepingError, match=r"lacks rows that devices have been told are safe.*\n.*rows 2 to 2"):
        restore(on_sqlite, str(copy.folder))


def test_what_devices_were_told_is_known_from_the_database_where_the_backups_are_gone(on_sqlite: Place, tmp_path: Path) -> None:
    on_sqlite.rated(5)
    copy = backups.make(on_sqlite.config, to=tmp_path / "stick")
    on_sqlite.rated(4)
    on_sqlite.backup()
    shutil.rmtree(on_sqlite.config.backup_dir)
    with pytest.raises(KeepingError, match="rows 2 to 2"):
        restore(on_sqlite, str(copy.folder))


def test_a_carried_copy_that_lacks_nothing_is_restored_from_where_it_lies(on_sqlite: Place, tmp_path: Path) -> None:
    on_sqlite.rated(5)
    copy = backups.make(on_sqlite.config, to=tmp_path / "stick")
    on_sqlite.rated(4)
    restore(on_sqlite, str(copy.folder))
    assert on_sqlite.stream().stored_through == 1


def _alter_manifest(backup: shelf.Backup, **changes: object) -> None:
    shelf.write_manifest(backup.folder, msgspec.structs.replace(backup.known, **changes))


def test_what_is_not_as_it_should_be_is_refused_and_nothing_is_changed(place: Place) -> None:
    place.rated(5)
    backup = place.backup()
    place.rated(4)
    as_it_was = unchanged(place)
    other = {"sqlite": "postgresql", "postgresql": "sqlite"}[place.kind]
    content = backup.database.read_bytes()
    schema = {**backup.known.schema, "ingest": [*backup.known.schema["ingest"], "0999_of_tomorrow"]}
    _alter_manifest(backup, schema=schema)
    with pytest.raises(KeepingError, match="made by a newer Vidhuk"):
        restore(place, backup.name)
    _alter_manifest(backup, database=other)
    with pytest.raises(KeepingError, match=f"cannot be read|is of a {other} database"):
        restore(place, backup.name)
    _alter_manifest(backup)
    backup.database.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(KeepingError, match="has another digest"):
        restore(place, backup.name)
    (backup.folder / shelf.SUM).unlink()
    with pytest.raises(KeepingError, match="its manifest cannot be read"):
        restore(place, backup.name, force=True)
    with pytest.raises(KeepingError, match="There is no backup"):
        restore(place, "20200101T000000Z-00000000")
    assert as_it_was()
    assert len(shelf.find_all(place.config.backup_dir)) == 1


# --- SQLite's log, and databases that are past it ---------------------------------------------------------------------------------


def _killed_while_writing(place: Place) -> None:
    """Two more rows are committed by a process that is killed at once: they stand in the log only."""
    connection.close()
    child = os.fork()
    if not child:
        place.rated(2, 1)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def test_the_log_of_a_killed_server_is_not_played_into_the_restored_database(on_sqlite: Place) -> None:
    on_sqlite.rated(5, 4, 3)
    backup = on_sqlite.backup()
    _killed_while_writing(on_sqlite)
    log = on_sqlite.config.state_dir / "server.sqlite3-wal"
    assert log.stat().st_size > 0
    (said,) = restore(on_sqlite, backup.name)
    assert LedgerRow.objects.count() == 3
    restore(on_sqlite, said.rpartition(" ")[2])
    assert LedgerRow.objects.count() == 5, "and what stood in it was backed up first"


def test_a_database_that_cannot_be_read_any_more_is_put_aside_with_its_log(on_sqlite: Place) -> None:
    on_sqlite.rated(5, 4, 3)
    backup = on_sqlite.backup()
    _killed_while_writing(on_sqlite)
    database = on_sqlite.config.state_dir / "server.sqlite3"
    database.write_bytes(b"nonsense" * 1000)
    restore(on_sqlite, backup.name)
    assert LedgerRow.objects.count() == 3
    aside = sorted(path.name.partition(".damaged")[0] for path in on_sqlite.config.state_dir.glob("*.damaged-*"))
    assert {"server.sqlite3", "server.sqlite3-wal"} <= set(aside)


def test_the_log_of_a_database_that_is_gone_is_not_played_into_the_restored_one(on_sqlite: Place) -> None:
    on_sqlite.rated(5, 4, 3)
    backup = on_sqlite.backup()
    _killed_while_writing(on_sqlite)
    (on_sqlite.config.state_dir / "server.sqlite3").unlink()
    restore(on_sqlite, backup.name)
    assert LedgerRow.objects.count() == 3


def test_a_database_that_lies_on_another_disk_stays_there(on_sqlite: Place, tmp_path: Path) -> None:
    on_sqlite.rated(5, 4)
    backup = on_sqlite.backup()
    connection.close()
    name, elsewhere = on_sqlite.config.state_dir / "server.sqlite3", tmp_path / "elsewhere.sqlite3"
    name.rename(elsewhere)
    name.symlink_to(elsewhere)
    on_sqlite.rated(3)
    restore(on_sqlite, backup.name)
    assert name.is_symlink()
    assert LedgerRow.objects.count() == 2


def test_a_restore_that_fails_leaves_no_part_of_it(on_sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0)
    backup = on_sqlite.backup()
    with _somebody_connected(on_sqlite), pytest.raises(InUse):
        restore(on_sqlite, backup.name)
    assert not list(on_sqlite.config.state_dir.glob("*restoring*"))


def test_a_backup_of_an_older_form_of_the_tables_is_restored_and_brought_up_to_date(place: Place) -> None:
    """The tables of courts had one change fewer when it was made: a start makes up for it."""
    place.rated(5)
    call_command("migrate", "courts", "0002", verbosity=0)
    backup = place.backup()
    assert "0003_nothing_lost" not in backup.known.schema["courts"]
    call_command("migrate", verbosity=0)
    restoring.restore(place.config, backup.name, say=lambda _: None)
    call_command("migrate", verbosity=0)
    place.start()
    assert place.stream().stored_through == 1


def test_an_empty_machine_gets_database_and_keys(place: Place) -> None:
    place.rated(5, 4, 3)
    backup = place.backup()
    connection.close()
    shutil.move(backup.folder, place.config.state_dir.parent / backup.name)
    shutil.rmtree(place.config.state_dir)
    if place.kind == "postgresql":
        with psycopg.connect(postgresql_url(place), autocommit=True) as admin:
            admin.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    outside = str(place.config.state_dir.parent / backup.name)
    with pytest.raises(KeepingError, match=r"may have deleted what came after .*nobody here can say which rows"):
        restore(place, outside)
    assert any("nobody here can say which rows" in line for line in restore(place, outside, force=True))
    assert LedgerRow.objects.count() == 3
    assert place.authority.fingerprint
    assert place.config.secret_key_file.read_bytes() == b"s" * 60
    for path in [*place.config.authority_dir.iterdir(), place.config.secret_key_file]:
        assert path.stat().st_mode & 0o077 == 0


def postgresql_url(place: Place) -> str:
    assert place.config.database_url is not None
    return place.config.database_url


def test_keys_of_another_installation_are_not_mixed_with_ours(on_sqlite: Place) -> None:
    backup = on_sqlite.backup()
    on_sqlite.authority.certificate_file.write_bytes(b"another's")
    with pytest.raises(KeepingError, match="another certificate authority"):
        restore(on_sqlite, backup.name)


# --- devices that enrolled since ----------------------------------------------------------------------------------------------


def _enrolled(place: Place, name: str, *, exit: str = "Головний вихід") -> bytes:
    """`name` enrols as `fleet.services.enrol` has it: on the roll, and in the database."""
    key = os.urandom(32)
    now = datetime(2026, 11, 23, tzinfo=UTC)
    register_device(name=name, public_key=key, enrolled_at=now)
    times = {"at": now.isoformat(), "expires": (now + timedelta(days=825)).isoformat(), "since": now.isoformat()}
    roll.enter(place.config.authority_dir, roll.Enrolled(name, key, serial=str(key[0]), court="court", exit=exit, **times))
    return key


def test_a_device_that_enrolled_since_the_backup_is_taken_in_again_where_it_stood(place: Place) -> None:
    _enrolled(place, "kiosk-before")
    backup = place.backup()
    key = _enrolled(place, "kiosk-since")
    restore(place, backup.name)
    device = Device.objects.get(name="kiosk-since")
    assert bytes(device.public_key) == key
    assert Placement.objects.get(device=device).exit.name_uk == "Головний вихід"
    assert device.certificates.count() == 1
    place.start()
    assert Device.objects.filter(name__in=["kiosk-before", "kiosk-since"]).count() == 2, "once is enough"


def test_a_device_whose_exit_is_not_known_any_more_is_taken_in_and_said_to_stand_nowhere(
    on_sqlite: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = on_sqlite.backup()
    _enrolled(on_sqlite, "kiosk-since", exit="Новий вихід")
    restore(on_sqlite, backup.name)
    assert Device.objects.filter(name="kiosk-since").exists()
    assert "kiosk-since stands nowhere, because there is no exit “Новий вихід” of court" in capsys.readouterr().out


def test_a_server_that_was_never_restored_takes_nobody_in_by_its_roll(on_sqlite: Place) -> None:
    _enrolled(on_sqlite, "kiosk-revoked")
    Device.objects.filter(name="kiosk-revoked").delete()
    on_sqlite.start()
    assert not Device.objects.filter(name="kiosk-revoked").exists()


def test_a_line_of_the_roll_that_was_cut_off_costs_no_other(on_sqlite: Place) -> None:
    folder = on_sqlite.config.authority_dir
    _enrolled(on_sqlite, "kiosk-one")
    with (folder / roll.FILE).open("ab") as file:
        file.write(b'{"device": "kiosk-t')
    _enrolled(on_sqlite, "kiosk-three")
    assert [entry.device for entry in roll.read(folder)] == ["kiosk-one", "kiosk-three"]
    assert (folder / roll.FILE).stat().st_mode & 0o077 == 0


# --- who may be there meanwhile --------------------------------------------------------------------------------------------------


def test_nothing_is_restored_while_the_server_runs_and_nothing_of_it_starts_meanwhile(on_sqlite: Place) -> None:
    state = on_sqlite.config.state_dir
    with lock.in_use(state), lock.in_use(state), pytest.raises(KeepingError, match="The server is running"), lock.alone(state):
        pass
    with lock.alone(state), pytest.raises(KeepingError, match="being restored"), lock.in_use(state):
        pass
    with lock.in_use(state):
        pass


def test_what_takes_the_place_of_a_part_still_holds_the_lock(on_sqlite: Place) -> None:
    """granian is started by exec: the lock must not end there."""
    script = (
        "import os, sys; from pathlib import Path; from sync_server.keeping import lock\n"
        f"with lock.in_use(Path({str(on_sqlite.config.state_dir)!r})):\n"
        "    os.execv(sys.executable, [sys.executable, '-c', 'print(1, flush=True); input()'])"
    )
    root = Path(__file__).resolve().parents[3]
    child = subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(root)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"1\n"
        with pytest.raises(KeepingError, match="The server is running"), lock.alone(on_sqlite.config.state_dir):
            pass
        child.communicate(b"\n")
    with lock.alone(on_sqlite.config.state_dir):
        pass


@contextmanager
def _somebody_connected(place: Place) -> Iterator[None]:
    """A reader that has the database open and does nothing with it."""
    if place.kind == "postgresql":
        with psycopg.connect(postgresql_url(place), autocommit=True):
            yield
    else:
        with closing(sqlite3.connect(place.config.state_dir / "server.sqlite3")) as reader:
            reader.execute("SELECT 1 FROM django_migrations").fetchall()
            yield


def test_a_database_that_others_use_is_not_replaced(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.2)
    place.rated(5)
    backup = place.backup()
    place.rated(4)
    as_it_was = unchanged(place)
    with _somebody_connected(place), pytest.raises(InUse, match="Stop"):
        restore(place, backup.name)
    assert as_it_was()


def test_who_has_just_been_stopped_is_given_a_moment_to_end(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.rated(5)
    backup = place.backup()
    reader = ExitStack()
    reader.enter_context(_somebody_connected(place))
    monkeypatch.setattr(patience, "EVERY_S", 0.0)
    monkeypatch.setattr(patience.time, "sleep", lambda _: reader.close())
    restore(place, backup.name)
    assert place.stream().stored_through == 1


# --- in the hour of need ----------------------------------------------------------------------------------------------------------


def test_a_disk_of_backups_that_is_full_does_not_forbid_a_restore(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.rated(5)
    backup = place.backup()
    place.rated(4)
    as_it_was = unchanged(place)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(KeepingError, match=r"MB left.*\n.*--without-backup"):
        restore(place, backup.name)
    assert as_it_was()
    assert restore(place, backup.name, keeping=False) == ["What there was is not backed up first."]
    assert place.stream().stored_through == 1


def test_what_devices_were_ever_told_makes_an_older_backup_refused_though_the_marks_fell_since(place: Place) -> None:
    place.rated(5, 4, 3)
    first = place.backup()
    kept = place.config.state_dir.parent / first.name
    shutil.move(first.folder, kept)
    backups.retire_missing(place.config)
    place.rated(2, 1)
    last = place.backup()
    backups.retire(place.config, last.name)
    assert place.stream().backed_through == 0
    with pytest.raises(KeepingError, match="rows 4 to 5"):
        restore(place, str(kept))


def test_the_database_that_the_environment_names_is_replaced_only_by_its_name(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.rated(5)
    backup = place.backup()
    place.rated(4)
    as_it_was = unchanged(place)
    monkeypatch.setenv("DATABASE_URL", "set")
    with pytest.raises(KeepingError, match=r"DATABASE_URL says so.*--database .*env -u DATABASE_URL"):
        restore(place, backup.name, force=True)
    with pytest.raises(KeepingError, match="would be replaced is"):
        restore(place, backup.name, meant="another")
    assert as_it_was()
    restore(place, backup.name, meant=str(connection.settings_dict["NAME"]))
    assert place.stream().stored_through == 1
