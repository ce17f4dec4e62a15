"""Fixtures that more than one suite stands on. Each is a real part; a tool that is missing is an error, never a skip."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import chromium
from tests.support.display import Display
from tests.support.mosquitto import Mosquitto
from tests.support.postgresql import PostgreSQL

TESTS = Path(__file__).resolve().parent
WITHOUT_SERVER = {"wire", "kiosk"}
"""Suites that need no Django; a run of these alone does not load it."""
DEAREST_FIRST = ("simulation", "workbench", "faults", "journeys", "browser", "sync_server", "kiosk", "contract", "wire")
"""So that the run's workers end together: what is left for the end are files of a second."""

# The server's configuration for this run, in a folder of its own, whatever the machine's environment says.
_STATE = tempfile.TemporaryDirectory(prefix="vidhuk-tests-")
_CONFIG = Path(_STATE.name) / "server.toml"
_CONFIG.write_text('state_dir = "state"\n')
(_CONFIG.parent / "state").mkdir()
os.environ["VIDHUK_SERVER_CONFIG"] = str(_CONFIG)
os.environ.pop("DATABASE_URL", None)
# A kiosk's toolkit must neither read pytest's arguments nor write into the home directory.
os.environ["KIVY_NO_ARGS"] = "1"
os.environ["KIVY_HOME"] = str(Path(_STATE.name) / "kivy")
os.environ["KIVY_NO_CONSOLELOG"] = "1"


def pytest_configure(config: pytest.Config) -> None:
    """Loads Django's settings; pytest-django, whose own hook comes last, does the rest."""
    suites = [Path(word.partition("::")[0]).resolve() for word in config.args]
    if suites and all(TESTS in suite.parents and suite.relative_to(TESTS).parts[0] in WITHOUT_SERVER for suite in suites):
        return
    os.environ["DJANGO_SETTINGS_MODULE"] = "sync_server.project.settings"
    from django.conf import settings

    assert settings.DATABASES


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts the suites; within one, the order stays."""
    items.sort(key=lambda item: DEAREST_FIRST.index(item.path.relative_to(TESTS).parts[0]))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite tests run on a file, in WAL and with FULL, as the server does; an in-memory database has neither."""
    from django.db import connections

    path = tmp_path_factory.mktemp("database") / "server.sqlite3"
    connections.settings["default"]["TEST"]["NAME"] = str(path)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running PostgreSQL cluster with one empty database."""
    cluster = PostgreSQL()
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def _migrated_postgresql(postgresql: PostgreSQL, django_db_setup: None, django_db_blocker: Any) -> Any:
    """A Django connection handler whose default database is the cluster's, with every table made."""
    from django.core.management import call_command
    from django.db import connections
    from django.db.utils import ConnectionHandler

    from sync_server.project.database import database

    handler = ConnectionHandler({"default": {**database(postgresql.url, state_dir=Path(_STATE.name)), "CONN_MAX_AGE": 0}})
    kept = (connections.settings["default"], connections["default"])
    connections.settings["default"] = handler.settings["default"]
    connections["default"] = handler["default"]
    try:
        with django_db_blocker.unblock():
            call_command("migrate", verbosity=0, interactive=False)
    finally:
        connections.settings["default"], connections["default"] = kept
    return handler


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, django_db_setup: None) -> Iterator[str]:
    """Runs the test on SQLite and on PostgreSQL, whichever Django connection it uses; gives the one in force.

    Ask for it in every test that writes or reads the ledger or tallies, beside `db` or `@pytest.mark.django_db`.
    """
    if request.param == "sqlite":
        yield "sqlite"
        return
    from django.db import connections

    handler = request.getfixturevalue("_migrated_postgresql")
    kept = (connections.settings["default"], connections["default"])
    connections.settings["default"] = handler.settings["default"]
    connections["default"] = handler["default"]
    try:
        yield "postgresql"
    finally:
        connections["default"].close()
        connections.settings["default"], connections["default"] = kept


@pytest.fixture(autouse=True)
def _empty_tables_made_by_hand(request: pytest.FixtureRequest) -> Iterator[None]:
    """Django's flush after a transactional test knows only managed tables, and stumbles over the ledger's references to them."""
    marker = request.node.get_closest_marker("django_db")
    asked = marker is not None and bool(marker.kwargs.get("transaction"))
    if not asked and "transactional_db" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    from django.apps import apps
    from django.db import connection

    with connection.cursor() as cursor:
        for model in apps.get_models():
            if not model._meta.managed:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker: plain MQTT on loopback. The broker with TLS, certificates and ACL is the server's own."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder).start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def display(tmp_path: Path) -> Iterator[Display]:
    """A running X server without a screen, 1280 × 800."""
    folder = tmp_path / "display"
    folder.mkdir()
    screen = Display(folder).start()
    try:
        yield screen
    finally:
        screen.stop()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Chromium window of 1280 × 800 that prefers Ukrainian: a Playwright `BrowserContext`.

    While it lives, Django refuses database work in this thread (Playwright runs an event loop in it), so tests that use it talk
    to a server in a process of its own.
    """
    with chromium(tmp_path_factory.mktemp("profile")) as context:
        yield context


@pytest.fixture(scope="session", autouse=True)
def _remove_state() -> Iterator[None]:
    """Removes the run's own folder at the end."""
    yield
    _STATE.cleanup()
