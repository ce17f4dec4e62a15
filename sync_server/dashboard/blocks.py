"""The page of a court as blocks: each a title, a plain sentence, one or two charts, a table and a CSV file."""

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
from sync_server.results.figures import FEW_ANSWERS, Distribution
from sync_server.results.selectors import CourtPage


@dataclass(frozen=True, slots=True)
class Block:
    """One chart with everything that stands around it. Without charts it says, in its sentence, why there is none."""

    name: str
    title: str
    sentence: str
    charts: tuple[charts.Spec, ...]
    table: Table

    @property
    def spoken(self) -> str:
        return charts.spoken(self.title, self.sentence)


def court_context(court: Court, now: datetime) -> dict[str, Any]:
    """Everything the templates of a court's page need."""
    scale = scale_of(OVERALL)
    page = selectors.court_page(court, OVERALL, today=court.local_date(now), points=scale.points)
    reason = scale_of(REASON)
    reasons = selectors.choice_counts(court, REASON, period=page.month.period, points=reason.points)
    distribution = page.month.distribution
    return {
        "page": page,
        "question": scale.question,
        "lead": words.lead(page),
        "seen": token(page.revision),
        "answers_today": page.today.answers,
        "answers_month": page.month.answers,
        "empty": not page.month.answers,
        "few": words.too_few(page.month.answers) if not distribution.enough else "",
        # As many boxes as it takes answers, filled as far as they have come; which face was tapped stays untold.
        "ten": [(place < distribution.n, str(1 + 32 * place)) for place in range(FEW_ANSWERS)],
        "main": _distribution_block(distribution, scale),
        "facts": _facts(page),
        "notes": words.beside(page.month),
        "undated": page.undated,
        "channels": [(words.channel(each.input), each.answers) for each in page.channels],
        "blocks": [
            _comparison_block(page, scale),
            _hours_block(page, scale),
            _days_block(page, scale),
            _reasons_block(reasons, reason),
        ],
    }


def tables_of(court: Court, page: CourtPage) -> dict[str, Table]:
    """The tables behind the CSV files, by the names in their addresses."""
    scale, reason = scale_of(OVERALL), scale_of(REASON)
    reasons = selectors.choice_counts(court, REASON, period=page.month.period, points=reason.points)
    return {
        "distribution": tables.distribution_table(page.month.distribution, scale),
        "comparison": tables.comparison_table(page, scale),
        "hours": tables.hours_table(page, scale),
        "days": tables.days_table(page, scale),
        "reasons": tables.distribution_table(reasons, reason),
    }


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


def _distribution_block(distribution: Distribution, scale: Scale) -> Block:
    enough = distribution.enough
    return Block(
        "distribution",
        _("How visits went, last 30 days"),
        _("%(answers)s. The thin lines show in which range each share lies, with 95 %% confidence.")
        % {"answers": words.answers(distribution.n)}
        if enough
        else words.too_few(distribution.n),
        (charts.columns(distribution, scale),) if enough else (),
        tables.distribution_table(distribution, scale),
    )


def _comparison_block(page: CourtPage, scale: Scale) -> Block:
    rows = [
        (_("Today"), page.today.distribution),
        (_("Last 30 days"), page.month.distribution),
        (_("30 days before"), page.before.distribution),
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
        tables.comparison_table(page, scale),
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
    return Block("hours", _("By the hour of the day"), sentence, drawn, tables.hours_table(page, scale))


def _days_block(page: CourtPage, scale: Scale) -> Block:
    some = any(day.distribution.n for day in page.days)
    trend = any(day.week.enough for day in page.days)
    if trend:
        sentence = _(
            "The line is the share of good and very good over the seven days up to each day, the band its interval; "
            "the columns are answers a day."
        )
    else:
        sentence = _("No week has answers enough yet to draw a line.") if some else words.too_few(0)
    drawn = ((charts.trend(page.days),) if trend else ()) + ((charts.volume(page.days),) if some else ())
    return Block("days", _("Day by day"), sentence, drawn, tables.days_table(page, scale))


def _reasons_block(reasons: Distribution, scale: Scale) -> Block:
    enough = reasons.enough
    return Block(
        "reasons",
        scale.question,
        _("%(answers)s, last 30 days. One reason a visit; many visitors give none.") % {"answers": words.answers(reasons.n)}
        if enough
        else words.too_few(reasons.n),
        (charts.choices(reasons, scale),) if enough else (),
        tables.distribution_table(reasons, scale),
    )
