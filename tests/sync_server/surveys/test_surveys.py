"""A questionnaire file is either whole or refused by file, table, field and fix; a release never changes again."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from sync_server.surveys import checks, selectors, services
from sync_server.surveys.files import QUESTIONNAIRES, QuestionnaireFileError, Sheet, load, load_all
from sync_server.surveys.models import Questionnaire
from wire.envelopes import Item, Option
from wire.envelopes import Questionnaire as WireQuestionnaire

SHEET = """
key = "small"
languages = ["uk", "en"]
title = { uk = "Питання", en = "Questions" }

[scales.faces5]
kind = "scale"
options = [
    { value = 1, icon = "face-1", text = { uk = "Дуже погано", en = "Very bad" } },
    { value = 2, text = { uk = "Погано", en = "Bad" } },
    { value = 3, text = { uk = "Ні добре, ні погано", en = "Neither good nor bad" } },
    { value = 4, text = { uk = "Добре", en = "Good" } },
    { value = 5, text = { uk = "Дуже добре", en = "Very good" } },
]

[scales.agree]
kind = "scale"
options = [
    { value = 0, text = { uk = "Ні", en = "No" } },
    { value = 10, text = { uk = "Так", en = "Yes" } },
    { value = -1, text = { uk = "Не знаю", en = "I don’t know" } },
    { value = -2, text = { uk = "Мене не стосується", en = "Does not concern me" } },
]

[scales.court-factors]
kind = "choice"
options = [
    { value = 2, text = { uk = "Надійність", en = "Reliability" } },
    { value = 1, text = { uk = "Доступність", en = "Access" } },
]

[[items]]
key = "overall"
scale = "faces5"
text = { uk = "Як минув візит?", en = "How was it?" }

[[items]]
key = "reason"
scale = "court-factors"
text = { uk = "Що вплинуло?", en = "What mattered?" }

[[rotation]]
key = "signs"
scale = "agree"
text = { uk = "Чи зрозумілі вказівники?", en = "Are the signs clear?" }

[[rotation]]
key = "clean"
scale = "agree"
text = { uk = "Чи чисто в залі?", en = "Is the courtroom clean?" }
"""
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "broken.toml"
    path.write_text(text, encoding="utf-8")
    return path


def changed(tmp_path: Path, old: str, new: str) -> Path:
    assert old in SHEET
    return written(tmp_path, SHEET.replace(old, new, 1))


def test_every_shipped_questionnaire_is_whole() -> None:
    assert [sheet.key for sheet in load_all()] == ["exit"]
    assert checks.questionnaire_files() == []


def test_the_exit_questionnaire_asks_the_overall_rating_and_then_what_mattered() -> None:
    overall, reason = load(QUESTIONNAIRES / "exit.toml").questionnaire(1).items
    assert (overall.key, overall.kind, overall.scale) == ("overall", "scale", "faces5")
    assert [option.value for option in overall.options] == [1, 2, 3, 4, 5]
    assert overall.text["uk"] == "Як пройшов ваш візит до суду?"
    assert [option.text["en"] for option in overall.options][0::4] == ["Very bad", "Very good"]
    assert (reason.key, reason.kind) == ("reason", "choice")
    assert [option.icon for option in reason.options] == ["tangibles", "reliability", "responsiveness", "access", "communication"]


def test_the_bank_of_the_rotation_travels_beside_the_questions_that_everybody_is_asked(tmp_path: Path) -> None:
    asked = load(written(tmp_path, SHEET)).questionnaire(7)
    assert [item.key for item in asked.items] == ["overall", "reason"]
    assert [item.key for item in asked.rotation] == ["signs", "clean"]
    assert asked.rotation[0] == Item(
        "signs",
        "scale",
        "agree",
        {"uk": "Чи зрозумілі вказівники?", "en": "Are the signs clear?"},
        [
            Option(0, {"uk": "Ні", "en": "No"}),
            Option(10, {"uk": "Так", "en": "Yes"}),
            Option(-1, {"uk": "Не знаю", "en": "I don’t know"}),
            Option(-2, {"uk": "Мене не стосується", "en": "Does not concern me"}),
        ],
    )


def test_a_questionnaire_without_a_bank_asks_nothing_in_rotation(tmp_path: Path) -> None:
    assert load(written(tmp_path, SHEET.partition("[[rotation]]")[0])).questionnaire(1).rotation == []


def test_every_picture_an_option_names_is_there() -> None:
    drawings = {path.stem for folder in ("faces", "icons") for path in (QUESTIONNAIRES.parent / folder).glob("*.svg")}
    named = {option.icon for sheet in load_all() for scale in sheet.scales.values() for option in scale.options if option.icon}
    assert named <= drawings


@pytest.mark.parametrize(
    ("old", "new", "table", "field", "reason"),
    [
        ('key = "overall"', 'key = "Overall!"', "items, entry 1", "key", "characters that cannot stand there"),
        ('key = "overall"\n', "", "items, entry 1", "key", "is missing"),
        ('key = "reason"', 'key = "overall"', "items, entry 2", "key", "used twice"),
        ('scale = "court-factors"', 'scale = "court-factor"', "items, entry 2", "scale", "no scale"),
        ("value = 5", "value = 11", "scales, faces5, options, entry 5", "value", "must be at most 10"),
        ("value = 5", "value = 4", "scales, faces5", "value", "[1, 2, 3, 4, 4]"),
        ("value = 1", "value = 9", "scales, faces5", "value", "[9, 2, 3, 4, 5]"),
        ("value = 1", "value = -1", "scales, faces5", "value", "[-1, 2, 3, 4, 5]"),
        ("value = 10", "value = -3", "scales, agree, options, entry 2", "value", "must be at least -2"),
        ("value = 10, ", "value = -2, ", "scales, agree", "value", "[0, -2, -1, -2]"),
        ("value = 0", "value = -1", "scales, agree", "value", "[-1, 10, -1, -2]"),
        ('key = "clean"', 'key = "signs"', "rotation, entry 2", "key", "used twice"),
        ('key = "clean"', 'key = "reason"', "rotation, entry 2", "key", "used twice"),
        ('key = "clean"\nscale = "agree"', 'key = "clean"\nscale = "agreed"', "rotation, entry 2", "scale", "no scale"),
        ('key = "signs"\n', "", "rotation, entry 1", "key", "is missing"),
        (', en = "Are the signs clear?"', "", "rotation, entry 1", "text", "no text in “en”"),
        (', en = "I don’t know"', "", "scales, agree, options, entry 3", "text", "no text in “en”"),
        (
            "value = 1",
            'value = "1"',
            "scales, faces5, options, entry 1",
            "value",
            "must be a whole number, but is a text in quotation marks",
        ),
        (', en = "Very good"', "", "scales, faces5, options, entry 5", "text", "no text in “en”"),
        ('uk = "Питання"', 'uk = " "', "the top of the file", "title", "no text in “uk”"),
        ('kind = "choice"', 'kind = "tiles"', "scales, court-factors", "kind", "is 'tiles', which is none of the words"),
        (
            'languages = ["uk", "en"]',
            'languages = ["ukrainian!"]',
            "the top of the file",
            "languages",
            "characters that cannot stand there",
        ),
        ('key = "small"', 'key = "small"\nversion = 3', "the top of the file", "version", "is not known here"),
    ],
)
def test_a_fault_is_told_by_table_field_reason_and_fix(
    tmp_path: Path, old: str, new: str, table: str, field: str, reason: str
) -> None:
    with pytest.raises(QuestionnaireFileError) as caught:
        load(changed(tmp_path, old, new))
    error = caught.value
    assert (error.file, error.table, error.field) == ("broken.toml", table, field)
    assert reason in error.reason
    assert error.fix
    for part in (error.file, error.table, error.field, error.reason, error.fix):
        assert part in str(error)
    assert "`" not in error.reason


@pytest.mark.parametrize("text", ["key = ", "\x00", "[[items]]\nkey = 1\nkey = 2"])
def test_what_is_not_toml_is_told_as_such(tmp_path: Path, text: str) -> None:
    with pytest.raises(QuestionnaireFileError, match=r"^broken\.toml, the file: is not TOML"):
        load(written(tmp_path, text))


def test_a_file_in_another_encoding_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(SHEET.encode("cp1251", errors="replace"))
    with pytest.raises(QuestionnaireFileError, match="is not TOML"):
        load(path)


def test_a_file_that_is_gone_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(QuestionnaireFileError, match="cannot be read"):
        load(tmp_path / "broken.toml")


def test_a_faulty_file_stops_the_server_at_start_with_an_id_and_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(tmp_path, 'scale = "court-factors"', 'scale = "nothing"')
    monkeypatch.setattr(checks, "QUESTIONNAIRES", tmp_path)
    (fault,) = checks.questionnaire_files()
    assert fault.id == "surveys.E001"
    assert "items, entry 2" in fault.msg
    assert fault.hint
    (tmp_path / "broken.toml").unlink()
    assert [fault.id for fault in checks.questionnaire_files()] == ["surveys.E002"]


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    """A whole one, released under the key that kiosks are given."""
    return msgspec.structs.replace(load(written(tmp_path, SHEET)), key="exit")


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
class TestReleases:
    def test_nothing_is_asked_before_the_first_release(self) -> None:
        assert selectors.current_questionnaire() is None
        assert selectors.item_of("overall") is None

    def test_what_a_kiosk_receives_is_what_the_file_says(self, sheet: Sheet) -> None:
        assert services.release(sheet, released_at=NOW).version == 1
        current = selectors.current_questionnaire()
        assert current == sheet.questionnaire(1)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(current), type=WireQuestionnaire) == current

    def test_an_unchanged_sheet_stays_the_version_it_is(self, sheet: Sheet) -> None:
        assert services.release(sheet, released_at=NOW) == services.release(sheet, released_at=NOW)
        assert Questionnaire.objects.count() == 1

    def test_a_changed_sheet_is_a_new_version_and_the_old_one_keeps_its_words(self, sheet: Sheet) -> None:
        services.release(sheet, released_at=NOW)
        first, *rest = sheet.items
        reworded = msgspec.structs.replace(
            sheet, items=[msgspec.structs.replace(first, text={"uk": "Як вам у суді?", "en": "How was it?"}), *rest]
        )
        assert services.release(reworded, released_at=NOW).version == 2
        old, new = selectors.questionnaire(1), selectors.questionnaire(2)
        assert old is not None
        assert new is not None
        assert old.items[0].text["uk"] == "Як минув візит?"
        assert new.items[0].text["uk"] == "Як вам у суді?"
        assert selectors.current_questionnaire() == new
        assert selectors.questionnaire(3) is None

    def test_an_item_of_the_bank_is_found_by_its_key_as_any_other(self, sheet: Sheet) -> None:
        services.release(sheet, released_at=NOW)
        found = [selectors.item_of(key) for key in ("overall", "clean", "nothing")]
        assert [item.key if item else None for item in found] == ["overall", "clean", None]

    def test_a_questionnaire_speaks_the_languages_in_which_all_of_it_has_words(self, sheet: Sheet) -> None:
        asked = sheet.questionnaire(1)
        first, *rest = asked.items
        with_polish = msgspec.structs.replace(first, text={**first.text, "pl": "Jak było?"})
        assert selectors.languages_of(msgspec.structs.replace(asked, items=[with_polish, *rest])) == {"uk", "en"}

    def test_versions_count_up_over_all_questionnaires(self, sheet: Sheet) -> None:
        services.release(sheet, released_at=NOW)
        other = services.release(msgspec.structs.replace(sheet, key="kgz"), released_at=NOW)
        assert other.version == 2
        current = selectors.current_questionnaire()
        assert current is not None
        assert current.version == 1
