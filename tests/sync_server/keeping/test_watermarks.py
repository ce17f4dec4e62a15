"""Which backups count: what devices may delete because of them, and what damage and retirement change about it."""

import os
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sync_server.keeping import backups, files, shelf, watermarks
from tests.sync_server.keeping.place import Place, flip, said


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
    flip(made.database)
    assert shelf.look(made.folder).fault == ""
    assert "has another digest" in shelf.look(made.folder, deep=True).fault


def test_a_start_writes_nothing_where_nothing_has_changed_and_waits_for_nobody_at_the_shelf(on_sqlite: Place) -> None:
    on_sqlite.rated(5)
    on_sqlite.backup()
    with CaptureQueriesContext(connection) as seen:
        backups.settle(on_sqlite.config)
    assert not [query for query in seen.captured_queries if query["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE", "BEGIN")]
    with files.locked(on_sqlite.config.backup_dir / shelf.LOCK, alone=True):
        on_sqlite.start()
