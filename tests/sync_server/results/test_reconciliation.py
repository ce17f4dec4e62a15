"""A device's report: the ledger counted by other means than the tallies are, day by day, and every difference named."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection

from sync_server.courts import services as courts
from sync_server.courts.models import Court, Exit
from sync_server.ingest.models import Mark
from sync_server.ingest.services import accept, hear
from sync_server.results import tallies
from sync_server.results.captured import Why
from sync_server.results.models import Tally
from sync_server.results.reconciliation import Line, Reconciliation, _groups, reconcile
from tests.sync_server.device import BOOTED, NOON, Source, a_court, a_source, an_exit
from wire.envelopes import Clock, Health
from wire.events import Answer, Flag, Left, Passage, Retract

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]
FRIDAY = date(2026, 11, 20)
DAY = timedelta(days=1)


@pytest.fixture
def exit() -> Exit:
    return an_exit(a_court())


def count() -> None:
    while tallies.step():
        pass


def look(source: Source, first: date = FRIDAY, last: date = FRIDAY, *, courts: list[Court] | None = None) -> Reconciliation:
    assert source.device is not None
    return reconcile(source.device, first, last, courts=list(Court.objects.all()) if courts is None else courts)


def line(source: Source) -> Line:
    (found,) = look(source).lines
    return found


def test_what_arrived_is_counted(exit: Exit) -> None:
    source = a_source(exit=exit)
    source.rate(5, 4, -1, -2)
    source.send()
    count()
    found = line(source)
    assert (found.day, found.exit, found.answers, found.standing, found.counted, found.difference) == (FRIDAY, exit, 4, 4, 4, 0)
    assert not look(source).due


def test_every_kind_of_row_is_told_and_answers_taken_back_hold_no_more(exit: Exit) -> None:
    source = a_source(exit=exit)
    source.add(
        source.event(Answer, NOON, 5),
        source.event(Retract, NOON, dt=1),
        source.event(Answer, NOON + timedelta(minutes=1), 2),
        source.event(Answer, NOON + timedelta(minutes=1), 3, dt=1),
        source.event(Left, NOON + timedelta(minutes=2)),
        source.event(Passage, NOON + timedelta(minutes=3), 7),
        source.event(Flag, NOON + timedelta(minutes=1), "rapid"),
    )
    source.send()
    count()
    found = line(source)
    assert (found.answers, found.taken_back, found.left, found.passages, found.flags) == (3, 1, 1, 1, 1)
    assert (found.standing, found.counted) == (1, 1)


def test_a_day_that_is_not_counted_yet_is_named_and_said_to_be_due(exit: Exit) -> None:
    source = a_source(exit=exit)
    source.rate(5, 4, 3)
    source.send()
    assert (line(source).standing, line(source).counted, line(source).difference) == (3, 0, -3)
    assert look(source).due


def test_a_tally_that_lost_or_invented_an_answer_is_found_out(exit: Exit) -> None:
    source = a_source(exit=exit)
    source.rate(5, 4, 3)
    source.send()
    count()
    Tally.objects.filter(v4=1).update(v4=0)
    assert line(source).difference == -1
    Tally.objects.filter(v5=1).update(v5=3)
    assert line(source).difference == 1
    assert not look(source).due, "no excuse"


def test_answers_that_the_tallies_have_of_nobody_are_found_out(exit: Exit) -> None:
    source = a_source(exit=exit)
    Tally.objects.create(court=exit.court, exit=exit, item="overall", local_date=FRIDAY, input=1, v5=2)
    assert (line(source).standing, line(source).counted) == (0, 2)


def test_who_else_stood_at_the_exit_is_told_apart(exit: Exit) -> None:
    one, two = a_source("kiosk-one-1", exit=exit), a_source("kiosk-two-2", exit=exit)
    one.rate(5, 4, 3)
    two.rate(1)
    for source in (one, two):
        source.send()
    count()
    assert [(line(source).standing, line(source).counted) for source in (one, two)] == [(3, 3), (1, 1)]


def test_the_same_rows_in_two_streams_are_one(exit: Exit) -> None:
    source = a_source(exit=exit)
    source.rate(5, 4)
    source.send()
    anew = a_source("kiosk-spare-1")
    anew.name, anew.device, anew.key = source.name, source.device, source.key
    anew.add(*source.rows)
    anew.send()
    count()
    found = line(source)
    assert (found.answers, found.repeated, found.standing) == (2, 2, 2)


def test_days_are_the_courts_own(exit: Exit) -> None:
    source = a_source(exit=exit)
    late = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)  # half past midnight in Kyiv
    source.add(source.event(Answer, late, 5))
    accept([source.message(received=late + timedelta(hours=1))])
    count()
    assert look(source).empty
    (found,) = look(source, FRIDAY + DAY, FRIDAY + DAY).lines
    assert (found.day, found.difference) == (FRIDAY + DAY, 0)


def test_a_move_within_the_period_splits_it_by_exit() -> None:
    court = a_court()
    here, there = an_exit(court, "Тут"), an_exit(court, "Там")
    source = a_source(exit=here)
    assert source.device is not None
    courts.place_device(device=source.device, exit=there, starts_at=NOON + timedelta(hours=1))
    source.rate(5, 4)
    source.rate(3, at=NOON + timedelta(hours=2))
    source.send()
    count()
    found = look(source).lines
    assert [(each.exit, each.standing, each.difference) for each in found] == [(here, 2, 0), (there, 1, 0)]


def test_what_it_brought_to_a_court_of_others_is_not_told() -> None:
    mine, theirs = a_court("mine"), a_court("theirs")
    source = a_source(exit=an_exit(theirs))
    assert source.device is not None
    courts.place_device(device=source.device, exit=an_exit(mine), starts_at=NOON + timedelta(hours=1))
    source.rate(5)
    source.rate(4, at=NOON + timedelta(hours=2))
    source.send()
    count()
    assert [each.exit.court for each in look(source, courts=[mine]).lines] == [mine]


def test_what_no_clock_vouches_for_stands_last_whatever_the_period(exit: Exit) -> None:
    source = a_source(exit=exit)
    source.add(source.event(Answer, NOON, 3, synchronised=False))
    source.send()
    count()
    *silent, found = look(source, FRIDAY - 30 * DAY, FRIDAY).lines
    assert (found.day, found.standing, found.difference) == (None, 1, 0)
    assert all(each.empty for each in silent)


def test_a_day_of_which_nothing_arrived_has_a_line_as_well(exit: Exit) -> None:
    source = a_source(exit=exit, since=NOON - 2 * DAY)
    source.rate(5)
    source.send()
    count()
    found = look(source, FRIDAY - 6 * DAY, FRIDAY)
    assert [(each.day, each.empty) for each in found.lines] == [(FRIDAY - 2 * DAY, True), (FRIDAY - DAY, True), (FRIDAY, False)]
    assert not found.empty


def test_who_brought_nothing_or_stood_nowhere_has_nothing_to_account_for(exit: Exit) -> None:
    assert look(a_source("kiosk-idle-1", exit=exit)).empty
    assert look(a_source("kiosk-nowhere-1")).lines == []
    assert not Mark.objects.exists()


def test_a_move_in_the_middle_of_a_quarter_of_an_hour_parts_what_came_before_it_from_what_came_after() -> None:
    court = a_court()
    here, there = an_exit(court, "Тут"), an_exit(court, "Там")
    source = a_source(exit=here)
    assert source.device is not None
    courts.place_device(device=source.device, exit=there, starts_at=NOON + timedelta(minutes=7))
    source.rate(5, 4, at=NOON + timedelta(minutes=6))
    source.rate(3, at=NOON + timedelta(minutes=8))
    source.send(received=NOON + timedelta(hours=1))
    count()
    found = look(source).lines
    assert [(each.exit, each.standing, each.difference) for each in found] == [(here, 2, 0), (there, 1, 0)]


def test_what_is_read_grows_with_time_and_not_with_visitors(exit: Exit) -> None:
    source = a_source(exit=exit)
    source.rate(*[5] * 200)
    source.send()
    assert source.device is not None
    period = NOON - DAY, NOON + DAY
    assert len(list(_groups(source.device.pk, period, []))) == 1
    assert line(source).standing == 200


def test_a_reading_that_no_calendar_has_breaks_nothing(exit: Exit) -> None:
    source = a_source(exit=exit)
    event = source.event(Answer, NOON, 5, synchronised=False)
    source.add(msgspec.structs.replace(event, visit=2**52, wall_offset=2**50))
    source.send()
    count()
    assert sum(each.standing for each in look(source).lines) == 1


# --- captured ---------------------------------------------------------------------------------------------------------------------


def heard(source: Source, at: datetime = NOON - timedelta(minutes=30), **told: Any) -> tuple[Health, datetime]:
    """The device's report, as it comes in at `at`."""
    wall = int(at.timestamp() * 1000)
    values: dict[str, Any] = {"recorded": len(source.rows), "stored_through": 0, "stream": source.stream} | told
    health = Health(1, Clock(source.boot, wall - BOOTED, wall, True), 60, free_bytes=1, software="test", config=1, **values)
    hear(source.name, health, wall)
    return health, at


def answers(source: Source, *at: datetime) -> None:
    for each in at:
        source.add(source.event(Answer, each, 5))


def proof(source: Source, day: date = FRIDAY, told: tuple[Health, datetime] | None = None, **more: Any) -> Reconciliation:
    assert source.device is not None
    count()
    health, at = told or (None, None)
    return reconcile(source.device, day, day, courts=list(Court.objects.all()), health=health, heard_at=at, **more)


def named(found: Reconciliation) -> list[tuple[Why, int, date | None, date | None]]:
    return [(each.why, each.rows, each.first, each.last) for each in found.between]


@pytest.fixture
def live(exit: Exit) -> Source:
    """A device that was heard before it recorded anything: all of its rows stand in their order."""
    source = a_source(exit=exit)
    accept([source.hello(received=NOON - timedelta(minutes=31))])
    heard(source)
    return source


def test_a_later_row_proves_that_all_of_the_day_is_here_without_any_report(live: Source) -> None:
    answers(live, NOON, NOON + timedelta(hours=1), NOON + DAY)
    live.send(received=NOON + DAY)
    found = proof(live)
    assert (found.proved, found.silent, found.lines[0].captured, found.lines[0].delivered) == (True, False, 2, 2)
    assert proof(live, FRIDAY + DAY).silent, "nothing tells what came after it"


def test_a_number_that_is_missing_between_two_rows_of_a_day_was_captured_on_that_day(live: Source) -> None:
    answers(live, NOON, NOON + timedelta(hours=1), NOON + timedelta(hours=2), NOON + DAY)
    live.send(1, 1, received=NOON + DAY)
    live.send(3, 4, received=NOON + DAY)
    found = proof(live)
    assert (found.proved, found.absent, found.between) == (False, {Why.MISSING: 1}, [])
    assert (found.lines[0].captured, found.lines[0].delivered, found.lines[0].counted) == (3, 2, 2)
    assert proof(live, FRIDAY + DAY).proved, "it is no business of the next day"


def test_a_number_that_is_missing_between_two_days_may_belong_to_either_and_to_those_between(live: Source) -> None:
    answers(live, NOON, NOON + DAY, NOON + 2 * DAY, NOON + 3 * DAY)
    live.send(1, 1, received=NOON + 3 * DAY)
    live.send(3, 4, received=NOON + 3 * DAY)
    for place in range(3):
        found = proof(live, FRIDAY + place * DAY)
        assert named(found) == [(Why.MISSING, 1, FRIDAY, FRIDAY + 2 * DAY)]
        assert not found.proved
    assert named(proof(live, FRIDAY + 3 * DAY)) == []


def test_what_waits_on_the_device_may_belong_to_the_day_unless_it_was_recorded_later(live: Source) -> None:
    answers(live, NOON)
    live.send()
    told = heard(live, NOON + DAY, recorded=3)
    assert named(proof(live, told=told)) == [(Why.WAITING, 2, FRIDAY, FRIDAY + DAY)]
    since = int((NOON + timedelta(hours=20)).timestamp() * 1000)
    later = heard(live, NOON + DAY, recorded=3, waiting_since=since)
    assert (proof(live, told=later).proved, proof(live, told=later).silent) == (True, False)


def test_a_report_from_after_the_day_proves_that_nothing_more_was_recorded(live: Source) -> None:
    answers(live, NOON)
    live.send()
    assert proof(live).silent
    found = proof(live, told=heard(live, NOON + DAY))
    assert (found.proved, found.silent, found.known_until) == (True, False, NOON + DAY)
    early = proof(live, told=heard(live, NOON + timedelta(hours=2)))
    assert (early.proved, early.silent, early.known_until) == (True, True, NOON + timedelta(hours=2))


def test_a_report_that_lay_somewhere_is_a_witness_of_when_it_was_written(live: Source) -> None:
    answers(live, NOON)
    live.send()
    health, _ = heard(live, NOON + timedelta(hours=1))
    assert proof(live, told=(health, NOON + 2 * DAY)).silent


def test_what_cannot_be_read_is_delivered_and_keeps_the_day_from_being_proved(live: Source) -> None:
    answers(live, NOON)
    live.add(b"\xc1")
    answers(live, NOON + timedelta(hours=1), NOON + DAY)
    live.send(received=NOON + DAY)
    found = proof(live)
    assert (found.absent, found.lines[0].captured, found.lines[0].delivered) == ({Why.UNREAD: 1}, 3, 3)
    assert not found.proved


def test_what_is_gone_is_lost_on_its_day(live: Source) -> None:
    answers(live, NOON, NOON + timedelta(minutes=10), NOON + timedelta(minutes=20), NOON + DAY)
    live.send(1, 1, received=NOON + DAY)
    live.send(3, 4, received=NOON + DAY)
    accept([live.hello(oldest=4, received=NOON + DAY)])
    assert proof(live).absent == {Why.GONE: 1}


def test_a_row_that_this_server_has_lost_by_itself_is_found_out(live: Source) -> None:
    answers(live, NOON, NOON + timedelta(minutes=10), NOON + timedelta(minutes=20), NOON + DAY)
    live.send(received=NOON + DAY)
    assert proof(live).proved
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ingest_ledger WHERE seq = 2")
    found = proof(live)
    assert [(each.why, each.rows) for each in found.between] + list(found.absent.items()) == [(Why.UNEXPLAINED, 1)]


def test_the_end_of_a_stream_that_was_replaced_is_named_where_it_may_matter(live: Source, exit: Exit) -> None:
    answers(live, NOON)
    live.send()
    anew = Source(live.name, live.key, live.device)
    anew.boot = live.boot
    anew.add(*live.rows)
    heard(anew, NOON + DAY)
    anew.send(received=NOON + DAY)
    told = heard(anew, NOON + DAY)
    answers(anew, NOON + DAY + timedelta(hours=1), NOON + 2 * DAY)
    anew.send(2, 3, received=NOON + 2 * DAY)
    heard(anew, NOON + DAY)
    for day in (FRIDAY, FRIDAY + DAY):
        assert named(proof(anew, day, told)) == [(Why.REPLACED, 0, FRIDAY, FRIDAY + DAY)]
        assert not proof(anew, day, told).proved
    assert named(proof(anew, FRIDAY + 2 * DAY, told)) == []


def test_rows_at_risk_are_named_until_they_turn_up(live: Source) -> None:
    answers(live, NOON)
    live.send()
    found = proof(live, at_risk={live.stream: [(2, 3)]})
    assert named(found) == [(Why.AT_RISK, 2, FRIDAY, None)]
    assert named(proof(live, at_risk={b"unknown": [(1, 5)]})) == [(Why.AT_RISK, 5, None, None), (Why.REPLACED, 0, None, FRIDAY)]
