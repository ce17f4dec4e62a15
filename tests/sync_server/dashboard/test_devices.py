"""What facility staff and administrators read about devices, and what nobody else does."""

import csv
import io
import re
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from sync_server.accounts.models import Role
from sync_server.accounts.services import create_person, give_role
from sync_server.courts import services as courts
from sync_server.courts.models import Court, Device
from sync_server.dashboard import device_words
from sync_server.fleet import risks
from sync_server.fleet.models import DeviceState
from sync_server.fleet.services import record_health, record_presence
from sync_server.ingest.models import LedgerRow, SetAside, Stream
from sync_server.ingest.services import accept, put_aside
from sync_server.project.config import ServerConfig
from sync_server.results import tallies
from tests.sync_server.dashboard.test_pages import PASSWORD, read
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
from wire import codec
from wire.envelopes import Clock, Health
from wire.events import DAY_MS, Answer, Retract

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage", "now")]
NOW = NOON + timedelta(hours=4)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    return NOW


@pytest.fixture
def court() -> Court:
    return a_court("mine")


@pytest.fixture
def source(court: Court) -> Source:
    return a_source("kiosk-mine-1", exit=an_exit(court))


def signed_in(kind: Role.Kind | None, court: Court | None = None, *, language: str = "uk", name: str = "olena") -> Client:
    person = create_person(username=name, password=PASSWORD, full_name="Олена Коваленко")
    if kind is not None:
        give_role(person=person, kind=kind, court=court)
    client = Client(headers={"accept-language": language})
    client.force_login(person)
    return client


@pytest.fixture
def staff(court: Court) -> Client:
    """Facility staff of this court and of no other."""
    return signed_in(Role.Kind.FACILITY, court)


def report(source: Source, *, at: datetime = NOW, **told: Any) -> None:
    clock = Clock(source.boot, 1, int(at.timestamp() * 1000), True)
    values = {"recorded": len(source.rows), "stored_through": 0, "stream": source.stream} | told
    record_health(source.name, Health(1, clock, 60, free_bytes=1, software="test", config=1, **values), now=lambda: at)


def count() -> None:
    while tallies.step():
        pass


def line(text: str) -> str:
    """The one line as it is read on the page."""
    return text.partition("Як він працює")[2].partition("Записано, доставлено")[0]


# --- who sees what ------------------------------------------------------------------------------------------------------------


ADDRESSES = ["/devices/", "/devices/kiosk-mine-1/", "/devices/kiosk-mine-1/reconciliation.csv", "/set-aside/"]


@pytest.mark.parametrize("kind", [Role.Kind.FACILITY, Role.Kind.ADMINISTRATOR])
@pytest.mark.parametrize("everywhere", [True, False])
def test_who_looks_after_the_devices_of_a_court_sees_them(source: Source, court: Court, kind: Role.Kind, everywhere: bool) -> None:
    client = signed_in(kind, None if everywhere else court)
    assert [client.get(address).status_code for address in ADDRESSES] == [200] * 4
    assert "Пристрої" in read(client, "/").text


@pytest.mark.parametrize("kind", [Role.Kind.ANALYST, Role.Kind.INTERVIEWER, None])
def test_others_find_no_such_pages(source: Source, court: Court, kind: Role.Kind | None) -> None:
    client = signed_in(kind, court)
    assert [client.get(address).status_code for address in ADDRESSES] == [404] * 4
    assert client.post("/set-aside/", {"reason": "internal"}).status_code == 404
    assert "Пристрої" not in read(client, "/").text


def test_devices_of_another_court_do_not_exist(source: Source, staff: Client) -> None:
    other = a_source("kiosk-other-1", exit=an_exit(a_court("theirs")))
    other.rate(5)
    put_aside(other.message(), "internal", "failed")
    put_aside(other.message()._replace(device="stranger-1"), "unknown-device", "no device")
    assert "kiosk-other-1" not in read(staff, "/devices/").text
    assert staff.get("/devices/kiosk-other-1/").status_code == 404
    assert staff.get("/devices/kiosk-other-1/reconciliation.csv").status_code == 404
    aside = read(staff, "/set-aside/").text
    assert "kiosk-other-1" not in aside
    assert "stranger-1" not in aside
    staff.post("/set-aside/", {"id": [str(each) for each in SetAside.objects.values_list("pk", flat=True)]})
    staff.post("/set-aside/", {"reason": "internal"})
    assert not LedgerRow.objects.exists(), "nor can they be touched"


def test_an_administrator_of_everything_sees_strangers_and_devices_that_stand_nowhere(source: Source) -> None:
    a_source("kiosk-nowhere")
    source.rate(5)
    put_aside(source.message()._replace(device="stranger-1"), "unknown-device", "no device")
    client = signed_in(Role.Kind.ADMINISTRATOR)
    assert "kiosk-nowhere" in read(client, "/devices/").text
    assert "ніде не стоїть" in read(client, "/devices/").text
    assert "stranger-1" in read(client, "/set-aside/").text


def test_a_device_that_was_moved_away_is_looked_after_there(source: Source, staff: Client) -> None:
    assert source.device is not None
    courts.place_device(device=source.device, exit=an_exit(a_court("theirs")), starts_at=NOON)
    assert staff.get("/devices/kiosk-mine-1/").status_code == 404


def test_who_keeps_every_court_is_told_that_backups_fail_and_nobody_else_is(
    source: Source, staff: Client, settings: Any, tmp_path: Path
) -> None:
    settings.CONFIG = ServerConfig(state_dir=tmp_path)
    everywhere = signed_in(Role.Kind.FACILITY, name="petro")
    assert "Резервних копій ще немає: доки їх немає, пристрої нічого не стирають." in read(everywhere, "/devices/").text
    assert "копі" not in read(staff, "/devices/").text.replace("У резервній копії", "")


# --- the one line -------------------------------------------------------------------------------------------------------------


def test_a_device_in_order_says_so_in_one_line(source: Source, staff: Client) -> None:
    source.rate(5, 4, 3)
    source.send()
    Stream.objects.update(backed_through=2)
    report(source)
    count()
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert "Пристрій на зв’язку; усе, що він записав, уже на сервері." in page
    assert "Записано 3 Доставлено 3 У резервній копії 2 Чекає з нічого не чекає Остання прогалина не було Шлях MQTT" in line(page)
    assert "Від 14 листопада 2026 до 20 листопада 2026 у цього пристрою 3 чинні відповіді, і рівно стільки пораховано." in page
    assert "Надійшли всі записи теперішнього потоку пристрою: 3." in page
    assert "Увага" not in page
    assert "1 пристрій, усі на зв’язку; усе, що вони записали, уже на сервері." in read(staff, "/devices/").text


def test_what_waits_on_a_device_that_is_away_is_told_with_since_when(source: Source, staff: Client) -> None:
    source.rate(5, 4, 3)
    source.send(1, 1)
    since = int((NOON + timedelta(minutes=5)).timestamp() * 1000)
    report(source, at=NOON + timedelta(hours=1), waiting_since=since, way="https")
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert "З пристроєм немає зв’язку; за його останнім повідомленням, на ньому чекають 2 записи." in page
    assert "Записано 3 Доставлено 1" in line(page)
    assert "Чекає з 2 записи, 20 листопада 2026, 14:05" in line(page), "by the court's own clocks"
    assert "Шлях HTTPS Востаннє на зв’язку 20 листопада 2026, 15:00" in line(page)
    assert "без зв’язку: 1; ще чекає на пристроях: 2 записи." in read(staff, "/devices/").text


def test_what_has_come_since_the_last_report_was_recorded_too(source: Source, staff: Client) -> None:
    source.rate(5)
    report(source)
    source.rate(4)
    source.send()
    assert "Записано 2 Доставлено 2" in line(read(staff, "/devices/kiosk-mine-1/").text)


def test_a_gap_is_told_until_it_is_closed_and_remembered_then(source: Source, staff: Client) -> None:
    source.rate(5, 4, 3)
    source.send(1, 1)
    source.send(3, 3)
    report(source)
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert re.search(r"Остання прогалина 2, \d+ листопада 2026, \d\d:\d\d \(запитано ще раз\)", line(page))
    assert "на ньому чекає 1 запис" in page
    source.send(2, 2)
    assert "(закрито)" in line(read(staff, "/devices/kiosk-mine-1/").text)


def test_a_copied_card_is_explained_with_what_to_do(source: Source, staff: Client) -> None:
    twin = source.clone()
    source.rate(5)
    twin.rate(1)
    source.send()
    twin.send()
    report(source)
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert "Дві картки видають себе за цей пристрій: від запису 1 вони розповідають різне." in page
    assert "Знайдіть другу картку й вийміть її." in page
    assert "Відкладено, не втрачено: Інша картка розповіла інше: 1" in page
    assert "дві картки" in read(staff, "/devices/").text

    anew = Source(source.name, source.key, source.device)
    anew.add(*source.rows)
    anew.send()
    report(anew)
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert "Дві картки видають себе" not in page
    assert "пристрій почав новий потік і надіслав свої записи ще раз" in page


def test_what_a_device_says_of_itself_is_passed_on_as_text(source: Source, staff: Client) -> None:
    report(source, notes=["<script>alert(1)</script>"], moving=3)
    html = staff.get("/devices/kiosk-mine-1/").content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "Ще раз надсилаються 3 давніші записи." in read(staff, "/devices/kiosk-mine-1/").text


@pytest.mark.parametrize("waiting_since", [2**52, -(2**52)])
def test_a_clock_that_lies_breaks_no_page(source: Source, staff: Client, waiting_since: int) -> None:
    source.rate(5)
    report(source, waiting_since=waiting_since)
    assert "чекає 1 запис" in read(staff, "/devices/kiosk-mine-1/").text


def test_a_report_of_an_older_or_newer_device_breaks_no_page(source: Source, staff: Client) -> None:
    report(source)
    for told in ({}, {"t": 4, "v": 9}, {"notes": ["x"]}):
        DeviceState.objects.update(report=told)
        assert staff.get("/devices/").status_code == 200
        assert staff.get("/devices/kiosk-mine-1/").status_code == 200


def test_a_withdrawn_device_is_told_as_such(source: Source, staff: Client) -> None:
    report(source)
    Device.objects.update(revoked_at=NOON)
    assert "відкликано 20 листопада 2026, 14:00" in read(staff, "/devices/kiosk-mine-1/").text
    assert "відкликано" in read(staff, "/devices/").text


def test_a_device_of_which_nothing_was_heard_has_a_page(source: Source, staff: Client) -> None:
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert "Цей пристрій ще не озивався." in page
    assert "від цього пристрою нічого не надходило" in page
    record_presence(source.name, present=True, now=lambda: NOW)
    assert "нічого про себе не повідомляв" in read(staff, "/devices/kiosk-mine-1/").text


def test_rows_that_a_forced_restore_put_at_risk_are_named_by_stream_until_they_turn_up(source: Source, staff: Client) -> None:
    source.rate(5, 4, 3)
    source.send(1, 1)
    risks.note([(source.name, source.stream.hex(), 2, 3)], 1)
    report(source)
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert f"Можливо, втрачено 2 записи: потік {source.stream.hex()[:8]}: 2–3." in page
    assert "можливо, втрачено записів: 2" in read(staff, "/devices/").text
    source.send(2, 3)
    assert "Можливо, втрачено" not in read(staff, "/devices/kiosk-mine-1/").text


def test_lost_rows_stay_an_alarm_when_the_device_begins_a_new_stream(source: Source, staff: Client) -> None:
    source.rate(5, 4, 3)
    accept([source.hello(oldest=3)])
    anew = Source(source.name, source.key, source.device)
    anew.add(source.rows[2])
    anew.send()
    report(anew)
    assert "Втрачено 2 записи" in read(staff, "/devices/kiosk-mine-1/").text
    assert "втрачено записів: 2" in read(staff, "/devices/").text


def test_the_pages_of_a_large_fleet_cost_no_more_queries_than_those_of_a_small_one(court: Court, staff: Client) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert staff.get(address).status_code == 200
        return len(found)

    exit = an_exit(court)
    spent = []
    for numbers in (range(3), range(3, 15)):
        for number in numbers:
            device = a_source(f"kiosk-many-{number}", exit=exit)
            device.rate(5)
            device.send()
        spent.append((queries("/devices/"), queries("/set-aside/")))
    assert spent[0] == spent[1]


# --- the proof ----------------------------------------------------------------------------------------------------------------


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
        "device": "kiosk-mine-1",
        "day": "2026-11-20",
        "court": "mine",
        "exit": "Головний вихід",
        "answers": "3",
        "retractions": "1",
        "left": "0",
        "passages": "0",
        "flags": "0",
        "repeated": "0",
        "standing": "2",
        "counted": "2",
        "difference": "0",
        "day_proved_from": "delivered",
        "recorded_in_stream": "4",
        "delivered_in_stream": "4",
        "waiting_on_device": "0",
        "device_reported_at": "2026-11-20T16:00:00+00:00",
        "being_counted": "no",
    }
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert "20 листопада 2026 Головний вихід 3 1 2 2 0" in page


def test_a_difference_is_named_by_its_day(source: Source, staff: Client) -> None:
    source.rate(5, 4)
    source.send()
    report(source)
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert "чинних відповідей цього пристрою — 2, а пораховано — 0; дні названо в таблиці. За 6 днів не" in page
    assert "Дещо саме зараз рахується" in page
    assert "Головний вихід 2 0 2 0 \N{MINUS SIGN}2" in page
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


def test_a_day_of_which_nothing_arrived_has_a_line_and_is_told_of(source: Source, staff: Client) -> None:
    source.rate(5)
    source.send()
    count()
    assert [each["day"] for each in all_rows_of(staff)] == [f"2026-11-{day}" for day in range(14, 21)]
    page = read(staff, "/devices/kiosk-mine-1/").text
    assert "За 6 днів не надійшло нічого." in page
    assert "19 листопада 2026 Головний вихід 0 0 0 0 0" in page
    assert "Для кожного дня звірка починається з того, що надійшло" in page


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


# --- set aside ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def aside(source: Source) -> SetAside:
    """A batch at which the server failed."""
    source.rate(5, 4)
    put_aside(source.message(), "internal", "failed")
    return SetAside.objects.get()


def test_what_is_set_aside_says_why_of_whom_and_what_and_never_how_somebody_answered(aside: SetAside, staff: Client) -> None:
    page = read(staff, "/set-aside/").text
    assert "1 повідомлення або запис не вдалося прийняти" in page
    assert "Сервер не впорався з цим: 1" in page
    assert "kiosk-mine-1 · 20 листопада 2026, 14:01" in page
    assert (
        "пакет з 2 записів Запис Що Про що 1 відповідь overall 2 відповідь overall Хто як відповів, не показується нікому." in page
    )


def test_a_row_of_a_newer_form_does_not_show_its_answer_either(source: Source, staff: Client) -> None:
    event = msgspec.msgpack.decode(codec.encode_event(source.event(Answer, NOON, 4)))
    newer = msgspec.msgpack.encode([99, *event[1:], "what a later version adds"])
    source.add(newer)
    source.send()
    entry = SetAside.objects.get()
    assert bytes(entry.data) == newer
    html = staff.get("/set-aside/").content.decode()
    squeezed = re.sub(r"\s", "", html)
    assert all(newer[place : place + 4].hex() not in squeezed for place in range(len(newer) - 3))
    assert sha256(newer).hexdigest() in html
    assert "Того, що не вдалося прочитати, не показано" in read(staff, "/set-aside/").text


def test_a_message_that_cannot_be_read_is_not_shown_either(source: Source, staff: Client) -> None:
    spoilt = b"\xc1" + bytes(range(64, 96))
    accept([source.hello()._replace(data=spoilt)])
    html = staff.get("/set-aside/").content.decode()
    assert spoilt[1:5].hex() not in re.sub(r"\s", "", html)
    assert "повідомлення, 33 байти" in read(staff, "/set-aside/").text


def test_one_is_tried_again_and_what_came_of_it_is_shown(aside: SetAside, staff: Client) -> None:
    answer = staff.post("/set-aside/", {"id": str(aside.pk)}, follow=True)
    text = " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())
    assert "Повторну спробу зроблено. прийнято, тепер збережено: 1." in text
    assert "Нічого не відкладено." in text
    assert "Вирішено повторною спробою" in text, "and it is still there"
    assert LedgerRow.objects.count() == 2
    assert "Відкладено, не втрачено" not in read(staff, "/devices/kiosk-mine-1/").text


def test_all_of_a_reason_are_tried_and_of_no_other(source: Source, staff: Client) -> None:
    source.rate(5, 4, 3)
    for place in (1, 2):
        put_aside(source.message(place, place), "internal", "failed")
    put_aside(source.message(3, 3), "foreign-version", "newer")
    answer = staff.post("/set-aside/", {"reason": "internal"})
    assert answer.status_code == 302
    assert sorted(LedgerRow.objects.values_list("seq", flat=True)) == [1, 2]
    assert "прийнято, тепер збережено: 2." in read(staff, answer["Location"]).text


def test_of_one_device_only_that_one_is_shown_and_tried(source: Source, court: Court, staff: Client) -> None:
    other = a_source("kiosk-mine-2", exit=an_exit(court, "Другий вихід"))
    for each in (source, other):
        each.rate(5)
        put_aside(each.message(), "internal", "failed")
    page = read(staff, "/set-aside/?device=kiosk-mine-2").text
    assert "kiosk-mine-1" not in page
    staff.post("/set-aside/", {"reason": "internal", "device": "kiosk-mine-2"})
    assert list(LedgerRow.objects.values_list("stream__device__name", flat=True)) == ["kiosk-mine-2"]


def test_nothing_is_tried_without_the_forms_token(aside: SetAside, court: Court) -> None:
    client = Client(enforce_csrf_checks=True)
    person = create_person(username="petro", password=PASSWORD)
    give_role(person=person, kind=Role.Kind.FACILITY, court=court)
    client.force_login(person)
    assert client.post("/set-aside/", {"id": str(aside.pk)}).status_code == 403
    assert not LedgerRow.objects.exists()


def test_looking_tries_nothing(aside: SetAside, staff: Client) -> None:
    staff.get(f"/set-aside/?id={aside.pk}&reason=internal")
    assert not LedgerRow.objects.exists()


@pytest.mark.parametrize("wrong", ["", "x", "-1", "9" * 40, "1; DROP", "²"])
def test_nonsense_for_a_number_is_nothing(aside: SetAside, staff: Client, wrong: str) -> None:
    assert staff.post("/set-aside/", {"id": wrong}).status_code == 302
    assert staff.get("/set-aside/", {"tried": wrong}).status_code == 200
    assert not LedgerRow.objects.exists()


def test_every_reason_the_server_gives_is_told_in_plain_words(source: Source) -> None:
    with translation.override("uk"):
        for word in (*REASONS,):
            title, advice = device_words.reason(word)
            assert title != word, word
            assert re.fullmatch(r"[А-ЯІЇЄҐ].*[.]", advice), word


REASONS = ("forked", "malformed", "malformed-row", "foreign-version", "oversize", "wrong-signature")
REASONS += ("unknown-device", "revoked", "internal", "too-many", "unasked")


def test_a_page_in_english_has_nothing_ukrainian_but_names(source: Source, court: Court) -> None:
    court.name_en = "Court"
    court.save()
    court.exits.update(name_en="Main exit")
    source.rate(5, 4)
    source.send(1, 1)
    report(source, moving=1)
    accept([source.message()._replace(data=b"\xc1")])
    client = signed_in(Role.Kind.ADMINISTRATOR, language="en")
    for address in ("/devices/", "/devices/kiosk-mine-1/", "/set-aside/"):
        text = read(client, address).text.replace("Українська", "").replace("Олена Коваленко", "")
        assert re.findall("[а-яіїєґ]+", text, re.IGNORECASE) == [], address
