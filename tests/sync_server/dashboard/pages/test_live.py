"""What an open page is told when something has changed, and when nothing has."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from sync_server.courts.models import Court
from tests.sync_server.dashboard.pages.rated import NOW, Rate
from tests.sync_server.dashboard.reading import Read, seen

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


def live(client: Client, token: str) -> Any:
    return client.get(f"/courts/zrazkove/live?seen={token}", headers={"HX-Request": "true"})


def test_nothing_new_is_answered_with_nothing(page: Client, rate: Rate, django_assert_max_num_queries: Any) -> None:
    rate(*[5] * 12)
    token = seen(page.get("/courts/zrazkove/").content.decode())
    with django_assert_max_num_queries(5):
        answer = live(page, token)
    assert (answer.status_code, answer.content) == (204, b"")


def test_one_new_answer_moves_the_counts_alone(page: Client, rate: Rate, settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 5
    rate(*[5] * 12)
    token = seen(page.get("/courts/zrazkove/").content.decode())
    rate(1)
    answer = live(page, token).content.decode()
    found = Read(answer)
    assert found.attributes == {"data-answers-today": "13", "data-answers-30d": "13"}
    assert "За останні 30 днів — 13 відповідей; частка" in found.text, "the first line and the count agree"
    assert "У розподілі 12 відповідей: 1 найновіша" in found.text
    assert 'id="results"' not in answer
    assert live(page, seen(answer)).status_code == 204


def test_the_fifth_new_answer_brings_the_distribution(page: Client, rate: Rate, settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 5
    rate(*[5] * 12)
    token = seen(page.get("/courts/zrazkove/").content.decode())
    rate(1, 1, 1, 1)
    token = seen(live(page, token).content.decode())
    rate(1)
    answer = live(page, token).content.decode()
    found = Read(answer)
    assert 'id="results" hx-swap-oob="true"' in answer
    assert [value["n"] for value in found.scripts["distribution-spec-1"]["data"]["values"]] == ["5", "0", "0", "0", "12"]
    assert live(page, seen(answer)).status_code == 204


def test_midnight_at_the_court_brings_a_new_page(page: Client, rate: Rate, monkeypatch: pytest.MonkeyPatch) -> None:
    rate(*[5] * 12)
    token = seen(page.get("/courts/zrazkove/").content.decode())
    midnight = datetime(2027, 2, 12, 22, 0, tzinfo=NOW.tzinfo)
    monkeypatch.setattr("django.utils.timezone.now", lambda: midnight - timedelta(seconds=1))
    assert live(page, token).status_code == 204
    monkeypatch.setattr("django.utils.timezone.now", lambda: midnight)
    assert Read(live(page, token).content.decode()).attributes == {"data-answers-today": "0", "data-answers-30d": "12"}


@pytest.mark.parametrize(
    "token", ["", "1", "1.2", "1.2.x", "-1.2.3", "1.2.0", "9" * 30 + ".1.1", "1.1.9999999", "٣.١.١", "<script>"]
)
def test_a_token_that_is_none_is_refused(page: Client, court: Court, token: str) -> None:
    answer = page.get("/courts/zrazkove/live", {"seen": token})
    assert answer.status_code == 400
    assert b"<script>" not in answer.content


def test_a_page_whose_person_was_signed_out_is_led_to_the_sign_in(client: Client, court: Court) -> None:
    answer = client.get("/courts/zrazkove/live?seen=0.0.1", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/sign-in/"
    assert not answer.content
