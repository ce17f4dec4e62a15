"""A ledger as the first released kiosks left it: a newer program must be able to take it over, whenever the power goes."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database, Migrations

from wire import chain
from wire.codec import encode_event
from wire.events import Event, StreamId

migrations = Migrations("ledger")


@migrations()
def m001_rows_and_meta(db: Database) -> None:
    """As it was shipped."""
    db.execute(
        """
        CREATE TABLE rows (
            seq INTEGER PRIMARY KEY CHECK (seq >= 1),
            row BLOB NOT NULL,
            link BLOB NOT NULL CHECK (length(link) = 32)
        )
        """
    )
    db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")


def make(path: Path, stream: StreamId, events: Iterable[Event]) -> None:
    """A file of the first schema at `path` that holds `events`."""
    rows = [encode_event(event) for event in events]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        migrations.apply(Database(connection, recursive_triggers=False, execute_plugins=False))
        with connection:
            connection.execute("INSERT INTO meta VALUES ('stream', ?)", (stream,))
            connection.executemany(
                "INSERT INTO rows (seq, row, link) VALUES (?, ?, ?)",
                zip(range(1, len(rows) + 1), rows, chain.links(chain.origin(stream), rows), strict=True),
            )
