"""What `server status` says: who is here, what is stored, what had to be set aside."""

from datetime import UTC, datetime, timedelta

import pytest

from sync_server.fleet.selectors import fleet, refused_strangers
from sync_server.fleet.services import record_health, record_presence
from sync_server.ingest.services import accept
from tests.sync_server.device import a_source
from wire.envelopes import Clock, Health

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
    told, other = sorted(fleet(NOW), key=lambda report: report.name != source.name)
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


def report(way: str) -> Health:
    return Health(1, Clock(bytes(16), 1, 1, True), 60, 0, 0, 10**9, "test", 0, way=way)  # type: ignore[arg-type]


def here(name: str, at: datetime) -> bool:
    return next(told.present for told in fleet(at) if told.name == name)


@pytest.mark.parametrize("way", ["mqtt", "https"])
def test_who_has_missed_three_reports_is_away_whatever_the_broker_last_said(way: str) -> None:
    name = a_source().name
    record_health(name, report(way), now=lambda: NOW)
    assert here(name, NOW + timedelta(minutes=3))
    assert not here(name, NOW + timedelta(minutes=3, seconds=1))


def test_who_left_the_broker_is_away_at_once() -> None:
    name = a_source().name
    record_health(name, report("mqtt"), now=lambda: NOW)
    record_presence(name, present=False, now=lambda: NOW)
    assert not here(name, NOW)


def test_the_broker_has_no_say_over_who_reports_by_https() -> None:
    name = a_source().name
    record_health(name, report("https"), now=lambda: NOW)
    record_presence(name, present=False, now=lambda: NOW + timedelta(minutes=2))
    assert here(name, NOW + timedelta(minutes=2)), "it has only tried MQTT again"
    assert not here(name, NOW + timedelta(minutes=4)), "and its going is no sign of life"


def test_a_broker_that_repeats_an_old_farewell_is_no_sign_of_life() -> None:
    name = a_source().name
    record_presence(name, present=True, now=lambda: NOW)
    record_presence(name, present=False, now=lambda: NOW + timedelta(days=30))
    (told,) = fleet(NOW + timedelta(days=30))
    assert told.heard_at == NOW.isoformat()
