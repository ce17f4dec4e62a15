"""What `server status` says: who is here, what is stored, what had to be set aside."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sync_server.fleet import risks
from sync_server.fleet.selectors import fleet, refused_strangers
from sync_server.fleet.services import record_health, record_presence
from sync_server.ingest import replay
from sync_server.ingest.models import SetAside
from sync_server.ingest.services import accept, put_aside
from sync_server.project.status import lines
from tests.sync_server.device import Source, a_source
from wire.envelopes import Clock, Health

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_a_device_is_told_with_its_rows_its_gaps_and_what_waits_to_be_looked_at() -> None:
    source, silent = a_source("kiosk-told-1"), a_source("kiosk-silent-1")
    source.rate(5, 4, 3, 2)
    source.send(1, 1)
    source.send(4, 4)
    spoilt = source.message()._replace(data=b"\x00")
    accept([spoilt, spoilt, spoilt._replace(device="nobody-knows-me")])
    record_presence(source.name, present=True, now=lambda: NOW)
    told, other = sorted(fleet(NOW), key=lambda report: report.name != source.name)
    assert (told.present, told.heard_at) == (True, "2026-11-23T09:00:00+00:00")
    assert (told.stored, told.missing, told.gone, told.forked_at) == (2, 2, 0, None), "rows beyond a gap are here"
    assert told.set_aside == {"malformed": 1}, "one thing waits, however often it came"
    assert (other.name, other.present, other.heard_at, other.stored) == (silent.name, False, None, 0)
    assert refused_strangers() == {"unknown-device": 1}


def test_what_was_settled_needs_nobody_any_more() -> None:
    source = a_source()
    source.rate(5)
    put_aside(source.message()._replace(data=b"\xc1"), "internal", "failed")
    SetAside.objects.update(outcome=replay.TAKEN)
    assert fleet(NOW)[0].set_aside == {}


def forked() -> tuple[Source, Source]:
    source = a_source("kiosk-forked-1")
    source.rate(5)
    twin = source.clone()
    source.rate(4)
    source.send()
    twin.rate(1)
    twin.send()
    return source, twin


def begun_anew(source: Source) -> Source:
    anew = Source(source.name, source.key, source.device)
    anew.add(*source.rows)
    anew.send()
    return anew


def test_a_fork_is_told_with_its_row_until_the_device_has_begun_anew_and_no_row_is_told_twice() -> None:
    source, _ = forked()
    (told,) = fleet()
    assert told.forked_at == 2
    assert any("goes on by itself" in line for line in lines([told], {}))
    begun_anew(source)
    (told,) = fleet()
    assert (told.forked_at, told.stored) == (None, 2)
    assert any("copied or set back once" in line for line in lines([told], {}))


def test_rows_that_are_lost_stay_lost_when_a_new_stream_is_begun() -> None:
    source = a_source()
    source.rate(5, 4, 3)
    accept([source.hello(oldest=3)])
    source.send(3, 3)
    assert fleet()[0].gone == 2
    begun_anew(source)
    (told,) = fleet()
    assert (told.gone, told.waiting) == (2, 0)
    assert any(line.strip().startswith("2 rows are LOST") for line in lines([told], {}))


def test_what_a_forced_restore_put_at_risk_is_named_until_it_turns_up() -> None:
    source = a_source()
    source.rate(5, 4, 3, 2)
    source.send(1, 1)
    for _ in range(2):
        risks.note([(source.name, source.stream.hex(), 2, 3), ("kiosk-of-nobody", "00" * 16, 1, 9)], 1)
    (told,) = fleet()
    assert told.at_risk == 2
    assert any("2 rows MAY BE LOST" in line for line in lines([told], {}))
    source.send(2, 2)
    assert fleet()[0].at_risk == 1
    source.send(3, 4)
    assert fleet()[0].at_risk == 0


def test_what_is_known_to_be_lost_is_not_in_doubt_as_well() -> None:
    source = a_source()
    source.rate(5, 4, 3)
    risks.note([(source.name, source.stream.hex(), 1, 2)], 1)
    accept([source.hello(oldest=3)])
    (told,) = fleet()
    assert (told.gone, told.at_risk) == (2, 0)


def test_warnings_about_the_installation_stand_last() -> None:
    assert list(lines([], {"unknown-device": 2}, ["no backup"]))[-1] == "WARNING: no backup"


def test_a_large_fleet_costs_no_more_queries_than_a_small_one() -> None:
    for number in range(5):
        source = a_source(f"kiosk-many-{number}")
        source.rate(5)
        source.send()
    with CaptureQueriesContext(connection) as few:
        fleet(NOW)
    for number in range(5, 20):
        source = a_source(f"kiosk-more-{number}")
        source.rate(5)
        source.send()
    with CaptureQueriesContext(connection) as many:
        assert len(fleet(NOW)) == 20
    assert len(many) == len(few)


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
