"""Rows get the date that their device's clocks and this server's can vouch for together, whatever came first, and get it once."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from sync_server.ingest.models import Boot, LedgerRow, Mark, Stream
from sync_server.ingest.services import accept, hear
from tests.sync_server.device import BOOTED, NOON, Source, a_source
from wire.envelopes import Clock, Echo, Health
from wire.events import DAY_MS, Answer, StreamId

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]

AT_NOON = int(NOON.timestamp() * 1000)


def dates(source: Source) -> list[int | None]:
    return list(LedgerRow.objects.filter(stream__stream=source.stream).order_by("seq").values_list("at", flat=True))


def off(instant: int | None) -> float:
    """By how many seconds a row is dated wrong that was recorded at noon."""
    assert instant is not None
    return abs(instant - AT_NOON) / 1000


def report(source: Source, at: datetime, *, wall: int | None = None, echo: bool = True, **more: Any) -> None:
    """The device's report of the minute, as it comes in at `at`."""
    now = int(at.timestamp() * 1000)
    monotonic = now - BOOTED
    hear(
        source.name,
        Health(
            v=1,
            clock=Clock(source.boot, monotonic, monotonic if wall is None else wall, wall is not None),
            uptime_s=1,
            recorded=len(source.rows),
            stored_through=0,
            free_bytes=0,
            software="test",
            config=0,
            stream=source.stream,
            echo=Echo(now - 100, monotonic - 80) if echo else None,
            **more,
        ),
        now,
    )


def answer(source: Source, at: datetime = NOON, *, wrong: int = 0, synchronised: bool = True) -> None:
    """An answer at `at` by a clock that is `wrong` by so many ms."""
    row = source.event(Answer, at, 4, synchronised=synchronised)
    source.add(msgspec.structs.replace(row, wall_offset=BOOTED + wrong))


def test_a_device_that_never_had_a_clock_is_dated_within_two_seconds_by_its_second_greeting() -> None:
    source = a_source()
    answer(source, wrong=-20 * 365 * DAY_MS, synchronised=False)
    accept([source.hello(synchronised=False), source.message()])
    assert dates(source) == [None]
    accept([source.hello(synchronised=False, received=NOON + timedelta(minutes=1), echoes=True)])
    assert off(dates(source)[0]) <= 2
    answer(source, wrong=-20 * 365 * DAY_MS, synchronised=False)
    source.send()
    assert off(dates(source)[1]) <= 2


def test_a_report_dates_as_a_greeting_does() -> None:
    source = a_source()
    answer(source, synchronised=False)
    source.send()
    Mark.objects.all().delete()
    report(source, NOON + timedelta(minutes=5), echo=False)
    assert dates(source) == [None]
    report(source, NOON + timedelta(minutes=6))
    assert off(dates(source)[0]) <= 2
    assert {None, (AT_NOON - 1) // 3_600_000} <= set(Mark.objects.values_list("hour", flat=True))


def test_a_report_that_teaches_nothing_new_writes_nothing(django_assert_num_queries) -> None:
    source = a_source()
    answer(source)
    accept([source.hello(), source.message()])
    report(source, NOON + timedelta(minutes=1))
    with django_assert_num_queries(3):
        report(source, NOON + timedelta(minutes=2))


@pytest.mark.parametrize("years", [-9, -1, 1, 30])
def test_a_vouched_clock_that_is_years_off_dates_nothing_in_a_start_that_was_greeted(years: int) -> None:
    source = a_source()
    wrong = years * 365 * DAY_MS
    answer(source, wrong=wrong)
    answer(source)
    accept([source.hello(), source.message()])
    assert [off(date) for date in dates(source)] == [0, 0]


def test_a_clock_that_lied_about_its_first_rows_is_refuted_by_the_first_report_and_all_its_rows_are_dated_anew() -> None:
    source = a_source()
    answer(source, wrong=-400 * DAY_MS)
    answer(source, wrong=-400 * DAY_MS, synchronised=False)
    source.send()
    lie = AT_NOON - 400 * DAY_MS
    assert dates(source) == [lie, lie], "nothing speaks against it yet"
    Mark.objects.all().delete()
    report(source, NOON + timedelta(minutes=1), wall=AT_NOON - 400 * DAY_MS + 60_000)
    assert [off(date) <= 2 for date in dates(source)] == [True, True]
    marked = {hour for hour in Mark.objects.values_list("hour", flat=True) if hour is not None}
    assert marked == {lie // 3_600_000, dates(source)[0] // 3_600_000}


def test_a_clock_set_right_within_a_start_dates_what_came_before() -> None:
    source = a_source()
    answer(source, wrong=-BOOTED, synchronised=False)
    answer(source)
    source.send()
    assert [off(date) for date in dates(source)] == [0, 0]


def test_a_stamp_of_its_own_is_kept_where_it_agrees_with_the_anchor() -> None:
    source = a_source()
    answer(source)
    answer(source, wrong=1_700)
    answer(source, wrong=1_700, synchronised=False)
    source.send()
    assert [off(date) for date in dates(source)] == [0, 1.7, 0]


def test_the_same_row_in_two_streams_has_one_date_whichever_clock_came_between() -> None:
    source = a_source()
    answer(source, wrong=-400 * DAY_MS)
    answer(source, synchronised=False)
    source.send()
    again = source.clone()
    again.stream, again.rows, again.links = StreamId(uuid4().bytes), [], []
    again.add(*source.rows)
    report(source, NOON + timedelta(minutes=1))
    again.send()
    assert dates(again) == dates(source)


def test_a_start_is_known_by_bounds_until_it_has_an_anchor() -> None:
    source = a_source()
    answer(source, synchronised=False)
    source.send()
    boot = Boot.objects.get()
    received = source.message().at
    assert (boot.offset, boot.low, boot.high) == (None, None, received - (AT_NOON - BOOTED))
    report(source, NOON + timedelta(minutes=1))
    boot.refresh_from_db()
    assert (boot.offset is None, boot.low, boot.high) == (False, None, None)


def test_where_a_streams_order_is_that_of_time_is_learnt_once_nothing_is_moving() -> None:
    source = a_source()
    answer(source)
    accept([source.hello(), source.message()])
    report(source, NOON, moving=7)
    assert Stream.objects.get().live_after is None
    report(source, NOON)
    answer(source)
    report(source, NOON)
    assert Stream.objects.get().live_after == 1


def ordered(source: Source) -> int | None:
    return Stream.objects.get(stream=source.stream).live_after


def looked_at() -> bool:
    """Whether the order of rows is going to be looked at; it is forgotten."""
    marks = Mark.objects.filter(hour=None)
    found = marks.exists()
    marks.delete()
    return found


def test_a_greeting_tells_it_before_any_report_does() -> None:
    source = a_source()
    answer(source)
    accept([source.message()])
    Mark.objects.all().delete()
    accept([source.hello()])
    assert (ordered(source), looked_at()) == (None, False), "an older device doesn't say, or it is still taking rows over"
    accept([source.hello(moved=1)])
    assert (ordered(source), looked_at()) == (1, True)
    accept([source.hello(moved=1)])
    assert not looked_at(), "that was no news"
    report(source, NOON)
    assert ordered(source) == 1


def test_what_a_report_says_of_it_goes_before_what_its_number_of_rows_lets_one_think() -> None:
    source = a_source()
    answer(source)
    answer(source)
    accept([source.message()])
    Mark.objects.all().delete()
    report(source, NOON, moving=3)
    assert ordered(source) is None
    report(source, NOON, moved_through=1)
    assert (ordered(source), looked_at()) == (1, True)


@pytest.mark.parametrize("by_report", [False, True])
def test_a_later_word_may_widen_what_is_in_no_order_and_never_narrows_it(by_report: bool) -> None:
    source = a_source()
    for _ in range(4):
        answer(source)
    accept([source.message()])

    def say(moved: int) -> None:
        Mark.objects.all().delete()
        report(source, NOON, moved_through=moved) if by_report else accept([source.hello(moved=moved)])

    say(2)
    say(0)
    assert (ordered(source), looked_at()) == (2, False), "a copied card may know of less"
    say(3)
    assert (ordered(source), looked_at()) == (3, True), "a damaged file that could not be read before was"


def test_nobody_can_date_the_rows_of_another_device_or_of_a_revoked_one() -> None:
    source, other = a_source(), a_source("kiosk-other")
    answer(source, synchronised=False)
    source.send()
    other.boot, other.stream = source.boot, source.stream
    report(other, NOON + timedelta(minutes=1))
    assert dates(source) == [None]
    assert source.device is not None
    source.device.revoked_at = NOON
    source.device.save()
    report(source, NOON + timedelta(minutes=1))
    assert dates(source) == [None]


def test_rows_that_cannot_be_read_stay_without_a_date_when_their_neighbours_get_one() -> None:
    source = a_source()
    answer(source, synchronised=False)
    source.add(b"\xc1 not MessagePack")
    source.send()
    report(source, NOON + timedelta(minutes=1))
    assert [date is None for date in dates(source)] == [False, True]
