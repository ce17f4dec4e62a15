"""Proves, for one device and a period, that what was captured is what arrived, and what arrived is what is counted. Reads only.

What was captured follows from the numbers of rows (`results.captured`). What arrived is counted here a second time, by other means
than the tallies, and laid beside them. What cannot be proved is named, with the days to which it may belong.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q

from sync_server.courts.models import Court, Device, Exit
from sync_server.courts.selectors import Stay, placements_between
from sync_server.ingest.clocks import EARLIEST
from sync_server.ingest.dating import drift
from sync_server.ingest.entering import KINDS
from sync_server.ingest.models import Mark, Stream
from sync_server.ingest.store import LATEST
from sync_server.results.captured import UNCOUNTED, Absence, Span, Why, absences, witness
from sync_server.results.models import Tally
from sync_server.results.numbers import QUARTER_MS, numbers_of
from sync_server.results.selectors import ANSWERED
from wire.envelopes import Health
from wire.events import Answer, Flag, Left, Passage, Retract

ZONES: Final = timedelta(days=2)
"""How far a local day may lie from the same day in UTC, and a visit's last word from its first."""
EVER: Final = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
WORDS: Final = (KINDS[Answer], KINDS[Retract], KINDS[Left])
"""Kinds of which a visit's last one about an item holds."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one device brought on one local day at one exit, nothing included; `day` none: on a day that nobody can tell.

    `answers`, `taken_back`, `left`, `passages`, `flags` are its rows by kind, each once; `repeated` came in a second stream too.
    `standing` answers hold at last; `counted` of them stand in the tallies, which know exits and not devices: it is what is left of
    them without what all others brought who stood there. So a difference is one of the exit, whoever's it may be.

    `absent` says why how many more rows of this day cannot be counted (never any of which nobody knows how many there are).
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
    absent: Mapping[Why, int] = field(default_factory=dict)

    @property
    def delivered(self) -> int:
        """Rows that arrived, each once, those included that cannot be read."""
        rows = self.answers + self.taken_back + self.left + self.passages + self.flags
        return rows + self.absent.get(Why.UNREAD, 0)

    @property
    def captured(self) -> int:
        """Rows that the device recorded: their numbers say so."""
        return self.delivered + sum(rows for why, rows in self.absent.items() if why is not Why.UNREAD)

    @property
    def empty(self) -> bool:
        """Whether nothing was recorded, as far as is known, and nothing is counted."""
        return not (self.captured or self.repeated or self.counted)

    @property
    def difference(self) -> int:
        """Counted beyond what stands; negative where something is not counted yet."""
        return self.counted - self.standing


@dataclass(frozen=True, slots=True)
class Between:
    """`rows` of which it is not known on which day they were recorded, only that it may have been one of this period's: not before
    `first` and not after `last`, as far as is known. Of some kinds nobody knows how many there are, if any; `rows` is 0 then.
    """

    why: Why
    rows: int
    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Lines from `first` to `last`, both included, in each court's own calendar: every day on which the device stood at an exit, if
    only for a part of it. Undated ones stand last, whatever the period.

    `due`: something of the device is waiting to be counted, so that a difference is one of seconds. `between` is what may belong
    to the period and to no certain line. Until `known_until` it is known how much the device had recorded; it is none where nothing
    tells, and `silent` says whether the period goes on beyond it.
    """

    first: date
    last: date
    lines: list[Line]
    due: bool
    between: list[Between] = field(default_factory=list)
    known_until: datetime | None = None
    silent: bool = False

    @property
    def absent(self) -> Counter[Why]:
        """Rows that certainly belong to the period's days and cannot be counted, by reason."""
        return sum((Counter(line.absent) for line in self.lines), Counter())

    @property
    def agrees(self) -> bool:
        """Whether what arrived is what is counted, at every place."""
        return all(not line.difference for line in self.lines)

    @property
    def proved(self) -> bool:
        """Whether all that was captured, as far as is known, arrived and is counted; `silent` says whether more may have been."""
        return self.agrees and not self.absent and not self.between

    @property
    def empty(self) -> bool:
        """Whether nothing arrived, and nothing is counted."""
        return all(line.empty for line in self.lines)

    @property
    def captured(self) -> int:
        """Rows that belong to the period's days for certain."""
        return sum(line.captured for line in self.lines if line.day is not None)

    @property
    def standing(self) -> int:
        return sum(line.standing for line in self.lines)

    @property
    def counted(self) -> int:
        return sum(line.counted for line in self.lines)


class _Place(NamedTuple):
    day: date | None
    exit: int


class _Absences(NamedTuple):
    """What is not here: at a certain place, or not."""

    at: dict[_Place, Counter[Why]]
    between: list[Between]


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


def reconcile(
    device: Device,
    first: date,
    last: date,
    *,
    courts: Collection[Court],
    health: Health | None = None,
    heard_at: datetime | None = None,
    at_risk: Mapping[bytes, Sequence[Span]] | None = None,
) -> Reconciliation:
    """What `device` captured and brought to `courts` from `first` to `last`. `health` is its last report, which came in at or
    before `heard_at`; `at_risk` names, by stream, rows that it may have deleted.
    """
    period = _around(first, last)
    exits = Exit.objects.filter(court__in=courts).select_related("court").in_bulk()
    mine = [stay for stay in placements_between(*period, device_ids=[device.pk]) if stay.exit_id in exits]
    # The tallies know exits, not devices: whoever else stood there has to be told apart.
    standing_at = {stay.exit_id for stay in mine}
    others = {stay.device_id for stay in placements_between(*period) if stay.exit_id in standing_at} - {device.pk}
    found = _look(device.pk, period, exits)
    begin, end = (_milliseconds(instant) for instant in period)
    numbers = numbers_of(device.pk, begin, end, health=health, heard_at=heard_at, at_risk=at_risk or {})
    known_until = witness(numbers[-1]) if numbers else None
    absent = _absences(absences(numbers), device.pk, first, last, exits)
    beside: Counter[_Place] = Counter()
    for other in others:
        beside += _look(other, period, exits).standing
    counted = _counted(standing_at, first, last)
    lines = []
    places = found.kinds.keys() | absent.at.keys() | _own(counted, beside, mine, exits) | _stood(mine, first, last, exits)
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
                absent=absent.at.get(place, {}),
            )
        )
    return Reconciliation(
        first,
        last,
        lines,
        due=Mark.objects.filter(stream__device=device).exists(),
        between=[each for each in absent.between if each.why is not Why.SILENT],
        known_until=_likely(known_until),
        silent=not numbers or any(each.why is Why.SILENT for each in absent.between),
    )


def _absences(found: Iterable[Absence], device_id: int, first: date, last: date, exits: dict[int, Exit]) -> _Absences:
    """Each of `found` at its place where that is certain, and else, if it may belong to the period, between its days."""
    stays = placements_between(*EVER, device_ids=[device_id])
    zone = next((exits[stay.exit_id].court.zone for stay in reversed(stays) if stay.exit_id in exits), ZoneInfo("UTC"))
    at: defaultdict[_Place, Counter[Why]] = defaultdict(Counter)
    between: Counter[tuple[Why, date | None, date | None]] = Counter()
    for each in found:
        earliest, latest = (_likely(ms) for ms in (each.earliest, each.latest))
        days = tuple(None if instant is None else instant.astimezone(zone).date() for instant in (earliest, latest))
        if earliest is not None and latest is not None and each.why not in UNCOUNTED | {Why.RENEWED}:
            stay = next((stay for stay in stays if stay.covers(earliest) and stay.covers(latest)), None)
            if stay is not None and stay.exit_id not in exits:
                continue  # another court's
            places = {_at(instant, stays, exits) for instant in (earliest, latest)}
            if stay is not None and len(places) == 1 and (place := places.pop()) is not None:
                at[place][each.why] += each.rows
                continue
        if (days[0] is None or days[0] <= last) and (days[1] is None or days[1] >= first):
            between[each.why, days[0], days[1]] += each.rows
    told = [Between(why, rows, *days) for (why, *days), rows in between.items()]
    return _Absences(at, sorted(told, key=lambda each: (list(Why).index(each.why), each.first or date.min, each.last or date.max)))


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
    stays = placements_between(*EVER, device_ids=[device_id])
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
    begin, end = (_milliseconds(instant) for instant in period)
    edges = {_milliseconds(stay.starts_at) // QUARTER_MS for stay in stays} or {0}
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


def _likely(ms: int | None) -> datetime | None:
    """None where no honest clock can have told it: no bound at all."""
    return _instant(ms) if ms is not None and EARLIEST <= ms <= LATEST else None


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
