"""Who may be there while a backup is restored: nobody, and whoever is gets a moment to end."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from sync_server.keeping import lock, patience
from sync_server.keeping.errors import InUse, KeepingError
from tests.sync_server.keeping.place import Place
from tests.sync_server.keeping.restored import restore, somebody_connected, unchanged


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


def test_a_database_that_others_use_is_not_replaced(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.2)
    place.rated(5)
    backup = place.backup()
    place.rated(4)
    as_it_was = unchanged(place)
    with somebody_connected(place), pytest.raises(InUse, match="Stop"):
        restore(place, backup.name)
    assert as_it_was()


def test_who_has_just_been_stopped_is_given_a_moment_to_end(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.rated(5)
    backup = place.backup()
    reader = ExitStack()
    reader.enter_context(somebody_connected(place))
    monkeypatch.setattr(patience, "EVERY_S", 0.0)
    monkeypatch.setattr(patience.time, "sleep", lambda _: reader.close())
    restore(place, backup.name)
    assert place.stream().stored_through == 1
