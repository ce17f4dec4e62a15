"""The kiosk's words: complete in both languages, compiled as written, and never a reason to stop."""

import ast
import subprocess
from pathlib import Path

import pytest

from kiosk.texts import TRANSLATIONS, Texts, pick
from tests.support.tools import find_tool

ROOT = TRANSLATIONS.parents[1]
LANGUAGES = ("uk", "en")


def keys(po: Path) -> list[str]:
    """The keys of a catalogue, in order."""
    found = (line.removeprefix("msgid ") for line in po.read_text(encoding="utf-8").splitlines() if line.startswith("msgid "))
    return [key for key in (ast.literal_eval(text) for text in found) if key]


def catalogue(language: str) -> Path:
    return TRANSLATIONS / language / "LC_MESSAGES" / "kiosk.po"


def compiled(po: str, folder: Path, language: str = "xx") -> Path:
    """A folder of catalogues that holds `po`."""
    target = folder / language / "LC_MESSAGES"
    target.mkdir(parents=True)
    (target / "kiosk.po").write_text(po, encoding="utf-8")
    subprocess.run([find_tool("msgfmt", "gettext"), "-o", target / "kiosk.mo", target / "kiosk.po"], check=True)
    return folder


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_the_written_one(language: str, tmp_path: Path) -> None:
    made = tmp_path / "kiosk.mo"
    subprocess.run([find_tool("msgfmt", "gettext"), "--check-format", "-o", made, catalogue(language)], check=True)
    assert made.read_bytes() == catalogue(language).with_suffix(".mo").read_bytes()


def test_every_language_has_the_same_texts() -> None:
    assert keys(catalogue("uk")) == keys(catalogue("en"))


def test_every_text_that_the_screen_asks_for_is_there(complaints: list[str]) -> None:
    asked = set()
    for path in (ROOT / "kiosk" / "screen").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                message = node.args[1] if name == "say" and len(node.args) > 1 else node.args[0]
                if name == "say" and isinstance(message, ast.Constant):
                    asked.add(message.value)
    assert len(asked) >= 10
    texts = Texts(LANGUAGES, complaints.append)
    for language in LANGUAGES:
        for message in asked:
            texts.say(language, message, number="1")
    assert complaints == []


def test_ukrainian_reads_as_agreed(complaints: list[str]) -> None:
    texts = Texts(LANGUAGES, complaints.append)
    assert texts.say("uk", "Thank you! Your answer is saved.") == "Дякуємо! Вашу відповідь збережено."
    assert texts.say("uk", "Not what you meant? Change it") == "Натиснули не те? Змінити"
    assert texts.say("uk", "No. {number}", number="17") == "№ 17"
    assert [texts.name(language) for language in LANGUAGES] == ["Українська", "English"]


def test_a_missing_text_is_shown_in_english_and_reported_once(complaints: list[str]) -> None:
    texts = Texts(("uk",), complaints.append)
    assert texts.say("uk", "Nobody has written this") == "Nobody has written this"
    assert texts.say("uk", "Nobody has written this") == "Nobody has written this"
    assert len(complaints) == 1
    assert "Nobody has written this" in complaints[0]


def test_a_missing_language_speaks_english(complaints: list[str]) -> None:
    texts = Texts(("uk",), complaints.append)
    assert texts.say("qq", "Skip") == "Skip"
    assert texts.name("qq") == "qq"
    assert complaints


@pytest.mark.parametrize("damage", [b"", b"\x00" * 40, b"\xde\x12\x04\x95" + b"\xff" * 60, b"\xde\x12\x04\x95"])
def test_a_damaged_catalogue_is_reported_and_english_is_shown(tmp_path: Path, complaints: list[str], damage: bytes) -> None:
    folder = tmp_path / "uk" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "kiosk.mo").write_bytes(damage)
    texts = Texts(("uk",), complaints.append, folder=tmp_path)
    assert texts.say("uk", "Skip") == "Skip"
    assert any("uk" in complaint for complaint in complaints)


HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'


def test_numbers_take_the_form_of_their_language(tmp_path: Path, complaints: list[str]) -> None:
    rule = (
        '"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);\\n"\n'
    )
    entry = (
        '\nmsgid "{n} answer"\nmsgid_plural "{n} answers"\n'
        'msgstr[0] "{n} відповідь"\nmsgstr[1] "{n} відповіді"\nmsgstr[2] "{n} відповідей"\n'
    )
    texts = Texts(("xx",), complaints.append, folder=compiled(HEAD + rule + entry, tmp_path))
    said = [texts.count("xx", "{n} answer", "{n} answers", number) for number in (1, 2, 5, 11, 21, 104)]
    assert said == ["1 відповідь", "2 відповіді", "5 відповідей", "11 відповідей", "21 відповідь", "104 відповіді"]
    assert texts.count("qq", "{n} answer", "{n} answers", 3) == "3 answers"


def test_a_wrong_placeholder_falls_back_to_english(tmp_path: Path, complaints: list[str]) -> None:
    texts = Texts(("xx",), complaints.append, folder=compiled(HEAD + '\nmsgid "No. {number}"\nmsgstr "№ {nummer}"\n', tmp_path))
    assert texts.say("xx", "No. {number}", number=4) == "No. 4"
    assert "placeholder" in complaints[0]


def test_the_court_s_own_texts_are_chosen_by_language() -> None:
    assert pick({"uk": "Суд", "en": "Court"}, "en", "uk") == "Court"
    assert pick({"uk": "Суд"}, "en", "uk") == "Суд"
    assert pick({"pl": "Sąd"}, "en", "uk") == "Sąd"
    assert pick({}, "en", "uk") == ""
