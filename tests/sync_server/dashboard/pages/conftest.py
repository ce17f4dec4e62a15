"""A court whose visitors rate it, and an analyst who reads its pages. Imported before Django is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.test import Client

    from sync_server.accounts.models import Person
    from sync_server.courts.models import Court
    from tests.sync_server.device import Source


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    from django.utils import timezone

    from tests.sync_server.dashboard.pages.rated import NOW

    monkeypatch.setattr(timezone, "now", lambda: NOW)
    return NOW


@pytest.fixture
def court(db: None, now: datetime) -> Court:
    from sync_server.surveys import services as surveys
    from sync_server.surveys.files import QUESTIONNAIRES, load
    from tests.sync_server.device import a_court

    surveys.release(load(QUESTIONNAIRES / "exit.toml"), released_at=now)
    return a_court("zrazkove")


@pytest.fixture
def rate(court: Court) -> Callable[..., None]:
    """`rate(5, 4)`: that many visitors of the court answered so, now or `at` another time."""
    from sync_server.ingest.services import accept
    from sync_server.results import tallies
    from tests.sync_server.dashboard.pages.rated import NOW
    from tests.sync_server.device import a_source, an_exit, told

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
    from sync_server.accounts.models import Role
    from sync_server.accounts.services import create_person, give_role
    from tests.sync_server.dashboard.reading import PASSWORD

    person = create_person(username="olena", password=PASSWORD, full_name="Олена Коваленко")
    give_role(person=person, kind=Role.Kind.ANALYST, court=court)
    return person


@pytest.fixture
def page(analyst: Person) -> Client:
    """The analyst's browser, in Ukrainian."""
    from django.test import Client

    client = Client(headers={"accept-language": "uk"})
    client.force_login(analyst)
    return client
