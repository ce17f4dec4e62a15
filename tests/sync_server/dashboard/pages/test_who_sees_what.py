"""What a signed-in person may see, and nobody else: roles, coming in and going out, and what is there without a sign-in."""

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from sync_server.accounts.models import Person, Role
from sync_server.accounts.services import create_person, give_role
from sync_server.courts.models import Court
from tests.sync_server.dashboard.pages.rated import Rate
from tests.sync_server.dashboard.reading import PASSWORD, Read
from tests.sync_server.device import a_court

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


PUBLIC = {"sign-in", "theme-css", "alive", "set_language"}


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


# --- without a sign-in -----------------------------------------------------------------------------------------------------------


def test_the_theme_is_kept_by_browsers_until_it_changes(client: Client) -> None:
    answer = client.get("/theme.css")
    assert answer.headers["Content-Type"].startswith("text/css")
    again = client.get("/theme.css", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_the_process_says_that_it_lives_without_asking_the_database(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert client.get("/alive").content == b"alive\n"
