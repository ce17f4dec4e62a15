"""When a court is open, by its own calendar. Pure arithmetic: instants (ms since the epoch) come in, local days are counted here.

The functions raise `ZoneInfoNotFoundError` (a `KeyError`) or `ValueError` for a time zone that does not exist.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from wire.envelopes import Hours, Spell

HORIZON_DAYS: Final = 366
"""How far ahead the next opening is looked for: nobody plans a visit by a later one."""


class Opening(NamedTuple):
    """When a closed court opens next: a day of the week (0 is Monday), how many days from today, and a minute of that local day."""

    weekday: int
    days_ahead: int
    minute: int


def is_open(hours: Hours, wall_ms: int) -> bool:
    """Whether the court is open at `wall_ms`."""
    day, minute = _local(hours, wall_ms)
    return _within(_spells(hours, day), minute)


def is_quiet(hours: Hours, wall_ms: int) -> bool:
    """Whether sounds are held back at `wall_ms`."""
    return _within(hours.quiet, _local(hours, wall_ms)[1])


def opening_after(hours: Hours, wall_ms: int) -> Opening | None:
    """When the court, closed at `wall_ms`, opens next; None if it does not within a year."""
    today, now = _local(hours, wall_ms)
    for ahead in range(HORIZON_DAYS + 1):
        day = today + timedelta(days=ahead)
        starts = [start for start, end in _spells(hours, day) if start < end and (ahead > 0 or start > now)]
        if starts:
            return Opening(day.weekday(), ahead, min(starts))
    return None


def _local(hours: Hours, wall_ms: int) -> tuple[date, int]:
    """The local day, and the minute that its clocks show: where they are put forward some minutes are never shown."""
    moment = datetime.fromtimestamp(wall_ms / 1000, ZoneInfo(hours.timezone))
    return moment.date(), moment.hour * 60 + moment.minute


def _spells(hours: Hours, day: date) -> Iterable[Spell]:
    exception = hours.days.get(day.isoformat())
    return hours.week[day.weekday()] if exception is None else exception


def _within(spells: Iterable[Spell], minute: int) -> bool:
    return any(start <= minute < end for start, end in spells)
