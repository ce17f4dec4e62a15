"""The ledger's statements, set-based, in the dialects of SQLite and PostgreSQL. No decisions are made here."""

from collections.abc import Sequence
from typing import Final

import msgspec
from django.db import connection

Columns = tuple[
    int, int, int, int | None, int | None, int | None, int | None, int | None,
    int | None, int | None, str | None, int | None, int | None, bool | None, int,
]  # fmt: skip
"""One row of `ingest_ledger`, in the order of `COLUMNS`."""

COLUMNS: Final = (
    ("stream_id", "integer"),
    ("seq", "bigint"),
    ("kind", "smallint"),
    ('"at"', "bigint"),
    ("boot_id", "integer"),
    ("visit", "bigint"),
    ("dt", "bigint"),
    ("item_id", "integer"),
    ("value", "integer"),
    ("questionnaire", "integer"),
    ("language", "varchar"),
    ("input", "smallint"),
    ("wall_offset", "bigint"),
    ("synchronised", "boolean"),
    ("link", "bigint"),
)
_NAMES: Final = ", ".join(name for name, _ in COLUMNS)

_SQLITE: Final = f"INSERT INTO ingest_ledger ({_NAMES}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"
_POSTGRESQL: Final = (
    f"INSERT INTO ingest_ledger ({_NAMES}) SELECT "
    + ", ".join(f"(r->>{place})::{kind}" for place, (_, kind) in enumerate(COLUMNS))
    + " FROM jsonb_array_elements(%s::jsonb) AS r"
)


def insert(rows: Sequence[Columns]) -> None:
    """Adds `rows`. The caller holds the lock of every stream in them and knows that their places are free."""
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executemany(_SQLITE, rows)
        else:
            cursor.execute(_POSTGRESQL, [msgspec.json.encode(rows).decode()])


EvidenceColumns = tuple[int, int, int, bytes, bytes, str, bytes, int]
"""Stream, first, last, previous, head, content type, data, received: a row of `ingest_evidence` without its number."""


def insert_evidence(rows: Sequence[EvidenceColumns]) -> None:
    """Keeps signed batches as they came."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ingest_evidence (stream_id, first, last, previous, head, content_type, data, received)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            rows,
        )


StreamColumns = tuple[int, int, int | None, int | None, int | None, int | None, int]
"""Stored through, highest, forked at, the last gap's first, last and instant, number: what changes of a stream, in the order of the
statement."""
_KEEP_STREAM: Final = (
    "UPDATE ingest_stream SET stored_through = %s, highest = %s, forked_at = %s, gap_first = %s, gap_last = %s, gap_at = %s"
    " WHERE id = %s"
)


def keep_streams(streams: Sequence[StreamColumns]) -> None:
    """Writes the watermarks of `streams`."""
    if streams:
        with connection.cursor() as cursor:
            cursor.executemany(_KEEP_STREAM, streams)


def open_boot(device_id: int, boot: bytes) -> int | None:
    """The number of a new boot, or None when it is there already."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ingest_boot (device_id, boot) VALUES (%s, %s) ON CONFLICT (device_id, boot) DO NOTHING RETURNING id",
            [device_id, boot],
        )
        made = cursor.fetchone()
    return None if made is None else int(made[0])


def keep_offsets(offsets: Sequence[tuple[int | None, int]]) -> None:
    """Writes (offset, boot's number) where there is none yet: the first anchor stays."""
    if offsets:
        with connection.cursor() as cursor:
            cursor.executemany('UPDATE ingest_boot SET "offset" = %s WHERE id = %s AND "offset" IS NULL', offsets)


def links_between(stream_id: int, first: int, last: int) -> dict[int, int]:
    """{seq: link} of the rows `first` … `last` that are stored."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq, link FROM ingest_ledger WHERE stream_id = %s AND seq BETWEEN %s AND %s", [stream_id, first, last]
        )
        return dict(cursor.fetchall())


def first_recorded(stream_id: int, seq: int) -> tuple[int, int, int] | None:
    """(seq, boot's number, monotonic ms) of the first readable row from `seq` on: when, by its device's clock, it was recorded."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq, boot_id, visit + dt FROM ingest_ledger"
            " WHERE stream_id = %s AND seq >= %s AND boot_id IS NOT NULL ORDER BY seq LIMIT 1",
            [stream_id, seq],
        )
        row = cursor.fetchone()
    return None if row is None else (int(row[0]), int(row[1]), int(row[2]))


def date_boot(boot_id: int, device_id: int, offset: int, *, earliest: int, latest: int) -> list[tuple[int, int]]:
    """Dates the rows of a boot that had no date, now that one anchor is known; instants outside the limits (ms) stay without.

    Returns the (stream, hour) pairs they fell into.
    """
    where = """stream_id IN (SELECT id FROM ingest_stream WHERE device_id = %s)
        AND "at" IS NULL AND boot_id = %s AND visit + %s BETWEEN %s AND %s"""
    which = [device_id, boot_id, offset, earliest, latest]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT stream_id, (visit + %s) / 3600000 FROM ingest_ledger WHERE {where}", [offset, *which])
        touched = [(int(stream), int(hour)) for stream, hour in cursor.fetchall()]
        if touched:
            cursor.execute(f'UPDATE ingest_ledger SET "at" = visit + %s WHERE {where}', [offset, *which])
    return touched


def covered_after(stream_id: int, through: int) -> list[tuple[int, int]]:
    """(first, last) of what needs not be waited for beyond `through`: accepted batches and what is gone, by their beginning."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT first, last FROM ingest_evidence WHERE stream_id = %s AND last > %s"
            " UNION ALL SELECT first, last FROM ingest_gone WHERE stream_id = %s AND last > %s ORDER BY 1",
            [stream_id, through, stream_id, through],
        )
        return [(int(first), int(last)) for first, last in cursor.fetchall()]


def accepted_between(stream_id: int, first: int, last: int) -> list[tuple[int, int]]:
    """(first, last) of the accepted batches that hold any of the rows `first` … `last`, by their beginning."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT first, last FROM ingest_evidence WHERE stream_id = %s AND last >= %s AND first <= %s ORDER BY first",
            [stream_id, first, last],
        )
        return [(int(begin), int(end)) for begin, end in cursor.fetchall()]
