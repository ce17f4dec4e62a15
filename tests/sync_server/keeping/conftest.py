"""Fixtures of this suite. What they are made of needs Django, which is not there yet when this file is read."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.support.postgresql import PostgreSQL

if TYPE_CHECKING:
    from tests.sync_server.keeping.place import Place


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Path:
    """An SQLite database with every table and nothing in them."""
    path = tmp_path_factory.mktemp("template") / "server.sqlite3"
    from django.core.management import call_command
    from django.db import connection

    from sync_server.project.database import database
    from tests.sync_server.keeping.place import using

    with django_db_blocker.unblock(), using(database(f"sqlite:///{path}", state_dir=Path("/"))):
        call_command("migrate", verbosity=0, interactive=False)
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode = DELETE")
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql: PostgreSQL, django_db_blocker: Any) -> str:
    """The name of a PostgreSQL database with every table and nothing in them."""
    from django.core.management import call_command

    from sync_server.project.database import database
    from tests.sync_server.keeping.place import url_of, using

    with psycopg.connect(postgresql.url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE kept_template")
    with django_db_blocker.unblock(), using(database(url_of(postgresql, "kept_template"), state_dir=Path("/"))):
        call_command("migrate", verbosity=0, interactive=False)
    return "kept_template"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: Any) -> "Iterator[Place]":
    """An installation on each kind of database."""
    from tests.sync_server.keeping.place import standing

    yield from standing(request, request.param, tmp_path, django_db_blocker)


@pytest.fixture
def on_postgresql(request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: Any) -> "Iterator[Place]":
    """An installation on PostgreSQL, for what is told of its own tools."""
    from tests.sync_server.keeping.place import standing

    yield from standing(request, "postgresql", tmp_path, django_db_blocker)


@pytest.fixture
def on_sqlite(request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: Any) -> "Iterator[Place]":
    """An installation on SQLite, for what has nothing to do with the kind of database."""
    from tests.sync_server.keeping.place import standing

    yield from standing(request, "sqlite", tmp_path, django_db_blocker)
