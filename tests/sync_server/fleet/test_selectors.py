"""What `server status` says: who is here, what is stored, what had to be set aside."""

from datetime import UTC, datetime

import pytest

from sync_server.fleet.selectors import fleet, refused_strangers
from sync_server.fleet.services import record_presence
from sync_server.ingest.services import accept
from tests.sync_server.device import a_source

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_a_device_is_told_with_its_rows_its_gaps_and_its_refusals() -> None:
    source, silent = a_source("kiosk-told-1"), a_source("kiosk-silent-1")
    source.rate(5, 4, 3, 2)
    source.send(1, 2)
    source.send(4, 4)
    spoilt = source.message()._replace(data=b"\x00")
    accept([spoilt, spoilt, spoilt._replace(device="nobody-knows-me")])
    record_presence(source.name, present=True, now=lambda: NOW)
    told, other = sorted(fleet(), key=lambda report: report.name != source.name)
    assert (told.present, told.heard_at) == (True, "2026-11-23T09:00:00+00:00")
    assert (told.stored, told.missing, told.forked_at) == (2, 2, None)
    assert told.set_aside == {"malformed": 2}
    assert (other.name, other.present, other.heard_at, other.stored) == (silent.name, False, None, 0)
    assert refused_strangers() == {"unknown-device": 1}


def test_a_fork_is_told_with_its_row() -> None:
    source = a_source("kiosk-forked-1")
    source.rate(5)
    twin = source.clone()
    source.rate(4)
    source.send()
    twin.rate(1)
    twin.send()
    assert [report.forked_at for report in fleet()] == [2]
