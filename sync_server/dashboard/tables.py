"""Every chart's figures as a table: one for people (formatted) and one for machines (CSV), from the same cells."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from sync_server.dashboard import words
from sync_server.dashboard.asked import Scale
from sync_server.results.figures import Distribution
from sync_server.results.selectors import CourtPage, PeriodResult


@dataclass(frozen=True, slots=True)
class Cell:
    """A value for machines and the same for people."""

    value: str | int | float | None
    text: str
    number: bool = True


WITHHELD: Final = Cell(None, "–")


@dataclass(frozen=True, slots=True)
class Table:
    """`keys` head the CSV and never change with the language; `heads` are what people read."""

    keys: tuple[str, ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def columns(self) -> list[tuple[str, bool]]:
        """Each head, and whether numbers stand beneath it."""
        numbers = [cell.number for cell in self.rows[0]] if self.rows else [False] * len(self.heads)
        return list(zip(self.heads, numbers, strict=True))

    @property
    def labelled(self) -> list[list[tuple[str, Cell]]]:
        """The rows, each cell with its head: on a narrow page they stand one below the other."""
        return [list(zip(self.heads, row, strict=True)) for row in self.rows]

    def csv(self) -> bytes:
        """UTF-8 with a byte order mark, because spreadsheets guess wrong without one."""
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(self.keys)
        writer.writerows([["" if cell.value is None else cell.value for cell in row] for row in self.rows])
        return out.getvalue().encode("utf-8-sig")


def count(n: int) -> Cell:
    return Cell(n, words.number(n))


def ratio(value: float | None) -> Cell:
    return WITHHELD if value is None else Cell(round(value, 4), words.percent(value))


def label(value: str, text: str | None = None) -> Cell:
    return Cell(value, value if text is None else text, number=False)


def distribution_table(result: PeriodResult, scale: Scale) -> Table:
    """One row for each scale point: its answers without and with what is flagged, and the share of the former with its interval."""
    numbered = [(Cell(point, words.number(point)),) for point in scale.points]
    return _points(result, scale, ("point",), (_("Point"),), numbered)


def choices_table(result: PeriodResult, scale: Scale) -> Table:
    """The same for options that have no order and therefore no points."""
    return _points(result, scale, (), (), [()] * len(scale.points))


def _points(
    result: PeriodResult, scale: Scale, keys: tuple[str, ...], heads: tuple[str, ...], before: Sequence[tuple[Cell, ...]]
) -> Table:
    """Everything but the words is withheld while answers are too few."""
    distribution = result.distribution
    shares = distribution.shares if distribution.enough else (None,) * len(scale.points)
    rows = [
        (
            *first,
            label(word),
            count(figure.k) if figure else WITHHELD,
            count(raw) if figure else WITHHELD,
            ratio(figure.share if figure else None),
            ratio(figure.low if figure else None),
            ratio(figure.high if figure else None),
        )
        for first, word, figure, raw in zip(before, scale.words, shares, result.raw.counts, strict=True)
    ]
    return Table(
        (*keys, "word", "answers", "with_flagged", "share", "low", "high"),
        (*heads, _("Rating"), _("Answers"), _("With flagged"), _("Share"), _("from"), _("to")),
        tuple(rows),
    )


def _series(first: tuple[str, str], scale: Scale, rows: Sequence[tuple[Cell, Distribution]]) -> Table:
    """Rows that each hold a distribution: n, the share of the two best with its interval, then every point's count."""
    body = []
    for head, distribution in rows:
        top = distribution.top_two if distribution.enough else None
        counts = distribution.counts if distribution.enough else (None,) * len(scale.points)
        body.append(
            (
                head,
                count(distribution.n),
                ratio(top.share if top else None),
                ratio(top.low if top else None),
                ratio(top.high if top else None),
                *(WITHHELD if n is None else count(n) for n in counts),
            )
        )
    return Table(
        (first[0], "answers", "good_or_very_good", "low", "high", *(f"point_{point}" for point in scale.points)),
        (first[1], _("Answers"), _("Good or very good"), _("from"), _("to"), *scale.words),
        tuple(body),
    )


def comparison_table(page: CourtPage, scale: Scale) -> Table:
    """Today, the last thirty days and the thirty before."""
    rows = [
        (label("today", _("Today")), page.today),
        (label("last_30_days", _("Last 30 days")), page.month.distribution),
        (label("30_days_before", _("30 days before")), page.before),
    ]
    return _series(("period", _("Period")), scale, rows)


def hours_table(page: CourtPage, scale: Scale) -> Table:
    """By the hour of the court's own clock."""
    return _series(
        ("hour", _("Hour")),
        scale,
        [(label(f"{row.hour:02d}:00", words.hour(row.hour)), row.distribution) for row in page.hours],
    )


def weeks_table(page: CourtPage, scale: Scale) -> Table:
    """Week by week, by the days it begins and ends on."""
    return _series(
        ("week", _("Week")),
        scale,
        [(label(row.monday.isoformat(), words.days(row.days.first, row.days.last)), row.distribution) for row in page.weeks],
    )


def days_table(page: CourtPage) -> Table:
    """How many answered, day by day."""
    return Table(
        ("day", "answers"),
        (_("Day"), _("Answers")),
        tuple((label(row.day.isoformat(), words.day(row.day)), count(row.answers)) for row in page.days),
    )
