"""Numbers, plurals and dates as people write them; every text in Ukrainian; the compiled catalogue is the written one."""

import ast
import re
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from sync_server.courts.models import Court
from sync_server.dashboard import charts, words
from sync_server.dashboard.bars import WIDTH, stacked
from sync_server.dashboard.seen import parse, token
from sync_server.results.figures import Change, Distribution, Share
from sync_server.results.periods import last_days
from sync_server.results.selectors import Front, PeriodResult, Revision
from wire.events import Input

SERVER = settings.REPOSITORY / "sync_server"
CATALOGUE = SERVER / "locale" / "uk" / "LC_MESSAGES" / "django.po"
FACES = (1, 2, 3, 4, 5)


@pytest.fixture(params=["uk"])
def uk(request: Any) -> Any:
    with translation.override(request.param):
        yield


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (0, "0 відповідей"),
        (1, "1 відповідь"),
        (2, "2 відповіді"),
        (4, "4 відповіді"),
        (5, "5 відповідей"),
        (11, "11 відповідей"),
        (12, "12 відповідей"),
        (14, "14 відповідей"),
        (21, "21 відповідь"),
        (22, "22 відповіді"),
        (111, "111 відповідей"),
        (1001, "1\xa0001 відповідь"),
    ],
)
def test_ukrainian_has_three_plurals(uk: None, n: int, said: str) -> None:
    assert words.answers(n) == said


def test_english_has_two_plurals() -> None:
    with translation.override("en"):
        assert [words.answers(n) for n in (1, 2, 1234)] == ["1 answer", "2 answers", "1,234 answers"]


def test_few_answers_are_told_in_the_agreed_words() -> None:
    with translation.override("uk"):
        assert words.too_few(7) == "Відповідей: 7. Замало, щоб сказати більше."
    with translation.override("en"):
        assert words.too_few(7) == "7 answers: too few to say more."
        assert words.too_few(1) == "1 answer: too few to say more."


@pytest.mark.parametrize(("language", "said"), [("uk", "23 листопада 2026"), ("en", "23 November 2026")])
def test_dates_are_written_as_people_write_them(language: str, said: str) -> None:
    with translation.override(language):
        assert words.day(date(2026, 11, 23)) == said


def test_a_share_stands_with_its_interval_and_never_breaks_across_lines(uk: None) -> None:
    said = words.share(Share.of(321, 412))
    assert said.replace("\u2060", "") == "78\xa0%\xa0(74–82\xa0%)"
    assert " " not in said


def test_decimals_follow_the_language() -> None:
    for language, said in (("uk", "64,2"), ("en", "64.2")):
        with translation.override(language):
            assert words.number(64.23, 1) == said


def test_a_change_names_its_direction_and_both_ends() -> None:
    with translation.override("en"):
        assert words.moved(Change(0.16, 0.12, 0.19)).replace("\u2060", "") == "16 points (12–19) higher than in the 30 days before"
        assert (
            words.moved(Change(-0.16, -0.19, -0.12)).replace("\u2060", "") == "16 points (12–19) lower than in the 30 days before"
        )
        assert words.moved(Change(0.02, -0.01, 0.05)) == "no clear change"


def result(answers: int, counts: tuple[int, ...], raw: tuple[int, ...] | None = None, **more: Any) -> PeriodResult:
    month = last_days(date(2026, 11, 23))
    return PeriodResult(month, answers, Distribution(FACES, counts), Distribution(FACES, raw or counts), **more)


def test_the_first_line_says_how_many_answered_and_what_of_it_is_so(uk: None) -> None:
    month = result(1409, (200, 100, 250, 429, 400))
    said = words.lead(Front(a_kyiv_court(), 3, month, Change(0.16, 0.12, 0.19), Revision(1, 1, date(2026, 11, 23))))
    assert said.replace("\u2060", "").replace("\xa0", " ") == (
        "За останні 30 днів — 1 409 відповідей; частка «добре» й «дуже добре» — 60 % (58–63 %), "
        "це на 16 в. п. (12–19) більше, ніж за попередні 30 днів."
    )


def test_an_answer_that_came_but_is_not_shown_yet_does_not_make_the_first_line_say_nobody(uk: None) -> None:
    front = Front(a_kyiv_court(), 3, result(3, (0,) * 5), None, Revision(1, 0, date(2026, 11, 23)))
    assert words.lead(front) == "За останні 30 днів — 3 відповіді: поки замало, щоб сказати більше."


def a_kyiv_court() -> Court:
    return Court(slug="zrazkove", name_uk="Суд")


def test_what_the_distribution_leaves_out_is_told_beside_it(uk: None) -> None:
    def said(month: PeriodResult) -> str:
        return words.counted(month).replace("\xa0", " ")

    everything = (200, 100, 250, 429, 400)
    assert said(result(1379, everything)) == "1 379 відповідей."
    assert said(result(1409, everything, (230, 100, 250, 429, 400))) == (
        "У розподілі 1 379 відповідей: ще 30 позначено як можливе зловживання."
    )
    assert "«не знаю»: 4; 2 найновіші ввійдуть разом із наступними" in said(result(1385, everything, dont_know=4))
    late = said(result(1370, everything, as_of=date(2026, 11, 20)))
    assert late == "У розподілі 1 379 відповідей: він станом на 20 листопада 2026, бо відтоді змінилося замало."
    assert said(result(0, (0,) * 5)) == ""


def test_an_installation_that_shows_too_soon_says_so_and_another_says_nothing() -> None:
    with translation.override("en"):
        assert words.step_note(5) == words.step_note(50) == ""
        assert "every answer" in words.step_note(1)
        assert "every 3 answers" in words.step_note(3)


def test_every_channel_has_a_name(uk: None) -> None:
    names = [words.channel(each) for each in (*Input, None)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[а-яіїєґ’ ]+", name) for name in names)


# --- the catalogue ---------------------------------------------------------------------------------------------------------------


def entries() -> list[tuple[str, list[str]]]:
    """(msgid, translations) of the written catalogue, without its head."""
    found = []
    for entry in CATALOGUE.read_text(encoding="utf-8").split("\n\n")[1:]:
        texts = re.findall(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?) "(.*)"$', entry, re.MULTILINE)
        found.append((texts[0][1], [text for kind, text in texts if kind.startswith("msgstr")]))
    return found


def test_every_text_is_translated_and_keeps_its_placeholders() -> None:
    assert len(entries()) > 80
    for msgid, texts in entries():
        wanted = sorted(re.findall(r"%\(\w+\)s|%%", msgid))
        assert len(texts) in (1, 3), msgid
        for text in texts:
            assert text, msgid
            assert sorted(re.findall(r"%\(\w+\)s|%%", text)) == wanted, msgid


def test_every_text_that_the_code_shows_is_in_the_catalogue() -> None:
    known = {msgid.replace('\\"', '"') for msgid, _ in entries()}
    shown: set[str] = set()
    for path in SERVER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext", "gettext"):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    shown.add(first.value)
    for path in SERVER.rglob("templates/**/*.html"):
        shown |= {text for _, text in re.findall(r"{% translate (['\"])(.*?)\1 %}", path.read_text(encoding="utf-8"))}
    assert len(shown) > 80
    assert shown - known == set()


def test_no_template_holds_a_text_outside_the_catalogue() -> None:
    for path in SERVER.rglob("templates/**/*.html"):
        text = re.sub(
            r"{% (blocktranslate|block body_class).*?(endblocktranslate|endblock) %}",
            "",
            path.read_text(encoding="utf-8"),
            flags=re.DOTALL,
        )
        text = re.sub(r"{[%{#].*?[%}#]}|<[^>]*>", " ", text, flags=re.DOTALL)
        assert re.sub(r"CSV|SHA|[^A-Za-zА-Яа-яІіЇїЄє]", "", text) == "", path.name


def test_the_compiled_catalogue_is_the_written_one(tmp_path: Path) -> None:
    fresh = tmp_path / "django.mo"
    subprocess.run(["msgfmt", "--check-format", "-o", str(fresh), str(CATALOGUE)], check=True)
    texts = [
        subprocess.run(["msgunfmt", "--sort-output", str(path)], check=True, capture_output=True).stdout
        for path in (fresh, CATALOGUE.with_suffix(".mo"))
    ]
    assert texts[0] == texts[1], "compile it: msgfmt -o django.mo django.po"


# --- small things pages are made of ------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 1000), min_size=5, max_size=5))
def test_a_small_bar_is_full_and_its_parts_are_in_order(counts: list[int]) -> None:
    distribution = Distribution(FACES, tuple(counts))
    parts = stacked(distribution)
    if not distribution.enough:
        assert parts == ()
        return
    assert sum(part.width for part in parts) == WIDTH
    assert [part.x for part in parts] == sorted(part.x for part in parts)
    for part in parts:
        assert abs(part.width - WIDTH * counts[part.place - 1] / distribution.n) <= 1


@given(st.integers(0, 10**17), st.integers(0, 10**17), st.dates())
def test_a_token_says_what_it_was_made_of(fresh: int, shown: int, today: date) -> None:
    revision = Revision(fresh, shown, today)
    assert parse(token(revision)) == revision


@given(st.text(max_size=60))
def test_no_text_crashes_the_token(text: str) -> None:
    found = parse(text)
    assert found is None or isinstance(found, Revision)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("Добре", "Добре"),
        ("Ні добре, ні погано", "Ні добре,\nні погано"),
        ("Дуже погано", "Дуже\nпогано"),
        ("Незадовільно", "Незадовільно"),
    ],
)
def test_a_long_label_breaks_once_near_its_middle(text: str, broken: str) -> None:
    assert charts.two_lines(text) == broken
