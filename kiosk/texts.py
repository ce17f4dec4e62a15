"""The kiosk's own words, from the gettext catalogues in `assets/translations`. Keys are the English sentences.

A text that is missing never stops anything: the English sentence is shown and the gap is reported once. What a court asks comes
from its questionnaire and its configuration, not from here; `pick` chooses among those.
"""

import gettext
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

TRANSLATIONS: Final = Path(__file__).resolve().parents[1] / "assets" / "translations"
DOMAIN: Final = "kiosk"
OWN_NAME: Final = "English"
"""The key under which a catalogue gives its language's name in that language."""
LANGUAGES: Final = ("uk", "en")
"""Languages with a catalogue; the first is spoken where nobody asks for another."""


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
    """Catalogues of several languages. `report` hears, once each, what is missing or broken."""

    def __init__(self, languages: Sequence[str], report: Callable[[str], None], *, folder: Path = TRANSLATIONS) -> None:
        self._report = report
        self._reported: set[str] = set()
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
        catalogue = self._catalogue(language)
        if not isinstance(catalogue, gettext.GNUTranslations):
            return language
        return catalogue.gettext(OWN_NAME)

    def _catalogue(self, language: str) -> gettext.NullTranslations:
        if language not in self._catalogues:
            self._catalogues[language] = self._open(language)
        return self._catalogues[language]

    def _open(self, language: str) -> gettext.NullTranslations:
        missing = _Missing(lambda message: self._once(f"no text in {language!r} for {message!r}: shown in English"))
        path = self._folder / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
        try:
            with path.open("rb") as file:
                catalogue = gettext.GNUTranslations(file)
        except (OSError, ValueError, EOFError, LookupError, SyntaxError, ArithmeticError, struct.error) as error:
            # What gettext raises on a damaged file depends on which bytes are damaged.
            self._once(f"the texts of {language!r} cannot be read: {path.name}: {error}")
            return missing
        catalogue.add_fallback(missing)
        return catalogue

    def _fill(self, language: str, message: str, found: str, values: Mapping[str, object]) -> str:
        if not values:
            return found
        for text in (found, message):
            try:
                return text.format_map(dict(values))
            except (LookupError, ValueError, AttributeError) as error:
                self._once(f"the text in {language!r} for {message!r} has a wrong placeholder: {error!r}")
        return message

    def _once(self, sentence: str) -> None:
        if sentence not in self._reported:
            self._reported.add(sentence)
            self._report(sentence)


def asked_for(environment: Mapping[str, str]) -> str:
    """The language of a terminal: as `LC_ALL`, `LC_MESSAGES` or `LANG` have it, if there is a catalogue for it, else the first."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if wish := environment.get(name):
            language = wish.partition(".")[0].partition("_")[0].lower()
            return language if language in LANGUAGES else LANGUAGES[0]
    return LANGUAGES[0]


def pick(texts: Mapping[str, str], language: str, fallback: str) -> str:
    """The text in `language`, else in `fallback`, else whichever there is."""
    for choice in (language, fallback):
        if texts.get(choice):
            return texts[choice]
    return next(iter(texts.values()), "")
