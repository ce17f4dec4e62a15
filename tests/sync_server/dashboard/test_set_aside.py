"""The page of what could not be taken: what it shows, to whom, and trying again."""

import re
from hashlib import sha256

import msgspec
import pytest
from django.test import Client
from django.utils import translation

from sync_server.accounts.models import Role
from sync_server.accounts.services import create_person, give_role
from sync_server.courts.models import Court
from sync_server.dashboard import device_words
from sync_server.ingest.models import LedgerRow, SetAside
from sync_server.ingest.services import accept, put_aside
from tests.sync_server.dashboard.reading import PASSWORD, read
from tests.sync_server.device import NOON, Source, a_source, an_exit
from wire import codec
from wire.events import Answer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage", "now")]


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


def test_of_a_large_batch_the_first_rows_are_shown(source: Source, staff: Client) -> None:
    source.rate(*[5] * 21)
    put_aside(source.message(), "internal", "failed")
    page = read(staff, "/set-aside/").text
    assert "пакет з 21 запису" in page
    assert "20 відповідь overall Показано лише перші записи." in page
    assert "21 відповідь overall" not in page


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
