"""What the page of a court says, and when it had better say nothing."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from sync_server.courts.models import Court
from tests.sync_server.dashboard.pages.rated import NOW, Rate
from tests.sync_server.dashboard.reading import Read, read

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


def test_the_first_line_says_what_is_so(page: Client, rate: Rate) -> None:
    rate(*[5] * 30, *[4] * 48, *[1] * 22)
    text = read(page, "/courts/zrazkove/").text
    assert "За останні 30 днів — 100 відповідей; частка «добре» й «дуже добре» — 78 % (69–85 %)" in text
    assert "раніше було замало відповідей, щоб порівняти" in text


def test_the_counts_of_a_page_are_plain_numbers_for_machines(page: Client, rate: Rate) -> None:
    rate(*[5] * 200)
    rate(*[4] * 50, at=NOW - timedelta(days=3))
    found = read(page, "/courts/zrazkove/").attributes
    assert found == {"data-answers-today": "200", "data-answers-30d": "250"}


def test_every_chart_has_its_sentence_its_table_and_its_file(page: Client, rate: Rate) -> None:
    rate(*[5, 4, 4, 3, 2] * 10)
    rate(*[3] * 12, item="reason")
    answer = page.get("/courts/zrazkove/").content.decode()
    blocks = re.findall(r'<section class="block block-(\w+)".*?</section>', answer, re.DOTALL)
    assert blocks == ["distribution", "comparison", "hours", "weeks", "reasons"]
    for section in re.findall(r'<section class="block block-.*?</section>', answer, re.DOTALL):
        assert 'role="img"' in section
        assert re.search(r'<p class="sentence">\S', section)
        assert "<details" in section
        assert re.search(r'href="/courts/zrazkove/csv/\w+\.csv"', section)


def test_a_chart_carries_exactly_the_figures_of_its_table(page: Client, rate: Rate) -> None:
    rate(*[5] * 8, *[4] * 20, *[3] * 4, *[2] * 6, *[1] * 2)
    values = read(page, "/courts/zrazkove/").scripts["distribution-spec-1"]["data"]["values"]
    rows = list(csv.DictReader(io.StringIO(page.get("/courts/zrazkove/csv/distribution.csv").content.decode("utf-8-sig"))))
    assert [(row["point"], row["answers"]) for row in rows] == [("1", "2"), ("2", "6"), ("3", "4"), ("4", "20"), ("5", "8")]
    for value, row in zip(values, rows, strict=True):
        assert (value["share"], value["low"], value["high"]) == pytest.approx(
            (float(row["share"]), float(row["low"]), float(row["high"])), abs=5e-5
        )
        assert value["low"] < value["share"] < value["high"]


def test_an_empty_court_says_so_and_shows_no_chart(page: Client, court: Court) -> None:
    found = read(page, "/courts/zrazkove/")
    assert "За останні 30 днів цей суд ніхто не оцінив." in found.text
    assert found.attributes == {"data-answers-today": "0", "data-answers-30d": "0"}
    assert set(found.scripts) == {"vega-theme"}


def test_nine_answers_are_counted_and_nothing_more_is_said(page: Client, rate: Rate, settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 1
    rate(5, 5, 5, 5, 5, 5, 5, 5, 1)
    answer = page.get("/courts/zrazkove/").content.decode()
    found = Read(answer)
    assert "Відповідей: 9. Замало, щоб сказати більше." in found.text
    assert set(found.scripts) == {"vega-theme"}
    assert "%" not in found.text
    assert answer.count('class="filled"') == 9


def test_sample_data_is_marked_on_every_page_that_shows_it(page: Client, court: Court, rate: Rate) -> None:
    assert "вигадано" not in read(page, "/courts/zrazkove/").text
    court.is_sample = True
    court.save()
    assert "Вигадані дані." in read(page, "/courts/zrazkove/").text
    assert "Вигадані дані." in read(page, "/").text


def test_the_page_says_that_its_visitors_chose_themselves(page: Client, rate: Rate) -> None:
    rate(*[5] * 12)
    assert "не випадкова вибірка" in read(page, "/courts/zrazkove/").text
    assert "не випадкова вибірка" in read(page, "/").text


def test_an_installation_that_shows_too_soon_says_so_on_the_page(page: Client, rate: Rate, settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 5
    rate(*[5] * 12)
    assert "Це демонстрація" not in read(page, "/courts/zrazkove/").text
    settings.VIDHUK_LIVE_STEP = 1
    assert "Це демонстрація: розподіл змінюється з кожною відповіддю." in read(page, "/courts/zrazkove/").text
