"""What holds of all pages: they lead to every court that one may see, speak the language asked for, and need nothing forbidden."""

import json
import re

import pytest
from django.test import Client

from sync_server.accounts.models import Person, Role
from sync_server.accounts.services import create_person, give_role
from sync_server.courts.models import Court
from tests.sync_server.dashboard.pages.rated import Rate
from tests.sync_server.dashboard.reading import PASSWORD, Read, read
from tests.sync_server.device import a_court

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


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
