"""The figures as files: their heads, what they withhold, and how fine they are."""

import csv
import io
from typing import Any

import pytest
from django.test import Client

from sync_server.accounts.models import Person
from sync_server.courts.models import Court
from tests.sync_server.dashboard.pages.rated import Rate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


def test_a_file_that_isnt_there_is_not_found(page: Client, court: Court) -> None:
    assert page.get("/courts/zrazkove/csv/nothing.csv").status_code == 404


def test_the_csv_heads_never_change_with_the_language(analyst: Person, rate: Rate) -> None:
    rate(*[5] * 12)
    heads = set()
    for language in ("uk", "en"):
        client = Client(headers={"accept-language": language})
        client.force_login(analyst)
        answer = client.get("/courts/zrazkove/csv/weeks.csv")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="zrazkove-weeks-2027-02-12.csv"'
        heads.add(answer.content.decode("utf-8-sig").splitlines()[0])
    assert heads == {"week,answers,good_or_very_good,low,high,point_1,point_2,point_3,point_4,point_5"}


def test_reasons_have_no_points_and_ratings_stand_beside_themselves_with_what_is_flagged(page: Client, rate: Rate) -> None:
    rate(*[5] * 12)
    rate(*[3] * 12, item="reason")

    def rows(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(page.get(f"/courts/zrazkove/csv/{name}.csv").content.decode("utf-8-sig"))))

    assert list(rows("reasons")[0]) == ["word", "answers", "with_flagged", "share", "low", "high"]
    assert list(rows("distribution")[0]) == ["point", "word", "answers", "with_flagged", "share", "low", "high"]
    assert [row["with_flagged"] for row in rows("distribution")] == ["0", "0", "0", "0", "12"]
    html = page.get("/courts/zrazkove/").content.decode()
    assert html.count(">Бал<") == 1


def test_the_days_file_holds_plain_counts_of_whole_weeks_until_today(page: Client, rate: Rate) -> None:
    rate(5, 4)
    body = page.get("/courts/zrazkove/csv/days.csv").content.decode("utf-8-sig").splitlines()
    assert body[0] == "day,answers"
    assert body[1].startswith("2026-11-23,"), "a Monday"
    assert body[-1] == "2027-02-12,2"


def test_hours_are_the_finest_a_file_tells(page: Client, rate: Rate) -> None:
    rate(*[5] * 12)
    body = page.get("/courts/zrazkove/csv/hours.csv").content.decode("utf-8-sig")
    assert body.splitlines()[1].startswith("14:00,12,1.0,")


def test_a_table_withholds_counts_while_they_are_few(page: Client, rate: Rate, settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 1
    rate(5, 5, 5, 5, 5, 5, 5, 5, 1)
    for name in ("distribution", "comparison", "hours", "weeks", "reasons"):
        rows = list(csv.DictReader(io.StringIO(page.get(f"/courts/zrazkove/csv/{name}.csv").content.decode("utf-8-sig"))))
        told = [
            value
            for row in rows
            for key, value in row.items()
            if key.startswith("point_") or key in ("share", "low", "high", "with_flagged")
        ]
        assert told
        assert not any(told), name
