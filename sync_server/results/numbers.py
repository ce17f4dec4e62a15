"""The numbers of a device's streams as the ledger holds them, for `results.captured`: marks by quarters of an hour, and what is not
there. Reads only; each stream costs a handful of questions, and what comes back grows with time and not with visitors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import connection

from sync_server.ingest.books import without
from sync_server.ingest.dating import believed, drift
from sync_server.ingest.entering import HELD_PLACE
from sync_server.ingest.models import Boot, Stream
from sync_server.ingest.selectors import StreamAccount, accounts
from sync_server.results.captured import Absent, Mark, Numbers, Report, Span, Why, spans_of, within
from wire.envelopes import Health

QUARTER_MS: Final = 15 * 60 * 1000
"""Local midnight and every change of a clock fall between two of these, in every zone there is."""

_MARKS: Final = f"""SELECT min(seq), max(seq), min("at"), max("at" + dt) FROM ingest_ledger
WHERE stream_id = %s AND "at" >= %s AND "at" < %s AND seq > %s GROUP BY "at" / {QUARTER_MS} ORDER BY 1"""
_BEFORE: Final = """SELECT seq, seq, "at", "at" + dt FROM ingest_ledger
WHERE stream_id = %s AND "at" < %s AND seq > %s ORDER BY "at" DESC LIMIT 1"""
_AFTER: Final = """SELECT seq, seq, "at", "at" + dt FROM ingest_ledger
WHERE stream_id = %s AND "at" >= %s AND seq > %s ORDER BY "at" LIMIT 1"""


def numbers_of(
    device_id: int,
    begin: int,
    end: int,
    *,
    health: Health | None,
    heard_at: datetime | None,
    at_risk: Mapping[bytes, Sequence[Span]],
) -> list[Numbers]:
    """The streams of a device as far as they matter to [`begin`, `end`) (ms), in the order in which they were begun; the one that
    its last report names stands last, whether anything of it is here or not.
    """
    ids = {bytes(name): id for id, name in Stream.objects.filter(device_id=device_id).values_list("id", "stream")}
    report = None if health is None or heard_at is None else _report(device_id, health, heard_at)
    found = [
        (each.stream, _numbers(ids[each.stream], each, begin, end, at_risk.get(each.stream, ())))
        for each in reversed(accounts(device_id))
    ]
    unknown = set(at_risk) - ids.keys()
    lost = [Absent(Why.AT_RISK, *span) for name in sorted(unknown) for span in at_risk[name]]
    if lost:
        found.insert(0, (b"", Numbers(max(each.last for each in lost), absent=lost)))
    if health is not None and report is not None and health.stream:
        current = next((stream for name, stream in found if name == health.stream), Numbers(0))
        found = [each for each in found if each[0] != health.stream]
        found.append((health.stream, replace(current, report=report)))
    return [stream for _, stream in found]


def _numbers(stream_id: int, account: StreamAccount, begin: int, end: int, at_risk: Sequence[Span]) -> Numbers:
    live_after, highest = Stream.objects.values_list("live_after", flat=True).get(pk=stream_id), account.highest
    marks = [] if live_after is None else _marks(stream_id, live_after, begin, end)
    # What lies further off than the nearest rows outside the period was recorded outside it.
    first = marks[0].first if marks and marks[0].latest < begin else 1
    last = marks[-1].last if marks and marks[-1].earliest >= end else highest
    held = spans_of(_held(stream_id, first, last))
    known = {Why.MISSING: account.missing, Why.RENEWED: account.sent_anew, Why.GONE: account.gone, Why.UNREAD: held}
    taken = sorted(span for spans in (account.missing, account.sent_anew, account.gone) for span in spans)
    absent = [Absent(why, *span) for why, spans in known.items() for span in spans]
    absent += [Absent(Why.AT_RISK, *span) for span in without(at_risk, taken)]
    unexplained = last - first + 1 - _stored(stream_id, first, last) - within(taken, first, last)
    if unexplained > 0:
        absent.append(Absent(Why.UNEXPLAINED, first, last, unexplained))
    return Numbers(highest, live_after, marks, absent, account.forked_at)


def _marks(stream_id: int, live_after: int, begin: int, end: int) -> list[Mark]:
    """In the period, and the nearest row on either side of it: nothing further off bounds any better."""
    with connection.cursor() as cursor:
        found = []
        for statement, limits in ((_BEFORE, [begin]), (_MARKS, [begin, end]), (_AFTER, [end])):
            cursor.execute(statement, [stream_id, *limits, live_after])
            found += [Mark(*map(int, row)) for row in cursor.fetchall()]
    return found


def _held(stream_id: int, first: int, last: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq FROM ingest_ledger WHERE stream_id = %s AND kind = %s AND seq BETWEEN %s AND %s ORDER BY seq",
            [stream_id, HELD_PLACE, first, last],
        )
        return [int(seq) for (seq,) in cursor.fetchall()]


def _stored(stream_id: int, first: int, last: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM ingest_ledger WHERE stream_id = %s AND seq BETWEEN %s AND %s", [stream_id, first, last]
        )
        return int(cursor.fetchone()[0])


def _report(device_id: int, health: Health, heard_at: datetime) -> Report:
    heard = round(heard_at.timestamp() * 1000)
    written = _written(device_id, health)
    return Report(
        recorded=health.recorded,
        told_at=None if written is None else min(written, heard),
        heard_at=heard,
        moving=health.moving,
        waiting_since=health.waiting_since,
    )


def _written(device_id: int, health: Health) -> int | None:
    """The earliest instant at which `health` can have been written, by what is known of that start's clock: a report may have lain
    somewhere, so that its arrival tells nothing.
    """
    clock = health.clock
    boot = Boot.objects.filter(device_id=device_id, boot=clock.boot).first()
    if boot is None:
        return None
    if boot.offset is None:
        return None if boot.low is None else clock.monotonic + boot.low - drift(clock.monotonic - boot.reading)
    stamp = clock.wall - clock.monotonic
    return clock.wall if clock.synchronised and believed(stamp, boot.offset, clock.monotonic) else clock.monotonic + boot.offset
