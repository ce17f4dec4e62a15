"""A device's report: the ledger counted by other means than the tallies are, day by day, and every difference named."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from sync_server.courts import services as courts
from sync_server.courts.models import Court, Exit
from sync_server.ingest.models import Mark
from sync_server.ingest.services import accept
from sync_server.results import tallies
from sync_server.results.models import Tally
from sync_server.results.reconciliation import Line, Reconciliation, _groups, reconcile
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
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
    assert (found.empty, found.silent_days) == (False, 2)


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
