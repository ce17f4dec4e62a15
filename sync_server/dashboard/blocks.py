"""The page of a court as blocks: each a title, a plain sentence, charts, and their figures as tables and CSV files."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from sync_server.courts.models import Court
from sync_server.dashboard import charts, tables, words
from sync_server.dashboard.asked import OVERALL, REASON, Scale, scale_of
from sync_server.dashboard.seen import token
from sync_server.dashboard.tables import Table
from sync_server.results import selectors
from sync_server.results.figures import FEW_ANSWERS
from sync_server.results.selectors import CourtPage, Front, PeriodResult


@dataclass(frozen=True, slots=True)
class Figures:
    """A table and its CSV file by the name in the file's address; `said` tells it from another of the same block."""

    name: str
    table: Table
    said: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One chart with everything that stands around it. Without charts it says, in its sentence, why there is none."""

    name: str
    title: str
    sentence: str
    charts: tuple[charts.Spec, ...]
    figures: tuple[Figures, ...]

    @property
    def spoken(self) -> str:
        return charts.spoken(self.title, self.sentence)


def front_context(front: Front) -> dict[str, Any]:
    """What may move with every answer."""
    return {
        "lead": words.lead(front),
        "counted": words.counted(front.month),
        "seen": token(front.revision),
        "answers_today": front.today,
        "answers_month": front.month.answers,
    }


def court_context(court: Court, now: datetime) -> dict[str, Any]:
    """Everything the templates of a court's page need."""
    page, blocks = _read(court, now)
    month = page.month
    # One and the same number decides that these are too few, fills the boxes and is told.
    n = month.distribution.n
    return {
        **front_context(page.front),
        "page": page,
        "empty": not n,
        "few": words.too_few(n) if not month.distribution.enough else "",
        # As many boxes as it takes answers, filled as far as they have come; which face was tapped stays untold.
        "ten": [(place < n, str(1 + 32 * place)) for place in range(FEW_ANSWERS)],
        "main": blocks[0],
        "facts": _facts(page),
        "notes": words.beside(month),
        "undated": page.undated,
        "channels": [(words.channel(each.input), each.answers) for each in month.channels],
        "blocks": blocks[1:],
    }


def tables_of(court: Court, now: datetime) -> dict[str, Table]:
    """The tables behind the CSV files, by the names in their addresses."""
    return {each.name: each.table for block in _read(court, now)[1] for each in block.figures}


def _read(court: Court, now: datetime) -> tuple[CourtPage, list[Block]]:
    scale, reason = scale_of(OVERALL), scale_of(REASON)
    today = court.local_date(now)
    page = selectors.court_page(court, OVERALL, today=today, points=scale.points)
    reasons = selectors.month_of(court, REASON, today=today, points=reason.points)
    return page, [
        _distribution_block(page.month, scale),
        _comparison_block(page, scale),
        _hours_block(page, scale),
        _weeks_block(page, scale),
        _reasons_block(reasons, reason),
    ]


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure with its name, its interval and what it means."""

    name: str
    value: str
    interval: str
    meaning: str


def _facts(page: CourtPage) -> list[Fact]:
    distribution = page.month.distribution
    if not distribution.enough:
        return []
    facts = []
    if top := distribution.top_two:
        facts.append(
            Fact(
                _("Good or very good"),
                words.percent(top.share),
                words.interval(top.low, top.high),
                _("Share of answers that chose one of the two best faces."),
            )
        )
    if csat := distribution.csat:
        facts.append(
            Fact(
                _("Weighted score (CSAT)"),
                words.number(csat.value, 1),
                words.span(csat.low, csat.high, 1),
                _("From 0 (all “very bad”) to 100 (all “very good”). Not a share of people."),
            )
        )
    mean = distribution.mean
    if mean is not None and mean.low is not None and mean.high is not None:
        facts.append(
            Fact(
                _("Mean"),
                words.number(mean.mean, 2),
                words.span(mean.low, mean.high, 2),
                _("On the scale from %(first)s to %(last)s.") % {"first": distribution.points[0], "last": distribution.points[-1]},
            )
        )
    return facts


def _distribution_block(result: PeriodResult, scale: Scale) -> Block:
    enough = result.distribution.enough
    return Block(
        "distribution",
        _("How visits went, last 30 days"),
        _("The thin lines show in which range each share lies, with 95 % confidence.")
        if enough
        else words.too_few(result.distribution.n),
        (charts.columns(result.distribution, scale),) if enough else (),
        (Figures("distribution", tables.distribution_table(result, scale)),),
    )


def _comparison_block(page: CourtPage, scale: Scale) -> Block:
    rows = [
        (_("Today"), page.today),
        (_("Last 30 days"), page.month.distribution),
        (_("30 days before"), page.before),
    ]
    drawn = [row for row in rows if row[1].enough]
    missing = [f"{label}: {words.too_few(each.n)}" for label, each in rows if not each.enough]
    sentence = " ".join(
        [
            _("Each bar hangs by the middle of its middle face; on the right, the share of good and very good.") if drawn else "",
            *missing,
        ]
    ).strip()
    return Block(
        "comparison",
        _("Today and before"),
        sentence,
        (charts.comparison(drawn, scale),) if drawn else (),
        (Figures("comparison", tables.comparison_table(page, scale)),),
    )


def _hours_block(page: CourtPage, scale: Scale) -> Block:
    told = [row for row in page.hours if row.distribution.enough]
    if not told:
        sentence = _("No hour has answers enough yet to be told apart.")
    elif len(told) < len(page.hours):
        sentence = _(
            "By the court’s own clock, last 30 days. Below each hour: how many answers. Hours with fewer than ten show no bar."
        )
    else:
        sentence = _("By the court’s own clock, last 30 days. Below each hour: how many answers.")
    drawn = (charts.hours(page.hours, scale),) if told else ()
    return Block("hours", _("By the hour of the day"), sentence, drawn, (Figures("hours", tables.hours_table(page, scale)),))


def _weeks_block(page: CourtPage, scale: Scale) -> Block:
    some = any(day.answers for day in page.days)
    trend = any(week.distribution.enough for week in page.weeks)
    if trend:
        sentence = _(
            "The points are the share of good and very good in each calendar week with its interval, the hollow one that of the "
            "week under way; the columns are answers a day."
        )
    else:
        sentence = _("No week has answers enough yet to draw a point.") if some else words.too_few(0)
    drawn = ((charts.trend(page.weeks),) if trend else ()) + ((charts.volume(page),) if some else ())
    return Block(
        "weeks",
        _("Week by week"),
        sentence,
        drawn,
        (
            Figures("weeks", tables.weeks_table(page, scale), _("weeks")),
            Figures("days", tables.days_table(page), _("days")),
        ),
    )


def _reasons_block(result: PeriodResult, scale: Scale) -> Block:
    reasons = result.distribution
    enough = reasons.enough
    return Block(
        "reasons",
        scale.question,
        _("%(answers)s, last 30 days. One reason a visit; many visitors give none.") % {"answers": words.answers(reasons.n)}
        if enough
        else words.too_few(reasons.n),
        (charts.choices(reasons, scale),) if enough else (),
        (Figures("reasons", tables.choices_table(result, scale)),),
    )
