"""A device's reconciliation as a table for people and as a file for machines."""

from datetime import UTC, datetime
from typing import Final

from django.utils.translation import gettext as _

from sync_server.dashboard.proof_words import unproved
from sync_server.dashboard.tables import Cell, Table, count, label
from sync_server.dashboard.words import day, number
from sync_server.fleet.standing import Standing
from sync_server.results.captured import UNCOUNTED
from sync_server.results.reconciliation import Between, Line, Reconciliation


def reconciliation(found: Reconciliation) -> Table:
    """One line for each day and exit."""
    return Table(
        ("day", "exit", "captured", "delivered", "standing", "counted", "difference"),
        (
            _("Day"),
            _("Exit"),
            _("Rows recorded"),
            _("Rows delivered"),
            _("Answers that hold"),
            _("Answers counted"),
            _("Difference"),
        ),
        tuple(
            (
                _day(line),
                label(line.exit.name),
                count(line.captured),
                count(line.delivered),
                count(line.standing),
                count(line.counted),
                _difference(line.difference),
            )
            for line in found.lines
        ),
    )


DAY_KEYS: Final = (
    "captured",
    "delivered",
    "answers",
    "retractions",
    "left",
    "passages",
    "flags",
    "repeated",
    "standing",
    "counted",
    "difference",
)
KEYS: Final = (
    "line",
    "device",
    "day",
    "court",
    "exit",
    *DAY_KEYS,
    "reason",
    "rows",
    "not_before",
    "not_after",
    "proved",
    "known_until",
    "being_counted",
    "recorded_in_stream",
    "delivered_in_stream",
    "waiting_on_device",
    "device_reported_at",
)
"""Heads of the file. They never change with the language."""


def reconciliation_file(standing: Standing, found: Reconciliation) -> Table:
    """Everything the page shows and more. `line` is "day" for each day and exit, and "open" for each thing that keeps the period
    from being proved; what holds for the period or the device as a whole stands on each line.
    """
    end: dict[str, Cell] = {
        "proved": label("no" if not found.proved or found.due else "until" if found.silent else "yes"),
        "known_until": label(_instant(found.known_until)),
        "being_counted": label("yes" if found.due else "no"),
        "recorded_in_stream": Cell(standing.recorded, ""),
        "delivered_in_stream": count(standing.delivered),
        "waiting_on_device": count(standing.waiting),
        "device_reported_at": label(_instant(standing.heard_at)),
    }
    lines = [*(_day_cells(line) for line in found.lines), *(_open_cells(each) for each in unproved(found))]
    device = {"device": label(standing.device.name)}
    return Table(KEYS, KEYS, tuple(tuple((device | line | end).get(key, label("")) for key in KEYS) for line in lines))


def _day_cells(line: Line) -> dict[str, Cell]:
    figures = (line.captured, line.delivered, line.answers, line.taken_back, line.left, line.passages, line.flags, line.repeated)
    more = (line.standing, line.counted, line.difference)
    return {
        "line": label("day"),
        "day": label("" if line.day is None else line.day.isoformat()),
        "court": label(line.exit.court.slug),
        "exit": label(line.exit.name_uk),
        **dict(zip(DAY_KEYS, map(count, (*figures, *more)), strict=True)),
    }


def _open_cells(each: Between) -> dict[str, Cell]:
    return {
        "line": label("open"),
        "reason": label(each.why.value),
        "rows": Cell(None if each.why in UNCOUNTED else each.rows, ""),
        "not_before": label("" if each.first is None else each.first.isoformat()),
        "not_after": label("" if each.last is None else each.last.isoformat()),
    }


def _instant(found: datetime | None) -> str:
    return "" if found is None else found.astimezone(UTC).isoformat(timespec="seconds")


def _day(line: Line) -> Cell:
    return label("", _("day unknown")) if line.day is None else label(line.day.isoformat(), day(line.day))


def _difference(n: int) -> Cell:
    return Cell(n, number(n) if n <= 0 else f"+{number(n)}")
