"""What a device asks when every configuration on its card is damaged: the one question, in every language there is a catalogue for.

It is made of code and catalogues, so there is no file that could be broken. Its version is 0, which no release has; the first
greeting says that it holds configuration 0, and the server sends the real one.
"""

from collections.abc import Sequence
from typing import Final

from kiosk.texts import Texts
from wire import VERSION
from wire.envelopes import Config, Item, Option, Questionnaire

NO_VERSION: Final = 0
FACES: Final = ("Very bad", "Bad", "Neither good nor bad", "Good", "Very good")


def configuration(texts: Texts, languages: Sequence[str]) -> Config:
    """The configuration of a device that has none; the first of `languages` is the usual one."""

    def every(sentence: str) -> dict[str, str]:
        return {language: texts.say(language, sentence) for language in languages}

    options = [Option(value, every(words), f"face-{value}") for value, words in enumerate(FACES, start=1)]
    item = Item("overall", "scale", "faces5", every("How was your visit to the court?"), options)
    return Config(
        v=VERSION,
        version=NO_VERSION,
        court={},
        languages=list(languages),
        language=languages[0],
        questionnaire=Questionnaire(NO_VERSION, "exit", [item]),
    )
