"""Settings follow from the configuration, and a server that cannot work says why at start."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.templatetags.static import static

from sync_server.project import checks
from sync_server.project.database import database

STATE = Path("/state")


def test_without_an_address_the_database_is_a_file_in_the_state_directory() -> None:
    found = database(None, state_dir=STATE)
    assert found["ENGINE"].endswith("sqlite")
    assert found["NAME"] == "/state/server.sqlite3"
    assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in found["OPTIONS"]["init_command"]
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.django_db
def test_the_pragmas_are_in_force_on_a_real_connection() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        found = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgresql://vidhuk:s%40cret@db.example:5433/results", ("vidhuk", "s@cret", "db.example", "5433", "results")),
        ("postgres:///results?host=/run/postgresql", ("", "", "/run/postgresql", "", "results")),
        ("postgresql://vidhuk@[::1]/results", ("vidhuk", "", "::1", "", "results")),
    ],
)
def test_an_address_of_postgresql_is_taken_apart(url: str, wanted: tuple[str, ...]) -> None:
    found = database(url, state_dir=STATE)
    assert found["ENGINE"].endswith("postgresql")
    assert tuple(found[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")) == wanted


def test_options_of_an_address_reach_the_driver() -> None:
    assert database("postgresql://db/results?sslmode=verify-full", state_dir=STATE)["OPTIONS"] == {"sslmode": "verify-full"}


@pytest.mark.parametrize(
    ("url", "path"), [("sqlite:////data/x.sqlite3", "/data/x.sqlite3"), ("sqlite:///x.sqlite3", "/state/x.sqlite3")]
)
def test_an_address_of_a_file_is_taken(url: str, path: str) -> None:
    assert database(url, state_dir=STATE)["NAME"] == path


@pytest.mark.parametrize("url", ["mysql://db/results", "postgresql://db", "postgresql://db/", "sqlite://", "results"])
def test_an_impossible_address_is_refused_with_its_fix(url: str) -> None:
    with pytest.raises(ValueError, match=r"Write (postgresql|sqlite)://"):
        database(url, state_dir=STATE)


def test_everything_that_ships_passes_the_start_up_checks() -> None:
    from io import StringIO

    from django.core.management import call_command

    said = StringIO()
    call_command("check", stdout=said, stderr=said)
    assert "no issues" in said.getvalue()


def test_a_state_directory_that_is_missing_stops_the_server(settings: Any, tmp_path: Path) -> None:
    settings.CONFIG = SimpleNamespace(state_dir=tmp_path / "missing")
    assert [fault.id for fault in checks.state_directory()] == ["vidhuk.E001"]
    settings.CONFIG = SimpleNamespace(state_dir=tmp_path)
    assert checks.state_directory() == []


def test_a_short_secret_key_stops_the_server(settings: Any) -> None:
    settings.SECRET_KEY = "k" * 49
    assert [fault.id for fault in checks.secret_key()] == ["vidhuk.E002"]


def test_missing_web_libraries_stop_the_server(settings: Any, tmp_path: Path) -> None:
    settings.ASSETS = tmp_path
    (fault,) = checks.web_libraries()
    assert fault.id == "vidhuk.E004"
    assert "vega/vega.min.js" in fault.msg


def test_a_live_step_under_five_is_warned_of(settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 4
    assert [fault.id for fault in checks.live_step()] == ["vidhuk.W001"]
    settings.VIDHUK_LIVE_STEP = 5
    assert checks.live_step() == []


def test_every_fault_comes_with_an_id_and_a_hint(settings: Any, tmp_path: Path) -> None:
    settings.CONFIG = SimpleNamespace(state_dir=tmp_path / "missing")
    settings.SECRET_KEY = "short"
    settings.VIDHUK_LIVE_STEP = 1
    faults = [fault for fault in run_checks() if str(fault.id).startswith("vidhuk.")]
    assert len(faults) == 3
    assert all(fault.hint and fault.msg for fault in faults)


def test_a_static_files_address_changes_with_its_bytes() -> None:
    address = static("dashboard/pages.css")
    assert address.startswith("/static/dashboard/pages.css?v=")
    assert len(address.rpartition("=")[2]) == 10
    assert static("dashboard/nothing.css") == "/static/dashboard/nothing.css"


def test_vendored_libraries_stand_beside_their_licences() -> None:
    for folder in (settings.ASSETS / "vendor").iterdir():
        if folder.is_dir():
            assert (folder / "LICENSE").is_file(), folder.name
            assert f"`{folder.name}`" in (settings.ASSETS / "vendor" / "README.md").read_text()


def test_cookies_and_frames_are_shut() -> None:
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.X_FRAME_OPTIONS == "DENY"
    assert settings.DEBUG is False


@pytest.mark.parametrize("behind_tls", [False, True])
def test_cookies_travel_in_the_clear_only_where_there_is_no_tls(tmp_path: Path, behind_tls: bool) -> None:
    config = tmp_path / "server.toml"
    config.write_text(f'[web]\nbehind_tls = {str(behind_tls).lower()}\npublic_hosts = ["vidhuk.example"]\n')
    asked = (
        "from django.conf import settings as s; print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0,"
        " s.SECURE_PROXY_SSL_HEADER is not None, 'https://vidhuk.example' in s.CSRF_TRUSTED_ORIGINS)"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "VIDHUK_SERVER_CONFIG": str(config), "DJANGO_SETTINGS_MODULE": "sync_server.project.settings"},
        cwd=settings.REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(behind_tls)] * 5
