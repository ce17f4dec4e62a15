"""What a restore puts in the place of what: databases with their logs, on other disks, of older forms; keys; nothing at all."""

import os
import shutil
import signal
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from sync_server.ingest.models import LedgerRow
from sync_server.keeping import patience, restoring
from sync_server.keeping.errors import InUse, KeepingError
from tests.sync_server.keeping.place import Place
from tests.sync_server.keeping.restored import postgresql_url, restore, somebody_connected


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
    with somebody_connected(on_sqlite), pytest.raises(InUse):
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


def test_keys_of_another_installation_are_not_mixed_with_ours(on_sqlite: Place) -> None:
    backup = on_sqlite.backup()
    on_sqlite.authority.certificate_file.write_bytes(b"another's")
    with pytest.raises(KeepingError, match="another certificate authority"):
        restore(on_sqlite, backup.name)
