"""Cut off at any step, making, retiring and restoring leave what was or what was to be, and can be done again."""

import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import pytest
from django.db import connection

from sync_server.ingest.entering import installation
from sync_server.ingest.models import LedgerRow
from sync_server.keeping import backups, files, postgresql, restoring, shelf
from sync_server.keeping.errors import KeepingError
from tests.support.cutting import every_cut
from tests.support.waiting import until
from tests.sync_server.keeping.place import Place

STRIDE = {"sqlite": 1, "postgresql": 6}
"""PostgreSQL's own tools take a while to start; what is different there has a test of its own."""


def quiet(_: str) -> None:
    """Nobody listens."""


def state(place: Place) -> tuple[bytes, int, int]:
    """(epoch, stored through, rows) of the database in use; it can be read whole."""
    found = bytes(installation().epoch), place.stream().stored_through, LedgerRow.objects.count()
    connection.close()
    return found


def alone(place: Place) -> bool:
    """Nobody is connected any more: what was cut off has ended."""
    if place.kind == "postgresql":
        try:
            postgresql.require_alone(connection.settings_dict)
        except KeepingError:
            return False
    return True


def test_a_backup_cut_off_at_any_step_is_whole_or_not_there(place: Place) -> None:
    place.rated(5, 4, 3)
    connection.close()
    folder = place.config.backup_dir
    cuts = 0
    for _ in every_cut(place.backup, place.config.state_dir, stride=STRIDE[place.kind]):
        cuts += 1
        found = shelf.find_all(folder, deep=True)
        assert [backup.fault for backup in found] == [""] * len(found)
        assert place.stream().backed_through <= (3 if found else 0), "nothing is called backed up that is not"
        place.start()
        assert place.stream().backed_through == (3 if found else 0)
        connection.close()
    assert cuts >= {"sqlite": 12, "postgresql": 3}[place.kind]
    assert not [path for path in folder.iterdir() if path.name.startswith((files.MAKING, files.REMOVING))]


def test_retirement_and_deletion_cut_off_at_any_step_never_leave_half_a_backup(on_sqlite: Place) -> None:
    config = on_sqlite.with_backups(keep=1)
    monday = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
    for day in range(3):
        on_sqlite.rated(5)
        backups.make(config, now=lambda day=day: monday + timedelta(days=day))
    backups.tidy(config, now=lambda: monday)
    on_sqlite.rated(4)
    backups.make(config, now=lambda: monday + timedelta(days=9))
    connection.close()
    for _ in every_cut(lambda: backups.tidy(config, now=lambda: monday + timedelta(days=9)), config.state_dir):
        found = shelf.find_all(config.backup_dir, deep=True)
        assert [backup.fault for backup in found] == [""] * len(found)
        oldest = min(backup.known.streams[0].stored_through for backup in found if backup.counts)
        assert on_sqlite.stream().backed_through <= oldest
        connection.close()
    left = [(backup.known.streams[0].stored_through, backup.counts) for backup in shelf.find_all(config.backup_dir)]
    assert left == [(3, False), (4, True)], "two are deleted, and one was retired only now"


def test_a_restore_cut_off_at_any_step_leaves_the_old_database_or_the_new_one(place: Place) -> None:
    place.rated(5, 4, 3)
    backup = place.backup()
    place.rated(2, 1)
    old = state(place)
    cuts = 0
    for _ in every_cut(
        lambda: restoring.restore(place.config, backup.name, say=quiet), place.config.state_dir, stride=STRIDE[place.kind]
    ):
        cuts += 1
        until(lambda: alone(place), "what was cut off has ended")
        epoch, stored, rows = state(place)
        assert (stored, rows) == ((5, 5) if epoch == old[0] else (3, 3))
        assert shelf.look(backup.folder, deep=True).counts
    assert cuts >= {"sqlite": 20, "postgresql": 5}[place.kind]
    assert state(place)[1:] == (3, 3)
    assert not [path.name for path in place.config.state_dir.iterdir() if path.name.startswith(".making")]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 1.0])
def test_psql_that_is_left_alone_commits_nothing_however_much_it_was_given(on_postgresql: Place, share: float) -> None:
    """Whoever tells it what to do is killed in the middle: it comes to the end of what it was told, and that must not be enough."""
    place = on_postgresql
    place.rated(*[3] * 250)
    backup = place.backup()
    script = subprocess.run(["pg_restore", "--file=-", str(backup.database)], stdout=subprocess.PIPE, check=True).stdout
    place.rated(2, 1)
    old = state(place)
    child = os.fork()
    if not child:

        def pour(source: BinaryIO, target: BinaryIO) -> None:
            target.write(source.read(int(len(script) * share)))
            target.flush()
            os.kill(os.getpid(), signal.SIGKILL)

        postgresql._pour = pour
        restoring._put_database(backup, 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    until(lambda: alone(place), "what was left alone has ended")
    assert state(place) == old


def test_a_restore_whose_tools_fail_says_so_and_changes_nothing(on_postgresql: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    on_postgresql.rated(5)
    backup = on_postgresql.backup()
    on_postgresql.rated(4)
    old = state(on_postgresql)
    whole = postgresql._pour

    def nonsense_at_the_end(source: BinaryIO, target: BinaryIO) -> None:
        whole(source, target)
        target.write(b"INSERT INTO nowhere VALUES (1);\n")

    def half(source: BinaryIO, target: BinaryIO) -> None:
        target.write(source.read(20_000))
        source.close()

    for broken, said in ((nonsense_at_the_end, "as it was: .*nowhere"), (half, "as it was")):
        monkeypatch.setattr(postgresql, "_pour", broken)
        with pytest.raises(KeepingError, match=said):
            restoring._put_database(backup, 0)
        assert state(on_postgresql) == old
