"""What the pages show, read from tallies and from nothing else.

Totals of answers come from `Tally` and move at once. Everything that tells how people answered (distributions, hours, shares) comes
from `ShownTally`, which follows only when several new answers have come, so that nobody can tell how the last visitor answered.
Days and hours are those of the court's own time zone.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db.models import F, QuerySet, Sum

from sync_server.courts.models import Court
from sync_server.results.figures import Change, Distribution, change, nothing
from sync_server.results.models import CLEANED, RAW, CourtRevision, ShownTally, Tally
from sync_server.results.periods import WEEKLY, Period, last_days, one_day
from wire.events import Input

FACES: Final = (1, 2, 3, 4, 5)
"""The points of the kiosk's faces, worst to best."""
BESIDE: Final = ("dont_know", "not_applicable", "unanswered")
ANSWERED: Final = (*RAW, "dont_know", "not_applicable")


@dataclass(frozen=True, slots=True)
class Channel:
    """How many answers came by one kind of input. Channels are never pooled without saying so."""

    input: Input | None
    answers: int


@dataclass(frozen=True, slots=True)
class PeriodResult:
    """One item at one court over one period.

    `answers` is fresh; the rest stands as of the last time the distribution moved: `distribution` without what was flagged as
    possible misuse, `flagged` how many that leaves out, and what was answered or left beside the scale.
    """

    period: Period
    answers: int
    distribution: Distribution
    flagged: int = 0
    dont_know: int = 0
    not_applicable: int = 0
    unanswered: int = 0

    @property
    def waiting(self) -> int:
        """Answers that are counted but not yet in the distribution."""
        return max(self.answers - self.distribution.n - self.flagged - self.dont_know - self.not_applicable, 0)


@dataclass(frozen=True, slots=True)
class Hour:
    """The answers given from `hour`:00 to `hour`:59 by the court's clock."""

    hour: int
    distribution: Distribution


@dataclass(frozen=True, slots=True)
class Day:
    """One local day; `week` are the seven days that end with it, because a single day seldom says much."""

    day: date
    distribution: Distribution
    week: Distribution


@dataclass(frozen=True, slots=True)
class Revision:
    """What a page of one court was made from: it is stale when any part has moved, its distribution when `shown` or the day has."""

    fresh: int
    shown: int
    today: date


@dataclass(frozen=True, slots=True)
class CourtPage:
    """Everything the page of one court shows about one scale item."""

    court: Court
    item: str
    today: PeriodResult
    month: PeriodResult
    before: PeriodResult
    change: Change | None
    hours: tuple[Hour, ...]
    days: tuple[Day, ...]
    channels: tuple[Channel, ...]
    undated: int
    revision: Revision


@dataclass(frozen=True, slots=True)
class CourtLine:
    """One court on the overview."""

    court: Court
    today: int
    month: PeriodResult
    change: Change | None


def court_page(court: Court, item: str, *, today: date, points: Sequence[int] = FACES) -> CourtPage:
    """The page of `court` on its local day `today`; `points` are those of the item's scale, worst to best."""
    # Asked first: what changes while the rest is read makes the page ask again, never makes it miss a change.
    asked = revision(court, today=today)
    month = last_days(today)
    before = month.before()
    totals = _totals(court, item, month)
    rows = _shown(court, item, Period(before.first, today))
    of_month = [row for row in rows if row["local_date"] in month]
    now = _period(month, sum(totals.values()), of_month, points)
    earlier = [row for row in rows if row["local_date"] in before]
    past = _period(before, _answered(earlier), earlier, points)
    of_today = [row for row in of_month if row["local_date"] == today]
    fresh_today = sum(answers for (day, _), answers in totals.items() if day == today)
    return CourtPage(
        court=court,
        item=item,
        today=_period(one_day(today), fresh_today, of_today, points),
        month=now,
        before=past,
        change=change(now.distribution, past.distribution),
        hours=_hours(of_month, points),
        days=_days(month, rows, points),
        channels=_channels(totals),
        undated=_undated(court, item),
        revision=asked,
    )


def revision(court: Court, *, today: date) -> Revision:
    """One row by its key: what it costs to learn that nothing has changed."""
    row = CourtRevision.objects.filter(court=court).values_list("fresh", "shown").first()
    fresh, shown = row or (0, 0)
    return Revision(fresh, shown, today)


def overview(courts: Iterable[Court], item: str, *, now: datetime, points: Sequence[int] = FACES) -> list[CourtLine]:
    """One line for each court, in the order given. `now` is an aware instant; each court has its own today."""
    courts = list(courts)
    by_today: dict[date, list[Court]] = defaultdict(list)
    for court in courts:
        by_today[court.local_date(now)].append(court)
    lines: dict[int, CourtLine] = {}
    for today, some in by_today.items():
        lines.update(_lines(some, item, today, points))
    return [lines[court.id] for court in courts]


def fresh_totals(court: Court, item: str, *, today: date) -> tuple[int, int]:
    """How many answers today and in the last thirty days: all that may move with every tap."""
    totals = _totals(court, item, last_days(today))
    return sum(answers for (day, _), answers in totals.items() if day == today), sum(totals.values())


def choice_counts(court: Court, item: str, *, period: Period, points: Sequence[int]) -> Distribution:
    """How often each option of an unordered item was chosen."""
    return _distribution(_shown(court, item, period), points)


def _lines(courts: list[Court], item: str, today: date, points: Sequence[int]) -> dict[int, CourtLine]:
    month = last_days(today)
    before = month.before()
    shown: dict[int, list[dict[str, Any]]] = defaultdict(list)
    tallies = ShownTally.objects.filter(court__in=courts, item=item, local_date__range=(before.first, today))
    for row in _summed(tallies, "court_id", "local_date"):
        shown[row["court_id"]].append(row)
    fresh: dict[int, dict[date, int]] = defaultdict(dict)
    totals = (
        Tally.objects.filter(court__in=courts, item=item, local_date__range=(month.first, today))
        .order_by()
        .values("court_id", "local_date")
        .annotate(answers=_sum_of(ANSWERED))
        .values_list("court_id", "local_date", "answers")
    )
    for court_id, day, answers in totals:
        if day is not None:
            fresh[court_id][day] = answers
    lines = {}
    for court in courts:
        rows = shown[court.id]
        now = _period(month, sum(fresh[court.id].values()), [row for row in rows if row["local_date"] in month], points)
        past = _distribution([row for row in rows if row["local_date"] in before], points)
        lines[court.id] = CourtLine(
            court=court, today=fresh[court.id].get(today, 0), month=now, change=change(now.distribution, past)
        )
    return lines


def _totals(court: Court, item: str, period: Period) -> dict[tuple[date, int], int]:
    """Fresh totals by local day and input. Added up here: an expression over so many columns costs Django more than the rows do."""
    rows = Tally.objects.filter(court=court, item=item, local_date__range=(period.first, period.last)).values_list(
        "local_date", "input", *ANSWERED
    )
    totals: dict[tuple[date, int], int] = defaultdict(int)
    for day, channel, *counts in rows:
        totals[(day, channel)] += sum(counts)
    return totals


def _shown(court: Court, item: str, period: Period) -> list[dict[str, Any]]:
    """The settled rows of the period, as they are: an hour's counts cannot be summed by the database."""
    return list(
        ShownTally.objects.filter(court=court, item=item, local_date__range=(period.first, period.last)).values(
            "local_date", "hours", *CLEANED, *RAW, *BESIDE
        )
    )


def _summed(tallies: QuerySet[Any], *by: str) -> Iterable[dict[str, Any]]:
    names = (*CLEANED, *RAW, *BESIDE)
    rows = tallies.order_by().values(*by).annotate(**{f"sum_{name}": Sum(name) for name in names})
    for row in rows:
        yield {key: row[key] for key in by} | {name: row[f"sum_{name}"] for name in names}


def _sum_of(names: Sequence[str]) -> Any:
    first, *rest = names
    total: Any = F(first)
    for name in rest:
        total = total + F(name)
    return Sum(total)


def _period(period: Period, answers: int, rows: Sequence[dict[str, Any]], points: Sequence[int]) -> PeriodResult:
    raw = sum(row[name] for row in rows for name in RAW)
    cleaned = sum(row[name] for row in rows for name in CLEANED)
    return PeriodResult(
        period=period,
        answers=answers,
        distribution=_distribution(rows, points),
        flagged=max(raw - cleaned, 0),
        **{name: sum(row[name] for row in rows) for name in BESIDE},
    )


def _distribution(rows: Iterable[dict[str, Any]], points: Sequence[int]) -> Distribution:
    counts = [0] * len(points)
    for row in rows:
        for place, point in enumerate(points):
            counts[place] += row[f"c{point}"]
    return Distribution(tuple(points), tuple(counts))


def _answered(rows: Iterable[dict[str, Any]]) -> int:
    return sum(row[name] for row in rows for name in ANSWERED)


def _hours(rows: Iterable[dict[str, Any]], points: Sequence[int]) -> tuple[Hour, ...]:
    by_hour: dict[int, list[int]] = {}
    for row in rows:
        for hour, counts in (row["hours"] or {}).items():
            sums = by_hour.setdefault(int(hour), [0] * len(points))
            for place, point in enumerate(points):
                sums[place] += counts[point]
    if not by_hour:
        return ()
    return tuple(
        Hour(hour, Distribution(tuple(points), tuple(by_hour[hour])) if hour in by_hour else nothing(points))
        for hour in range(min(by_hour), max(by_hour) + 1)
    )


def _days(period: Period, rows: Iterable[dict[str, Any]], points: Sequence[int]) -> tuple[Day, ...]:
    by_day: dict[date, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_day[row["local_date"]].append(row)
    single = {day: _distribution(by_day[day], points) for day in Period(_week(period.first).first, period.last).days()}
    return tuple(Day(day, single[day], sum((single[each] for each in _week(day).days()), nothing(points))) for day in period.days())


def _week(day: date) -> Period:
    return last_days(day, WEEKLY)


def _channels(totals: dict[tuple[date, int], int]) -> tuple[Channel, ...]:
    known = {channel.value for channel in Input}
    sums: dict[int, int] = defaultdict(int)
    for (_, channel), answers in totals.items():
        sums[channel] += answers
    return tuple(
        Channel(Input(channel) if channel in known else None, answers)
        for channel, answers in sorted(sums.items(), key=lambda pair: -pair[1])
        if answers
    )


def _undated(court: Court, item: str) -> int:
    """Answers of a device whose clock nobody vouched for: they are counted on no day."""
    rows = Tally.objects.filter(court=court, item=item, local_date__isnull=True).values_list(*ANSWERED)
    return sum(sum(counts) for counts in rows)
