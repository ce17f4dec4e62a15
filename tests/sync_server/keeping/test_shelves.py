"""Shelves that are not there, are another's, or lack what they held: nothing rises that nobody can vouch for."""

import shutil
from argparse import Namespace
from pathlib import Path

import pytest

from sync_server.keeping import backups, commands, shelf
from sync_server.keeping.errors import KeepingError
from tests.sync_server.keeping.place import Place, said


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
