"""Rebuilds tallies: whole days of a court, from the ledger, whenever a mark says that something about them is new.

Late data is the normal case, so there is no adding up: a day is counted afresh, and counting it twice changes nothing. Of
everything a visit has said about an item the last word holds, so an answer that was taken back, and one that was given again, count
as they should.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

import msgspec
from django.db import connection, transaction
from django.utils import timezone

from sync_server.courts.models import Court, Exit
from sync_server.courts.selectors import Stay, placements_between
from sync_server.ingest.entering import HOUR_MS, KINDS
from sync_server.ingest.models import Mark, Stream
from sync_server.results import cells
from sync_server.results.models import COUNTS, POINTS, CourtRevision, Tally
from wire.events import DONT_KNOW, NOT_APPLICABLE, Answer, Flag, Left, Retract

MARGIN: Final = timedelta(hours=2)
"""How far beyond a day a visit's last word is looked for. Rows of one visit differ in date only when the clock is set under it."""
HOUR: Final = timedelta(hours=1)
MARKS_AT_ONCE: Final = 5_000
"""Marks looked at in one step."""
DAYS_AT_ONCE: Final = 50
"""Court days counted in one step, and courts looked over: SQLite has one writer, and ratings that come in meanwhile wait for it."""


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


def step(now: datetime | None = None) -> int:
    """One bite of the work there is: rebuilds the days that the oldest marks name, and shows of their courts what may be shown.

    Courts at which a new day has begun are looked over too, because their windows have slid. Returns how many days and courts
    that were; 0 when there was nothing to do, which costs three small questions and no lock.
    """
    now = now or timezone.now()
    if not Mark.objects.exists() and not cells.look_over(now, 1):
        return 0
    with transaction.atomic(durable=True):
        # Locked, so that a second worker waits and then finds them gone, instead of counting the same days beside us.
        marks = list(Mark.objects.select_for_update().order_by("id").values_list("id", "stream_id", "hour")[:MARKS_AT_ONCE])
        taken, days = _bite({(stream, hour): None for _, stream, hour in marks})
        changed: dict[int, set[str]] = defaultdict(set)
        for day in sorted(days, key=lambda day: (day.court_id, day.local_date or date.min)):
            changed[day.court_id] |= rebuild(day)
        turned = {court.id for court in cells.look_over(now, DAYS_AT_ONCE)}
        for court_id in sorted(changed.keys() | turned):
            _show(court_id, None if court_id in turned else changed[court_id], now)
        # Exactly those that were read: a mark that was committed meanwhile may have a lower number.
        ids = [id for id, stream, hour in marks if (stream, hour) in taken]
        for start in range(0, len(ids), 500):
            Mark.objects.filter(id__in=ids[start : start + 500]).delete()
    return len(days) + len(turned) + bool(ids)


def _show(court_id: int, items: set[str] | None, now: datetime) -> None:
    """Refreshes the cells of a court: of these items, or of all (None) because its day has turned."""
    if items is not None and not items:
        return
    CourtRevision.objects.get_or_create(court_id=court_id)
    # Locked, so that two workers never release beside each other.
    court = CourtRevision.objects.select_for_update(of=("self",)).select_related("court").get(court_id=court_id).court
    today = court.local_date(now)
    moved = cells.refresh(court, today, items)
    cells.revise(court_id, shown=int(moved), refreshed_on=today if items is None else None)


def _bite(marks: Iterable[tuple[int, int | None]]) -> tuple[set[tuple[int, int | None]], set[Day]]:
    """As many of the (stream, hour) marks, oldest first, as name no more than `DAYS_AT_ONCE` days; and these days."""
    taken: set[tuple[int, int | None]] = set()
    days: set[Day] = set()
    for mark, named in days_of(marks).items():
        if not days or len(days | named) <= DAYS_AT_ONCE:
            taken.add(mark)
            days |= named
    return taken, days


def days_of(marks: Iterable[tuple[int, int | None]]) -> dict[tuple[int, int | None], set[Day]]:
    """For each (stream, hour), the court days on which visits that began then may fall."""
    marks = list(marks)
    devices = dict(Stream.objects.filter(id__in={stream for stream, _ in marks}).values_list("id", "device_id"))
    stays: dict[int, list[Stay]] = defaultdict(list)
    for stay in _stays_of(set(devices.values())):
        stays[stay.device_id].append(stay)
    courts = Court.objects.in_bulk({stay.court_id for some in stays.values() for stay in some})
    return {
        (stream, hour): {day for stay in stays[devices[stream]] for day in _days_at(stay, courts[stay.court_id], hour)}
        for stream, hour in marks
    }


def _days_at(stay: Stay, court: Court, hour: int | None) -> set[Day]:
    if hour is None:
        return {Day(court.id, None)} if stay.ends_at is None else set()
    # Other rows of these visits may be dated a little differently, and a zone off by half an hour splits an hour.
    begin = datetime.fromtimestamp(hour * HOUR.total_seconds(), UTC) - MARGIN
    end = begin + HOUR + 2 * MARGIN
    if stay.starts_at >= end or (stay.ends_at is not None and stay.ends_at <= begin):
        return set()
    return {Day(court.id, court.local_date(at)) for at in (begin, end - timedelta(milliseconds=1))}


def _stays_of(devices: Iterable[int]) -> list[Stay]:
    ever = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    return placements_between(*ever, device_ids=devices)


# --- one day -----------------------------------------------------------------------------------------------------------------


def rebuild(day: Day) -> set[str]:
    """Counts `day` afresh and returns the items that have changed. The caller has opened a transaction."""
    court = Court.objects.get(pk=day.court_id)
    began, counted = _count(court, day)
    rows = _tallies(court, day, began, counted)
    old = Tally.objects.filter(court=court, local_date=day.local_date)
    changed = {item for item, _ in _told(old) ^ _told(rows)}
    if changed:
        old.delete()
        Tally.objects.bulk_create(rows)
        cells.revise(court.id, fresh=1)
    return changed


def _told(tallies: Iterable[Tally]) -> set[tuple[str, bytes]]:
    """Everything that each row says, with its item; no two rows of a day say the same."""
    fields = ("exit_id", "service_id", "input", "hours", *COUNTS)
    return {
        (tally.item, msgspec.json.encode([getattr(tally, name) for name in fields], order="deterministic")) for tally in tallies
    }


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
_COUNT: Final = f"""
WITH piece (stream_id, exit_id, since, until) AS (SELECT {{piece}}),
word AS (
    SELECT p.exit_id, p.since, p.until, l.*,
        row_number() OVER (
            PARTITION BY p.exit_id, p.since, l.boot_id, l.visit, l.item_id ORDER BY l.dt DESC, l.seq DESC
        ) AS place
    FROM piece p JOIN ingest_ledger l ON l.stream_id = p.stream_id AND {{near}}
    WHERE l.kind IN ({KINDS[Answer]}, {KINDS[Retract]}, {KINDS[Left]})
),
doubt AS (
    SELECT DISTINCT l.boot_id, l.visit
    FROM piece p JOIN ingest_ledger l ON l.stream_id = p.stream_id AND {{near}}
    WHERE l.kind = {KINDS[Flag]}
)
SELECT w.exit_id, i.key, w.input, {{elapsed}} AS elapsed, w.kind, w.value, d.visit IS NOT NULL AS flagged, count(*)
FROM word w
JOIN ingest_itemkey i ON i.id = w.item_id
LEFT JOIN doubt d ON d.boot_id = w.boot_id AND d.visit = w.visit
WHERE w.place = 1 AND w.kind IN ({KINDS[Answer]}, {KINDS[Left]}) AND {{within}}
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_PIECES: Final = {
    "sqlite": "value->>0, value->>1, value->>2, value->>3 FROM json_each(%s)",
    "postgresql": "(r->>0)::int, (r->>1)::int, (r->>2)::bigint, (r->>3)::bigint FROM jsonb_array_elements(%s::jsonb) AS r",
}
_MARGIN_MS: Final = MARGIN // timedelta(milliseconds=1)
_DATED: Final = {
    "near": f'l."at" >= p.since - {_MARGIN_MS} AND l."at" < p.until + {_MARGIN_MS}',
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
            hour = datetime.fromtimestamp((began + found.elapsed_hours * HOUR_MS) / 1000, court.zone).hour
        _enter(tally, found, hour)
    return list(rows.values())


def _enter(tally: Tally, found: Counted, hour: int | None) -> None:
    if found.kind == KINDS[Left]:
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
            tally.hours.setdefault(str(hour), [0] * len(POINTS))[found.value] += found.visits


def _add(tally: Tally, column: str, count: int) -> None:
    setattr(tally, column, getattr(tally, column) + count)
