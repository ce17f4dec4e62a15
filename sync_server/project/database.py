"""Turns a database address, or none, into Django's setting. Pure."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

SQLITE_WAIT_S: Final = 20
"""How long a writer waits for another: longer than the longest batch, shorter than people's patience."""

SQLITE_PRAGMAS: Final = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-32000;"
"""FULL, because an acknowledged rating must outlive a power cut; WAL with NORMAL measurably does not."""


def database(url: str | None, *, state_dir: Path) -> dict[str, Any]:
    """Settings for `url`, or for SQLite in `state_dir` when there is none.

    An address is `postgresql://user:password@host:port/name?option=value` or `sqlite:///file`, which
    starts from `state_dir` unless a fourth slash makes it a whole path.

    Raises `ValueError` with the reason and the fix.
    """
    if not url:
        return _sqlite(state_dir / "server.sqlite3")
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        if not parts.path.strip("/"):
            raise ValueError("it names no file. Write sqlite:///file, or sqlite:////whole/path/file.")
        return _sqlite(state_dir / unquote(parts.path.removeprefix("/")))
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError(f"it begins with “{parts.scheme}”. Write postgresql://… or leave it out for SQLite.")
    name = unquote(parts.path.removeprefix("/"))
    if not name:
        raise ValueError("it names no database. Write postgresql://user:password@host:5432/name.")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("its port is no number from 0 to 65535. Write postgresql://user:password@host:5432/name.") from None
    options = dict(parse_qsl(parts.query))
    # A socket directory cannot stand where a host does, so libpq takes it as ?host=/run/postgresql, and so do we.
    host = options.pop("host", None) or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or options.pop("port", "")),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "sync_server.project.sqlite",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": SQLITE_WAIT_S,
            "init_command": SQLITE_PRAGMAS,
        },
        "CONN_MAX_AGE": None,
    }
