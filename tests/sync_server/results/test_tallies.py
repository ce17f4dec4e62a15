"""Tallies say what the ledger says: of every visit the last word counts, once, at its exit and its input."""

from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest

from sync_server.courts.models import Court
from sync_server.results.models import Tally
from tests.sync_server.device import NOON, Source, a_source, an_exit
from tests.sync_server.results.history import FRIDAY, Visit, counts, hours, send
from wire.events import DONT_KNOW, NOT_APPLICABLE, Answer, Input, Passage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


def test_each_visit_counts_once_at_the_point_it_chose(court: Court, source: Source) -> None:
    for value in (5, 5, 4, 1):
        Visit(source, NOON + timedelta(seconds=len(source.rows))).answer(value)
    send(source)
    assert counts(court, FRIDAY) == {"v5": 2, "v4": 1, "v1": 1, "c5": 2, "c4": 1, "c1": 1}


def test_an_answer_given_again_replaces_the_first(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(1).retract(ms=900).answer(5, ms=1_500)
    send(source)
    assert counts(court, FRIDAY) == {"v5": 1, "c5": 1}


def test_an_answer_that_was_taken_back_is_gone_although_it_was_counted_before(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(2).retract(ms=4_000)
    send(source, 1, 1)
    assert counts(court, FRIDAY) == {"v2": 1, "c2": 1}
    send(source, 2, 2)
    assert counts(court, FRIDAY) == {}
    assert not Tally.objects.exists()


def test_a_retraction_that_comes_before_its_answer_is_heard_all_the_same(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(2).retract(ms=4_000)
    send(source, 2, 2)
    send(source, 1, 1)
    assert counts(court, FRIDAY) == {}


def test_rows_of_one_millisecond_are_taken_in_the_order_of_the_ledger(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(1).retract(ms=0).answer(4, ms=0)
    send(source)
    assert counts(court, FRIDAY) == {"v4": 1, "c4": 1}


def test_an_item_that_was_shown_and_left_is_unanswered_and_answered_later_is_not(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(4).left(ms=9_000)
    Visit(source, NOON + timedelta(minutes=1)).answer(4).left(ms=9_000).answer(2, ms=9_500, item="reason")
    send(source)
    assert counts(court, FRIDAY, "reason") == {"unanswered": 1, "v2": 1, "c2": 1}


def test_what_is_no_scale_point_stands_beside_the_scale(court: Court, source: Source) -> None:
    for value in (DONT_KNOW, NOT_APPLICABLE, NOT_APPLICABLE, 0, 10):
        Visit(source, NOON + timedelta(seconds=len(source.rows))).answer(value)
    send(source)
    assert counts(court, FRIDAY) == {"dont_know": 1, "not_applicable": 2, "v0": 1, "v10": 1, "c0": 1, "c10": 1}
    assert hours(court, FRIDAY) == {14: 2}, "and in no hour's distribution"


def test_a_flagged_visit_counts_raw_and_not_cleaned(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(1).flag()
    Visit(source, NOON + timedelta(seconds=9)).answer(5)
    send(source)
    assert counts(court, FRIDAY) == {"v1": 1, "v5": 1, "c5": 1, "flagged": 1}
    assert hours(court, FRIDAY) == {14: 1}


@pytest.mark.parametrize("reason", ["rapid", "burst", "run", "closed", "stuck"])
def test_whatever_the_doubt_the_visit_counts_as_flagged_in_all_that_it_said(court: Court, source: Source, reason: str) -> None:
    Visit(source, NOON).answer(2).flag(reason, ms=1).answer(3, ms=9, item="reason").answer(4, ms=20, item="tangibles.comfort")
    send(source)
    assert counts(court, FRIDAY) == {"v2": 1, "flagged": 1}
    assert counts(court, FRIDAY, "reason") == {"v3": 1, "flagged": 1}
    assert counts(court, FRIDAY, "tangibles.comfort") == {"v4": 1, "flagged": 1}


def test_who_passed_the_door_is_in_no_tally_of_answers(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(4)
    source.add(source.event(Passage, NOON, 230, dt=3_600_000, item="overall"))
    send(source)
    assert counts(court, FRIDAY) == {"v4": 1, "c4": 1}


def test_answers_to_the_built_in_questionnaire_count(court: Court, source: Source) -> None:
    source.add(msgspec.structs.replace(source.event(Answer, NOON, 4), questionnaire=0))
    send(source)
    assert counts(court, FRIDAY) == {"v4": 1, "c4": 1}


def test_a_flag_that_comes_a_batch_later_cleans_what_was_counted(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(1).flag(ms=100).flag("burst", ms=200)
    send(source, 1, 1)
    assert counts(court, FRIDAY) == {"v1": 1, "c1": 1}
    send(source, 2, 3)
    assert counts(court, FRIDAY) == {"v1": 1, "flagged": 1}, "two flags are one doubt"


def test_raw_is_always_cleaned_and_flagged_together(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(1).left(ms=9).flag()
    Visit(source, NOON + timedelta(seconds=3)).answer(DONT_KNOW).flag()
    Visit(source, NOON + timedelta(seconds=6)).answer(3)
    send(source)
    for tally in Tally.objects.all():
        raw = sum(getattr(tally, f"v{point}") for point in range(11))
        cleaned = sum(getattr(tally, f"c{point}") for point in range(11))
        assert raw == cleaned + tally.flagged, f"{tally.item}: flagged is how many answers the cleaned ones leave out"


def test_inputs_and_exits_are_kept_apart(court: Court, source: Source) -> None:
    side = a_source("kiosk-side-1", exit=an_exit(court, "Бічний вихід"))
    Visit(source, NOON).answer(5)
    Visit(source, NOON + timedelta(seconds=1), channel=Input.BUTTON).answer(4)
    Visit(side, NOON).answer(3)
    send(source)
    send(side)
    rows = set(Tally.objects.values_list("exit__name_uk", "input", "v5", "v4", "v3"))
    assert rows == {
        ("Головний вихід", Input.TOUCH, 1, 0, 0),
        ("Головний вихід", Input.BUTTON, 0, 1, 0),
        ("Бічний вихід", Input.TOUCH, 0, 0, 1),
    }


def test_a_fork_sent_anew_under_another_stream_counts_once(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(5)
    send(source)
    again = source.clone()
    again.stream, again.rows, again.links = type(source.stream)(uuid4().bytes), [], []
    again.boot = source.boot
    again.add(*source.rows)
    send(again)
    assert counts(court, FRIDAY) == {"v5": 1, "c5": 1}, "device, boot and visit name a visit, whatever stream brought it"
