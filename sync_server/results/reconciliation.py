"""Proves, for one device and a period, that what arrived is what is counted: the ledger is counted here a second time, by other
means than the tallies, and the two are laid side by side. Reads only.

The proof of a day begins with what arrived. What a device has recorded it tells for its stream as a whole, whose rows are numbered
without a gap: that all of it arrived is proved for the stream and for no day.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

from django.db import connection
from django.db.models import Q

from sync_server.courts.models import Court, Device, Exit
from sync_server.courts.selectors import Stay, placements_between
from sync_server.ingest.dating import drift
from sync_server.ingest.entering import KINDS
from sync_server.ingest.models import Mark, Stream
from sync_server.results.models import Tally
from sync_server.results.selectors import ANSWERED
from wire.events import Answer, Flag, Left, Passage, Retract

ZONES: Final = timedelta(days=2)
"""How far a local day may lie from the same day in UTC, and a visit's last word from its first."""
WORDS: Final = (KINDS[Answer], KINDS[Retract], KINDS[Left])
"""Kinds of which a visit's last one about an item holds."""
QUARTER_MS: Final = 15 * 60 * 1000
"""Local midnight and every change of a clock fall between two of these, in every zone there is."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one device brought on one local day at one exit, nothing included; `day` none: on a day that nobody can tell.

    `answers`, `taken_back`, `left`, `passages`, `flags` are its rows by kind, each once; `repeated` came in a second stream too.
    `standing` answers hold at last; `counted` of them stand in the tallies, which know exits and not devices: it is what is left of
    them without what all others brought who stood there. So a difference is one of the exit, whoever's it may be.
    """

    day: date | None
    exit: Exit
    answers: int
    taken_back: int
    left: int
    passages: int
    flags: int
    repeated: int
    standing: int
    counted: int

    @property
    def empty(self) -> bool:
        """Whether nothing of it arrived and nothing is counted."""
        return not (self.answers or self.taken_back or self.left or self.passages or self.flags or self.repeated or self.counted)

    @property
    def difference(self) -> int:
        """Counted beyond what stands; negative where something is not counted yet."""
        return self.counted - self.standing


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Lines from `first` to `last`, both included, in each court's own calendar: every day on which the device stood at an exit, if
    only for a part of it. Undated ones stand last, whatever the period.

    `due`: something of the device is waiting to be counted, so that a difference is one of seconds.
    """

    first: date
    last: date
    lines: list[Line]
    due: bool

    @property
    def empty(self) -> bool:
        """Whether nothing arrived, and nothing is counted."""
        return all(line.empty for line in self.lines)

    @property
    def silent_days(self) -> int:
        """Days on which the device stood at an exit and of which nothing arrived."""
        return len({line.day for line in self.lines} - {line.day for line in self.lines if not line.empty} - {None})

    @property
    def standing(self) -> int:
        return sum(line.standing for line in self.lines)

    @property
    def counted(self) -> int:
        return sum(line.counted for line in self.lines)


class _Place(NamedTuple):
    day: date | None
    exit: int


class _Group(NamedTuple):
    """Rows of one kind that belong to one place, whichever that is: `once` of them, and `again` those of other streams that repeat
    them; of answers, `standing` hold at last. Without `at`, `low` and `high` bound what their boot's clock is off by at `reading`,
    as far as is known.
    """

    kind: int
    at: int | None
    low: int | None
    high: int | None
    reading: int | None
    visit: int | None
    once: int
    again: int
    standing: int

    @property
    def instants(self) -> tuple[datetime, ...]:
        """When the visit began: one instant, or the earliest and latest it can be; nothing where nothing is known."""
        if self.at is not None:
            return (_instant(self.at),)
        if self.low is None or self.high is None or self.reading is None or self.visit is None:
            return ()
        slack = drift(self.visit - self.reading) + 1
        try:
            return _instant(self.visit + self.low - slack), _instant(self.visit + self.high + slack)
        except (ValueError, OverflowError, OSError):  # a clock that reads what no calendar has
            return ()


class _Found:
    """One device's rows by place: kinds, repetitions, and last words."""

    def __init__(self) -> None:
        self.kinds: defaultdict[_Place, Counter[int]] = defaultdict(Counter)
        self.repeated: Counter[_Place] = Counter()
        self.standing: Counter[_Place] = Counter()


def reconcile(device: Device, first: date, last: date, *, courts: Collection[Court]) -> Reconciliation:
    """What `device` brought to `courts` from `first` to `last`."""
    period = _around(first, last)
    exits = Exit.objects.filter(court__in=courts).select_related("court").in_bulk()
    mine = [stay for stay in placements_between(*period, device_ids=[device.pk]) if stay.exit_id in exits]
    # The tallies know exits, not devices: whoever else stood there has to be told apart.
    standing_at = {stay.exit_id for stay in mine}
    others = {stay.device_id for stay in placements_between(*period) if stay.exit_id in standing_at} - {device.pk}
    found = _look(device.pk, period, exits)
    beside: Counter[_Place] = Counter()
    for other in others:
        beside += _look(other, period, exits).standing
    counted = _counted(standing_at, first, last)
    lines = []
    places = found.kinds.keys() | _own(counted, beside, mine, exits) | _stood(mine, first, last, exits)
    for place in sorted(places, key=_order):
        if place.day is not None and not first <= place.day <= last:
            continue
        kinds = found.kinds[place]
        lines.append(
            Line(
                day=place.day,
                exit=exits[place.exit],
                answers=kinds[KINDS[Answer]],
                taken_back=kinds[KINDS[Retract]],
                left=kinds[KINDS[Left]],
                passages=kinds[KINDS[Passage]],
                flags=kinds[KINDS[Flag]],
                repeated=found.repeated[place],
                standing=found.standing[place],
                counted=counted[place] - beside[place],
            )
        )
    return Reconciliation(first, last, lines, due=Mark.objects.filter(stream__device=device).exists())


def _own(counted: Counter[_Place], beside: Counter[_Place], stays: Iterable[Stay], exits: dict[int, Exit]) -> set[_Place]:
    """Places at which the tallies have more than all others brought, while this device stood there: it must account for that."""
    return {
        place
        for place, n in counted.items()
        if n != beside[place] and any(stay.exit_id == place.exit and _touches(stay, place.day, exits) for stay in stays)
    }


def _stood(stays: Iterable[Stay], first: date, last: date, exits: dict[int, Exit]) -> set[_Place]:
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return {_Place(day, stay.exit_id) for stay in stays for day in days if _touches(stay, day, exits)}


def _touches(stay: Stay, day: date | None, exits: dict[int, Exit]) -> bool:
    if day is None:
        return stay.ends_at is None
    local = exits[stay.exit_id].court.local_date
    return local(stay.starts_at) <= day and (stay.ends_at is None or day <= local(stay.ends_at))


def _order(place: _Place) -> tuple[bool, date, int]:
    return place.day is None, place.day or date.min, place.exit


def _around(first: date, last: date) -> tuple[datetime, datetime]:
    """An hour-proof stretch of time around local days of any zone."""
    return datetime.combine(first, time.min, UTC) - ZONES, datetime.combine(last, time.max, UTC) + ZONES


def _look(device_id: int, period: tuple[datetime, datetime], exits: dict[int, Exit]) -> _Found:
    ever = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    stays = placements_between(*ever, device_ids=[device_id])
    found = _Found()
    for group in _groups(device_id, period, stays):
        place = _place(group, stays, exits)
        if place is not None:
            found.kinds[place][group.kind] += group.once
            found.repeated[place] += group.again
            found.standing[place] += group.standing
    return found


_GROUPS: Final = """
SELECT kind, moment, low, high, reading, visit,
    SUM(CASE WHEN copy = 1 THEN 1 ELSE 0 END), SUM(CASE WHEN copy > 1 THEN 1 ELSE 0 END),
    SUM(CASE WHEN word = 1 AND kind = {answer} THEN 1 ELSE 0 END)
FROM (
    SELECT l.kind,
        CASE WHEN l.at / {quarter} IN ({edges}) THEN l.at ELSE l.at / {quarter} * {quarter} END AS moment,
        CASE WHEN l.at IS NULL THEN b.low END AS low,
        CASE WHEN l.at IS NULL THEN b.high END AS high,
        CASE WHEN l.at IS NULL THEN b.reading END AS reading,
        CASE WHEN l.at IS NULL AND b.low IS NOT NULL AND b.high IS NOT NULL THEN l.visit END AS visit,
        row_number() OVER (
            PARTITION BY l.boot_id, l.visit, l.item_id, l.kind, l.dt ORDER BY l.stream_id, l.seq
        ) AS copy,
        row_number() OVER (
            PARTITION BY l.boot_id, l.visit, l.item_id, CASE WHEN l.kind IN ({words}) THEN 1 ELSE 0 END
            ORDER BY l.dt DESC, l.stream_id DESC, l.seq DESC
        ) AS word
    FROM ingest_ledger l JOIN ingest_boot b ON b.id = l.boot_id
    WHERE l.stream_id IN ({streams}) AND ((l.at >= %s AND l.at < %s) OR l.at IS NULL)
) AS rows_once
GROUP BY kind, moment, low, high, reading, visit
"""
"""Only numbers of ours are put into it. Grouped by quarters of an hour, so that what comes here grows with time and not with
visitors; a quarter within which the device was moved is looked at instant by instant."""


def _groups(device_id: int, period: tuple[datetime, datetime], stays: Iterable[Stay]) -> Iterator[_Group]:
    streams = list(Stream.objects.filter(device_id=device_id).values_list("id", flat=True))
    if not streams:
        return
    begin, end = (round(instant.timestamp() * 1000) for instant in period)
    edges = {round(stay.starts_at.timestamp() * 1000) // QUARTER_MS for stay in stays} or {0}
    statement = _GROUPS.format(
        answer=KINDS[Answer], quarter=QUARTER_MS, edges=_listed(edges), words=_listed(WORDS), streams=_listed(streams)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [begin, end])
        while some := cursor.fetchmany(1_000):
            yield from (_Group._make(None if value is None else int(value) for value in values) for values in some)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(int(number)) for number in numbers)


def _place(group: _Group, stays: list[Stay], exits: dict[int, Exit]) -> _Place | None:
    """Where and on which day `group` belongs: where every instant it may have agrees; else undated, where the device stands now.

    None for another court's.
    """
    where = {_at(instant, stays, exits) for instant in group.instants}
    if len(where) == 1:
        return where.pop()
    now = next((stay for stay in reversed(stays) if stay.ends_at is None), None)
    return _Place(None, now.exit_id) if now is not None and now.exit_id in exits else None


def _at(instant: datetime, stays: list[Stay], exits: dict[int, Exit]) -> _Place | None:
    stay = next((stay for stay in stays if stay.covers(instant)), None)
    if stay is None or stay.exit_id not in exits:
        return None
    return _Place(exits[stay.exit_id].court.local_date(instant), stay.exit_id)


def _counted(exits: Collection[int], first: date, last: date) -> Counter[_Place]:
    """How many answers the tallies have, by place."""
    found: Counter[_Place] = Counter()
    days = Q(local_date__range=(first, last)) | Q(local_date=None)
    for exit_id, day, *counts in Tally.objects.filter(days, exit__in=exits).values_list("exit_id", "local_date", *ANSWERED):
        found[_Place(day, exit_id)] += sum(counts)
    return found


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
