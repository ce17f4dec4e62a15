"""What facility staff and administrators read about devices, and what nobody else does."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sync_server.accounts.models import Role
from sync_server.courts import services as courts
from sync_server.courts.models import Court, Device
from sync_server.fleet import risks
from sync_server.fleet.models import DeviceState
from sync_server.fleet.selectors import fleet
from sync_server.fleet.services import record_presence
from sync_server.ingest.models import LedgerRow, SetAside, Stream
from sync_server.ingest.services import accept, put_aside
from sync_server.project.config import ServerConfig
from tests.sync_server.dashboard.reading import read
from tests.sync_server.dashboard.staff import NOW, count, report, signed_in
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
from wire.envelopes import Fork

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage", "now")]


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
    assert "Доведено: усе, що пристрій записав від 14 листопада 2026 до 20 листопада 2026, 18:00, надійшло й пораховано" in page
    assert "(3 записи; чинних відповідей — 3, пораховано — 3)" in page
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
    assert "Чекає з 20 листопада 2026, 14:05 (2 записи)" in line(page), "by the court's own clocks"
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


def test_a_copied_card_that_only_the_device_noticed_is_told_too(source: Source, staff: Client) -> None:
    source.rate(5)
    source.send()
    report(source)
    assert "пристрій почав новий потік" not in read(staff, "/devices/kiosk-mine-1/").text
    report(source, fork=Fork(4))
    assert "пристрій почав новий потік і надіслав свої записи ще раз" in read(staff, "/devices/kiosk-mine-1/").text
    assert fleet(NOW)[0].was_copied


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
    assert "Скільки пристрій записав за цей період, невідомо." in page
    assert "Пристрій ще не повідомив, скільки він записав." in page
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
