"""What visitors read is said once and in every language: catalogues and the exit questionnaire agree, and the fonts can draw it."""

import string
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageFont

from kiosk.builtin import configuration
from kiosk.texts import LANGUAGES, VISITOR, Texts
from sync_server.surveys.files import QUESTIONNAIRES, load
from tests.kiosk.screen.test_texts import entries, written
from wire.envelopes import Item
from wire.events import NOT_APPLICABLE

ASSETS = Path(__file__).resolve().parents[2] / "assets"
QUESTIONNAIRE = load(QUESTIONNAIRES / "exit.toml").questionnaire(1)
BANK = QUESTIONNAIRE.rotation
NO_GLYPH = "\U0010fffd"
"""A character that no font has, so that it is drawn as what is missing."""


def texts_of(item: Item) -> list[dict[str, str]]:
    return [item.text, *(option.text for option in item.options)]


def shown(language: str) -> set[str]:
    """Every character that visitors who read `language` may meet on the kiosk."""
    texts = [text for found in entries(written(VISITOR, language)).values() for text in found]
    texts += [text[language] for item in (*QUESTIONNAIRE.items, *BANK) for text in texts_of(item)]
    return set("".join(texts)) | set(string.digits + "…–—«»„“”’№%:.,/")


@pytest.mark.parametrize("weight", ["Regular", "SemiBold"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fonts_have_every_letter(language: str, weight: str) -> None:
    font: Any = ImageFont.truetype(str(ASSETS / "fonts" / f"SourceSans3-{weight}.ttf"), 40)
    missing = bytes(font.getmask(NO_GLYPH))
    assert [sign for sign in sorted(shown(language)) if not sign.isspace() and bytes(font.getmask(sign)) == missing] == []


def test_the_check_of_the_fonts_knows_a_letter_that_is_missing() -> None:
    font: Any = ImageFont.truetype(str(ASSETS / "fonts" / "SourceSans3-Regular.ttf"), 40)
    assert bytes(font.getmask("ქ")) == bytes(font.getmask(NO_GLYPH))


def test_the_questionnaire_speaks_every_language_that_the_kiosk_does() -> None:
    assert load(QUESTIONNAIRES / "exit.toml").languages == list(LANGUAGES)


def test_the_built_in_question_reads_as_the_questionnaire_s_first() -> None:
    complaints: list[str] = []
    (built_in,) = configuration(Texts(LANGUAGES, complaints.append), LANGUAGES).questionnaire.items
    assert built_in == QUESTIONNAIRE.items[0]
    assert complaints == []


def test_the_bank_asks_twice_about_each_of_the_five_factors() -> None:
    factors = [option.icon for option in QUESTIONNAIRE.items[1].options]
    assert [item.key.partition(".")[0] for item in BANK] == [factor for factor in factors for _ in range(2)]


def test_whom_a_question_of_the_bank_does_not_concern_can_say_so() -> None:
    faces = QUESTIONNAIRE.items[0].options
    for item in BANK:
        assert item.options[: len(faces)] == faces
        assert [option.value for option in item.options[len(faces) :]] == [NOT_APPLICABLE]


@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_are_short_enough_to_be_read_in_passing(language: str) -> None:
    for item in (*QUESTIONNAIRE.items, *BANK):
        assert item.text[language].endswith("?")
        assert len(item.text[language]) <= 75
        assert len(item.text[language].split()) <= 12


def test_no_text_is_left_in_another_language() -> None:
    """Beside names alike in two languages, the same words in two of them are a slip of the copier."""
    for item in (*QUESTIONNAIRE.items, *BANK):
        assert len(set(item.text.values())) == len(LANGUAGES)
