"""Proves, for one device and a period, that what arrived is what is counted: the ledger is counted here a second time, by other
means than the tallies, and the two are laid side by side. Reads only.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

from django.db.models import Q

from sync_server.courts.models import Court, Device, Exit
from sync_server.courts.selectors import Stay, placements_between
from sync_server.ingest.dating import drift
from sync_server.ingest.entering import KINDS
from sync_server.ingest.models import LedgerRow, Mark, Stream
from sync_server.results.models import Tally
from sync_server.results.selectors import ANSWERED
from wire.events import Answer, Flag, Left, Passage, Retract

ZONES: Final = timedelta(days=2)
"""How far a local day may lie from the same day in UTC, and a visit's last word from its first."""
WORDS: Final = (KINDS[Answer], KINDS[Retract], KINDS[Left])
"""Kinds of which a visit's last one about an item holds."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one device brought on one local day at one exit; `day` none: on a day that nobody can tell.

    `answers`, `taken_back`, `left`, `passages`, `flags` are its rows by kind, each once; `repeated` came in a second stream too.
    `standing` answers hold at last; `counted` of them stand in the tallies.
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
    def difference(self) -> int:
        """Counted beyond what stands; negative where something is not counted yet."""
        return self.counted - self.standing


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Lines from `first` to `last`, both included, in each court's own calendar; undated ones stand last, whatever the period.

    `due`: something of the device is waiting to be counted, so that a difference is one of seconds.
    """

    first: date
    last: date
    lines: list[Line]
    due: bool

    @property
    def standing(self) -> int:
        return sum(line.standing for line in self.lines)

    @property
    def counted(self) -> int:
        return sum(line.counted for line in self.lines)


class _Place(NamedTuple):
    day: date | None
    exit: int


class _Row(NamedTuple):
    """A row of the ledger. `low`, `high` bound what its boot's clock is off by at `reading`, as far as is known."""

    stream: int
    seq: int
    kind: int
    at: int | None
    boot: int
    visit: int
    dt: int
    item: int
    low: int | None
    high: int | None
    reading: int | None

    @property
    def event(self) -> tuple[int, ...]:
        """The same for one event, in whichever streams it stands."""
        return self.boot, self.visit, self.item, self.kind, self.dt

    @property
    def instants(self) -> tuple[datetime, ...]:
        """When the visit began: one instant, or the earliest and latest it can be; nothing where nothing is known."""
        if self.at is not None:
            return (_instant(self.at),)
        if self.low is None or self.high is None or self.reading is None:
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
    for place in sorted(found.kinds.keys() | found.standing.keys() | _own(counted, beside, mine, exits), key=_order):
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
    found, seen = _Found(), set()
    newest: dict[tuple[int, int, int], _Row] = {}
    for row in _rows(device_id, period):
        if row.kind in WORDS:
            word = (row.boot, row.visit, row.item)
            if word not in newest or _rank(row) > _rank(newest[word]):
                newest[word] = row
        place = _place(row, stays, exits)
        if place is None:
            continue
        if row.event in seen:
            found.repeated[place] += 1
        else:
            seen.add(row.event)
            found.kinds[place][row.kind] += 1
    for row in newest.values():
        place = _place(row, stays, exits)
        if place is not None and row.kind == KINDS[Answer]:
            found.standing[place] += 1
    return found


def _rank(row: _Row) -> tuple[int, int, int]:
    return row.dt, row.stream, row.seq


def _rows(device_id: int, period: tuple[datetime, datetime]) -> Iterator[_Row]:
    begin, end = (round(instant.timestamp() * 1000) for instant in period)
    streams = list(Stream.objects.filter(device_id=device_id).values_list("id", flat=True))
    rows = LedgerRow.objects.filter(Q(at__gte=begin, at__lt=end) | Q(at=None), stream__in=streams, boot__isnull=False)
    fields = ("stream_id", "seq", "kind", "at", "boot_id", "visit", "dt", "item_id", "boot__low", "boot__high", "boot__reading")
    for values in rows.values_list(*fields).iterator():
        yield _Row(*values)


def _place(row: _Row, stays: list[Stay], exits: dict[int, Exit]) -> _Place | None:
    """Where and on which day `row` belongs: where every instant it may have agrees; else undated, where the device stands now.

    None for another court's.
    """
    where = {_at(instant, stays, exits) for instant in row.instants}
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
