"""What a database holds, read by the same few questions from SQLite, PostgreSQL and a copy of either."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

Ask = Callable[[str], Sequence[tuple[Any, ...]]]
"""Runs one statement and returns its rows."""

EPOCH: Final = "SELECT epoch FROM ingest_installation ORDER BY id LIMIT 1"
SCHEMA: Final = "SELECT app, name FROM django_migrations ORDER BY app, name"
STREAMS: Final = (
    "SELECT d.name, s.stream, s.stored_through, s.backed_through"
    " FROM ingest_stream s JOIN courts_device d ON d.id = s.device_id ORDER BY s.id"
)


class Mark(msgspec.Struct, frozen=True):
    """How far one stream (hex) of a device is stored, and how far it was called backed up when this was read."""

    device: str
    stream: str
    stored_through: int
    backed_through: int


@dataclass(frozen=True, slots=True)
class Contents:
    """One state of a database: whose it is, which changes its tables have seen, what it has of every stream."""

    epoch: bytes
    schema: dict[str, list[str]]
    streams: list[Mark]


def read(ask: Ask) -> Contents | None:
    """What the database behind `ask` holds; None for one that has tables and no installation yet."""
    epochs = ask(EPOCH)
    if not epochs:
        return None
    schema: dict[str, list[str]] = {}
    for app, name in ask(SCHEMA):
        schema.setdefault(app, []).append(name)
    streams = [Mark(name, bytes(stream).hex(), stored, backed) for name, stream, stored, backed in ask(STREAMS)]
    return Contents(bytes(epochs[0][0]), schema, streams)


def rebirth(table: str, epoch: str, name: str, now_ms: int) -> str:
    """The statement that makes a restored copy a server of its own: by the new `epoch` (a literal) devices notice.

    Written out, because PostgreSQL takes it at the end of a script; `name` is that of a backup.
    """
    assert name.replace("-", "").isalnum(), name
    return f"UPDATE {table} SET epoch = {epoch}, restored_from = '{name}', restored_at = {now_ms}"
