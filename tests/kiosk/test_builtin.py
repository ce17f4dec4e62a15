"""What a device asks when every configuration on its card is damaged."""

import struct
from pathlib import Path

from kiosk import builtin
from kiosk.texts import LANGUAGES, Texts
from wire.codec import decode_event, encode_event
from wire.events import Answer


def test_it_asks_the_one_question_in_every_language() -> None:
    reported: list[str] = []
    config = builtin.configuration(Texts(LANGUAGES, reported.append), LANGUAGES)
    item = config.questionnaire.items[0]
    assert item.text["uk"] == "Як пройшов ваш візит до суду?"
    assert [option.value for option in item.options] == [1, 2, 3, 4, 5]
    for texts in (item.text, *(option.text for option in item.options)):
        assert set(texts) == set(LANGUAGES)
    assert len(set(item.text.values())) == len(LANGUAGES), "every language has words of its own"
    assert reported == []


def test_its_version_is_one_that_no_release_has_and_that_rows_can_carry() -> None:
    version = builtin.configuration(Texts(("uk",), lambda sentence: None), ("uk",)).questionnaire.version
    row = Answer(version, "overall", "uk", 1, bytes(16), 0, True, 1, 0, 5)
    assert decode_event(encode_event(row)) == row
    assert version == 0


def test_even_without_catalogues_there_is_a_question(tmp_path: Path) -> None:
    broken = tmp_path / "uk" / "LC_MESSAGES"
    broken.mkdir(parents=True)
    (broken / "visitor.mo").write_bytes(struct.pack("<I", 0xDEAD))
    reported: list[str] = []
    config = builtin.configuration(Texts(("uk",), reported.append, folder=tmp_path), ("uk",))
    assert config.questionnaire.items[0].text == {"uk": "How was your visit to the court?"}
    assert any("visitor.mo" in sentence for sentence in reported)
