"""Brings what a court shows up to its tallies, as far as `release` lets it. Reads the days of the windows and no others."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any, Final

from django.conf import settings
from django.db.models import F, Q

from sync_server.courts.models import Court
from sync_server.results.models import CLEANED, RAW, CourtRevision, ShownCell, Tally
from sync_server.results.periods import last_days, last_weeks, monday
from sync_server.results.release import MONTH, Counts, Place, View, settle, total
from wire.events import Input

BESIDE: Final = ("dont_know", "not_applicable", "unanswered")
CHANNELS: Final = (*(channel for channel in Input if channel is not Input.SENSOR), None)
"""The inputs of a cell by place; the last is any that this version does not know. A door counter is nobody's answer."""
BEFORE: Final = Place(View.BEFORE)

Cells = dict[Place, Counts]


def refresh(court: Court, today: date, items: Collection[str] | None = None) -> bool:
    """Shows of `court` on its local day `today` what may be shown, and says whether anything moved.

    Only `items`, or all of them. The caller has opened a transaction and tells the revision.
    """
    _drop_what_has_left(court, today)
    asked = Q(court=court) if items is None else Q(court=court, item__in=items)
    fresh = fresh_cells(court, today, asked)
    shown: dict[str, Cells] = defaultdict(dict)
    for cell in ShownCell.objects.filter(asked):
        shown[cell.item][Place(View(cell.view), cell.key)] = counts_of(cell)
    step: int = settings.VIDHUK_LIVE_STEP
    replaced = [
        ShownCell(court=court, item=item, view=place.view, key=place.key, counts=_stored(counts), as_of=today)
        for item in sorted(fresh.keys() | shown.keys())
        for place, counts in settle(shown[item], fresh[item], step).items()
    ]
    ShownCell.objects.bulk_create(
        replaced, update_conflicts=True, unique_fields=["court", "item", "view", "key"], update_fields=["counts", "as_of"]
    )
    return bool(replaced)


def fresh_cells(court: Court, today: date, asked: Q) -> dict[str, Cells]:
    """{item: its cells as the tallies have them now}."""
    month, weeks = last_days(today), last_weeks(today)
    before = month.before()
    since = min(before.first, weeks[0])
    parts: dict[tuple[str, Place], list[Counts]] = defaultdict(list)
    rows = Tally.objects.filter(asked, local_date__range=(since, today))
    for item, day, channel, hours, *numbers in rows.values_list("item", "local_date", "input", "hours", *CLEANED, *RAW, *BESIDE):
        assert day is not None  # the range leaves out what no clock vouches for
        cleaned, raw, beside = (
            tuple(numbers[: len(CLEANED)]),
            tuple(numbers[len(CLEANED) : -len(BESIDE)]),
            tuple(numbers[-len(BESIDE) :]),
        )
        alone = Counts(cleaned)
        if (week := monday(day)) >= weeks[0]:
            parts[item, Place(View.WEEK, week.isoformat())].append(alone)
        if day == today:
            parts[item, Place(View.TODAY, day.isoformat())].append(alone)
        if day in before:
            parts[item, BEFORE].append(alone)
        if day in month:
            answers = sum(raw) + sum(beside) - numbers[-1]
            parts[item, MONTH].append(Counts(cleaned, raw, beside, _by_input(channel, answers)))
            for hour, points in hours.items():
                parts[item, Place(View.HOUR, hour)].append(Counts(tuple(points)))
    found: dict[str, Cells] = defaultdict(dict)
    for (item, place), some in parts.items():
        found[item][place] = _sum(some)
    return found


def counts_of(cell: ShownCell) -> Counts:
    """A cell's counts as `release` handles them."""
    return Counts(**{name: tuple(numbers) for name, numbers in cell.counts.items()})


def look_over(now: datetime, at_most: int) -> list[Court]:
    """Courts whose local date is no longer the one for which their cells were looked over, at most so many."""
    zones: Iterable[Any] = Court.objects.order_by().values_list("timezone", flat=True).distinct()
    behind = Q(pk__in=[])
    for zone in zones:
        behind |= Q(court__timezone=zone) & ~Q(refreshed_on=Court(timezone=zone).local_date(now))
    revisions = CourtRevision.objects.filter(behind | Q(refreshed_on=None)).select_related("court").order_by("court_id")
    return [revision.court for revision in revisions[:at_most]]


def revise(court_id: int, *, fresh: int = 0, shown: int = 0, refreshed_on: date | None = None) -> None:
    """Tells the pages of a court that something has moved; a date says that its cells were looked over for it."""
    CourtRevision.objects.get_or_create(court_id=court_id)
    moved: dict[str, Any] = {"fresh": F("fresh") + fresh, "shown": F("shown") + shown}
    if refreshed_on is not None:
        moved["refreshed_on"] = refreshed_on
    CourtRevision.objects.filter(court_id=court_id).update(**moved)


def _drop_what_has_left(court: Court, today: date) -> None:
    """Days and weeks that no page shows any more. They tell nothing by leaving: nobody's answer moves them."""
    first = last_weeks(today)[0].isoformat()
    gone = Q(view=View.TODAY) & ~Q(key=today.isoformat()) | Q(view=View.WEEK, key__lt=first)
    ShownCell.objects.filter(gone, court=court).delete()


def _by_input(channel: int, answers: int) -> tuple[int, ...]:
    known = next((place for place, each in enumerate(CHANNELS) if each == channel), len(CHANNELS) - 1)
    return tuple(answers if place == known else 0 for place in range(len(CHANNELS)))


def _sum(parts: list[Counts]) -> Counts:
    names = ("cleaned", "raw", "beside", "inputs")
    return Counts(*(total(getattr(part, name) for part in parts) for name in names))


def _stored(counts: Counts) -> dict[str, list[int]]:
    named = {"cleaned": counts.cleaned, "raw": counts.raw, "beside": counts.beside, "inputs": counts.inputs}
    return {name: list(numbers) for name, numbers in named.items() if numbers}
