"""Numbers as sentences, through the catalogues and by their plural rules; never by pasting strings together."""

from datetime import date

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from sync_server.results.figures import Change, Share
from sync_server.results.release import SAFE_STEP
from sync_server.results.selectors import CourtLine, Front, PeriodResult
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


def days(first: date, last: date) -> str:
    """“17 Nov–23 Nov”: a few days in a row."""
    return f"{short_day(first)}{TO}{short_day(last)}"


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
        Input.SENSOR: _("door counter"),
    }
    return names[value] if value is not None else _("another way")


def moved(figure: Change | None) -> str:
    """How the share has moved against the thirty days before, as a note of its own."""
    return _moved(
        figure,
        up=_("%(points)s points (%(span)s) higher than in the 30 days before"),
        down=_("%(points)s points (%(span)s) lower than in the 30 days before"),
    )


def _moved(figure: Change | None, *, up: str, down: str) -> str:
    if figure is None:
        return _("too few answers earlier to compare")
    if figure.verdict == "unclear":
        return _("no clear change")
    low, high = sorted((abs(figure.low) * 100, abs(figure.high) * 100))
    return (up if figure.verdict == "up" else down) % {"points": number(abs(figure.difference) * 100), "span": span(low, high)}


def lead(front: Front) -> str:
    """The first line of a court's page: how many answered, and what is so."""
    result = front.month
    if not result.answers and not result.distribution.n:
        return _("Nobody has rated this court in the last 30 days.")
    given = ngettext(
        "In the last 30 days %(n)s answer was given", "In the last 30 days %(n)s answers were given", result.answers
    ) % {"n": number(result.answers)}
    top = result.distribution.top_two
    if top is None or not result.distribution.enough:
        return _("%(given)s: too few to say more yet.") % {"given": given}
    return _("%(given)s; %(share)s rated the visit good or very good, %(change)s.") % {
        "given": given,
        "share": share(top),
        "change": _moved(
            front.change,
            up=_("which is %(points)s points (%(span)s) more than in the 30 days before"),
            down=_("which is %(points)s points (%(span)s) less than in the 30 days before"),
        ),
    }


def counted(result: PeriodResult) -> str:
    """How many answers the distribution counts, and why that is not all of them; empty where that says nothing new."""
    n = result.distribution.n
    why = _why_not_all(result)
    if not why and not result.distribution.enough:
        return ""
    if not why:
        return _("%(answers)s.") % {"answers": answers(n)}
    return ngettext("The distribution counts %(n)s answer: %(why)s.", "The distribution counts %(n)s answers: %(why)s.", n) % {
        "n": number(n),
        "why": "; ".join(why),
    }


def _why_not_all(result: PeriodResult) -> list[str]:
    why = []
    if result.flagged:
        why.append(
            ngettext("%(n)s more is flagged as possible misuse", "%(n)s more are flagged as possible misuse", result.flagged)
            % {"n": number(result.flagged)}
        )
    if result.dont_know:
        why.append(_("“don’t know”: %(n)s") % {"n": number(result.dont_know)})
    if result.not_applicable:
        why.append(_("“doesn’t apply to me”: %(n)s") % {"n": number(result.not_applicable)})
    if result.waiting > 0:
        why.append(
            ngettext(
                "%(n)s newest joins with the next few, so that nobody’s can be told",
                "%(n)s newest join with the next few, so that nobody’s can be told",
                result.waiting,
            )
            % {"n": number(result.waiting)}
        )
    if result.waiting < 0 and result.as_of is not None:
        why.append(_("it stands as of %(day)s, because too little has changed since") % {"day": day(result.as_of)})
    return why


def step_note(step: int) -> str:
    """What a page says of an installation that shows sooner than it should; nothing where all is as it should be."""
    if step >= SAFE_STEP:
        return ""
    if step == 1:
        return _(
            "This is a demonstration: the distribution moves with every answer. In a court it waits for %(safe)s new ones, "
            "so that nobody can tell how one visitor answered."
        ) % {"safe": number(SAFE_STEP)}
    return _(
        "Here the distribution moves with every %(n)s answers already. In a court it waits for %(safe)s new ones, "
        "so that nobody can tell how one visitor answered."
    ) % {"n": number(step), "safe": number(SAFE_STEP)}


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


def beside(result: PeriodResult) -> list[str]:
    """What stands beside the distribution without being an answer."""
    return [_("Seen and left without an answer: %(n)s.") % {"n": number(result.unanswered)}] if result.unanswered else []
