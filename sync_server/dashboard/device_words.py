"""What the pages say of devices: sentences anybody can understand, through the catalogues and by their plural rules."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sync_server.dashboard.words import TO, number
from sync_server.fleet.standing import Standing
from sync_server.ingest import replay
from sync_server.ingest.books import Span
from sync_server.ingest.selectors import Gap, StreamAccount


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """“23 November 2026, 14:05”, by the clocks of `zone`."""
    return date_format(instant.astimezone(zone), "DATETIME_FORMAT")


def stamp(ms: int, zone: ZoneInfo) -> str:
    """The same of milliseconds since the epoch."""
    return moment(datetime.fromtimestamp(ms / 1000, UTC), zone)


def spans(found: Sequence[Span]) -> str:
    """“3, 7–9”: sequence numbers of rows, in order; beyond a dozen stretches, how many more there are."""
    told = [number(first) if first == last else f"{number(first)}{TO}{number(last)}" for first, last in found[:12]]
    more = len(found) - len(told)
    return ", ".join(told) + (" " + ngettext("and %(n)s more", "and %(n)s more", more) % {"n": number(more)} if more else "")


def rows(n: int) -> str:
    """“1 row”, “5 rows”."""
    return ngettext("%(n)s row", "%(n)s rows", n) % {"n": number(n)}


# --- all devices -----------------------------------------------------------------------------------------------------------------


def list_lead(found: Sequence[Standing]) -> str:
    """The first line of the list."""
    if not found:
        return _("No device stands at your courts yet.")
    away = sum(not each.here for each in found)
    waiting = sum(each.waiting for each in found)
    devices = ngettext("%(n)s device", "%(n)s devices", len(found)) % {"n": number(len(found))}
    here = _("all are connected") if not away else ngettext("%(n)s is away", "%(n)s are away", away) % {"n": number(away)}
    if not waiting:
        return _("%(devices)s, %(here)s; everything they have recorded is here.") % {"devices": devices, "here": here}
    return _("%(devices)s, %(here)s; still waiting on devices: %(rows)s.") % {
        "devices": devices,
        "here": here,
        "rows": rows(waiting),
    }


def state(standing: Standing, zone: ZoneInfo) -> str:
    """Whether the device is here."""
    if standing.device.revoked_at is not None:
        return _("withdrawn")
    if standing.heard_at is None:
        return _("never heard")
    if not standing.here:
        return _("away since %(when)s") % {"when": moment(standing.heard_at, zone)}
    return _("connected by HTTPS") if standing.way == "https" else _("connected")


def trouble(standing: Standing) -> str:
    """The one thing about the device that needs somebody first; empty where nothing does."""
    if standing.forked is not None:
        return _("two cards")
    if standing.gone:
        return _("rows lost: %(n)s") % {"n": number(standing.gone)}
    if standing.doubtful:
        return _("rows perhaps lost: %(n)s") % {"n": number(standing.doubtful)}
    if standing.set_aside:
        return _("set aside: %(n)s") % {"n": number(sum(standing.set_aside.values()))}
    return ""


# --- one device ------------------------------------------------------------------------------------------------------------------


def lead(standing: Standing, zone: ZoneInfo) -> str:
    """The first line of a device's page."""
    if standing.device.revoked_at is not None:
        return _("The identity of this device was withdrawn on %(when)s; nothing of it is taken any more.") % {
            "when": moment(standing.device.revoked_at, zone)
        }
    if standing.heard_at is None and not standing.streams:
        return _("Nothing has been heard of this device yet.")
    if standing.health is None:
        return _("This device has not reported about itself yet; of what it has sent, %(rows)s are here.") % {
            "rows": rows(standing.delivered)
        }
    if standing.waiting:
        waiting = ngettext(
            "%(n)s row waits on the device to be delivered", "%(n)s rows wait on the device to be delivered", standing.waiting
        ) % {"n": number(standing.waiting)}
        if standing.here:
            return _("The device is connected; %(waiting)s.") % {"waiting": waiting}
        return _("The device is away; by its last report %(waiting)s.") % {"waiting": waiting}
    if standing.here:
        return _("The device is connected; everything it has recorded is here.")
    return _("The device is away; everything it had recorded by its last report is here.")


def line(standing: Standing, zone: ZoneInfo) -> list[tuple[str, str]]:
    """(name, value) of what the kiosk's own staff screen shows in one line too."""
    recorded = "–" if standing.recorded is None else number(standing.recorded)
    waiting = _("nothing waits")
    if standing.waiting:
        since = standing.waiting_since
        waiting = f"{_('not known') if since is None else moment(since, zone)} ({rows(standing.waiting)})"
    return [
        (_("Recorded"), recorded),
        (_("Delivered"), number(standing.delivered)),
        (_("Backed up"), number(standing.backed)),
        (_("Waiting since"), waiting),
        (_("Last gap"), _("none") if standing.gap is None else gap(standing.gap, zone)),
        (_("Way"), {"mqtt": "MQTT", "https": "HTTPS", None: "–"}[standing.way]),
        (_("Last heard"), "–" if standing.heard_at is None else moment(standing.heard_at, zone)),
    ]


def gap(found: Gap, zone: ZoneInfo) -> str:
    """The last gap and what became of it."""
    told = _("asked for again") if found.open else _("closed")
    return f"{spans([(found.first, found.last)])}, {stamp(found.at, zone)} ({told})"


def alarms(standing: Standing) -> list[tuple[str, str]]:
    """(what has happened, what to do), in plain words."""
    found = []
    if standing.forked is not None:
        found.append(
            (
                _("Two cards claim to be this device: from row %(row)s on they tell different stories.")
                % {"row": number(standing.forked.forked_at or 0)},
                _(
                    "Its card was copied, or an old copy was put back. The rows that came first are counted; the others are set"
                    " aside, not lost. Find the second card and take it out. The device then goes on by itself with a new"
                    " stream; if it still says this tomorrow, enrol it anew."
                ),
            )
        )
    elif standing.was_copied:
        found.append(
            (
                _("An old or copied card was used once; the device has begun a new stream and sent its rows again."),
                _("Nothing is lost and nothing is counted twice. Make sure that no copy of the card is in use."),
            )
        )
    if standing.gone:
        found.append(
            (
                ngettext("%(n)s row is lost.", "%(n)s rows are lost.", standing.gone) % {"n": number(standing.gone)},
                _("Neither the device nor this server has them: an old backup was restored. Another backup may still hold them."),
            )
        )
    if standing.doubtful:
        found.append(
            (
                ngettext("%(n)s row may be lost: %(rows)s.", "%(n)s rows may be lost: %(rows)s.", standing.doubtful)
                % {"n": number(standing.doubtful), "rows": _at_risk(standing)},
                _(
                    "A retired backup that did not hold them was restored by force, and the device may have deleted them before."
                    " Those that come again leave this list by themselves. Another backup may hold the others."
                ),
            )
        )
    if standing.moving:
        found.append(
            (
                ngettext("%(n)s earlier row is being sent again.", "%(n)s earlier rows are being sent again.", standing.moving)
                % {"n": number(standing.moving)},
                _("The device does it by itself, beside its ordinary work."),
            )
        )
    return found


def _at_risk(standing: Standing) -> str:
    """“stream 0a1b2c3d: 3–9”, of each stream."""
    return "; ".join(
        _("stream %(stream)s: %(rows)s") % {"stream": stream.hex()[:8], "rows": spans(found)}
        for stream, found in sorted(standing.at_risk.items())
    )


def stream_state(account: StreamAccount) -> str:
    """What is to be said of one stream."""
    said = []
    if account.forked_at is not None:
        said.append(_("two cards from row %(row)s on") % {"row": number(account.forked_at)})
    if account.missing:
        said.append(_("asked for again: %(rows)s") % {"rows": spans(account.missing)})
    if account.gone:
        said.append(_("lost: %(rows)s") % {"rows": spans(account.gone)})
    if account.set_aside:
        said.append(_("set aside: %(n)s") % {"n": number(account.set_aside)})
    return "; ".join(said) or _("complete")


# --- set aside -------------------------------------------------------------------------------------------------------------------


def aside_lead(open_ones: int) -> str:
    """The first line of the page of what was set aside."""
    if not open_ones:
        return _("Nothing is set aside.")
    return ngettext(
        "%(n)s message or row could not be taken and is kept with its reason.",
        "%(n)s messages and rows could not be taken and are kept with their reasons.",
        open_ones,
    ) % {"n": number(open_ones)}


def reason(word: str) -> tuple[str, str]:
    """(what it is, what it means and what to do) of a reason something was set aside for."""
    known = {
        "forked": (
            _("Another card told something else"),
            _("These rows claim places that are taken by other rows. The device sends them again in a new stream by itself."),
        ),
        "malformed": (
            _("A message that cannot be read"),
            _("It was damaged before it was sent, or somebody experiments. Once or twice is nothing; often is a broken device."),
        ),
        "malformed-row": (
            _("A row that cannot be read"),
            _("The device may be newer than this server. Bring the server up to date and try again."),
        ),
        "foreign-version": (
            _("A newer device than this server"),
            _("Bring the server up to date and try again; until then the device keeps its rows."),
        ),
        "wrong-signature": (
            _("Not signed by the device it names"),
            _("Somebody may be pretending to be this device, or its key was replaced by hand. Enrol the device anew."),
        ),
        "unknown-device": (
            _("A device that nobody has enrolled"),
            _("Enrol it, or find out who sends in its name."),
        ),
        "revoked": (
            _("A device whose identity was withdrawn"),
            _("If it is to be heard again, enrol it anew."),
        ),
        "oversize": (_("Too large"), _("No device of ours sends such messages. Look at the device.")),
        "internal": (
            _("The server failed at it"),
            _("A fault of the server; its log says how. Try again once the server is brought up to date."),
        ),
        "too-many": (
            _("More than is kept"),
            _("One device has sent so much that cannot be taken that the rest is only counted. Look at the device."),
        ),
        "unasked": (_("An answer to a command that was not given"), _("It tells nothing about visitors and can be left as it is.")),
    }
    return known.get(word, (word, _("Keep it, and ask whoever looks after the server.")))


def outcome(word: str) -> str:
    """What came of another try."""
    known = {
        replay.TAKEN: _("taken: it is stored now"),
        replay.KNOWN: _("it was stored already"),
        replay.GREETING: _("only a greeting, of no use any more"),
        replay.FAILED: _("the server failed at it again"),
        replay.FORKED: _("its places are taken by other rows"),
    }
    return known.get(word) or _("still cannot be taken: %(reason)s") % {"reason": reason(word)[0]}


def tried(outcomes: Sequence[tuple[str, int]]) -> str:
    """What came of the last round of trying again."""
    told = "; ".join(f"{outcome(word)}: {number(n)}" for word, n in outcomes)
    return _("Tried again. %(told)s.") % {"told": told}
