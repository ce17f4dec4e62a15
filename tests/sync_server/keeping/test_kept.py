"""How many backups are kept, when the others go, and what is worth a warning."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from sync_server.keeping import backups, shelf, warnings
from sync_server.keeping.errors import KeepingError
from tests.sync_server.keeping.place import Place, flip, said


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


def test_nothing_is_retired_for_the_sake_of_backups_that_have_rotted(on_sqlite: Place) -> None:
    config = on_sqlite.with_backups(keep=2)
    made = []
    for _ in range(3):
        on_sqlite.rated(5)
        made.append(backups.make(config))
    flip(made[1].database)
    assert backups.tidy(config) == [], "of the two that would be kept one cannot be read"
    assert shelf.look(made[1].folder).fault, "and this is remembered"
    assert on_sqlite.stream().backed_through == 1
    flip(made[1].database)
    assert shelf.check(made[1].folder, backups.utc_now()).fault == "", "until it can be read again"
    assert backups.tidy(config) == [made[0].name]
