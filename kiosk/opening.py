"""When a closed court opens, in words: for the eye with its hour in figures, for the ear as sentences and single digits."""

from typing import Final

from kiosk.core.hours import Opening
from kiosk.texts import Texts

DAYS: Final = ("on Monday", "on Tuesday", "on Wednesday", "on Thursday", "on Friday", "on Saturday", "on Sunday")
SOON: Final = ("today", "tomorrow")
A_WEEK: Final = 7
"""From so many days on, the name of a day would mean two."""


def shown(opening: Opening, texts: Texts, language: str) -> str:
    """One line, such as "Opens on Monday at 9:00"."""
    if opening.days_ahead >= A_WEEK:
        return texts.count(language, "Opens in {n} day", "Opens in {n} days", opening.days_ahead)
    return texts.say(language, f"Opens {_day(opening)} at {{time}}", time=f"{opening.minute // 60}:{opening.minute % 60:02}")


def spoken(opening: Opening, texts: Texts, language: str) -> tuple[str, ...]:
    """The same as sentences that have speech of their own, and digits."""
    if opening.days_ahead >= A_WEEK:
        return texts.say(language, "Days until it opens:"), *str(opening.days_ahead)
    digits = f"{opening.minute // 60}{opening.minute % 60:02}"
    return texts.say(language, f"Opens {_day(opening)}."), texts.say(language, "Time:"), *digits


def _day(opening: Opening) -> str:
    return SOON[opening.days_ahead] if opening.days_ahead < len(SOON) else DAYS[opening.weekday]
