"""When the daily backup is due, and what is done about it."""

import sys
from datetime import UTC, datetime, time, timedelta, timezone
from pathlib import Path

import pytest

from sync_server.keeping import files
from sync_server.keeping.daily import AFTER_TROUBLE_S, LOOK_S, DailyBackup, due
from tests.sync_server.keeping.place import Place

KYIV = timezone(timedelta(hours=2))
AT = time(2, 30)


def local(hour: int, minute: int = 0, *, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=KYIV)


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [
        (local(2, 29), local(2, 30, day=22), False),
        (local(2, 30), local(2, 30, day=22), True),
        (local(2, 31), local(2, 30), False),
        (local(14), local(2, 30), False),
        (local(14), local(13, day=22), True),
        (local(1), local(13, day=22), False),
        (local(14), None, True),
        (local(14), local(0, 31).astimezone(UTC), True),
        (local(14), local(2, 31).astimezone(UTC), False),
        (local(14), local(14) + timedelta(days=400), True),
    ],
)
def test_it_is_due_when_none_was_made_since_its_time_was_last_there(now: datetime, last: datetime | None, expected: bool) -> None:
    assert due(AT, now, last) is expected


def _worker(place: Place, command: list[str], now: datetime) -> DailyBackup:
    return DailyBackup(place.config.backup_dir, AT, command, clock=lambda: now)


def test_it_is_made_once_and_tried_again_later_when_it_fails(on_sqlite: Place, tmp_path: Path) -> None:
    mark = tmp_path / "made"
    making = [sys.executable, "-c", f"open({str(mark)!r}, 'a').write('x')"]
    now = datetime.now(UTC)
    assert _worker(on_sqlite, making, now).step() == LOOK_S
    assert mark.read_text() == "x"
    made = on_sqlite.backup().known.made_at
    assert _worker(on_sqlite, making, made).step() == LOOK_S
    assert mark.read_text() == "x", "there is one of today"
    assert _worker(on_sqlite, making, made + timedelta(days=1)).step() == LOOK_S
    assert mark.read_text() == "xx"
    assert _worker(on_sqlite, [sys.executable, "-c", "raise SystemExit(1)"], made + timedelta(days=1)).step() == AFTER_TROUBLE_S


def test_a_damaged_backup_is_no_reason_to_go_without(on_sqlite: Place, tmp_path: Path) -> None:
    mark = tmp_path / "made"
    backup = on_sqlite.backup()
    files.write_whole(backup.database, b"")
    now = backup.known.made_at
    _worker(on_sqlite, [sys.executable, "-c", f"open({str(mark)!r}, 'a').write('x')"], now).step()
    assert mark.read_text() == "x"


def test_it_stops_while_it_waits(on_sqlite: Place) -> None:
    worker = _worker(on_sqlite, ["false"], datetime.now(UTC))
    worker.stop()
    worker.run()
    assert not on_sqlite.config.backup_dir.exists()
