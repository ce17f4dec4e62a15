"""The ledger's statements, set-based, in the dialects of SQLite and PostgreSQL. No decisions are made here."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import msgspec
from django.db import connection

from sync_server.ingest.dating import DRIFT, HONEST_MS
from sync_server.ingest.models import Boot

LATEST: Final = 253_370_764_800_000
"""The year 9999 (ms since the epoch): a clock may read what no calendar knows, and what it dates so has no day."""

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


StreamColumns = tuple[int, int, int | None, int | None, int | None, int | None, int | None, int | None, int]
"""Stored through, highest, forked at, the last gap's first, last and instant, the latest boot, the last row before those in order,
number: what changes of a stream, in the order of the statement.
"""
_KEEP_STREAM: Final = (
    "UPDATE ingest_stream SET stored_through = %s, highest = %s, forked_at = %s, gap_first = %s, gap_last = %s, gap_at = %s,"
    " latest_boot = %s, live_after = %s WHERE id = %s"
)


def keep_streams(streams: Sequence[StreamColumns]) -> None:
    """Writes the watermarks of `streams`."""
    if streams:
        with connection.cursor() as cursor:
            cursor.executemany(_KEEP_STREAM, streams)


ClockColumns = tuple[int | None, int | None, int | None, int, int | None, int | None, bool, int | None, int]
"""Offset, low, high, reading, own low, own high, confirmed, refuted, number: what changes of a boot, in the order of the statement.
"""
_KEEP_CLOCK: Final = (
    'UPDATE ingest_boot SET "offset" = %s, low = %s, high = %s, reading = %s,'
    " own_low = %s, own_high = %s, confirmed = %s, refuted = %s WHERE id = %s"
)


def keep_clocks(boots: Sequence[ClockColumns]) -> None:
    """Writes what is known of the clocks of `boots`. The caller holds their locks."""
    if boots:
        with connection.cursor() as cursor:
            cursor.executemany(_KEEP_CLOCK, boots)


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


# As `dating.believed` has it: a row's own vouched stamp where it agrees with its boot's anchor, else the anchor.
_DATED: Final = f"""CASE WHEN synchronised AND abs(wall_offset - %s) <= {HONEST_MS} + (visit + %s) / {DRIFT}
    THEN visit + wall_offset ELSE visit + %s END"""


def date_rows(boot: Boot, *, earliest: int, latest: int, again: bool) -> set[tuple[int, int | None]]:
    """Dates the rows of `boot` by its anchor: those that had no date, or `again` all of them. Instants outside the limits (ms), and
    all of them where there is no anchor, are no date.

    Returns the (stream, hour) pairs that lose or gain rows; no hour for those without a date.
    """
    date = f"(CASE WHEN {_DATED} BETWEEN %s AND %s THEN {_DATED} END)"
    anchor = [boot.offset, boot.reading, boot.offset]
    dated: list[int | None] = [*anchor, earliest, latest, *anchor]
    where = "stream_id IN (SELECT id FROM ingest_stream WHERE device_id = %s) AND boot_id = %s"
    if not again:
        where += ' AND "at" IS NULL'
    which = [boot.device_id, boot.id]
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT DISTINCT stream_id, "at" / 3600000, {date} / 3600000 FROM ingest_ledger'
            f' WHERE {where} AND "at" IS DISTINCT FROM {date}',
            [*dated, *which, *dated],
        )
        moves = cursor.fetchall()
        if moves:
            cursor.execute(
                f'UPDATE ingest_ledger SET "at" = {date} WHERE {where} AND "at" IS DISTINCT FROM {date}', [*dated, *which, *dated]
            )
    return {(int(stream), hour) for stream, *hours in moves for hour in hours}


class Run(NamedTuple):
    """Rows of one boot in a stream: first and last place, and the latest reading (ms) of its clock."""

    boot: int
    first: int
    last: int
    reading: int


class Neighbour(NamedTuple):
    """A row beside a run: its boot, the offset that its date implies (none without a date), the reading at which it happened."""

    boot: int
    offset: int | None
    reading: int


def undated_runs(stream_id: int, after: int) -> list[Run]:
    """The boots that have undated rows in a stream beyond `after`, by their place."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT boot_id, min(seq), max(seq), max(visit + dt) FROM ingest_ledger"
            ' WHERE stream_id = %s AND "at" IS NULL AND boot_id IS NOT NULL AND seq > %s GROUP BY boot_id ORDER BY 2',
            [stream_id, after],
        )
        return [Run(*row) for row in cursor.fetchall()]


def dated_runs(stream_id: int, after: int, since: int, boots: Sequence[int]) -> list[Run]:
    """The same of their dated rows for some `boots`, none of which dates a row before `since` (ms)."""
    if not boots:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT boot_id, min(seq), max(seq), max(visit + dt) FROM ingest_ledger"
            f' WHERE stream_id = %s AND "at" >= %s AND boot_id IN ({", ".join(["%s"] * len(boots))}) AND seq > %s GROUP BY boot_id',
            [stream_id, since, *boots, after],
        )
        return [Run(*row) for row in cursor.fetchall()]


def neighbour(stream_id: int, after: int, through: int | None, *, last: bool) -> Neighbour | None:
    """The `last` or the first readable row of a stream beyond `after` and up to `through`."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT boot_id, "at" - visit, visit + dt FROM ingest_ledger WHERE stream_id = %s AND seq > %s AND boot_id IS NOT NULL'
            f"{'' if through is None else ' AND seq <= %s'} ORDER BY seq {'DESC' if last else ''} LIMIT 1",
            [stream_id, after, *([] if through is None else [through])],
        )
        row = cursor.fetchone()
    return None if row is None else Neighbour(*row)


def latest_through(stream_id: int, through: int, but: Collection[int]) -> int | None:
    """When (ms) the row with the latest date was recorded, of those up to `through` that are of no boot in `but`."""
    if not through:
        return None
    others = f"AND boot_id NOT IN ({', '.join(['%s'] * len(but))})" if but else ""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT "at" + dt FROM ingest_ledger WHERE stream_id = %s AND seq <= %s AND "at" IS NOT NULL'
            f' {others} ORDER BY "at" DESC LIMIT 1',
            [stream_id, through, *but],
        )
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def undated_hours(stream_id: int, boot_id: int, offset: int) -> set[tuple[int, int | None]]:
    """(stream, hour) of the undated rows of a boot if it had this offset; those that no calendar knows are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT DISTINCT (visit + %s) / 3600000 FROM ingest_ledger WHERE stream_id = %s AND "at" IS NULL AND boot_id = %s'
            " AND visit + %s BETWEEN %s AND %s",
            [offset, stream_id, boot_id, offset, 0, LATEST],
        )
        return {(stream_id, int(hour)) for (hour,) in cursor.fetchall()}


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
