"""The kiosk's words: complete in every language, compiled as written, and never a reason to stop."""

import ast
import re
import subprocess
from pathlib import Path
from string import Formatter

import pytest

from kiosk.core.hours import Opening
from kiosk.opening import DAYS, SOON, shown, spoken
from kiosk.texts import LANGUAGES, STAFF, STAFF_LANGUAGES, TRANSLATIONS, VISITOR, Texts, pick
from tests.support.tools import find_tool

ROOT = TRANSLATIONS.parents[1]
CATALOGUES = [(VISITOR, language) for language in LANGUAGES] + [(STAFF, language) for language in STAFF_LANGUAGES]


def written(domain: str, language: str) -> Path:
    return TRANSLATIONS / language / "LC_MESSAGES" / f"{domain}.po"


def entries(po: Path) -> dict[str, list[str]]:
    """The keys of a catalogue in order, each with its translations. Every text stands on one line, as we write them."""
    found: dict[str, list[str]] = {}
    key = ""
    for line in po.read_text(encoding="utf-8").splitlines():
        word, _, text = line.partition(" ")
        if word == "msgid":
            key = ast.literal_eval(text)
            found[key] = []
        elif word.startswith("msgstr"):
            found[key].append(ast.literal_eval(text))
    del found[""]
    return found


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def compiled(po: str, folder: Path, language: str = "xx") -> Path:
    """A folder of catalogues that holds `po`."""
    target = folder / language / "LC_MESSAGES"
    target.mkdir(parents=True)
    (target / "visitor.po").write_text(po, encoding="utf-8")
    subprocess.run([find_tool("msgfmt", "gettext"), "-o", target / "visitor.mo", target / "visitor.po"], check=True)
    return folder


# --- the catalogues ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("domain", "language"), CATALOGUES)
def test_the_compiled_catalogue_is_the_written_one(domain: str, language: str, tmp_path: Path) -> None:
    made = tmp_path / "made.mo"
    subprocess.run([find_tool("msgfmt", "gettext"), "--check-format", "-o", made, written(domain, language)], check=True)
    assert made.read_bytes() == written(domain, language).with_suffix(".mo").read_bytes()


@pytest.mark.parametrize(("domain", "language"), CATALOGUES)
def test_every_language_has_the_same_texts_and_none_is_empty(domain: str, language: str) -> None:
    found = entries(written(domain, language))
    assert list(found) == list(entries(written(domain, "en")))
    assert [key for key, texts in found.items() if not texts or not all(text.strip() == text != "" for text in texts)] == []


@pytest.mark.parametrize(("domain", "language"), CATALOGUES)
def test_every_translation_has_the_placeholders_of_its_key(domain: str, language: str) -> None:
    found = entries(written(domain, language))
    assert [key for key, texts in found.items() if any(fields(text) != fields(key) for text in texts)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_ends_as_its_key_does(language: str) -> None:
    """A sentence stays a sentence, a label a label, and what is followed by a figure ends in a colon."""
    for key, texts in entries(written(VISITOR, language)).items():
        for text in texts if not fields(key) else ():
            for sign in ".:?":
                assert text.endswith(sign) == key.endswith(sign), (key, text)


def test_what_a_language_calls_itself_is_in_no_other_catalogue(complaints: list[str]) -> None:
    texts = Texts(LANGUAGES, complaints.append)
    for of_itself in (texts.name, texts.sign):
        assert len({of_itself(language) for language in LANGUAGES}) == len(LANGUAGES)
    assert all(2 <= len(texts.sign(language)) <= 3 for language in LANGUAGES)
    assert complaints == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_its_own_name_and_short_words_are_the_same_as_in_english(language: str) -> None:
    """A text that somebody forgot to translate would be the key itself."""
    if language != "en":
        same = [key for key, texts in entries(written(VISITOR, language)).items() if key in texts and not fields(key)]
        assert same == []


def constants(*files: str) -> set[str]:
    """Every constant text in these files of the kiosk's code, or in all of it; not what documents them."""
    found = set()
    for path in [ROOT / "kiosk" / file for file in files] or (ROOT / "kiosk").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in documents]
        found |= {node.value for node in nodes if isinstance(node.value, str)}
    return found


@pytest.mark.parametrize(
    ("file", "domain"),
    [("screen/staging.py", VISITOR), ("voice/script.py", VISITOR), ("builtin.py", VISITOR), ("upkeep/wiring.py", STAFF)],
)
def test_every_text_that_people_see_or_hear_has_its_translations(file: str, domain: str) -> None:
    """Whatever begins as a sentence does, wherever it stands: in a call, in a table, under a name."""
    known = set(entries(written(domain, "en"))) | {"Opens in {n} days"}
    said = {text for text in constants(file) if text[:1].isupper() and len(text) > 1}
    assert len(said) >= 5
    assert said - known == set()


def test_no_catalogue_holds_a_text_that_nobody_asks_for() -> None:
    known = constants() | {f"Opens {day}{rest}" for day in (*SOON, *DAYS) for rest in (".", " at {time}")}
    refused = {text for text in entries(written(STAFF, "en")) if "code" in text}  # what the server says when it does not enrol
    assert set(entries(written(VISITOR, "en"))) - known == set()
    assert set(entries(written(STAFF, "en"))) - known - refused == set()


def test_ukrainian_reads_as_agreed(complaints: list[str]) -> None:
    texts = Texts(LANGUAGES, complaints.append)
    assert texts.say("uk", "Thank you! Your answer is saved.") == "Дякуємо! Вашу відповідь збережено."
    assert texts.say("uk", "Not what you meant? Change it") == "Натиснули не те? Змінити"
    assert texts.say("uk", "Still there? Touch the screen.") == "Ви ще тут? Торкніться екрана."
    assert texts.say("uk", "Cleaning the screen: {n} s left", n=12) == "Прибирання екрана: ще 12 с"
    assert texts.say("uk", "No. {number}", number="17") == "№ 17"
    names = ["Українська", "English", "Polski", "Română", "Magyar", "Български", "Qırımtatarca"]
    assert [texts.name(language) for language in LANGUAGES] == names


# --- when the court opens ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opening", "says"),
    [
        (Opening(0, 0, 540), "Працюватиме сьогодні з 9:00"),
        (Opening(1, 1, 485), "Працюватиме завтра з 8:05"),
        (Opening(1, 3, 660), "Працюватиме у вівторок з 11:00"),
        (Opening(6, 6, 0), "Працюватиме в неділю з 0:00"),
        (Opening(0, 7, 540), "Працюватиме через 7 днів"),
        (Opening(0, 21, 540), "Працюватиме через 21 день"),
        (Opening(0, 22, 540), "Працюватиме через 22 дні"),
    ],
)
def test_a_closed_court_says_when_it_opens(complaints: list[str], opening: Opening, says: str) -> None:
    assert shown(opening, Texts(LANGUAGES, complaints.append), "uk") == says
    assert complaints == []


def test_for_the_ear_the_hour_comes_digit_by_digit(complaints: list[str]) -> None:
    texts = Texts(LANGUAGES, complaints.append)
    assert spoken(Opening(0, 3, 605), texts, "pl") == ("Otwarcie w poniedziałek.", "Godzina:", "1", "0", "0", "5")
    assert spoken(Opening(0, 12, 605), texts, "hu") == ("Napok száma a nyitásig:", "1", "2")
    assert complaints == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_day_has_words_of_its_own_for_eye_and_ear(complaints: list[str], language: str) -> None:
    texts = Texts(LANGUAGES, complaints.append)
    openings = [Opening(day, ahead, 540) for ahead in (0, 1) for day in (0,)] + [Opening(day, 3, 540) for day in range(7)]
    assert len({shown(opening, texts, language) for opening in openings}) == len(openings)
    assert len({spoken(opening, texts, language) for opening in openings}) == len(openings)
    assert complaints == []


# --- gaps and damage -----------------------------------------------------------------------------------------------------


def test_a_missing_text_is_shown_in_english_and_reported_once(complaints: list[str]) -> None:
    texts = Texts(("uk",), complaints.append)
    assert texts.say("uk", "Nobody has written this") == "Nobody has written this"
    assert texts.say("uk", "Nobody has written this") == "Nobody has written this"
    assert len(complaints) == 1
    assert "uk/LC_MESSAGES/visitor.mo" in complaints[0]
    assert "Nobody has written this" in complaints[0]


def test_however_many_texts_are_missing_a_catalogue_is_reported_once(complaints: list[str]) -> None:
    texts = Texts(LANGUAGES, complaints.append)
    for language in ("uk", "pl"):
        for number in range(30):
            assert texts.say(language, f"Nobody has written {number}") == f"Nobody has written {number}"
    assert ["uk/" in complaints[0], "pl/" in complaints[1]] == [True, True]
    assert len(complaints) == 2


def test_the_device_opens_the_catalogues_once_so_that_each_fault_is_reported_once() -> None:
    places = {
        path.relative_to(ROOT / "kiosk").as_posix(): path.read_text(encoding="utf-8") for path in (ROOT / "kiosk").rglob("*.py")
    }
    opened = [(name, call) for name, code in places.items() for call in re.findall(r"(?<![\w.])Texts\([^)]*\)", code)]
    assert sorted(name for name, call in opened if "STAFF" not in call) == ["device/__init__.py"]


def test_a_missing_language_speaks_english(complaints: list[str]) -> None:
    texts = Texts(("uk",), complaints.append)
    assert texts.say("qq", "Skip") == "Skip"
    assert (texts.name("qq"), texts.sign("qq")) == ("qq", "QQ")
    assert complaints


@pytest.mark.parametrize("damage", [b"", b"\x00" * 40, b"\xde\x12\x04\x95" + b"\xff" * 60, b"\xde\x12\x04\x95"])
def test_a_damaged_catalogue_is_reported_and_english_is_shown(tmp_path: Path, complaints: list[str], damage: bytes) -> None:
    folder = tmp_path / "uk" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "visitor.mo").write_bytes(damage)
    texts = Texts(("uk",), complaints.append, folder=tmp_path)
    assert texts.say("uk", "Skip") == "Skip"
    assert texts.say("uk", "No. {number}", number=17) == "No. 17"
    assert texts.count("uk", "Opens in {n} day", "Opens in {n} days", 8) == "Opens in 8 days"
    assert (texts.name("uk"), texts.sign("uk")) == ("uk", "UK")
    assert len(complaints) == 1
    assert "uk/LC_MESSAGES/visitor.mo cannot be read (" in complaints[0]


def test_bytes_turned_anywhere_in_a_catalogue_never_stop_anything(tmp_path: Path, complaints: list[str]) -> None:
    whole = written(VISITOR, "uk").with_suffix(".mo").read_bytes()
    folder = tmp_path / "uk" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    for place in [*range(28), *range(28, len(whole), 97)]:
        for turned in (0x00, 0xFF):
            (folder / "visitor.mo").write_bytes(whole[:place] + bytes([turned]) + whole[place + 1 :])
            complaints.clear()
            texts = Texts(("uk",), complaints.append, folder=tmp_path)
            assert texts.say("uk", "Skip")
            assert texts.say("uk", "No. {number}", number=17)
            assert texts.count("uk", "Opens in {n} day", "Opens in {n} days", 8)
            assert texts.name("uk")
            assert len(complaints) <= 2, "it may lack texts and have wrong placeholders"


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


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("en", ["Opens in 8 days", "Opens in 21 days"]),
        ("pl", ["Otwarcie za 8 dni", "Otwarcie za 21 dni"]),
        ("ro", ["Se deschide peste 8 zile", "Se deschide peste 21 de zile"]),
        ("hu", ["Nyitás 8 nap múlva", "Nyitás 21 nap múlva"]),
        ("bg", ["Отваря след 8 дни", "Отваря след 21 дни"]),
        ("crh", ["Açılacaq: 8 künden soñ", "Açılacaq: 21 künden soñ"]),
    ],
)
def test_shipped_catalogues_count_as_their_languages_do(complaints: list[str], language: str, forms: list[str]) -> None:
    texts = Texts(LANGUAGES, complaints.append)
    assert [texts.count(language, "Opens in {n} day", "Opens in {n} days", number) for number in (8, 21)] == forms
    assert complaints == []


def test_a_wrong_placeholder_falls_back_to_english(tmp_path: Path, complaints: list[str]) -> None:
    texts = Texts(("xx",), complaints.append, folder=compiled(HEAD + '\nmsgid "No. {number}"\nmsgstr "№ {nummer}"\n', tmp_path))
    assert texts.say("xx", "No. {number}", number=4) == "No. 4"
    assert "placeholder" in complaints[0]


def test_the_court_s_own_texts_are_chosen_by_language() -> None:
    assert pick({"uk": "Суд", "en": "Court"}, "en", "uk") == "Court"
    assert pick({"uk": "Суд"}, "en", "uk") == "Суд"
    assert pick({"en": "Court", "uk": "Суд"}, "hu", "ro") == "Суд"
    assert pick({"pl": "Sąd"}, "en", "uk") == "Sąd"
    assert pick({"uk": " ", "pl": "Sąd"}, "uk", "en") == "Sąd"
    assert pick({}, "en", "uk") == ""


@pytest.mark.parametrize(
    ("language", "ruling"),
    [
        ("uk", "результатів суду"),
        ("en", "court"),
        ("pl", "sąd"),
        ("ro", "instanț"),
        ("hu", "bíróság"),
        ("bg", "съда"),
        ("crh", "mahkeme"),
    ],
)
def test_an_answer_joins_the_results_of_the_survey_not_those_of_the_court(
    complaints: list[str], language: str, ruling: str
) -> None:
    """After a hearing, "the court's results" are rulings."""
    happens = Texts(LANGUAGES, complaints.append).say(language, "It joins the survey results and shows what to improve.")
    assert ruling not in happens


def test_the_accessible_mode_is_called_what_telephones_call_it(complaints: list[str]) -> None:
    """«Доступний режим» would be a mode that is available."""
    texts = Texts(LANGUAGES, complaints.append)
    assert texts.say("uk", "Easier to use") == "Спеціальні можливості"
    assert texts.say("bg", "Easier to use") == "Достъпност"
