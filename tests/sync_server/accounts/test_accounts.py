"""A person sees the courts their roles name, and no other; passwords are hard to guess and are never kept."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from sync_server.accounts.models import Person, Role
from sync_server.accounts.selectors import courts_visible_to
from sync_server.accounts.services import create_administrator, create_person, give_role
from sync_server.courts.models import Court
from tests.sync_server.device import a_court

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]
PASSWORD = "vidhuk-z-vykhodu-17"


@pytest.fixture
def courts() -> list[Court]:
    return [a_court(slug) for slug in ("one", "two", "three")]


def seen(person: Person | AnonymousUser) -> set[str]:
    return set(courts_visible_to(person).values_list("slug", flat=True))


def test_a_person_without_a_role_sees_nothing(courts: list[Court]) -> None:
    assert seen(create_person(username="olena", password=PASSWORD)) == set()
    assert seen(AnonymousUser()) == set()


@pytest.mark.parametrize("kind", list(Role.Kind))
def test_a_role_at_a_court_opens_that_court_alone(courts: list[Court], kind: Role.Kind) -> None:
    person = create_person(username="olena", password=PASSWORD)
    give_role(person=person, kind=kind, court=courts[0])
    assert seen(person) == {"one"}


def test_roles_at_two_courts_open_both_once(courts: list[Court]) -> None:
    person = create_person(username="olena", password=PASSWORD)
    for kind in (Role.Kind.ANALYST, Role.Kind.FACILITY):
        for court in courts[:2]:
            give_role(person=person, kind=kind, court=court)
    assert sorted(courts_visible_to(person).values_list("slug", flat=True)) == ["one", "two"]


def test_a_role_without_a_court_opens_every_court_also_later_ones(courts: list[Court]) -> None:
    person = create_administrator(username="olena", password=PASSWORD, full_name="Олена Коваленко")
    assert seen(person) == {"one", "two", "three"}
    a_court("four")
    assert "four" in seen(person)
    assert person.display_name == "Олена Коваленко"


def test_a_closed_account_sees_nothing(courts: list[Court]) -> None:
    person = create_administrator(username="olena", password=PASSWORD)
    person.is_active = False
    assert seen(person) == set()


def test_djangos_superuser_sees_nothing_without_a_role(courts: list[Court]) -> None:
    person = create_person(username="root-person", password=PASSWORD)
    person.is_superuser = True
    person.save()
    assert seen(person) == set()


def test_another_persons_role_opens_nothing(courts: list[Court]) -> None:
    create_administrator(username="olena", password=PASSWORD)
    assert seen(create_person(username="petro", password=PASSWORD)) == set()


def test_giving_a_role_twice_gives_it_once(courts: list[Court]) -> None:
    person = create_person(username="olena", password=PASSWORD)
    for court in (None, courts[0]):
        assert give_role(person=person, kind=Role.Kind.ANALYST, court=court) == give_role(
            person=person, kind=Role.Kind.ANALYST, court=court
        )
    assert Role.objects.count() == 2


def test_the_database_itself_refuses_the_same_role_twice(courts: list[Court]) -> None:
    person = create_person(username="olena", password=PASSWORD)
    for court in (None, courts[0]):
        Role.objects.create(person=person, kind=Role.Kind.ANALYST, court=court)
        with pytest.raises(IntegrityError), transaction.atomic():
            Role.objects.create(person=person, kind=Role.Kind.ANALYST, court=court)


@pytest.mark.parametrize("password", ["", "short1!", "password12345", "123456789012345", "olena-kovalenko"])
def test_a_weak_password_makes_no_person(password: str) -> None:
    with pytest.raises(ValidationError):
        create_person(username="olena-kovalenko", password=password)
    assert not Person.objects.exists()


@pytest.mark.parametrize("username", ["", "with space", "a" * 151])
def test_a_malformed_name_makes_no_person(username: str) -> None:
    with pytest.raises(ValidationError):
        create_person(username=username, password=PASSWORD)
    assert not Person.objects.exists()


def test_a_name_is_given_once() -> None:
    create_person(username="olena", password=PASSWORD)
    with pytest.raises(ValidationError):
        create_person(username="olena", password=PASSWORD)


def test_passwords_are_kept_as_argon2_and_nothing_else() -> None:
    person = create_person(username="olena", password=PASSWORD)
    assert person.password.startswith("argon2$argon2id$")
    assert PASSWORD not in person.password
    assert person.check_password(PASSWORD)
    assert not person.check_password(PASSWORD + "x")
