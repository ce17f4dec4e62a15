"""Rebuilds tallies: whole days of a court, from the ledger, whenever a mark says that something about them is new.

Late data is the normal case, so there is no adding up: a day is counted afresh, and counting it twice changes nothing. Of
everything a visit has said about an item the last word holds, so an answer that was taken back, and one that was given again, count
as they should.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

import msgspec
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from sync_server.courts.models import Court, Exit
from sync_server.courts.selectors import Stay, placements_between
from sync_server.ingest.dating import DRIFT
from sync_server.ingest.entering import KINDS
from sync_server.ingest.models import Mark, Stream
from sync_server.ingest.services import narrow
from sync_server.results import cells, due
from sync_server.results.due import EVER, MARGIN, Day, MarkKey, milliseconds
from sync_server.results.models import COUNTS, POINTS, CourtRevision, Due, Tally
from wire.events import DONT_KNOW, NOT_APPLICABLE, Answer, Flag, Left, Retract

log = logging.getLogger(__name__)

QUARTER_MS: Final = 900_000
"""By so much zones and their changes differ at the finest: an hour of the clock is made of whole ones."""
DAYS_AT_ONCE: Final = 50
"""Court days counted in one step, and courts looked over: SQLite has one writer, and ratings that come in meanwhile wait for it."""


class Piece(NamedTuple):
    """A stream as far as it belongs to `exit` on one day: visits that began in [since, until) ms, or all undated ones."""

    stream: int
    exit: int
    since: int | None
    until: int | None


def step(now: datetime | None = None) -> int:
    """One bite of the work there is: rebuilds days that are due, the newest first, and shows of their courts what may be shown.

    Courts at which a new day has begun are looked over too, because their windows have slid. Returns how many days and courts
    that were; 0 when there was nothing to do, which costs a few small questions and no lock.
    """
    now = now or timezone.now()
    if due.unfollowed():
        with transaction.atomic(durable=True):
            due.follow()
    if not (Mark.objects.exists() or Due.objects.filter(not_before__lte=now).exists() or cells.look_over(now, 1)):
        return 0
    if Mark.objects.filter(hour=None).exists():
        with transaction.atomic(durable=True):  # one of its own: the gateway waits for the clocks that it locks
            narrow({stream for _, stream, hour in due.waiting_marks() if hour is None})
    with transaction.atomic(durable=True):
        marks = due.waiting_marks()
        left_due = due.due_days(now, max(1, DAYS_AT_ONCE // 2))
        taken, days = _bite({(stream, hour): None for _, stream, hour in marks}, left_due)
        changed: dict[int, set[str]] = defaultdict(set)
        for day in sorted(days, key=lambda day: (day.court_id, day.local_date or date.min)):
            changed[day.court_id] |= _rebuild_or_put_off(day, now)
        due.done(days, now)
        turned = {court.id for court in cells.look_over(now, DAYS_AT_ONCE)}
        for court_id in sorted(changed.keys() | turned):
            _show(court_id, None if court_id in turned else changed[court_id], now)
        # Exactly those that were read: a mark that was committed meanwhile may have a lower number.
        ids = [id for id, stream, hour in marks if (stream, hour) in taken]
        for start in range(0, len(ids), 500):
            Mark.objects.filter(id__in=ids[start : start + 500]).delete()
    return len(days) + len(turned) + bool(ids)


def _rebuild_or_put_off(day: Day, now: datetime) -> set[str]:
    """Counts `day` afresh. One at which that fails is kept with its reason and holds up nobody."""
    try:
        with transaction.atomic():
            changed = rebuild(day)
    except (OperationalError, InterfaceError):
        raise  # the database's trouble, not the day's
    except Exception as fault:
        log.exception("a day could not be counted")
        due.put_off(day, fault, now)
        return set()
    return changed


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


def _bite(marks: Iterable[MarkKey], left_due: Iterable[Day]) -> tuple[set[MarkKey], set[Day]]:
    """As many of the (stream, hour) marks in their order as name no more than `DAYS_AT_ONCE` days; and these days, with those that
    are due anyway.
    """
    taken: set[MarkKey] = set()
    days = set(left_due)
    for mark, named in due.days_of(marks).items():
        if not days or len(days | named) <= DAYS_AT_ONCE:
            taken.add(mark)
            days |= named
    return taken, days


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
    """How many visits had this as their last word, by quarter hours since the local midnight; none where only the day is known."""

    exit: int
    item: str
    input: int
    quarters: int | None
    kind: int
    value: int | None
    flagged: bool
    visits: int


# A row may stand in several streams of its device, because a card was copied or its file was damaged: the newest stream holds what
# the others did, in its order.
# A device that was moved within the day has pieces whose margins overlap, so the last word is found for each piece by itself.
_COUNT: Final = f"""
WITH piece (stream_id, exit_id, since, until) AS (SELECT {{piece}}),
slice (stream_id, exit_id, since, until) AS (SELECT {{piece}}),
near AS ({{near}}),
word AS (
    SELECT n.*, row_number() OVER (
        PARTITION BY n.exit_id, n.since, n.boot_id, n.visit, n.item_id ORDER BY n.dt DESC, n.stream_id DESC, n.seq DESC
    ) AS place
    FROM near n WHERE n.kind IN ({KINDS[Answer]}, {KINDS[Retract]}, {KINDS[Left]})
),
doubt AS (SELECT DISTINCT n.boot_id, n.visit FROM near n WHERE n.kind = {KINDS[Flag]})
SELECT w.exit_id, i.key, w.input, (w."at" - {{began}}) / {QUARTER_MS} AS quarters, w.kind, w.value, d.visit IS NOT NULL AS flagged,
    count(*)
FROM word w
JOIN ingest_itemkey i ON i.id = w.item_id
LEFT JOIN doubt d ON d.boot_id = w.boot_id AND d.visit = w.visit
WHERE w.place = 1 AND w.kind IN ({KINDS[Answer]}, {KINDS[Left]}) AND (w."at" IS NULL OR (w."at" >= w.since AND w."at" < w.until))
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_MARGIN_MS: Final = MARGIN // timedelta(milliseconds=1)
_ROWS: Final = "SELECT p.exit_id, p.since, p.until, l.* FROM piece p JOIN ingest_ledger l ON l.stream_id = p.stream_id"
_DATED: Final = f'{_ROWS} AND l."at" >= p.since - {_MARGIN_MS} AND l."at" < p.until + {_MARGIN_MS}'
# Between its bounds a visit without a date may have begun at any instant: one piece of one day must hold them all. The bounds hold
# at `reading`, and the further from it, the wider a clock that drifts makes them.
_DRIFT: Final = f"(abs(l.visit - b.reading) / {DRIFT} + 1)"
_EARLIEST: Final = f"l.visit + b.low - {_DRIFT}"
_LATEST: Final = f"l.visit + b.high + {_DRIFT}"
_BOUNDED: Final = f"""{_ROWS} AND l."at" IS NULL
    JOIN ingest_boot b ON b.id = l.boot_id AND b."offset" IS NULL AND {_EARLIEST} >= p.since AND {_LATEST} < p.until"""
_UNDATED: Final = f"""{_ROWS} AND l."at" IS NULL AND NOT EXISTS (
    SELECT 1 FROM slice s JOIN ingest_boot b ON b.id = l.boot_id
    WHERE s.stream_id = l.stream_id AND b."offset" IS NULL AND {_EARLIEST} >= s.since AND {_LATEST} < s.until
)"""
_PIECES: Final = {
    "sqlite": "value->>0, value->>1, value->>2, value->>3 FROM json_each(%s)",
    "postgresql": "(r->>0)::int, (r->>1)::int, (r->>2)::bigint, (r->>3)::bigint FROM jsonb_array_elements(%s::jsonb) AS r",
}


def _count(court: Court, day: Day) -> tuple[int, list[Counted]]:
    """(the local midnight in ms, what was counted)."""
    if day.local_date is None:
        stays, began = [stay for stay in placements_between(*EVER, court_id=court.id) if stay.ends_at is None], 0
        streams = _streams_of(stays)
        pieces = [Piece(stream, stay.exit_id, None, None) for stay in stays for stream in streams[stay.device_id]]
    else:
        begin, end = bounds(court, day.local_date)
        stays, began = placements_between(begin, end, court_id=court.id), milliseconds(begin)
        pieces = _pieces(stays, _streams_of(stays), begin, end)
    if not pieces:
        return began, []
    devices = {stay.device_id for stay in stays}
    slices: list[Piece] = []
    if day.local_date is None:
        near, slices = _UNDATED, _slices(devices)
    else:
        near = f"{_DATED} UNION ALL {_BOUNDED}" if due.bounded(devices).exists() else _DATED
    told = [msgspec.json.encode(some).decode() for some in (pieces, slices)]
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(piece=_PIECES[connection.vendor], near=near, began=began), told)
        return began, [Counted(*row) for row in cursor.fetchall()]


def _pieces(stays: Iterable[Stay], streams: Mapping[int, Sequence[int]], begin: datetime, end: datetime) -> list[Piece]:
    """What of each stream lies between `begin` and `end`, by where its device stood."""
    return [
        Piece(
            stream,
            stay.exit_id,
            milliseconds(max(begin, stay.starts_at)),
            milliseconds(end if stay.ends_at is None else min(end, stay.ends_at)),
        )
        for stay in stays
        for stream in streams[stay.device_id]
    ]


def _slices(devices: Collection[int]) -> list[Piece]:
    """Every piece of one local day, at whatever court, that may hold undated visits of `devices` whose bounds are narrow."""
    found: list[Piece] = []
    for day, device_id in due.bounded_days(devices):
        court = Court.objects.get(pk=day.court_id)
        assert day.local_date is not None
        begin, end = bounds(court, day.local_date)
        stays = placements_between(begin, end, court_id=court.id, device_ids=[device_id])
        found += _pieces(stays, _streams_of(stays), begin, end)
    return found


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
        if found.quarters is not None:
            hour = datetime.fromtimestamp((began + found.quarters * QUARTER_MS) / 1000, court.zone).hour
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
