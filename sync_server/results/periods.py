"""Stretches of a court's own calendar. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

MONTHLY: Final = 30
"""Days of the pages' standing period: long enough for a small court's answers, short enough to be now."""
WEEKLY: Final = 7
WEEKS_SHOWN: Final = 12
"""Calendar weeks of the trend, the current one included: a season, and no more points than anybody reads."""


@dataclass(frozen=True, slots=True)
class Period:
    """The local days `first` … `last`, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a period cannot end on {self.last} before it begins on {self.first}")

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def days(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range(len(self)))

    def before(self) -> "Period":
        """The period of the same length that ends the day before this one begins."""
        return Period(self.first - timedelta(days=len(self)), self.first - timedelta(days=1))


def last_days(today: date, days: int = MONTHLY) -> Period:
    """The `days` days that end with `today`."""
    if days < 1:
        raise ValueError(f"a period has at least one day, not {days}")
    return Period(today - timedelta(days=days - 1), today)


def one_day(day: date) -> Period:
    return Period(day, day)


def monday(day: date) -> date:
    """The first day of the calendar week that holds `day`."""
    return day - timedelta(days=day.weekday())


def last_weeks(today: date, weeks: int = WEEKS_SHOWN) -> list[date]:
    """The Mondays of the `weeks` calendar weeks that end with the one under way."""
    this = monday(today)
    return [this - timedelta(days=WEEKLY * back) for back in range(weeks - 1, -1, -1)]
