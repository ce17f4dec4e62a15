"""Which days have to be counted: those that marks name, and those that a device's move, a court's time zone or a failure left due.

Nothing is counted here. Marks come from the ledger by stream and hour; courts, their calendars and who stood where are known here.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from django.db.models import F, QuerySet

from sync_server.courts.models import Court, Exit, Move
from sync_server.courts.selectors import Stay, placements_between
from sync_server.ingest.clocks import LONGEST_DAY_MS
from sync_server.ingest.entering import HOUR_MS
from sync_server.ingest.models import Boot, LedgerRow, Mark, Stream
from sync_server.ingest.store import LATEST
from sync_server.results.models import CourtRevision, Due, Followed, Following, Tally

log = logging.getLogger(__name__)

MARGIN: Final = timedelta(hours=2)
"""How far beyond a day a visit's last word is looked for. Rows of one visit differ in date only when the clock is set under it."""
HOUR: Final = timedelta(hours=1)
MARKS_AT_ONCE: Final = 5_000
"""Marks looked at in one step."""
RETRY: Final = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""When a day that could not be counted is tried again: the last holds for all further times."""
EVER: Final = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

MarkKey = tuple[int, int | None]
"""(stream, hour), as a mark has it."""


class Day(NamedTuple):
    """A court's local day; none stands for what no clock vouches for."""

    court_id: int
    local_date: date | None


# --- marks -------------------------------------------------------------------------------------------------------------------


def waiting_marks() -> list[tuple[int, int, int | None]]:
    """(number, stream, hour) of the marks to be looked at now: the newest hours first, so that pages are live during a backlog,
    and before them the one that has waited longest, so that nothing waits for ever.
    """
    # Locked, so that a second worker waits and then finds them gone, instead of counting the same days beside us.
    marks = Mark.objects.select_for_update().values_list("id", "stream_id", "hour")
    longest = list(marks.order_by("id")[:1])
    return longest + [mark for mark in marks.order_by(F("hour").desc(nulls_last=True), "id")[:MARKS_AT_ONCE] if mark not in longest]


def days_of(marks: Iterable[MarkKey]) -> dict[MarkKey, set[Day]]:
    """For each (stream, hour), the court days on which visits that began then may fall. Rows without a date are counted as undated,
    or on the days on which the bounds of their starts put them.

    They may have been counted where the device stood before a move that has not been followed yet: there, too.
    """
    marks = list(marks)
    devices = dict(Stream.objects.filter(id__in={stream for stream, _ in marks}).values_list("id", "device_id"))
    stays: dict[int, list[Stay]] = defaultdict(list)
    placed = placements_between(*EVER, device_ids=set(devices.values()))
    # After the placements: a move that is committed between the two questions is then known twice, and not missed.
    for stay in (*placed, *_moved_between(_moves().filter(device_id__in=set(devices.values())))):
        stays[stay.device_id].append(stay)
    courts = Court.objects.in_bulk({stay.court_id for some in stays.values() for stay in some})
    found = {
        (stream, hour): {day for stay in stays[devices[stream]] for day in _days_at(stay, courts[stay.court_id], hour)}
        for stream, hour in marks
    }
    undated = {stream for stream, hour in marks if hour is None}
    for day, device_id in bounded_days({devices[stream] for stream in undated}):
        for stream in undated:
            if devices[stream] == device_id:
                found[stream, None].add(day)
    return found


def _days_at(stay: Stay, court: Court, hour: int | None) -> set[Day]:
    if hour is None:
        return {Day(court.id, None)} if stay.ends_at is None else set()
    begin, end = _around(hour)
    if stay.starts_at >= end or (stay.ends_at is not None and stay.ends_at <= begin):
        return set()
    return _local(court, hour)


def _around(hour: int) -> tuple[datetime, datetime]:
    # Other rows of these visits may be dated a little differently, and a zone off by half an hour splits an hour.
    begin = datetime.fromtimestamp(hour * HOUR.total_seconds(), UTC) - MARGIN
    return begin, begin + HOUR + 2 * MARGIN


def _local(court: Court, hour: int) -> set[Day]:
    begin, end = _around(hour)
    return {Day(court.id, court.local_date(at)) for at in (begin, end - timedelta(milliseconds=1))}


# --- moves and time zones ----------------------------------------------------------------------------------------------------


def unfollowed() -> bool:
    """Whether a device's placement or a court's time zone has changed since the tallies followed."""
    return _moves().exists() or _foreign_zones().exists()


def follow() -> None:
    """Makes exactly the days due that hold rows of a moved device in the time it was moved by, at the courts that lose or gain
    them; and all days of a court whose time zone has changed. The caller has opened a transaction.
    """
    Following.objects.get_or_create(id=1)
    Following.objects.select_for_update().get(id=1)
    moves = list(_moves().order_by("id"))
    days: set[Day] = set()
    for move in moves:
        courts = Court.objects.filter(exits__in=Exit.objects.filter(id__in=move.exits)).distinct()
        days |= _held(move.device_id, move.since, move.until, list(courts))
    days |= _marked(_moved_between(moves))
    Followed.objects.bulk_create(Followed(move=move.id) for move in moves)
    for revision in _foreign_zones().select_related("court"):
        if revision.timezone:
            days |= _all_days(revision.court)
        CourtRevision.objects.filter(pk=revision.pk).update(timezone=revision.court.timezone)
    put_due(days)


def _moves() -> QuerySet[Move]:
    return Move.objects.exclude(id__in=Followed.objects.values("move"))


def _moved_between(moves: Collection[Move]) -> list[Stay]:
    """Where the devices of `moves` stood before, or stand since."""
    courts = dict(Exit.objects.filter(id__in={exit for move in moves for exit in move.exits}).values_list("id", "court_id"))
    return [
        Stay(move.device_id, exit, courts[exit], move.since, move.until) for move in moves for exit in move.exits if exit in courts
    ]


def _marked(stays: Collection[Stay]) -> set[Day]:
    """The days at `stays` that marks name which still wait: rows were counted there that have another date by now."""
    courts = Court.objects.in_bulk({stay.court_id for stay in stays})
    found: set[Day] = set()
    for stay in stays:
        hours = Mark.objects.filter(stream__device=stay.device_id).order_by().values_list("hour", flat=True).distinct()
        found |= {day for hour in hours for day in _days_at(stay, courts[stay.court_id], hour)}
    return found


def _foreign_zones() -> QuerySet[CourtRevision]:
    return CourtRevision.objects.exclude(timezone=F("court__timezone"))


def _all_days(court: Court) -> set[Day]:
    days = {Day(court.id, day) for day in Tally.objects.filter(court=court).values_list("local_date", flat=True).distinct()}
    for stay in placements_between(*EVER, court_id=court.id):
        days |= _held(stay.device_id, stay.starts_at, stay.ends_at, [court])
    return days


def _held(device_id: int, since: datetime, until: datetime | None, courts: Sequence[Court]) -> set[Day]:
    """The days of `courts` on which rows of a device fall that were recorded from `since` until `until`."""
    rows = LedgerRow.objects.filter(stream__in=Stream.objects.filter(device_id=device_id))
    margin = MARGIN // timedelta(milliseconds=1)  # of milliseconds, because a date may be the first or last that there is
    dated = rows.filter(at__gte=milliseconds(since) - margin)
    if until is not None:
        dated = dated.filter(at__lt=milliseconds(until) + margin)
    hours = dated.annotate(hour=F("at") / HOUR_MS).order_by().values_list("hour", flat=True).distinct()
    days = {day for hour in hours for court in courts for day in _local(court, hour)}
    if rows.filter(at=None, boot__isnull=False).exists():
        days |= {Day(court.id, None) for court in courts}
        days |= {Day(court.id, day.local_date) for court in courts for day, _ in bounded_days([device_id])}
    return days


# --- days that are known without an instant ---


def bounded(devices: Collection[int]) -> QuerySet[Boot]:
    """Starts of `devices` without an anchor whose bounds are narrow enough for one local day."""
    return Boot.objects.filter(device_id__in=devices, offset=None, high__lt=F("low") + LONGEST_DAY_MS)


def bounded_days(devices: Collection[int]) -> set[tuple[Day, int]]:
    """(day, device) for the local days on which undated visits of such starts may have begun, wherever the device stood."""
    found: set[tuple[Day, int]] = set()
    for boot in bounded(devices):
        assert boot.low is not None
        rows = LedgerRow.objects.filter(stream__in=Stream.objects.filter(device_id=boot.device_id), at=None, boot=boot)
        rows = rows.filter(visit__gte=-boot.low, visit__lte=LATEST - boot.low)
        hours = rows.annotate(hour=(F("visit") + boot.low) / HOUR_MS).order_by().values_list("hour", flat=True).distinct()
        stays = placements_between(*EVER, device_ids=[boot.device_id])
        courts = Court.objects.in_bulk({stay.court_id for stay in stays})
        found |= {(day, boot.device_id) for hour in hours for stay in stays for day in _days_at(stay, courts[stay.court_id], hour)}
    return found


# --- what is put off ---------------------------------------------------------------------------------------------------------


def due_days(now: datetime, at_most: int) -> list[Day]:
    """Days to be counted now whatever the marks say, the newest first."""
    waiting = Due.objects.select_for_update().filter(not_before__lte=now)
    found = waiting.order_by(F("local_date").desc(nulls_last=True), "id").values_list("court_id", "local_date")
    return list(dict.fromkeys(Day(*row) for row in found[:at_most]))


def put_due(days: Iterable[Day]) -> None:
    """Has `days` counted."""
    Due.objects.bulk_create(Due(court_id=day.court_id, local_date=day.local_date) for day in days)


def done(days: Iterable[Day], now: datetime) -> None:
    """`days` have been counted, except those that were put off until after `now`."""
    if Due.objects.exists():
        for day in days:
            Due.objects.filter(court_id=day.court_id, local_date=day.local_date, not_before__lte=now).delete()


def put_off(day: Day, fault: Exception, now: datetime) -> None:
    """`day` could not be counted. It is kept with the reason and tried again later, and holds up no other."""
    of_day = Due.objects.filter(court_id=day.court_id, local_date=day.local_date)
    tries = 1 + max(of_day.values_list("tries", flat=True), default=0)
    of_day.delete()
    not_before = now + RETRY[min(tries, len(RETRY)) - 1]
    reason = f"{type(fault).__name__}: {fault}"[:400]
    Due.objects.create(court_id=day.court_id, local_date=day.local_date, not_before=not_before, tries=tries, reason=reason)
    log.error("court %s, %s: could not be counted (try %s): %s", day.court_id, day.local_date or "undated", tries, reason)


def milliseconds(instant: datetime) -> int:
    """`instant` since the epoch."""
    return round(instant.timestamp() * 1000)
