"""What a database holds, read by the same few questions from SQLite, PostgreSQL and a copy of either."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

Ask = Callable[[str], Sequence[tuple[Any, ...]]]
"""Runs one statement and returns its rows."""

EPOCH: Final = "SELECT epoch FROM ingest_installation ORDER BY id LIMIT 1"
SCHEMA: Final = "SELECT app, name FROM django_migrations ORDER BY app, name"
TOLD_SINCE: Final = "0005_counted_backups"
"""The change of ingest's tables since which a stream knows the highest mark that it ever had."""


def _streams(told: str) -> str:
    return (
        f"SELECT d.name, s.stream, s.stored_through, s.backed_through, s.{told}"
        " FROM ingest_stream s JOIN courts_device d ON d.id = s.device_id ORDER BY s.id"
    )


class Mark(msgspec.Struct, frozen=True):
    """How far one stream (hex) of a device is stored, how far it was called backed up when this was read, and at most ever."""

    device: str
    stream: str
    stored_through: int
    backed_through: int
    told: int = 0


@dataclass(frozen=True, slots=True)
class Contents:
    """One state of a database: whose it is, which changes its tables have seen, what it has of every stream."""

    epoch: bytes
    schema: dict[str, list[str]]
    streams: list[Mark]


def read(ask: Ask) -> Contents | None:
    """What the database behind `ask` holds, whether its tables are of today's form or of an older one; None for one that has tables
    and no installation yet.
    """
    epochs = ask(EPOCH)
    if not epochs:
        return None
    schema: dict[str, list[str]] = {}
    for app, name in ask(SCHEMA):
        schema.setdefault(app, []).append(name)
    statement = _streams("told" if TOLD_SINCE in schema.get("ingest", []) else "backed_through")
    streams = [Mark(name, bytes(stream).hex(), *marks) for name, stream, *marks in ask(statement)]
    return Contents(bytes(epochs[0][0]), schema, streams)


def rebirth(table: str, epoch: str, name: str, now_ms: int) -> str:
    """The statement that makes a restored copy a server of its own: by the new `epoch` (a literal) devices notice.

    Written out, because PostgreSQL takes it at the end of a script; `name` is that of a backup.
    """
    assert name.replace("-", "").isalnum(), name
    return f"UPDATE {table} SET epoch = {epoch}, restored_from = '{name}', restored_at = {now_ms}"
