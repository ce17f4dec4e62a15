"""A restore as these tests ask for it, and how things stand before and after it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from sync_server.ingest.entering import installation
from sync_server.ingest.models import LedgerRow
from sync_server.keeping import backups, restoring
from sync_server.keeping.shelf import Backup
from tests.sync_server.keeping.place import Place


def restore(place: Place, name: str, **options: Any) -> list[str]:
    """Restores, starts, and gives what was said."""
    said: list[str] = []
    restoring.restore(place.config, name, say=said.append, **options)
    place.start()
    return [line for line in said if not line.startswith(("Replaced", "Filled"))]


def unchanged(place: Place) -> Callable[[], bool]:
    """Later tells whether the database is as it is now."""

    def look() -> tuple[bytes, int]:
        return bytes(installation().epoch), LedgerRow.objects.count()

    before = look()
    return lambda: look() == before


def retired(place: Place) -> Backup:
    """Three rows are in it; it is retired, so that the device may delete the two that came after them."""
    place.rated(5, 4, 3)
    first = place.backup()
    place.rated(2, 1)
    place.backup()
    backups.retire(place.config, first.name)
    return first


@contextmanager
def somebody_connected(place: Place) -> Iterator[None]:
    """A reader that has the database open and does nothing with it."""
    if place.kind == "postgresql":
        with psycopg.connect(postgresql_url(place), autocommit=True):
            yield
    else:
        with closing(sqlite3.connect(place.config.state_dir / "server.sqlite3")) as reader:
            reader.execute("SELECT 1 FROM django_migrations").fetchall()
            yield


def postgresql_url(place: Place) -> str:
    assert place.config.database_url is not None
    return place.config.database_url
