"""The kiosk's own words, from the gettext catalogues in `assets/translations`. Keys are the English sentences.

There are two catalogues: what visitors see and hear, and what staff read on the device. A text that is missing never stops
anything: the English sentence is shown and the catalogue is reported, once however many it lacks. What a court asks comes from its
questionnaire and its configuration, not from here; `pick` chooses among those.
"""

import gettext
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

TRANSLATIONS: Final = Path(__file__).resolve().parents[1] / "assets" / "translations"
VISITOR: Final = "visitor"
"""The catalogue of everything that visitors see or hear."""
STAFF: Final = "staff"
"""The catalogue of what the commands and the self-tests say to staff."""
LANGUAGES: Final = ("uk", "en", "pl", "ro", "hu", "bg", "crh")
"""Languages that visitors can be spoken to in; the first is spoken where nobody asks for another."""
STAFF_LANGUAGES: Final = ("uk", "en")
"""The same for staff."""
OWN_NAME: Final = "English"
"""The key under which a catalogue gives its language's name in that language."""
SIGN: Final = "EN"
"""The key under which a catalogue gives a sign of two or three letters for its language."""
INSTEAD: Final = "English is shown instead"


class _Missing(gettext.NullTranslations):
    """Stands behind a catalogue: answers with the key and says what is missing."""

    def __init__(self, missing: Callable[[str], None]) -> None:
        super().__init__()
        self._missing = missing

    def gettext(self, message: str) -> str:
        self._missing(message)
        return message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        self._missing(msgid1)
        return msgid1 if n == 1 else msgid2


class Texts:
    """The catalogues called `domain` of several languages.

    `report` hears of each that cannot be read, lacks texts or has wrong placeholders: once of each, with the first of its faults.
    """

    def __init__(
        self, languages: Sequence[str], report: Callable[[str], None], *, domain: str = VISITOR, folder: Path = TRANSLATIONS
    ) -> None:
        self._report = report
        self._file = f"{domain}.mo"
        self._reported: set[tuple[str, str]] = set()
        self._folder = folder
        self._catalogues = {language: self._open(language) for language in languages}

    def say(self, language: str, message: str, **values: object) -> str:
        """`message` in `language`, with `{name}` filled from `values`."""
        return self._fill(language, message, self._catalogue(language).gettext(message), values)

    def count(self, language: str, one: str, many: str, number: int, **values: object) -> str:
        """The form that `language` uses for `number` of something; `{n}` is the number."""
        found = self._catalogue(language).ngettext(one, many, number)
        return self._fill(language, one if number == 1 else many, found, {"n": number, **values})

    def name(self, language: str) -> str:
        """What `language` calls itself; its code where no catalogue says so."""
        return self._of_itself(language, OWN_NAME) or language

    def sign(self, language: str) -> str:
        """Two or three letters that stand for `language` where its name does not fit; its code where no catalogue says so."""
        return self._of_itself(language, SIGN) or language.upper()

    def _of_itself(self, language: str, key: str) -> str:
        """What a catalogue says about its own language; nothing where there is no catalogue."""
        catalogue = self._catalogue(language)
        return catalogue.gettext(key) if isinstance(catalogue, gettext.GNUTranslations) else ""

    def _catalogue(self, language: str) -> gettext.NullTranslations:
        if language not in self._catalogues:
            self._catalogues[language] = self._open(language)
        return self._catalogues[language]

    def _open(self, language: str) -> gettext.NullTranslations:
        path = self._folder / language / "LC_MESSAGES" / self._file
        try:
            with path.open("rb") as file:
                catalogue = gettext.GNUTranslations(file)
        except (OSError, ValueError, EOFError, LookupError, SyntaxError, ArithmeticError, struct.error) as error:
            # What gettext raises on a damaged file depends on which bytes are damaged.
            why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
            self._once(language, "cannot be read", f"({why}); {INSTEAD}")
            return gettext.NullTranslations()
        catalogue.add_fallback(_Missing(lambda message: self._once(language, "are incomplete", f"(first {message!r}); {INSTEAD}")))
        return catalogue

    def _fill(self, language: str, message: str, found: str, values: Mapping[str, object]) -> str:
        if not values:
            return found
        for text in (found, message):
            try:
                return text.format_map(dict(values))
            except (LookupError, ValueError, AttributeError) as error:
                self._once(language, "have a wrong placeholder", f"(first in {message!r}: {error!r}); {INSTEAD}")
        return message

    def _once(self, language: str, what: str, more: str) -> None:
        """Says `what` is wrong with the catalogue of `language`, unless it has been said."""
        if (language, what) not in self._reported:
            self._reported.add((language, what))
            self._report(f"the texts in {language}/LC_MESSAGES/{self._file} {what} {more}")


def asked_for(environment: Mapping[str, str]) -> str:
    """The language of a terminal: as `LC_ALL`, `LC_MESSAGES` or `LANG` have it, if staff have a catalogue, else the first."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if wish := environment.get(name):
            language = wish.partition(".")[0].partition("_")[0].lower()
            return language if language in STAFF_LANGUAGES else STAFF_LANGUAGES[0]
    return STAFF_LANGUAGES[0]


def pick(texts: Mapping[str, str], language: str, fallback: str) -> str:
    """The text in `language`, else in `fallback`, else in the first of `LANGUAGES` that has one, else whichever there is."""
    found = {code: text for code, text in texts.items() if text.strip()}
    for choice in (language, fallback, *LANGUAGES, *found):
        if choice in found:
            return found[choice]
    return ""
