"""Exactly the days are counted anew that a move, a time zone or a failure touches, and the newest come first."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError

from sync_server.courts import services as courts
from sync_server.courts.models import Court, Move
from sync_server.ingest.models import Mark
from sync_server.ingest.services import Received, accept
from sync_server.results import due, tallies
from sync_server.results.models import CourtRevision, Due, Tally
from sync_server.results.tallies import Day
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
from tests.sync_server.results.history import Visit, counts, hours, utc
from wire import codec
from wire.envelopes import Clock, Echo, Hello
from wire.events import StreamId

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]

FRIDAY = date(2026, 11, 20)
LATER = NOON + timedelta(days=1)
SINCE = datetime(2020, 1, 1, tzinfo=UTC)


def settle(now: datetime = LATER) -> None:
    while tallies.step(now):
        pass


@pytest.fixture
def court() -> Court:
    return a_court()


@pytest.fixture
def source(court: Court) -> Source:
    return a_source(exit=an_exit(court))


@pytest.fixture
def rebuilt(monkeypatch: pytest.MonkeyPatch) -> list[Day]:
    """The days that are counted, in their order."""
    real = tallies.rebuild
    seen: list[Day] = []
    monkeypatch.setattr(tallies, "rebuild", lambda day: (seen.append(day), real(day))[1])
    return seen


def place(source: Source, exit: Any, at: datetime) -> None:
    assert source.device is not None
    courts.place_device(device=source.device, exit=exit, starts_at=at)


def week(source: Source) -> None:
    """One answer on each of seven days that end with Friday."""
    for days in range(6, -1, -1):
        Visit(source, NOON - timedelta(days=days)).answer(4)
    source.send(received=LATER)
    settle()


# --- moves -------------------------------------------------------------------------------------------------------------------


def test_a_move_that_is_committed_after_one_with_a_higher_number_is_followed_too(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(4)
    source.send(received=LATER)
    settle()
    number = 1_000_000  # drawn, and then its transaction takes its time
    Move.objects.create(id=number + 1, device=source.device, since=LATER, exits=[])
    settle()
    place(source, an_exit(a_court("other")), SINCE)
    moved = Move.objects.latest("made_at")
    Move.objects.filter(id=moved.id).delete()
    Move.objects.create(id=number, device=moved.device, since=moved.since, until=moved.until, exits=moved.exits)
    settle()
    assert counts(court, FRIDAY) == {}, "what had been counted here is counted at the other court"


def test_a_move_that_is_written_down_late_takes_its_days_along_and_no_others(
    court: Court, source: Source, rebuilt: list[Day]
) -> None:
    lviv = a_court("lviv")
    week(source)
    kept = set(Tally.objects.filter(local_date__lt=FRIDAY - timedelta(days=2)).values_list("id", flat=True))
    rebuilt.clear()
    place(source, an_exit(lviv), NOON - timedelta(days=2, hours=3))
    settle()
    assert {Day(one.id, FRIDAY - timedelta(days=back)) for one in (court, lviv) for back in range(3)} == set(rebuilt)
    for back in range(7):
        day = FRIDAY - timedelta(days=back)
        here, there = (counts(court, day), counts(lviv, day))
        assert (here, there) == (({}, {"v4": 1, "c4": 1}) if back <= 2 else ({"v4": 1, "c4": 1}, {}))
    assert kept <= set(Tally.objects.values_list("id", flat=True))


def test_a_move_between_two_that_are_known_touches_only_the_time_between_them(
    court: Court, source: Source, rebuilt: list[Day]
) -> None:
    week(source)
    side, back = an_exit(court, "Бічний вихід"), an_exit(court, "Задній вихід")
    place(source, back, NOON - timedelta(days=1, hours=6))
    settle()
    rebuilt.clear()
    place(source, side, NOON - timedelta(days=3, hours=6))
    settle()
    assert {day.local_date for day in rebuilt} == {FRIDAY - timedelta(days=2), FRIDAY - timedelta(days=3)}
    at = {tally.local_date: tally.exit.name_uk for tally in Tally.objects.select_related("exit")}
    assert [at[FRIDAY - timedelta(days=day)] for day in (4, 3, 2, 1, 0)] == [
        "Головний вихід",
        "Бічний вихід",
        "Бічний вихід",
        "Задній вихід",
        "Задній вихід",
    ]


def test_a_placement_that_was_wrong_and_is_removed_gives_its_days_back(court: Court, source: Source) -> None:
    lviv = a_court("lviv")
    place(source, an_exit(lviv), NOON - timedelta(days=1, hours=6))
    week(source)
    assert counts(lviv, FRIDAY) == {"v4": 1, "c4": 1}
    assert source.device is not None
    courts.remove_placement(device=source.device, starts_at=NOON - timedelta(days=1, hours=6))
    settle()
    assert (counts(lviv, FRIDAY), counts(court, FRIDAY)) == ({}, {"v4": 1, "c4": 1})


def test_a_placement_at_the_same_instant_corrects_the_exit(court: Court, source: Source) -> None:
    lviv, odesa = a_court("lviv"), a_court("odesa")
    place(source, an_exit(lviv), NOON - timedelta(hours=1))
    week(source)
    place(source, an_exit(odesa), NOON - timedelta(hours=1))
    settle()
    assert (counts(lviv, FRIDAY), counts(odesa, FRIDAY)) == ({}, {"v4": 1, "c4": 1})


def test_a_device_that_is_placed_only_after_its_rows_came_is_counted_from_then_on(court: Court) -> None:
    source = a_source("kiosk-late-1")
    week(source)
    assert not Tally.objects.exists()
    place(source, an_exit(court), NOON - timedelta(days=1, hours=1))
    settle()
    assert set(Tally.objects.values_list("local_date", flat=True)) == {FRIDAY, FRIDAY - timedelta(days=1)}


def test_undated_answers_go_along_to_where_the_device_stands_now(court: Court, source: Source) -> None:
    lviv = a_court("lviv")
    Visit(source, NOON, synchronised=False).answer(2)
    source.send(received=LATER)
    settle()
    assert counts(court, None) == {"v2": 1, "c2": 1}
    place(source, an_exit(lviv), NOON + timedelta(days=3))
    settle()
    assert (counts(court, None), counts(lviv, None)) == ({}, {"v2": 1, "c2": 1})


def met(source: Source, reading: int, at: datetime) -> None:
    """A greeting by which the server knows what a start's clock, at `reading`, means."""
    instant = int(at.timestamp() * 1000)
    clock = Clock(source.boot, reading, 0, False)
    hello = Hello(1, source.stream, 1_000, 1, 0, clock, "test", echo=Echo(instant - 100, reading - 80))
    accept([Received(source.name, *codec.encode(hello), instant)])


@pytest.mark.parametrize("meanwhile", [False, True])
def test_undated_answers_that_are_dated_before_a_move_is_followed_stay_nowhere(
    court: Court, source: Source, meanwhile: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lviv = a_court("lviv")
    visit = Visit(source, NOON, synchronised=False).answer(2)
    source.send(received=LATER)
    settle()
    assert counts(court, None) == {"v2": 1, "c2": 1}
    met(source, visit.visit + 60_000, NOON + timedelta(minutes=1))
    if meanwhile:  # the move is committed when others have been followed, and the marks not been read yet
        real, door = due.waiting_marks, an_exit(lviv)
        monkeypatch.setattr(due, "waiting_marks", lambda: (place(source, door, NOON + timedelta(days=3)), real())[1])
        tallies.step(LATER)
        monkeypatch.undo()
    else:
        place(source, an_exit(lviv), NOON + timedelta(days=3))
    settle()
    assert (counts(court, None), counts(lviv, None)) == ({}, {})
    assert counts(court, FRIDAY) == {"v2": 1, "c2": 1}


def test_answers_that_lose_their_date_before_a_move_is_followed_stay_nowhere(court: Court, source: Source) -> None:
    lviv = a_court("lviv")
    lie = NOON - timedelta(days=300)
    visit = Visit(source, lie).answer(2)
    source.send(received=LATER)
    settle()
    assert counts(court, lie.date()) == {"v2": 1, "c2": 1}
    met(source, visit.visit + 60_000, NOON + timedelta(minutes=1))
    place(source, an_exit(lviv), lie - timedelta(days=1))
    settle()
    assert counts(court, lie.date()) == {}
    assert counts(lviv, FRIDAY) == {"v2": 1, "c2": 1}


def test_placing_a_device_where_it_stands_is_no_move(court: Court, source: Source) -> None:
    assert source.device is not None
    before = Move.objects.count()
    place(source, source.device.placements.get().exit, NOON)
    assert Move.objects.count() == before


def test_a_move_is_followed_once(court: Court, source: Source, rebuilt: list[Day]) -> None:
    week(source)
    place(source, an_exit(a_court("lviv")), NOON)
    settle()
    rebuilt.clear()
    settle()
    assert rebuilt == []
    assert not Due.objects.exists()


# --- time zones --------------------------------------------------------------------------------------------------------------


def test_a_court_whose_time_zone_was_wrong_has_all_its_days_counted_anew(court: Court, source: Source) -> None:
    other = a_source("kiosk-other", exit=an_exit(a_court("other")))
    for device in (source, other):
        Visit(device, utc(2026, 11, 19, 21, 30)).answer(5)
        Visit(device, utc(2026, 11, 20, 9, 15)).answer(4)
        device.send(received=LATER)
    settle()
    assert (counts(court, FRIDAY - timedelta(days=1)), counts(court, FRIDAY)) == ({"v5": 1, "c5": 1}, {"v4": 1, "c4": 1})
    untouched = set(Tally.objects.exclude(court=court).values_list("id", flat=True))
    courts.change_timezone(court, "Asia/Kathmandu")
    settle()
    assert counts(court, FRIDAY) == {"v4": 1, "v5": 1, "c4": 1, "c5": 1}
    assert counts(court, FRIDAY - timedelta(days=1)) == {}
    assert hours(court, FRIDAY) == {3: 1, 15: 1}
    assert set(Tally.objects.exclude(court=court).values_list("id", flat=True)) == untouched
    assert set(CourtRevision.objects.filter(court=court).values_list("timezone", flat=True)) == {"Asia/Kathmandu"}


def test_a_change_of_the_clock_by_half_an_hour_splits_no_hour_wrongly() -> None:
    # At 02:00 on Lord Howe clocks go on to 02:30.
    court = a_court(timezone="Australia/Lord_Howe")
    source = a_source(exit=an_exit(court))
    for moment in (utc(2026, 10, 3, 15, 29), utc(2026, 10, 3, 15, 30), utc(2026, 10, 3, 15, 59), utc(2026, 10, 3, 16, 0)):
        Visit(source, moment).answer(4)
    source.send(received=LATER)
    settle()
    assert hours(court, date(2026, 10, 4)) == Counter([1, 2, 2, 3])


# --- what comes first --------------------------------------------------------------------------------------------------------


def test_todays_answers_are_counted_before_a_backlog(
    court: Court, source: Source, rebuilt: list[Day], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "DAYS_AT_ONCE", 4)
    for days in range(30, 0, -1):
        Visit(source, NOON - timedelta(days=days)).answer(4)
        source.send(days and len(source.rows), received=LATER)
    live = a_source("kiosk-live-1", exit=an_exit(a_court("live")))
    Visit(live, NOON).answer(5)
    live.send(received=LATER)
    tallies.step(LATER)
    assert Tally.objects.filter(v5=1, local_date=FRIDAY).exists()
    assert Day(court.id, FRIDAY - timedelta(days=30)) in rebuilt, "and the mark that waited longest comes along"
    settle()
    assert Tally.objects.filter(v4=1).count() == 30


def test_a_day_that_cannot_be_counted_is_kept_with_its_reason_and_holds_up_no_other(
    court: Court, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in (2, 1, 0):
        Visit(source, NOON - timedelta(days=days)).answer(4)
    source.send(received=LATER)
    real, bad = tallies.rebuild, Day(court.id, FRIDAY - timedelta(days=1))

    def breaking(day: Day) -> set[str]:
        changed = real(day)
        if day == bad:
            raise ValueError("a scale point that no column has")
        return changed

    monkeypatch.setattr(tallies, "rebuild", breaking)
    settle()
    assert set(Tally.objects.values_list("local_date", flat=True)) == {FRIDAY, FRIDAY - timedelta(days=2)}
    kept = Due.objects.get()
    assert (Day(kept.court_id, kept.local_date), kept.tries) == (bad, 1)
    assert kept.reason == "ValueError: a scale point that no column has"
    assert not Mark.objects.exists()
    settle(LATER + timedelta(minutes=2))
    assert Due.objects.get().tries == 2
    monkeypatch.undo()
    settle(LATER + timedelta(minutes=5))
    assert not Tally.objects.filter(local_date=bad.local_date).exists(), "not yet"
    settle(LATER + timedelta(minutes=30))
    assert counts(court, FRIDAY - timedelta(days=1)) == {"v4": 1, "c4": 1}
    assert not Due.objects.exists()


def test_when_the_database_is_in_trouble_no_day_is_blamed(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    Visit(source, NOON).answer(4)
    source.send(received=LATER)

    def away(day: Day) -> set[str]:
        raise OperationalError("gone")

    monkeypatch.setattr(tallies, "rebuild", away)
    with pytest.raises(OperationalError):
        tallies.step(LATER)
    assert Mark.objects.exists()
    assert not Due.objects.filter(tries__gt=0).exists()


# --- counted once ------------------------------------------------------------------------------------------------------------


def test_a_visit_whose_rows_stand_in_several_streams_counts_once_with_its_last_word(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(1).retract(ms=900).answer(5, ms=1_500)
    Visit(source, NOON + timedelta(minutes=1)).answer(2)
    source.send(received=LATER)
    settle()
    for dropped in (0, 1, 3):
        again = source.clone()
        again.stream, again.rows, again.links = StreamId(uuid4().bytes), [], []
        again.add(*source.rows[dropped:])
        if dropped == 3:
            Visit(again, NOON + timedelta(minutes=1)).retract(ms=2_000)
        again.send(received=LATER)
        settle()
    assert counts(court, FRIDAY) == {"v5": 1, "c5": 1}


def test_of_rows_of_one_millisecond_the_newest_stream_has_the_last_word(court: Court, source: Source) -> None:
    for minutes in range(5):
        Visit(source, NOON - timedelta(minutes=minutes + 1)).answer(3)
    Visit(source, NOON).answer(1)
    source.send(received=LATER)
    again = source.clone()
    again.stream, again.rows, again.links = StreamId(uuid4().bytes), [], []
    again.add(source.rows[-1])
    Visit(again, NOON).retract(ms=0)
    again.send(received=LATER)
    settle()
    assert counts(court, FRIDAY) == {"v3": 5, "c3": 5}
