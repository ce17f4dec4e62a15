"""Devices that enrolled since the backup was made are taken in again, where they stood."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from sync_server.courts.models import Device, Placement
from sync_server.courts.services import register_device
from sync_server.fleet import roll
from tests.sync_server.keeping.place import Place
from tests.sync_server.keeping.restored import restore


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
