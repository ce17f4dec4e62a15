"""What the pages show.

Totals of answers come from `Tally` and move at once. Everything that tells how people answered (distributions, hours, weeks,
shares) comes from `ShownCell`, which follows only when several visitors' answers have come, so that nobody can tell how one of them
answered. Days and hours are those of the court's own time zone.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sync_server.courts.models import Court
from sync_server.results.cells import BEFORE, CHANNELS, counts_of
from sync_server.results.figures import Change, Distribution, change, nothing
from sync_server.results.models import RAW, CourtRevision, ShownCell, Tally
from sync_server.results.periods import WEEKLY, Period, last_days, last_weeks, one_day
from sync_server.results.release import MONTH, NOTHING, Counts, Place, Vector, View
from wire.events import Input

FACES: Final = (1, 2, 3, 4, 5)
"""The points of the kiosk's faces, worst to best."""
ANSWERED: Final = (*RAW, "dont_know", "not_applicable")

Shown = dict[Place, tuple[Counts, date]]
"""What is shown of one item, with the local date on which it was let through."""


@dataclass(frozen=True, slots=True)
class Channel:
    """How many answers came by one kind of input. Channels are never pooled without saying so."""

    input: Input | None
    answers: int


@dataclass(frozen=True, slots=True)
class PeriodResult:
    """One item at one court over one period.

    `answers` is fresh; the rest stands as it was let through on `as_of` (none: nothing was yet). `distribution` is without what is
    flagged as possible misuse and `raw` with it; then come what was answered or left beside the scale, and the channels.
    """

    period: Period
    answers: int
    distribution: Distribution
    raw: Distribution
    dont_know: int = 0
    not_applicable: int = 0
    unanswered: int = 0
    channels: tuple[Channel, ...] = ()
    as_of: date | None = None

    @property
    def flagged(self) -> int:
        """How many answers the distribution leaves out as possible misuse."""
        return self.raw.n - self.distribution.n

    @property
    def waiting(self) -> int:
        """How many more answers there are by now than what is shown accounts for; negative when days have left since."""
        return self.answers - self.raw.n - self.dont_know - self.not_applicable


@dataclass(frozen=True, slots=True)
class Hour:
    """The answers given from `hour`:00 to `hour`:59 by the court's clock."""

    hour: int
    distribution: Distribution


@dataclass(frozen=True, slots=True)
class Week:
    """A calendar week by its Monday. The last one is still under way."""

    monday: date
    distribution: Distribution

    @property
    def days(self) -> Period:
        return Period(self.monday, self.monday + timedelta(days=WEEKLY - 1))


@dataclass(frozen=True, slots=True)
class Day:
    """How many answered on one local day: a plain count, fresh."""

    day: date
    answers: int


@dataclass(frozen=True, slots=True)
class Revision:
    """What a page of one court was made from: it is stale when any part has moved, its distribution when `shown` or the day has."""

    fresh: int
    shown: int
    today: date


@dataclass(frozen=True, slots=True)
class Front:
    """What the first lines of a court's page say, and all that may move with every answer."""

    court: Court
    today: int
    month: PeriodResult
    change: Change | None
    revision: Revision


@dataclass(frozen=True, slots=True)
class CourtPage:
    """Everything the page of one court shows about one scale item. `days` are those of the weeks, as far as they have come."""

    front: Front
    today: Distribution
    before: Distribution
    hours: tuple[Hour, ...]
    weeks: tuple[Week, ...]
    days: tuple[Day, ...]
    undated: int

    @property
    def month(self) -> PeriodResult:
        return self.front.month


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
    weeks = last_weeks(today)
    totals = _totals([court], item, Period(weeks[0], today))[court.id]
    shown = _shown([court], item)[court.id]
    return CourtPage(
        front=_front(court, today, totals, shown, points, asked),
        today=_at(shown, Place(View.TODAY, today.isoformat()), points),
        before=_at(shown, BEFORE, points),
        hours=_hours(shown, points),
        weeks=tuple(Week(week, _at(shown, Place(View.WEEK, week.isoformat()), points)) for week in weeks),
        days=tuple(Day(day, totals.get(day, 0)) for day in Period(weeks[0], today).days()),
        undated=_undated(court, item),
    )


def front(court: Court, item: str, *, today: date, points: Sequence[int] = FACES) -> Front:
    """The first lines of the page alone."""
    asked = revision(court, today=today)
    totals = _totals([court], item, last_days(today))[court.id]
    shown = _shown([court], item, View.MONTH, View.BEFORE)[court.id]
    return _front(court, today, totals, shown, points, asked)


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
        totals = _totals(some, item, last_days(today))
        shown = _shown(some, item, View.MONTH, View.BEFORE)
        for court in some:
            found = _front(court, today, totals[court.id], shown[court.id], points, Revision(0, 0, today))
            lines[court.id] = CourtLine(court, found.today, found.month, found.change)
    return [lines[court.id] for court in courts]


def month_of(court: Court, item: str, *, today: date, points: Sequence[int]) -> PeriodResult:
    """The last thirty days of an item alone, such as an unordered one."""
    return front(court, item, today=today, points=points).month


def _front(court: Court, today: date, totals: dict[date, int], shown: Shown, points: Sequence[int], asked: Revision) -> Front:
    month = last_days(today)
    counts, as_of = shown.get(MONTH, (NOTHING, None))
    dont_know, not_applicable, unanswered = counts.beside or (0, 0, 0)
    result = PeriodResult(
        period=month,
        answers=sum(answers for day, answers in totals.items() if day in month),
        distribution=_distribution(counts.cleaned, points),
        raw=_distribution(counts.raw, points),
        dont_know=dont_know,
        not_applicable=not_applicable,
        unanswered=unanswered,
        channels=_channels(counts),
        as_of=as_of,
    )
    return Front(
        court=court,
        today=sum(answers for day, answers in totals.items() if day in one_day(today)),
        month=result,
        change=change(result.distribution, _at(shown, BEFORE, points)),
        revision=asked,
    )


def _totals(courts: Sequence[Court], item: str, period: Period) -> dict[int, dict[date, int]]:
    """{court: {day: fresh total}}. Added up here: an expression over so many columns costs Django more than the rows do."""
    rows = Tally.objects.filter(court__in=courts, item=item, local_date__range=(period.first, period.last)).values_list(
        "court_id", "local_date", *ANSWERED
    )
    totals: dict[int, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for court_id, day, *counts in rows:
        assert day is not None  # the range leaves out what no clock vouches for
        totals[court_id][day] += sum(counts)
    return totals


def _shown(courts: Sequence[Court], item: str, *views: View) -> dict[int, Shown]:
    cells = ShownCell.objects.filter(court__in=courts, item=item)
    if views:
        cells = cells.filter(view__in=views)
    found: dict[int, Shown] = defaultdict(dict)
    for cell in cells:
        found[cell.court_id][Place(View(cell.view), cell.key)] = counts_of(cell), cell.as_of
    return found


def _at(shown: Shown, place: Place, points: Sequence[int]) -> Distribution:
    counts, _ = shown.get(place, (NOTHING, None))
    return _distribution(counts.cleaned, points)


def _distribution(counts: Vector, points: Sequence[int]) -> Distribution:
    return Distribution(tuple(points), tuple(counts[point] for point in points)) if counts else nothing(points)


def _hours(shown: Shown, points: Sequence[int]) -> tuple[Hour, ...]:
    told = [int(place.key) for place, (counts, _) in shown.items() if place.view is View.HOUR and any(counts.cleaned)]
    if not told:
        return ()
    return tuple(Hour(hour, _at(shown, Place(View.HOUR, str(hour)), points)) for hour in range(min(told), max(told) + 1))


def _channels(counts: Counts) -> tuple[Channel, ...]:
    """Most often used first."""
    pairs = [Channel(channel, answers) for channel, answers in zip(CHANNELS, counts.inputs, strict=False) if answers]
    return tuple(sorted(pairs, key=lambda channel: -channel.answers))


def _undated(court: Court, item: str) -> int:
    """Answers of a device whose clock nobody vouched for: they are counted on no day."""
    rows = Tally.objects.filter(court=court, item=item, local_date__isnull=True).values_list(*ANSWERED)
    return sum(sum(counts) for counts in rows)
