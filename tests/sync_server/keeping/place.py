"""An installation with a database of its own, on SQLite or on PostgreSQL, which may be replaced as a restore replaces it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from django.db import connections
from django.db.utils import ConnectionHandler
from django.utils import translation

from sync_server.fleet.authority import Authority, open_authority, write_private
from sync_server.ingest.entering import installation
from sync_server.ingest.models import Stream
from sync_server.keeping import backups, commands, warnings, watermarks
from sync_server.keeping.shelf import Backup
from sync_server.project.config import Backups, ServerConfig
from sync_server.project.database import database
from tests.support.postgresql import PostgreSQL
from tests.sync_server.device import Source, a_court, a_source, an_exit


@dataclass
class Place:
    """An installation: its configuration, its authority, a court with an exit, and one device."""

    kind: str
    config: ServerConfig
    authority: Authority
    source: Source

    def backup(self) -> Backup:
        """Makes one, and counts anew what is backed up."""
        made = backups.make(self.config)
        watermarks.recount(self.config.backup_dir)
        return made

    def with_backups(self, **changes: Any) -> ServerConfig:
        """The same configuration with other wishes for backups."""
        return msgspec.structs.replace(self.config, backup=msgspec.structs.replace(Backups(), **changes))

    def rated(self, *values: int) -> None:
        """The device records and sends so many answers."""
        first = len(self.source.rows) + 1
        self.source.rate(*values)
        self.source.send(first)

    def stream(self) -> Stream:
        """The device's stream as the database has it."""
        return Stream.objects.get(device__name=self.source.name, stream=self.source.stream)

    def start(self) -> None:
        """What a server's start derives from its database."""
        commands.settle(self.config, say=print)


class using:
    """While this lasts, Django's default connection leads to another database."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._handler = ConnectionHandler({"default": settings})

    def __enter__(self) -> None:
        self._kept = (connections.settings["default"], connections["default"])
        connections.settings["default"] = self._handler.settings["default"]
        connections["default"] = self._handler["default"]

    def __exit__(self, *_: object) -> None:
        connections["default"].close()
        connections.settings["default"], connections["default"] = self._kept


def url_of(cluster: PostgreSQL, name: str) -> str:
    return cluster.url.removesuffix("/vidhuk") + f"/{name}"


def standing(request: pytest.FixtureRequest, kind: str, folder: Path, blocker: Any) -> Iterator[Place]:
    state = folder / "state"
    state.mkdir()
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), state / "server.sqlite3")
        url = None
    else:
        cluster = request.getfixturevalue("postgresql")
        with psycopg.connect(cluster.url, autocommit=True) as admin:
            admin.execute("DROP DATABASE IF EXISTS kept WITH (FORCE)")
            admin.execute(f"CREATE DATABASE kept TEMPLATE {request.getfixturevalue('postgresql_template')}")
        url = url_of(cluster, "kept")
    config = ServerConfig(state_dir=state, database_url=url)
    with blocker.unblock(), using({**database(url, state_dir=state), "CONN_MAX_AGE": 0}):
        installation()
        write_private(config.secret_key_file, b"s" * 60)
        authority = open_authority(config.authority_dir)
        source = a_source(exit=an_exit(a_court()))
        yield Place(kind, config, authority, source)


def said(config: ServerConfig, **options: Callable[[], datetime]) -> list[str]:
    """The warnings about an installation's backups."""
    with translation.override("en"):
        return list(warnings.warnings(config, **options))


def flip(path: Path, *, place: int = -20) -> None:
    """One bit of a file is another."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
