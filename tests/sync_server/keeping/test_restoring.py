"""Restoring: what is refused, what is named, and that a device and a restored server find together again."""

import shutil
from pathlib import Path

import msgspec
import pytest
from django.db import connection

from sync_server.fleet.risks import at_risk
from sync_server.ingest.entering import installation
from sync_server.ingest.models import LedgerRow
from sync_server.ingest.services import accept
from sync_server.keeping import backups, shelf
from sync_server.keeping.errors import KeepingError
from tests.sync_server.device import told
from tests.sync_server.keeping.place import Place
from tests.sync_server.keeping.restored import restore, retired, unchanged


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
    first = retired(place)
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
    first = retired(place)
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
    first = retired(on_sqlite)
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
