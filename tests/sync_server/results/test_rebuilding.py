"""Days are counted afresh: those that are marked, no others, and as often as one likes."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sync_server.courts.models import Court
from sync_server.ingest.models import Mark
from sync_server.results import tallies
from sync_server.results.models import CourtRevision, Tally
from sync_server.results.tallies import Day
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
from tests.sync_server.results.history import FRIDAY, Visit, counts, send, settle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


def told() -> list[tuple[Any, ...]]:
    names = [field.attname for field in Tally._meta.concrete_fields if field.name not in ("id", "hours")]
    return sorted(Tally.objects.values_list(*names), key=str)


def test_counting_a_day_again_changes_nothing_and_says_so(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(5).left(ms=9).flag()
    send(source)
    before, revision = told(), CourtRevision.objects.get().fresh
    ids = set(Tally.objects.values_list("id", flat=True))
    tallies.rebuild(Day(court.id, FRIDAY))
    assert told() == before
    assert set(Tally.objects.values_list("id", flat=True)) == ids, "not one row is written anew"
    assert CourtRevision.objects.get().fresh == revision


def test_counting_one_day_leaves_the_others_and_other_courts_alone(court: Court, source: Source) -> None:
    other = a_source("kiosk-other", exit=an_exit(a_court("other")))
    for device in (source, other):
        for days in (0, 1, 2):
            Visit(device, NOON - timedelta(days=days)).answer(4)
        send(device)
    untouched = set(Tally.objects.exclude(court=court, local_date=FRIDAY).values_list("id", flat=True))
    Visit(source, NOON + timedelta(minutes=1)).answer(5)
    send(source)
    assert set(Tally.objects.exclude(court=court, local_date=FRIDAY).values_list("id", flat=True)) == untouched
    assert counts(court, FRIDAY) == {"v4": 1, "v5": 1, "c4": 1, "c5": 1}


def test_marks_are_used_up_exactly(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(5)
    source.send()
    assert Mark.objects.exists()
    assert tallies.step(NOON) > 0
    assert not Mark.objects.exists()
    assert tallies.step(NOON) == 0


def test_a_mark_that_comes_while_others_are_worked_off_stays(court: Court, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    Visit(source, NOON).answer(5)
    source.send()
    real = tallies.rebuild

    def meanwhile(day: Day) -> set[str]:
        changed = real(day)
        stream = Mark.objects.first()
        assert stream is not None
        Mark.objects.create(stream_id=stream.stream_id, hour=stream.hour)
        return changed

    monkeypatch.setattr(tallies, "rebuild", meanwhile)
    tallies.step(NOON)
    monkeypatch.undo()
    assert Mark.objects.count() >= 1
    settle()
    assert not Mark.objects.exists()


def test_a_long_backlog_is_worked_off_in_steps(court: Court, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "DAYS_AT_ONCE", 3)
    for day in range(10):
        Visit(source, NOON - timedelta(days=day)).answer(4)
    source.send()
    real, rebuilt = tallies.rebuild, []
    monkeypatch.setattr(tallies, "rebuild", lambda day: (rebuilt.append(day), real(day))[1])
    steps = 0
    while tallies.step(NOON):
        assert len(rebuilt) <= 3, "one step holds the database for three days' counting, and no longer"
        rebuilt.clear()
        steps += 1
    assert steps > 2
    assert Tally.objects.filter(v4=1, c4=1).count() == 10


def test_two_workers_cannot_count_the_same_marks_at_once(court: Court, source: Source, storage: str) -> None:
    Visit(source, NOON).answer(5)
    source.send()
    with CaptureQueriesContext(connection) as asked:
        tallies.step(NOON)
    reading = next(query["sql"] for query in asked if query["sql"].startswith('SELECT "ingest_mark"'))
    # On SQLite a transaction that may write is alone from its first statement on.
    assert storage == "sqlite" or "FOR UPDATE" in reading
