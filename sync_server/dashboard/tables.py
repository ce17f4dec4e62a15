"""Every chart's figures as a table: one for people (formatted) and one for machines (CSV), from the same cells."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from sync_server.dashboard import words
from sync_server.dashboard.asked import Scale
from sync_server.results.figures import Distribution
from sync_server.results.selectors import CourtPage


@dataclass(frozen=True, slots=True)
class Cell:
    """A value for machines and the same for people."""

    value: str | int | float | None
    text: str
    number: bool = True


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
    return Cell(None, "–") if value is None else Cell(round(value, 4), words.percent(value))


def label(value: str, text: str | None = None) -> Cell:
    return Cell(value, value if text is None else text, number=False)


def distribution_table(distribution: Distribution, scale: Scale) -> Table:
    """One row for each scale point: answers, share, interval. Shares are withheld while answers are too few."""
    shares = distribution.shares if distribution.enough else ()
    rows = []
    for place, (point, word, n) in enumerate(zip(scale.points, scale.words, distribution.counts, strict=True)):
        figure = shares[place] if shares else None
        rows.append(
            (
                Cell(point, words.number(point)),
                label(word),
                count(n) if shares else Cell(None, "–"),
                ratio(figure.share if figure else None),
                ratio(figure.low if figure else None),
                ratio(figure.high if figure else None),
            )
        )
    return Table(
        ("point", "word", "answers", "share", "low", "high"),
        (_("Point"), _("Rating"), _("Answers"), _("Share"), _("from"), _("to")),
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
                *(Cell(None, "–") if n is None else count(n) for n in counts),
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
        (label("today", _("Today")), page.today.distribution),
        (label("last_30_days", _("Last 30 days")), page.month.distribution),
        (label("30_days_before", _("30 days before")), page.before.distribution),
    ]
    return _series(("period", _("Period")), scale, rows)


def hours_table(page: CourtPage, scale: Scale) -> Table:
    """By the hour of the court's own clock."""
    return _series(
        ("hour", _("Hour")),
        scale,
        [(label(f"{row.hour:02d}:00", words.hour(row.hour)), row.distribution) for row in page.hours],
    )


def days_table(page: CourtPage, scale: Scale) -> Table:
    """Day by day."""
    return _series(
        ("day", _("Day")),
        scale,
        [(label(row.day.isoformat(), words.day(row.day)), row.distribution) for row in page.days],
    )
