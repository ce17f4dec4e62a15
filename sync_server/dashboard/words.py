"""Numbers as sentences, through the catalogues and by their plural rules; never by pasting strings together."""

from datetime import date

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from sync_server.results.figures import Change, Distribution, Share
from sync_server.results.selectors import CourtLine, CourtPage, PeriodResult
from wire.events import Input

SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
TO = "\N{WORD JOINER}\N{EN DASH}\N{WORD JOINER}"
"""Between the ends of an interval; a line never breaks there."""


def number(value: float, places: int = 0) -> str:
    """A number with the language's own separators."""
    text = number_format(round(value, places), decimal_pos=places)
    return text.replace("-", MINUS)


def percent(share: float) -> str:
    """0.784 → “78 %”."""
    return f"{number(share * 100)}{SPACE}%"


def interval(low: float, high: float) -> str:
    """0.741, 0.823 → “74–82 %”."""
    return f"{number(low * 100)}{TO}{number(high * 100)}{SPACE}%"


def share(figure: Share) -> str:
    """“78 % (74–82 %)”."""
    return f"{percent(figure.share)}{SPACE}({interval(figure.low, figure.high)})"


def span(low: float, high: float, places: int = 0) -> str:
    """68.9, 73.5 → “68.9–73.5”."""
    return f"{number(low, places)}{TO}{number(high, places)}"


def answers(n: int) -> str:
    """“1 answer”, “5 answers”; the Ukrainian has three forms."""
    return ngettext("%(n)s answer", "%(n)s answers", n) % {"n": number(n)}


def too_few(n: int) -> str:
    return ngettext("%(n)s answer: too few to say more.", "%(n)s answers: too few to say more.", n) % {"n": number(n)}


def day(value: date) -> str:
    """“23 November 2026”."""
    return date_format(value, "DATE_FORMAT")


def short_day(value: date) -> str:
    """“23 Nov”: a label on an axis."""
    return date_format(value, pgettext("a day on an axis, in Django's date format", "j M"))


def hour(value: int) -> str:
    return f"{value}:00"


def channel(value: Input | None) -> str:
    """What an answer came by."""
    names = {
        Input.TOUCH: _("touchscreen"),
        Input.BUTTON: _("buttons"),
        Input.SPEECH: _("keys and speech"),
        Input.WEB: _("web"),
        Input.INTERVIEWER: _("interviewer"),
        Input.PHONE: _("phone"),
        Input.PAPER: _("paper"),
    }
    return names[value] if value is not None else _("another way")


def moved(figure: Change | None) -> str:
    """How the share has moved against the thirty days before."""
    if figure is None:
        return _("too few answers earlier to compare")
    if figure.verdict == "unclear":
        return _("no clear change")
    points = number(abs(figure.difference) * 100)
    low, high = sorted((abs(figure.low) * 100, abs(figure.high) * 100))
    ends_said = span(low, high)
    if figure.verdict == "up":
        return _("%(points)s points (%(span)s) higher than in the 30 days before") % {"points": points, "span": ends_said}
    return _("%(points)s points (%(span)s) lower than in the 30 days before") % {"points": points, "span": ends_said}


def lead(page: CourtPage) -> str:
    """The first line of a court's page: what is so."""
    result = page.month
    if not result.answers:
        return _("Nobody has rated this court in the last 30 days.")
    top = result.distribution.top_two
    if top is None or not result.distribution.enough:
        return _("Last 30 days. %(few)s") % {"few": too_few(result.answers)}
    return ngettext(
        "In the last 30 days %(n)s answer was given; %(share)s rated the visit good or very good, %(change)s.",
        "In the last 30 days %(n)s answers were given; %(share)s rated the visit good or very good, %(change)s.",
        top.n,
    ) % {"n": number(top.n), "share": share(top), "change": moved(page.change)}


def overview_lead(lines: list[CourtLine]) -> str:
    """The first line of the overview."""
    if not lines:
        return _("No court is open to you yet. Ask your administrator for a role at your court.")
    total = sum(line.month.answers for line in lines)
    courts = ngettext("%(n)s court", "%(n)s courts", len(lines)) % {"n": number(len(lines))}
    if not total:
        return _("Nobody has rated your courts in the last 30 days.")
    said = ngettext(
        "In the last 30 days %(n)s answer came from %(courts)s",
        "In the last 30 days %(n)s answers came from %(courts)s",
        total,
    ) % {"n": number(total), "courts": courts}
    up = sum(line.change is not None and line.change.verdict == "up" for line in lines)
    down = sum(line.change is not None and line.change.verdict == "down" for line in lines)
    if not up and not down:
        return _("%(said)s; no clear change at any of them.") % {"said": said}
    return _("%(said)s; clearly better: %(up)s, clearly worse: %(down)s.") % {
        "said": said,
        "up": number(up),
        "down": number(down),
    }


def two_boxes(distribution: Distribution) -> str:
    """The share of good and very good with its interval, or how few answers there are."""
    top = distribution.top_two
    return share(top) if top is not None and distribution.enough else too_few(distribution.n)


def beside(result: PeriodResult) -> list[str]:
    """What stands beside the distribution: flagged, left, don't know, not applicable, not yet shown."""
    notes = []
    if result.flagged:
        notes.append(
            ngettext(
                "%(n)s answer is flagged as possible misuse: counted, but not in the distribution.",
                "%(n)s answers are flagged as possible misuse: counted, but not in the distribution.",
                result.flagged,
            )
            % {"n": number(result.flagged)}
        )
    if result.dont_know:
        notes.append(_("“Don’t know”: %(n)s.") % {"n": number(result.dont_know)})
    if result.not_applicable:
        notes.append(_("“Doesn’t apply to me”: %(n)s.") % {"n": number(result.not_applicable)})
    if result.unanswered:
        notes.append(_("Seen and left without an answer: %(n)s.") % {"n": number(result.unanswered)})
    if result.waiting:
        notes.append(
            ngettext(
                "%(n)s newest answer is counted and joins the distribution with the next few, so that nobody’s can be told.",
                "%(n)s newest answers are counted and join the distribution with the next few, so that nobody’s can be told.",
                result.waiting,
            )
            % {"n": number(result.waiting)}
        )
    return notes
