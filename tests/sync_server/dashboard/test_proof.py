"""The proof on a device's page and in its file: captured is delivered is counted, or what is not, and why."""

import csv
import io
from datetime import timedelta

import msgspec
import pytest
from django.test import Client
from django.utils import translation

from sync_server.dashboard import proof_words
from sync_server.ingest.services import accept
from sync_server.results.captured import Why
from tests.sync_server.dashboard.reading import read
from tests.sync_server.dashboard.staff import count, report
from tests.sync_server.device import NOON, Source
from wire.events import DAY_MS, Answer, Retract

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage", "now")]


def rows_of(client: Client, query: str = "") -> list[dict[str, str]]:
    """The lines of days of which something arrived or is counted."""
    return [each for each in all_rows_of(client, query) if each["answers"] != "0" or each["counted"] != "0"]


def all_rows_of(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/devices/kiosk-mine-1/reconciliation.csv{query}")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_the_file_proves_the_same_as_the_page_in_words_that_never_change(source: Source, staff: Client) -> None:
    source.rate(5, 4)
    source.add(source.event(Answer, NOON + timedelta(hours=1), 3), source.event(Retract, NOON + timedelta(hours=1), dt=1))
    source.send()
    report(source)
    count()
    (told,) = rows_of(staff)
    assert told == {
        "line": "day",
        "device": "kiosk-mine-1",
        "day": "2026-11-20",
        "court": "mine",
        "exit": "Головний вихід",
        "captured": "4",
        "delivered": "4",
        "answers": "3",
        "retractions": "1",
        "left": "0",
        "passages": "0",
        "flags": "0",
        "repeated": "0",
        "standing": "2",
        "counted": "2",
        "difference": "0",
        "reason": "",
        "rows": "",
        "not_before": "",
        "not_after": "",
        "proved": "until",
        "known_until": "2026-11-20T16:00:00+00:00",
        "recorded_in_stream": "4",
        "delivered_in_stream": "4",
        "waiting_on_device": "0",
        "device_reported_at": "2026-11-20T16:00:00+00:00",
        "being_counted": "no",
    }
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert "20 листопада 2026 Головний вихід 4 4 2 2 0" in page


def test_a_difference_is_named_by_its_day(source: Source, staff: Client) -> None:
    source.rate(5, 4)
    source.send()
    report(source)
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert "чинних відповідей цього пристрою — 2, а пораховано — 0; дні названо в таблиці." in page
    assert "Дещо саме зараз рахується" in page
    assert "Головний вихід 2 2 2 0 \N{MINUS SIGN}2" in page
    assert [(each["difference"], each["being_counted"]) for each in rows_of(staff)] == [("-2", "yes")]


def test_a_period_is_what_was_asked_for(source: Source, staff: Client) -> None:
    source.rate(5)
    source.boot = bytes(16)  # an earlier start of the device, of which a row comes late
    event = source.event(Answer, NOON, 4)
    source.add(msgspec.structs.replace(event, wall_offset=event.wall_offset - 20 * DAY_MS))
    source.send()
    count()
    assert [each["day"] for each in rows_of(staff)] == ["2026-11-20"]
    assert [each["day"] for each in rows_of(staff, "?from=2026-10-31&to=2026-10-31")] == ["2026-10-31"]
    assert [each["day"] for each in rows_of(staff, "?from=2026-10-01&to=2026-11-20")] == ["2026-10-31", "2026-11-20"]


def test_a_day_on_which_nothing_was_recorded_has_a_line(source: Source, staff: Client) -> None:
    source.rate(5)
    source.send()
    count()
    assert [each["day"] for each in all_rows_of(staff)] == [f"2026-11-{day}" for day in range(14, 21)]
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert "19 листопада 2026 Головний вихід 0 0 0 0 0" in page


def test_a_period_that_is_too_long_is_shortened_and_said_to_be(source: Source, staff: Client) -> None:
    page = read(staff, "/devices/kiosk-mine-1/?from=2020-01-01&to=2026-11-20").text
    assert "звіряють щонайбільше 92 дні, тому період починається 21 серпня 2026" in page
    assert "щонайбільше" not in read(staff, "/devices/kiosk-mine-1/?from=2026-08-21&to=2026-11-20").text
    assert len(all_rows_of(staff, "?from=2020-01-01&to=2026-11-20")) == 92


@pytest.mark.parametrize(
    "query", ["?from=x&to=y", "?from=9999-12-31", "?to=0001-01-01", "?from=2026-12-01&to=2026-11-01", "?from=2001-01-01", "?from="]
)
def test_what_is_no_period_shows_one_all_the_same(source: Source, staff: Client, query: str) -> None:
    answer = staff.get(f"/devices/kiosk-mine-1/{query}")
    assert answer.status_code == 200
    assert staff.get(f"/devices/kiosk-mine-1/reconciliation.csv{query}").status_code == 200


def test_what_is_not_proved_is_named_on_the_page_and_in_the_file(source: Source, staff: Client) -> None:
    accept([source.hello(received=NOON - timedelta(minutes=6))])
    report(source, at=NOON - timedelta(minutes=5))
    for minute in (0, 30, 60):
        source.add(source.event(Answer, NOON + timedelta(minutes=minute), 5))
    source.send(1, 1)
    source.send(3, 3)
    report(source)
    count()
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert "Не доведено: не все, що пристрій записав від 14 листопада 2026 до 20 листопада 2026" in page
    assert "Бракує, запитано ще раз: 1 запис, 20 листопада 2026." in page
    assert "20 листопада 2026 Головний вихід 3 2 2 2 0" in page
    (told,) = [each for each in all_rows_of(staff) if each["line"] == "open"]
    assert (told["reason"], told["rows"], told["not_before"], told["not_after"], told["proved"]) == (
        "missing", "1", "2026-11-20", "2026-11-20", "no",
    )  # fmt: skip
    source.send(2, 2)
    count()
    assert "Доведено" in read(staff, "/devices/kiosk-mine-1/").text


def test_every_reason_is_told_in_both_languages(source: Source) -> None:
    told = []
    for language in ("uk", "en"):
        with translation.override(language):
            told.append([proof_words.reason(why) for why in Why])
    assert all(one and one != other for one, other in zip(*told, strict=True))
