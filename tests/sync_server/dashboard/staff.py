"""Who looks after devices, and what devices say of themselves: for the tests of their pages."""

from datetime import datetime, timedelta
from typing import Any

from django.test import Client

from sync_server.accounts.models import Role
from sync_server.accounts.services import create_person, give_role
from sync_server.courts.models import Court
from sync_server.fleet.services import record_health
from sync_server.ingest.services import hear
from sync_server.results import tallies
from tests.sync_server.dashboard.reading import PASSWORD
from tests.sync_server.device import BOOTED, NOON, Source
from wire.envelopes import Clock, Health

NOW = NOON + timedelta(hours=4)


def signed_in(kind: Role.Kind | None, court: Court | None = None, *, language: str = "uk", name: str = "olena") -> Client:
    person = create_person(username=name, password=PASSWORD, full_name="Олена Коваленко")
    if kind is not None:
        give_role(person=person, kind=kind, court=court)
    client = Client(headers={"accept-language": language})
    client.force_login(person)
    return client


def report(source: Source, *, at: datetime = NOW, **told: Any) -> None:
    """The device's report of the minute, as it comes in at `at`."""
    wall = int(at.timestamp() * 1000)
    values = {"recorded": len(source.rows), "stored_through": 0, "stream": source.stream} | told
    health = Health(1, Clock(source.boot, wall - BOOTED, wall, True), 60, free_bytes=1, software="test", config=1, **values)
    hear(source.name, health, wall)
    record_health(source.name, health, now=lambda: at)


def count() -> None:
    while tallies.step():
        pass
