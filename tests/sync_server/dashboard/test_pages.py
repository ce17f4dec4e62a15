"""What a signed-in person reads, and what nobody else does."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from sync_server.accounts.models import Person, Role
from sync_server.accounts.services import create_person, give_role
from sync_server.courts.models import Court
from sync_server.ingest.services import accept
from sync_server.results import tallies
from sync_server.surveys import services as surveys
from sync_server.surveys.files import QUESTIONNAIRES, load
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]

Rate = Callable[..., None]
PASSWORD = "vidhuk-z-vykhodu-17"
NOW = NOON + timedelta(days=84)
"""A Friday in winter, 14:00 in Kyiv."""


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    return NOW


@pytest.fixture
def court(db: None, now: datetime) -> Court:
    surveys.release(load(QUESTIONNAIRES / "exit.toml"), released_at=now)
    return a_court("zrazkove")


@pytest.fixture
def rate(court: Court) -> Callable[..., None]:
    """`rate(5, 4)`: that many visitors of the court answered so, now or `at` another time."""
    sources: list[Source] = []

    def record(*values: int, at: datetime = NOW, item: str = "overall") -> None:
        if not sources:
            sources.append(a_source(exit=an_exit(court)))
        (source,) = sources
        source.rate(*values, at=at, item=item)
        assert told(accept([source.message(received=NOW)])[0]).stored_through == len(source.rows)
        while tallies.step():
            pass

    return record


@pytest.fixture
def analyst(court: Court) -> Person:
    """Somebody who may see this court and no other."""
    person = create_person(username="olena", password=PASSWORD, full_name="Олена Коваленко")
    give_role(person=person, kind=Role.Kind.ANALYST, court=court)
    return person


@pytest.fixture
def page(analyst: Person) -> Client:
    """The analyst's browser, in Ukrainian."""
    client = Client(headers={"accept-language": "uk"})
    client.force_login(analyst)
    return client


PUBLIC = {"sign-in", "theme-css", "alive", "set_language"}


class Read(HTMLParser):
    """A page as text, with its attributes and its charts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.attributes: dict[str, str] = {}
        self.scripts: dict[str, Any] = {}
        self.texts: list[str] = []
        self._script: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.attributes |= {name: value for name, value in named.items() if name.startswith("data-answers")}
        self._script = named.get("id", "") if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts[self._script] = json.loads(data)
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).replace("\u2060", "").split())


def read(client: Client, address: str) -> Read:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content[:300]
    return Read(answer.content.decode())


def seen(html: str) -> str:
    found = re.search(r'data-seen="([^"]+)"', html)
    assert found
    return found[1]


# --- who sees what -------------------------------------------------------------------------------------------------------------


def addresses(court: Court) -> dict[str, str]:
    """Every address of the project, with the court's own slug where it asks for one."""
    found: dict[str, str] = {}

    def walk(patterns: list[URLPattern | URLResolver]) -> None:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns)
            elif pattern.name:
                wanted = {name: court.slug if name == "slug" else "distribution" for name in pattern.pattern.converters}
                found[pattern.name] = reverse(pattern.name, kwargs=wanted)

    walk(get_resolver().url_patterns)
    return found


def test_every_address_but_the_public_ones_needs_a_sign_in(court: Court, client: Client) -> None:
    for name, address in addresses(court).items():
        answer = client.get(address)
        if name in PUBLIC:
            assert "/sign-in/" not in answer.headers.get("Location", ""), name
        else:
            assert answer.status_code in (302, 405), name
            if answer.status_code == 302:
                assert answer.headers["Location"] == f"/sign-in/?next={address}", name


@pytest.mark.parametrize("kind", [None, *Role.Kind])
def test_a_court_that_isnt_a_persons_is_not_found_by_any_address(court: Court, client: Client, rate: Rate, kind: Any) -> None:
    rate(*[4] * 12)
    person = create_person(username="petro", password=PASSWORD)
    if kind:
        give_role(person=person, kind=kind, court=a_court("inshyi"))
    client.force_login(person)
    with_slug = [address for address in addresses(court).values() if court.slug in address]
    assert len(with_slug) >= 3
    for address in with_slug:
        for answer in (client.get(address), client.get(address, headers={"HX-Request": "true"})):
            assert answer.status_code == 404, address
            assert court.name not in answer.content.decode(), address
    missing = client.get(reverse("court", kwargs={"slug": "nema-takoho"}))
    assert missing.status_code == 404
    assert court.name not in client.get("/").content.decode()


@pytest.mark.parametrize("kind", list(Role.Kind))
def test_a_role_at_the_court_opens_its_page(court: Court, client: Client, kind: Role.Kind) -> None:
    person = create_person(username="petro", password=PASSWORD)
    give_role(person=person, kind=kind, court=court)
    client.force_login(person)
    assert client.get("/courts/zrazkove/").status_code == 200
    assert court.name in client.get("/").content.decode()


def test_a_role_that_was_taken_away_closes_the_page_at_once(court: Court, analyst: Person, page: Client) -> None:
    assert page.get("/courts/zrazkove/").status_code == 200
    analyst.roles.all().delete()
    assert page.get("/courts/zrazkove/").status_code == 404


# --- coming in and going out ---------------------------------------------------------------------------------------------------


def test_signing_in_leads_to_where_one_wanted_to_go(court: Court, analyst: Person, client: Client) -> None:
    form = client.get("/sign-in/?next=/courts/zrazkove/").context["next"]
    answer = client.post("/sign-in/", {"username": "olena", "password": PASSWORD, "next": form})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/courts/zrazkove/")


def test_signing_in_never_leads_off_to_another_host(analyst: Person, client: Client) -> None:
    answer = client.post("/sign-in/", {"username": "olena", "password": PASSWORD, "next": "https://example.org/"})
    assert answer.headers["Location"] == "/"


def test_a_wrong_password_is_refused_in_words_that_help(analyst: Person) -> None:
    client = Client(headers={"accept-language": "uk"})
    text = Read(client.post("/sign-in/", {"username": "olena", "password": "не той"}).content.decode()).text
    assert "Перевірте мову клавіатури" in text
    assert client.get("/").status_code == 302


def test_signing_in_without_the_forms_token_is_refused(analyst: Person) -> None:
    client = Client(enforce_csrf_checks=True, headers={"accept-language": "uk"})
    answer = client.post("/sign-in/", {"username": "olena", "password": PASSWORD})
    assert answer.status_code == 403
    assert "Форма застаріла" in answer.content.decode()
    assert client.get("/").status_code == 302


def test_signing_out_takes_a_post(page: Client) -> None:
    assert page.get("/sign-out/").status_code == 405
    assert page.get("/").status_code == 200
    assert page.post("/sign-out/").status_code == 302
    assert page.get("/").status_code == 302


# --- the page ------------------------------------------------------------------------------------------------------------------


def test_the_first_line_says_what_is_so(page: Client, rate: Rate) -> None:
    rate(*[5] * 30, *[4] * 48, *[1] * 22)
    text = read(page, "/courts/zrazkove/").text
    assert "За останні 30 днів — 100 відповідей; частка «добре» й «дуже добре» — 78 % (69–85 %)" in text
    assert "раніше було замало відповідей, щоб порівняти" in text


def test_the_counts_of_a_page_are_plain_numbers_for_machines(page: Client, rate: Rate) -> None:
    rate(*[5] * 200)
    rate(*[4] * 50, at=NOW - timedelta(days=3))
    found = read(page, "/courts/zrazkove/").attributes
    assert found == {"data-answers-today": "200", "data-answers-30d": "250"}


def test_every_chart_has_its_sentence_its_table_and_its_file(page: Client, rate: Rate) -> None:
    rate(*[5, 4, 4, 3, 2] * 10)
    rate(*[3] * 12, item="reason")
    answer = page.get("/courts/zrazkove/").content.decode()
    blocks = re.findall(r'<section class="block block-(\w+)".*?</section>', answer, re.DOTALL)
    assert blocks == ["distribution", "comparison", "hours", "weeks", "reasons"]
    for section in re.findall(r'<section class="block block-.*?</section>', answer, re.DOTALL):
        assert 'role="img"' in section
        assert re.search(r'<p class="sentence">\S', section)
        assert "<details" in section
        assert re.search(r'href="/courts/zrazkove/csv/\w+\.csv"', section)


def test_a_chart_carries_exactly_the_figures_of_its_table(page: Client, rate: Rate) -> None:
    rate(*[5] * 8, *[4] * 20, *[3] * 4, *[2] * 6, *[1] * 2)
    values = read(page, "/courts/zrazkove/").scripts["distribution-spec-1"]["data"]["values"]
    rows = list(csv.DictReader(io.StringIO(page.get("/courts/zrazkove/csv/distribution.csv").content.decode("utf-8-sig"))))
    assert [(row["point"], row["answers"]) for row in rows] == [("1", "2"), ("2", "6"), ("3", "4"), ("4", "20"), ("5", "8")]
    for value, row in zip(values, rows, strict=True):
        assert (value["share"], value["low"], value["high"]) == pytest.approx(
            (float(row["share"]), float(row["low"]), float(row["high"])), abs=5e-5
        )
        assert value["low"] < value["share"] < value["high"]


def test_an_empty_court_says_so_and_shows_no_chart(page: Client, court: Court) -> None:
    found = read(page, "/courts/zrazkove/")
    assert "За останні 30 днів цей суд ніхто не оцінив." in found.text
    assert found.attributes == {"data-answers-today": "0", "data-answers-30d": "0"}
    assert set(found.scripts) == {"vega-theme"}


def test_nine_answers_are_counted_and_nothing_more_is_said(page: Client, rate: Rate, settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 1
    rate(5, 5, 5, 5, 5, 5, 5, 5, 1)
    answer = page.get("/courts/zrazkove/").content.decode()
    found = Read(answer)
    assert "Відповідей: 9. Замало, щоб сказати більше." in found.text
    assert set(found.scripts) == {"vega-theme"}
    assert "%" not in found.text
    assert answer.count('class="filled"') == 9


def test_a_table_withholds_counts_while_they_are_few(page: Client, rate: Rate, settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 1
    rate(5, 5, 5, 5, 5, 5, 5, 5, 1)
    for name in ("distribution", "comparison", "hours", "weeks", "reasons"):
        rows = list(csv.DictReader(io.StringIO(page.get(f"/courts/zrazkove/csv/{name}.csv").content.decode("utf-8-sig"))))
        told = [
            value
            for row in rows
            for key, value in row.items()
            if key.startswith("point_") or key in ("share", "low", "high", "with_flagged")
        ]
        assert told
        assert not any(told), name


def test_sample_data_is_marked_on_every_page_that_shows_it(page: Client, court: Court, rate: Rate) -> None:
    assert "вигадано" not in read(page, "/courts/zrazkove/").text
    court.is_sample = True
    court.save()
    assert "Вигадані дані." in read(page, "/courts/zrazkove/").text
    assert "Вигадані дані." in read(page, "/").text


def test_the_page_says_that_its_visitors_chose_themselves(page: Client, rate: Rate) -> None:
    rate(*[5] * 12)
    assert "не випадкова вибірка" in read(page, "/courts/zrazkove/").text
    assert "не випадкова вибірка" in read(page, "/").text


def test_the_overview_leads_to_every_court_with_its_figures(page: Client, court: Court, analyst: Person, rate: Rate) -> None:
    other = a_court("tykha-havan")
    give_role(person=analyst, kind=Role.Kind.ANALYST, court=other)
    rate(*[5] * 9, *[1] * 3)
    answer = page.get("/").content.decode()
    text = Read(answer).text
    assert "75 % (47–91 %)" in text
    for each in (court, other):
        assert f'href="/courts/{each.slug}/"' in answer
    assert "замало відповідей" in text


def test_a_person_without_a_court_is_told_whom_to_ask(client: Client, court: Court) -> None:
    client.force_login(create_person(username="petro", password=PASSWORD))
    assert "Вам ще не відкрито жодного суду." in read(client, "/").text


def test_a_list_of_courts_that_nobody_would_read_is_left_out(page: Client, analyst: Person) -> None:
    give_role(person=analyst, kind=Role.Kind.ANALYST)
    for number in range(19):
        a_court(f"court-{number}")
    assert 'class="my-courts"' in page.get("/").content.decode()
    a_court("one-more")
    answer = page.get("/").content.decode()
    assert 'class="my-courts"' not in answer
    assert answer.count('<th scope="row">') == 21


@pytest.mark.parametrize(
    ("language", "question", "date"), [("uk", "Що на це найбільше вплинуло?", "12.02"), ("en", "What mattered most?", "12 Feb")]
)
def test_every_text_is_in_the_language_asked_for(analyst: Person, rate: Rate, language: str, question: str, date: str) -> None:
    rate(*[5] * 12)
    client = Client(headers={"accept-language": language})
    client.force_login(analyst)
    answer = client.get("/courts/zrazkove/").content.decode()
    assert f'<html lang="{language}">' in answer
    found = Read(answer)
    assert question in found.text
    assert date in json.dumps(found.scripts, ensure_ascii=False)
    cyrillic = re.sub(r"Суд zrazkove|Українська|Олена Коваленко", "", found.text)
    assert bool(re.search("[а-яіїє]", cyrillic)) == (language == "uk")


def test_the_language_can_be_switched_and_stays(page: Client, court: Court) -> None:
    answer = page.post("/language/", {"language": "en", "next": "/courts/zrazkove/"})
    assert answer.headers["Location"] == "/courts/zrazkove/"
    assert "Nobody has rated this court" in read(page, "/courts/zrazkove/").text


def test_no_page_needs_anything_the_policy_forbids(page: Client, rate: Rate, client: Client) -> None:
    rate(*[5] * 12)
    for address in ("/", "/courts/zrazkove/", "/sign-in/"):
        answer = (client if address == "/sign-in/" else page).get(address)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        html = answer.content.decode()
        assert not re.search(r"\sstyle=|\son\w+=|<style", html)
        for script in re.findall(r"<script[^>]*>", html):
            assert "src=" in script or 'type="application/json"' in script
        for source in re.findall(r'(?:src|href)="([^"]+)"', html):
            assert source.startswith(("/", "#")), source


# --- live ------------------------------------------------------------------------------------------------------------------------


def live(client: Client, token: str) -> Any:
    return client.get(f"/courts/zrazkove/live?seen={token}", headers={"HX-Request": "true"})


def test_nothing_new_is_answered_with_nothing(page: Client, rate: Rate, django_assert_max_num_queries: Any) -> None:
    rate(*[5] * 12)
    token = seen(page.get("/courts/zrazkove/").content.decode())
    with django_assert_max_num_queries(5):
        answer = live(page, token)
    assert (answer.status_code, answer.content) == (204, b"")


def test_one_new_answer_moves_the_counts_alone(page: Client, rate: Rate, settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 5
    rate(*[5] * 12)
    token = seen(page.get("/courts/zrazkove/").content.decode())
    rate(1)
    answer = live(page, token).content.decode()
    found = Read(answer)
    assert found.attributes == {"data-answers-today": "13", "data-answers-30d": "13"}
    assert "За останні 30 днів — 13 відповідей; частка" in found.text, "the first line and the count agree"
    assert "У розподілі 12 відповідей: 1 найновіша" in found.text
    assert 'id="results"' not in answer
    assert live(page, seen(answer)).status_code == 204


def test_the_fifth_new_answer_brings_the_distribution(page: Client, rate: Rate, settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 5
    rate(*[5] * 12)
    token = seen(page.get("/courts/zrazkove/").content.decode())
    rate(1, 1, 1, 1)
    token = seen(live(page, token).content.decode())
    rate(1)
    answer = live(page, token).content.decode()
    found = Read(answer)
    assert 'id="results" hx-swap-oob="true"' in answer
    assert [value["n"] for value in found.scripts["distribution-spec-1"]["data"]["values"]] == ["5", "0", "0", "0", "12"]
    assert live(page, seen(answer)).status_code == 204


def test_midnight_at_the_court_brings_a_new_page(page: Client, rate: Rate, monkeypatch: pytest.MonkeyPatch) -> None:
    rate(*[5] * 12)
    token = seen(page.get("/courts/zrazkove/").content.decode())
    midnight = datetime(2027, 2, 12, 22, 0, tzinfo=NOW.tzinfo)
    monkeypatch.setattr("django.utils.timezone.now", lambda: midnight - timedelta(seconds=1))
    assert live(page, token).status_code == 204
    monkeypatch.setattr("django.utils.timezone.now", lambda: midnight)
    assert Read(live(page, token).content.decode()).attributes == {"data-answers-today": "0", "data-answers-30d": "12"}


@pytest.mark.parametrize(
    "token", ["", "1", "1.2", "1.2.x", "-1.2.3", "1.2.0", "9" * 30 + ".1.1", "1.1.9999999", "٣.١.١", "<script>"]
)
def test_a_token_that_is_none_is_refused(page: Client, court: Court, token: str) -> None:
    answer = page.get("/courts/zrazkove/live", {"seen": token})
    assert answer.status_code == 400
    assert b"<script>" not in answer.content


def test_a_page_whose_person_was_signed_out_is_led_to_the_sign_in(client: Client, court: Court) -> None:
    answer = client.get("/courts/zrazkove/live?seen=0.0.1", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/sign-in/"
    assert not answer.content


# --- files -----------------------------------------------------------------------------------------------------------------------


def test_a_file_that_isnt_there_is_not_found(page: Client, court: Court) -> None:
    assert page.get("/courts/zrazkove/csv/nothing.csv").status_code == 404


def test_the_csv_heads_never_change_with_the_language(analyst: Person, rate: Rate) -> None:
    rate(*[5] * 12)
    heads = set()
    for language in ("uk", "en"):
        client = Client(headers={"accept-language": language})
        client.force_login(analyst)
        answer = client.get("/courts/zrazkove/csv/weeks.csv")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="zrazkove-weeks-2027-02-12.csv"'
        heads.add(answer.content.decode("utf-8-sig").splitlines()[0])
    assert heads == {"week,answers,good_or_very_good,low,high,point_1,point_2,point_3,point_4,point_5"}


def test_reasons_have_no_points_and_ratings_stand_beside_themselves_with_what_is_flagged(page: Client, rate: Rate) -> None:
    rate(*[5] * 12)
    rate(*[3] * 12, item="reason")

    def rows(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(page.get(f"/courts/zrazkove/csv/{name}.csv").content.decode("utf-8-sig"))))

    assert list(rows("reasons")[0]) == ["word", "answers", "with_flagged", "share", "low", "high"]
    assert list(rows("distribution")[0]) == ["point", "word", "answers", "with_flagged", "share", "low", "high"]
    assert [row["with_flagged"] for row in rows("distribution")] == ["0", "0", "0", "0", "12"]
    html = page.get("/courts/zrazkove/").content.decode()
    assert html.count(">Бал<") == 1


def test_the_days_file_holds_plain_counts_of_whole_weeks_until_today(page: Client, rate: Rate) -> None:
    rate(5, 4)
    body = page.get("/courts/zrazkove/csv/days.csv").content.decode("utf-8-sig").splitlines()
    assert body[0] == "day,answers"
    assert body[1].startswith("2026-11-23,"), "a Monday"
    assert body[-1] == "2027-02-12,2"


def test_an_installation_that_shows_too_soon_says_so_on_the_page(page: Client, rate: Rate, settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 5
    rate(*[5] * 12)
    assert "Це демонстрація" not in read(page, "/courts/zrazkove/").text
    settings.VIDHUK_LIVE_STEP = 1
    assert "Це демонстрація: розподіл змінюється з кожною відповіддю." in read(page, "/courts/zrazkove/").text


def test_hours_are_the_finest_a_file_tells(page: Client, rate: Rate) -> None:
    rate(*[5] * 12)
    body = page.get("/courts/zrazkove/csv/hours.csv").content.decode("utf-8-sig")
    assert body.splitlines()[1].startswith("14:00,12,1.0,")


# --- without a sign-in -----------------------------------------------------------------------------------------------------------


def test_the_theme_is_kept_by_browsers_until_it_changes(client: Client) -> None:
    answer = client.get("/theme.css")
    assert answer.headers["Content-Type"].startswith("text/css")
    again = client.get("/theme.css", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_the_process_says_that_it_lives_without_asking_the_database(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert client.get("/alive").content == b"alive\n"
