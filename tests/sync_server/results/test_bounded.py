"""A start that has no anchor is put on a day where those around it leave no other, and on none where they leave two."""

from datetime import datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from django.db import transaction

from sync_server.courts import services as courts
from sync_server.courts.models import Court
from sync_server.ingest.models import Boot, Mark, Stream
from sync_server.ingest.services import Received, accept, narrow
from sync_server.results import tallies
from sync_server.results.models import Due
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
from tests.sync_server.results.history import BOOTED, Visit, counts, hours
from tests.sync_server.results.test_due import FRIDAY, LATER, settle
from wire import codec
from wire.envelopes import Clock, Echo, Hello
from wire.events import Answer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]

MORNING, EVENING = NOON - timedelta(hours=4), NOON + timedelta(hours=4)


@pytest.fixture
def court() -> Court:
    return a_court()


@pytest.fixture
def source(court: Court) -> Source:
    return a_source(exit=an_exit(court))


def restart(source: Source) -> bytes:
    source.boot = uuid4().bytes
    return source.boot


def lost(source: Source, *minutes: int) -> None:
    """A start without a clock, and an answer so many minutes after it began."""
    restart(source)
    for since in minutes:
        Visit(source, datetime.fromtimestamp(BOOTED / 1000 + since * 60, NOON.tzinfo), synchronised=False).answer(2)


def known(source: Source, at: datetime) -> None:
    """A start with a clock, and an answer in its first minute, at `at`."""
    restart(source)
    row = source.event(Answer, at, 5)
    source.add(msgspec.structs.replace(row, visit=60_000, wall_offset=int(at.timestamp() * 1000) - 60_000))


def send(source: Source, *, live_after: int | None = 0) -> None:
    """All of it, from a device that has said so long ago from where on its rows stand in order."""
    Stream.objects.get_or_create(device=source.device, stream=source.stream, defaults={"live_after": live_after})
    source.send(received=LATER)
    settle()


def test_a_start_between_two_of_one_day_is_on_that_day_and_in_no_hour(court: Court, source: Source) -> None:
    known(source, MORNING)
    lost(source, 5, 30)
    known(source, EVENING)
    send(source)
    assert counts(court, FRIDAY) == {"v5": 2, "v2": 2, "c5": 2, "c2": 2}
    assert counts(court, None) == {}
    assert sum(hours(court, FRIDAY).values()) == 2, "the hour is not known"


def test_several_lost_starts_in_a_row_are_bounded_together(court: Court, source: Source) -> None:
    known(source, MORNING)
    for _ in range(3):
        lost(source, 10)
    known(source, EVENING)
    send(source)
    assert counts(court, FRIDAY) == {"v5": 2, "v2": 3, "c5": 2, "c2": 3}


def test_a_start_between_two_days_is_undated(court: Court, source: Source) -> None:
    known(source, MORNING - timedelta(days=1))
    lost(source, 5)
    known(source, EVENING)
    send(source)
    assert counts(court, None) == {"v2": 1, "c2": 1}
    assert counts(court, FRIDAY) == {"v5": 1, "c5": 1}


def test_a_start_with_nothing_after_it_is_undated_until_something_is(court: Court, source: Source) -> None:
    known(source, MORNING)
    lost(source, 5)
    send(source)
    assert counts(court, None) == {"v2": 1, "c2": 1}
    known(source, EVENING)
    send(source)
    assert counts(court, None) == {}
    assert counts(court, FRIDAY) == {"v5": 2, "v2": 1, "c5": 2, "c2": 1}


def test_a_start_during_which_the_device_was_moved_is_undated(court: Court, source: Source) -> None:
    lviv = an_exit(a_court("lviv"))
    assert source.device is not None
    courts.place_device(device=source.device, exit=lviv, starts_at=NOON)
    known(source, MORNING)
    lost(source, 5)
    known(source, EVENING)
    send(source)
    assert counts(court, FRIDAY) == {"v5": 1, "c5": 1}
    assert counts(lviv.court, None) == {"v2": 1, "c2": 1}, "where the device stands now"


def test_a_move_written_down_later_takes_the_day_of_a_lost_start_along(court: Court, source: Source) -> None:
    known(source, MORNING)
    lost(source, 5)
    known(source, EVENING)
    send(source)
    lviv = an_exit(a_court("lviv"))
    assert source.device is not None
    courts.place_device(device=source.device, exit=lviv, starts_at=MORNING - timedelta(hours=2))
    settle()
    assert counts(court, FRIDAY) == counts(court, None) == {}
    assert counts(lviv.court, FRIDAY) == {"v5": 2, "v2": 1, "c5": 2, "c2": 1}


@pytest.mark.parametrize("live_after", [None, 2])
def test_where_rows_may_have_been_taken_over_their_order_tells_nothing(
    court: Court, source: Source, live_after: int | None
) -> None:
    known(source, MORNING)
    lost(source, 5)
    known(source, EVENING)
    send(source, live_after=live_after)
    assert counts(court, None) == {"v2": 1, "c2": 1}


def test_an_anchor_that_comes_at_last_gives_the_hour_too(court: Court, source: Source) -> None:
    known(source, MORNING)
    lost(source, 5)
    boot = source.boot
    known(source, EVENING)
    send(source)
    began = int((NOON - timedelta(hours=1)).timestamp() * 1000)
    source.boot = boot
    received = datetime.fromtimestamp(began / 1000 + 600, NOON.tzinfo)
    hello = Hello(1, source.stream, 4, 1, 0, Clock(boot, 600_000, 600_000, False), "test", echo=Echo(began + 599_950, 599_960))
    accept([Received(source.name, *codec.encode(hello), int(received.timestamp() * 1000))])
    settle()
    assert hours(court, FRIDAY) == {10: 1, 13: 1, 18: 1}


def test_a_start_whose_own_bounds_leave_one_day_is_on_that_day(court: Court, source: Source) -> None:
    lost(source, 5)
    send(source, live_after=None)
    assert counts(court, None) == {"v2": 1, "c2": 1}
    began, second = int(MORNING.timestamp() * 1000), 1_000
    for low, high, day in ((-2 * 3_600, 3_600, FRIDAY), (-60 * 3_600, -58 * 3_600, None)):
        # A clock set back here makes what was known before void: the day loses what it had.
        clock = Clock(source.boot, 600 * second, 600 * second, False)
        echo = Echo(began + (600 + low) * second, 600 * second)
        hello = Hello(1, source.stream, 2, 1, 0, clock, "test", echo=echo)
        accept([Received(source.name, *codec.encode(hello), began + (600 + high) * second)])
        settle()
        assert Boot.objects.get().offset is None
        assert counts(court, day) == {"v2": 1, "c2": 1}, Boot.objects.values()
        assert counts(court, None if day else FRIDAY) == {}


def test_rows_of_a_start_that_is_bounded_already_are_on_its_day(court: Court, source: Source) -> None:
    lost(source, 5)
    send(source, live_after=None)
    low = int(MORNING.timestamp() * 1000)
    Boot.objects.update(low=low, high=low + 60_000)
    Visit(source, datetime.fromtimestamp(BOOTED / 1000 + 600, NOON.tzinfo), synchronised=False).answer(4)
    send(source, live_after=None)
    assert counts(court, FRIDAY).get("v4") == 1


def test_bounds_that_hold_already_mark_nothing_again(court: Court, source: Source) -> None:
    known(source, MORNING)
    lost(source, 5)
    known(source, EVENING)
    send(source)
    boot = Boot.objects.get(offset=None)
    with transaction.atomic():
        narrow(Stream.objects.values_list("id", flat=True))
    assert not Mark.objects.exists()
    assert Boot.objects.get(offset=None).low == boot.low
    assert boot.low is not None
    assert boot.high is not None
    assert boot.low <= int(NOON.timestamp() * 1000) <= boot.high
    assert tallies.step(LATER) == 0


def test_a_clock_that_reads_what_no_calendar_knows_is_undated_and_holds_up_nobody(court: Court, source: Source) -> None:
    known(source, MORNING)
    lost(source, 5)
    visit = Visit(source, NOON, synchronised=False)
    visit.visit = 2**51
    visit.answer(3)
    known(source, EVENING)
    send(source)
    low = int(MORNING.timestamp() * 1000)
    Boot.objects.filter(offset=None).update(low=low, high=low + 1_000, reading=0)
    assert source.device is not None
    other = an_exit(court, "Інший вихід")
    courts.place_device(device=source.device, exit=other, starts_at=datetime(2, 1, 1, tzinfo=NOON.tzinfo))
    settle()
    assert not Due.objects.exists(), "everything could be counted"
    assert counts(court, FRIDAY) == {"v5": 2, "v2": 1, "c5": 2, "c2": 1}
    assert counts(court, None) == {"v3": 1, "c3": 1}


def test_bounds_widen_with_the_time_that_a_clock_may_have_drifted(court: Court, source: Source) -> None:
    midnight = datetime(2026, 11, 20, 22, 0, tzinfo=NOON.tzinfo)
    lost(source, 5)
    send(source)
    visit = Visit(source, datetime.fromtimestamp(BOOTED / 1000 + 300, NOON.tzinfo)).visit
    within = int(midnight.timestamp() * 1000) - 3_000 - visit
    for away, day in ((0, FRIDAY), (600 * 60_000, None)):
        Boot.objects.update(offset=None, low=within - 1_000, high=within, reading=visit + away)
        Due.objects.bulk_create(Due(court=court, local_date=date) for date in (FRIDAY, None))
        settle()
        assert counts(court, day) == {"v2": 1, "c2": 1}
