"""Rebuilds tallies: whole days of a court, from the ledger, whenever a mark says that something about them is new.

Late data is the normal case, so there is no adding up: a day is counted afresh, and counting it twice changes nothing. Of
everything a visit has said about an item the last word holds, so an answer that was taken back, and one that was given again, count
as they should.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet, Sum

from sync_server.courts.models import Court, Exit
from sync_server.courts.selectors import Stay, placements_between
from sync_server.ingest.models import Mark, Stream
from sync_server.results.models import COUNTS, RAW, CourtRevision, PendingDay, Release, ShownTally, Tally
from wire.events import DONT_KNOW, NOT_APPLICABLE

HOUR_MS: Final = 3_600_000
MARGIN_MS: Final = 2 * HOUR_MS
"""How far beyond a day a visit's last word is looked for. Rows of one visit differ in date only when the clock is set under it."""
MARGIN: Final = timedelta(milliseconds=MARGIN_MS)
MARKS_AT_ONCE: Final = 50_000
"""Marks taken up in one step: a long backlog is worked off in transactions that others can wait for."""
ANSWER: Final = 1
LEFT: Final = 3


class Day(NamedTuple):
    """A court's local day; none stands for what no clock vouches for."""

    court_id: int
    local_date: date | None


class Piece(NamedTuple):
    """A stream as far as it belongs to `exit` on one day: visits that began in [since, until) ms, or all undated ones."""

    stream: int
    exit: int
    since: int | None
    until: int | None


def step() -> int:
    """Rebuilds what the oldest marks name and returns how many days that were; 0 when there was nothing to do."""
    with transaction.atomic(durable=True):
        # Locked, so that a second worker waits and then finds them gone, instead of counting the same days beside us.
        marks = list(Mark.objects.select_for_update().order_by("id").values_list("id", "stream_id", "hour")[:MARKS_AT_ONCE])
        if not marks:
            return 0
        days = days_of({(stream, hour) for _, stream, hour in marks})
        for day in sorted(days, key=lambda day: (day.court_id, day.local_date or date.min)):
            rebuild(day)
        for court_id in {day.court_id for day in days}:
            release(court_id)
        # Exactly those that were read: a mark that was committed meanwhile may have a lower number.
        ids = [id for id, _, _ in marks]
        for start in range(0, len(ids), 500):
            Mark.objects.filter(id__in=ids[start : start + 500]).delete()
    return len(days)


def days_of(marks: Iterable[tuple[int, int | None]]) -> set[Day]:
    """The court days on which visits that began in these (stream, hour) may fall."""
    hours: dict[int, set[int | None]] = defaultdict(set)
    devices = dict(Stream.objects.filter(id__in={stream for stream, _ in marks}).values_list("id", "device_id"))
    for stream, hour in marks:
        hours[devices[stream]].add(hour)
    stays = _stays_of(hours)
    zones = {court.id: court for court in Court.objects.filter(id__in={stay.court_id for stay in stays})}
    days: set[Day] = set()
    for stay in stays:
        for hour in hours[stay.device_id]:
            if hour is None:
                if stay.ends_at is None:
                    days.add(Day(stay.court_id, None))
                continue
            # Other rows of these visits may be dated a little differently, and a zone off by half an hour splits an hour.
            begin = datetime.fromtimestamp(hour * 3600, UTC) - MARGIN
            end = begin + timedelta(hours=1) + 2 * MARGIN
            if stay.starts_at < end and (stay.ends_at is None or stay.ends_at > begin):
                days |= {Day(stay.court_id, zones[stay.court_id].local_date(at)) for at in (begin, end - timedelta(milliseconds=1))}
    return days


def _stays_of(devices: Iterable[int]) -> list[Stay]:
    ever = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    return placements_between(*ever, device_ids=devices)


# --- one day -----------------------------------------------------------------------------------------------------------------


def rebuild(day: Day) -> None:
    """Counts `day` afresh. The caller has opened a transaction."""
    court = Court.objects.get(pk=day.court_id)
    began, counted = _count(court, day)
    rows = _tallies(court, day, began, counted)
    old = Tally.objects.filter(court=court, local_date=day.local_date)
    if _same(old, rows):
        return
    old.delete()
    Tally.objects.bulk_create(rows)
    PendingDay.objects.create(court=court, local_date=day.local_date)
    _revise(court.id, fresh=1)


def _same(old: "QuerySet[Tally]", rows: Sequence[Tally]) -> bool:
    fields = ("exit_id", "service_id", "item", "input", "hours", *COUNTS)

    def told(tally: Tally) -> bytes:
        return msgspec.json.encode([getattr(tally, name) for name in fields], order="deterministic")

    return sorted(map(told, old)) == sorted(map(told, rows))


class Counted(NamedTuple):
    """How many visits had this as their last word."""

    exit: int
    item: str
    input: int
    elapsed_hours: int
    kind: int
    value: int | None
    flagged: bool
    visits: int


# A device that was moved within the day has pieces whose margins overlap, so the last word is found for each piece by itself.
_COUNT: Final = """
WITH piece (stream_id, exit_id, since, until) AS (SELECT {piece}),
word AS (
    SELECT p.exit_id, p.since, p.until, l.*,
        row_number() OVER (
            PARTITION BY p.exit_id, p.since, l.boot_id, l.visit, l.item_id ORDER BY l.dt DESC, l.seq DESC
        ) AS place
    FROM piece p JOIN ingest_ledger l ON l.stream_id = p.stream_id AND {near}
    WHERE l.kind IN (1, 2, 3)
),
doubt AS (
    SELECT DISTINCT l.boot_id, l.visit
    FROM piece p JOIN ingest_ledger l ON l.stream_id = p.stream_id AND {near}
    WHERE l.kind = 5
)
SELECT w.exit_id, i.key, w.input, {elapsed} AS elapsed, w.kind, w.value, d.visit IS NOT NULL AS flagged, count(*)
FROM word w
JOIN ingest_itemkey i ON i.id = w.item_id
LEFT JOIN doubt d ON d.boot_id = w.boot_id AND d.visit = w.visit
WHERE w.place = 1 AND w.kind IN (1, 3) AND {within}
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_PIECES: Final = {
    "sqlite": "value->>0, value->>1, value->>2, value->>3 FROM json_each(%s)",
    "postgresql": "(r->>0)::int, (r->>1)::int, (r->>2)::bigint, (r->>3)::bigint FROM jsonb_array_elements(%s::jsonb) AS r",
}
_DATED: Final = {
    "near": f'l."at" >= p.since - {MARGIN_MS} AND l."at" < p.until + {MARGIN_MS}',
    "within": 'w."at" >= w.since AND w."at" < w.until',
    "elapsed": f'(w."at" - %s) / {HOUR_MS}',
}
_UNDATED: Final = {"near": 'l."at" IS NULL', "within": "1 = 1", "elapsed": "%s"}


def _count(court: Court, day: Day) -> tuple[int, list[Counted]]:
    """(the local midnight in ms, what was counted)."""
    began, pieces = _pieces(court, day)
    if not pieces:
        return began, []
    parts = _UNDATED if day.local_date is None else _DATED
    statement = _COUNT.format(piece=_PIECES[connection.vendor], **parts)
    with connection.cursor() as cursor:
        cursor.execute(statement, [msgspec.json.encode(pieces).decode(), began])
        return began, [Counted(*row) for row in cursor.fetchall()]


def _pieces(court: Court, day: Day) -> tuple[int, list[Piece]]:
    if day.local_date is None:
        stays = [stay for stay in _stays_of_court(court) if stay.ends_at is None]
        streams = _streams_of(stays)
        return 0, [Piece(stream, stay.exit_id, None, None) for stay in stays for stream in streams[stay.device_id]]
    begin, end = bounds(court, day.local_date)
    stays = placements_between(begin, end, court_id=court.id)
    streams = _streams_of(stays)
    return _ms(begin), [
        Piece(stream, stay.exit_id, _ms(max(begin, stay.starts_at)), _ms(end if stay.ends_at is None else min(end, stay.ends_at)))
        for stay in stays
        for stream in streams[stay.device_id]
    ]


def _stays_of_court(court: Court) -> list[Stay]:
    ever = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    return placements_between(*ever, court_id=court.id)


def _streams_of(stays: Iterable[Stay]) -> dict[int, list[int]]:
    streams: dict[int, list[int]] = defaultdict(list)
    for id, device_id in Stream.objects.filter(device_id__in={stay.device_id for stay in stays}).values_list("id", "device_id"):
        streams[device_id].append(id)
    return streams


def bounds(court: Court, local_date: date) -> tuple[datetime, datetime]:
    """The instants at which a court's local day begins and ends: 23, 24 or 25 hours apart."""
    zone = court.zone
    begin = datetime.combine(local_date, time.min, zone)
    end = datetime.combine(local_date + timedelta(days=1), time.min, zone)
    return begin.astimezone(UTC), end.astimezone(UTC)


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _tallies(court: Court, day: Day, began: int, counted: Iterable[Counted]) -> list[Tally]:
    services = dict(Exit.objects.filter(court=court).values_list("id", "service_id"))
    rows: dict[tuple[int, str, int], Tally] = {}
    for found in counted:
        key = (found.exit, found.item, found.input)
        tally = rows.get(key)
        if tally is None:
            tally = rows[key] = Tally(
                court=court,
                exit_id=found.exit,
                service_id=services.get(found.exit),
                item=found.item,
                local_date=day.local_date,
                input=found.input,
                hours={},
            )
        hour = None
        if day.local_date is not None:
            hour = datetime.fromtimestamp(began / 1000 + found.elapsed_hours * 3600, court.zone).hour
        _enter(tally, found, hour)
    return list(rows.values())


def _enter(tally: Tally, found: Counted, hour: int | None) -> None:
    if found.kind == LEFT:
        tally.unanswered += found.visits
    elif found.value == DONT_KNOW:
        tally.dont_know += found.visits
    elif found.value == NOT_APPLICABLE:
        tally.not_applicable += found.visits
    else:
        _add(tally, f"v{found.value}", found.visits)
        if found.flagged:
            tally.flagged += found.visits
            return
        _add(tally, f"c{found.value}", found.visits)
        if hour is not None and found.value is not None:
            tally.hours.setdefault(str(hour), [0] * 11)[found.value] += found.visits


def _add(tally: Tally, column: str, count: int) -> None:
    setattr(tally, column, getattr(tally, column) + count)


# --- what may be shown -------------------------------------------------------------------------------------------------------


def release(court_id: int) -> None:
    """Shows a court's newest distributions if at least `live_step` answers of an item have come since the last time.

    Items are released together and never one by one, because an answer to one tells of the visit that also answered the other.
    """
    pending = list(PendingDay.objects.filter(court_id=court_id))
    if not pending:
        return
    answers = answers_of(court_id)
    shown = dict(Release.objects.filter(court_id=court_id).values_list("item", "answers"))
    step: int = settings.VIDHUK_LIVE_STEP
    moved = max((abs(answers.get(item, 0) - shown.get(item, 0)) for item in answers.keys() | shown.keys()), default=0)
    if step > 1 and moved < step:
        return
    days = {entry.local_date for entry in pending}
    of_days = Q(local_date__in=days - {None}) | (Q(local_date=None) if None in days else Q(pk__in=[]))
    ShownTally.objects.filter(of_days, court_id=court_id).delete()
    names = [field.attname for field in Tally._meta.concrete_fields if field.name != "id"]
    ShownTally.objects.bulk_create(ShownTally(**row) for row in Tally.objects.filter(of_days, court_id=court_id).values(*names))
    PendingDay.objects.filter(id__in=[entry.id for entry in pending]).delete()
    for item, count in answers.items():
        Release.objects.update_or_create(court_id=court_id, item=item, defaults={"answers": count})
    _revise(court_id, shown=1)


def answers_of(court_id: int) -> dict[str, int]:
    """{item: standing answers on its scale, ever} of a court."""
    total = Sum(sum((F(column) for column in RAW[1:]), F(RAW[0])))
    return dict(Tally.objects.filter(court_id=court_id).values("item").annotate(total=total).values_list("item", "total"))


def _revise(court_id: int, *, fresh: int = 0, shown: int = 0) -> None:
    CourtRevision.objects.get_or_create(court_id=court_id)
    CourtRevision.objects.filter(court_id=court_id).update(fresh=F("fresh") + fresh, shown=F("shown") + shown)
