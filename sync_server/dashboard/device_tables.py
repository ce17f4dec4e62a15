"""A device's reconciliation as a table for people and as a file for machines."""

from django.utils.translation import gettext as _

from sync_server.dashboard.tables import Cell, Table, count, label
from sync_server.dashboard.words import day, number
from sync_server.fleet.standing import Standing
from sync_server.results.reconciliation import Line, Reconciliation


def reconciliation(found: Reconciliation) -> Table:
    """One line for each day and exit."""
    return Table(
        ("day", "exit", "answers", "taken_back", "standing", "counted", "difference"),
        (
            _("Day"),
            _("Exit"),
            _("Answers given"),
            _("Taken back or changed"),
            _("Answers that hold"),
            _("Counted"),
            _("Difference"),
        ),
        tuple(
            (
                _day(line),
                label(line.exit.name),
                count(line.answers),
                count(line.answers - line.standing),
                count(line.standing),
                count(line.counted),
                _difference(line.difference),
            )
            for line in found.lines
        ),
    )


def reconciliation_file(standing: Standing, found: Reconciliation) -> Table:
    """Everything the page shows and more; heads never change with the language. What the device says it has recorded, and how much
    of that has arrived, stands on each line: it holds for the stream and not for the day, which is proved from `delivered` on."""
    keys = (
        "device",
        "day",
        "court",
        "exit",
        "answers",
        "retractions",
        "left",
        "passages",
        "flags",
        "repeated",
        "standing",
        "counted",
    )
    more = (
        "difference",
        "day_proved_from",
        "recorded_in_stream",
        "delivered_in_stream",
        "waiting_on_device",
        "device_reported_at",
        "being_counted",
    )
    reported = "" if standing.heard_at is None else standing.heard_at.isoformat(timespec="seconds")
    rows = []
    for line in found.lines:
        figures = (line.answers, line.taken_back, line.left, line.passages, line.flags, line.repeated, line.standing, line.counted)
        rows.append(
            (
                label(standing.device.name),
                label("" if line.day is None else line.day.isoformat()),
                label(line.exit.court.slug),
                label(line.exit.name_uk),
                *map(count, figures),
                count(line.difference),
                label("delivered"),
                Cell(standing.recorded, ""),
                count(standing.delivered),
                count(standing.waiting),
                label(reported),
                label("yes" if found.due else "no"),
            )
        )
    return Table((*keys, *more), (*keys, *more), tuple(rows))


def _day(line: Line) -> Cell:
    return label("", _("day unknown")) if line.day is None else label(line.day.isoformat(), day(line.day))


def _difference(n: int) -> Cell:
    return Cell(n, number(n) if n <= 0 else f"+{number(n)}")
