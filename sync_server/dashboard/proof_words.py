"""What the pages say of a reconciliation: that it is proved, or what is not proved, and why."""

from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sync_server.dashboard.device_words import moment, rows
from sync_server.dashboard.words import day, number
from sync_server.results.captured import UNCOUNTED, Why
from sync_server.results.reconciliation import Between, Reconciliation


def verdict(found: Reconciliation, zone: ZoneInfo) -> str:
    """What the report proves, in one or two sentences."""
    return " ".join(part for part in (_proof(found, zone), _unknown_since(found, zone), _undated(found), _due(found)) if part)


def _proof(found: Reconciliation, zone: ZoneInfo) -> str:
    words = {
        "first": day(found.first),
        "last": day(found.last),
        "rows": rows(found.captured),
        "n": number(found.standing),
        "counted": number(found.counted),
    }
    if not found.agrees:
        return (
            _("From %(first)s to %(last)s %(n)s answers of this device hold and %(counted)s are counted; the table names the days.")
            % words
        )
    if not found.proved:
        return (
            _(
                "Not proved: not everything that the device recorded from %(first)s to %(last)s has arrived and can be"
                " counted; what is missing stands below. Answers that hold: %(n)s; counted: %(counted)s."
            )
            % words
        )
    if found.silent and not _within(found, zone):
        return (
            _(
                "Of this period it is not known how much the device recorded. What arrived from %(first)s to %(last)s"
                " is counted: %(n)s."
            )
            % words
        )
    if found.silent and found.known_until is not None:
        words["last"] = moment(found.known_until, zone)
    if not found.captured and not found.counted:
        return _("Proved: from %(first)s to %(last)s the device recorded nothing.") % words
    return (
        _(
            "Proved: everything the device recorded from %(first)s to %(last)s has arrived and is counted (%(rows)s; answers that"
            " hold: %(n)s, counted: %(counted)s)."
        )
        % words
    )


def _within(found: Reconciliation, zone: ZoneInfo) -> bool:
    """Whether something is known of a part of the period at least."""
    return found.known_until is not None and found.known_until.astimezone(zone).date() >= found.first


def _unknown_since(found: Reconciliation, zone: ZoneInfo) -> str:
    if not found.silent:
        return ""
    if found.known_until is None:
        return _("The device has not said yet how much it has recorded.")
    return _("It was last heard of on %(when)s; what it has recorded since is not known yet.") % {
        "when": moment(found.known_until, zone)
    }


def _undated(found: Reconciliation) -> str:
    """How many rows stand on a line without a day."""
    undated = sum(line.delivered for line in found.lines if line.day is None)
    if not undated:
        return ""
    return ngettext(
        "Of %(n)s row nobody can tell the day; it stands on a line of its own.",
        "Of %(n)s rows nobody can tell the day; they stand on a line of their own.",
        undated,
    ) % {"n": number(undated)}


def _due(found: Reconciliation) -> str:
    return _("Something is being counted just now; look again in a few seconds.") if found.due else ""


def open_points(found: Reconciliation) -> list[str]:
    """Everything that keeps the period from being proved: what it is, how many rows, and of when."""
    return [_told(each) for each in unproved(found)]


def unproved(found: Reconciliation) -> Iterator[Between]:
    """The same as figures: first what belongs to certain days, then what may belong to one of several."""
    for line in found.lines:
        for why, n in line.absent.items():
            yield Between(why, n, line.day, line.day)
    yield from found.between


def _told(each: Between) -> str:
    words = {"what": reason(each.why), "when": _when(each.first, each.last), "rows": rows(each.rows)}
    if each.why in UNCOUNTED:
        return _("%(what)s (%(when)s).") % words
    return _("%(what)s: %(rows)s, %(when)s.") % words


def _when(first: date | None, last: date | None) -> str:
    if first is None and last is None:
        return _("day unknown")
    if first is None or last is None:
        words = {"day": day(first or last or date.min)}
        return _("on %(day)s or later") % words if last is None else _("on %(day)s or earlier") % words
    if first == last:
        return _("on %(day)s") % {"day": day(first)}
    return _("between %(first)s and %(last)s") % {"first": day(first), "last": day(last)}


def reason(why: Why) -> str:
    """Why rows are not among what is proved."""
    return {
        Why.MISSING: _("Missing here and asked for again"),
        Why.WAITING: _("Still on the device"),
        Why.MOVING: _("On the device, still being taken over from an earlier stream or a damaged file"),
        Why.UNREAD: _("Arrived, but set aside because it cannot be read"),
        Why.GONE: _("Lost: neither the device nor this server has it"),
        Why.AT_RISK: _("Perhaps lost when a retired backup was restored"),
        Why.UNEXPLAINED: _("Not in this server’s ledger, and nothing says why: tell whoever looks after the server"),
        Why.RENEWED: _(
            "Did not come before the device began a new stream; if its card still held it, it came again in the new one"
        ),
        Why.REPLACED: _("The device began a new stream; whether the former one held more than what arrived, numbers do not tell"),
        Why.TWIN: _("What the second card of this name recorded is not known"),
        Why.SILENT: _("Recorded since the device was last heard of"),
    }[why]


def shortened(found: Reconciliation, most: int) -> str:
    """Why the period is not as long as was asked for."""
    return ngettext(
        "At most %(n)s day is counted at a time, so the period begins on %(first)s. Ask for earlier days by themselves.",
        "At most %(n)s days are counted at a time, so the period begins on %(first)s. Ask for earlier days by themselves.",
        most,
    ) % {"n": number(most), "first": day(found.first)}
