"""Where and when a visit counts: by where its device stood, on its court's own day, or on none."""

from collections import Counter
from datetime import date, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from sync_server.courts.models import Court
from sync_server.results import tallies
from sync_server.results.models import Tally
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
from tests.sync_server.results.history import FRIDAY, Visit, counts, greet, hours, moved, send, utc
from wire import codec

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


# --- where -------------------------------------------------------------------------------------------------------------------


def test_a_device_moved_at_noon_counts_for_both_exits_by_the_hour_of_the_visit(court: Court, source: Source) -> None:
    moved(source, an_exit(court, "Бічний вихід"), NOON)
    for minutes in (-90, -5, -1, 0, 1, 5, 90):
        Visit(source, NOON + timedelta(minutes=minutes)).answer(4)
    send(source)
    assert counts(court, FRIDAY, exit__name_uk="Головний вихід") == {"v4": 3, "c4": 3}
    assert counts(court, FRIDAY, exit__name_uk="Бічний вихід") == {"v4": 4, "c4": 4}


def test_a_device_moved_to_another_court_counts_there_from_that_moment_on(court: Court, source: Source) -> None:
    lviv = a_court("lviv")
    moved(source, an_exit(lviv), NOON)
    for minutes in (-30, -1, 0, 30, 31):
        Visit(source, NOON + timedelta(minutes=minutes)).answer(4)
    send(source)
    assert (counts(court, FRIDAY), counts(lviv, FRIDAY)) == ({"v4": 2, "c4": 2}, {"v4": 3, "c4": 3})


def test_a_visit_across_the_move_counts_once_where_it_began(court: Court, source: Source) -> None:
    moved(source, an_exit(court, "Бічний вихід"), NOON)
    Visit(source, NOON - timedelta(seconds=2)).answer(1).retract(ms=3_000).answer(5, ms=5_000)
    send(source)
    assert counts(court, FRIDAY, exit__name_uk="Головний вихід") == {"v5": 1, "c5": 1}
    assert counts(court, FRIDAY, exit__name_uk="Бічний вихід") == {}


def test_what_was_said_before_any_placement_counts_nowhere_and_harms_nobody(court: Court) -> None:
    late = a_source("kiosk-late-1", exit=an_exit(court), since=NOON)
    Visit(late, NOON - timedelta(hours=3)).answer(1)
    Visit(late, NOON).answer(5)
    send(late)
    assert counts(court, FRIDAY) == {"v5": 1, "c5": 1}


# --- when --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "length", "moments"),
    [
        # Clocks in Kyiv jump from 03:00 to 04:00 at 01:00 UTC …
        (
            "Europe/Kyiv",
            date(2026, 3, 29),
            23,
            {utc(2026, 3, 29, 0, 59): 2, utc(2026, 3, 29, 1, 0): 4, utc(2026, 3, 29, 20, 59): 23},
        ),
        # … and go back from 04:00 to 03:00 at 01:00 UTC, so that the hour from three to four comes twice.
        (
            "Europe/Kyiv",
            date(2026, 10, 25),
            25,
            {utc(2026, 10, 24, 21, 0): 0, utc(2026, 10, 25, 0, 30): 3, utc(2026, 10, 25, 1, 30): 3, utc(2026, 10, 25, 21, 59): 23},
        ),
        ("Asia/Kolkata", FRIDAY, 24, {utc(2026, 11, 19, 18, 30): 0, utc(2026, 11, 20, 3, 29): 8, utc(2026, 11, 20, 3, 30): 9}),
        ("Asia/Kathmandu", FRIDAY, 24, {utc(2026, 11, 19, 18, 15): 0, utc(2026, 11, 20, 18, 14): 23}),
        ("America/St_Johns", FRIDAY, 24, {utc(2026, 11, 20, 3, 30): 0, utc(2026, 11, 20, 15, 29): 11}),
    ],
)
def test_days_and_hours_are_the_courts_own(zone: str, day: date, length: int, moments: dict[datetime, int]) -> None:
    court = a_court(timezone=zone)
    begin, end = tallies.bounds(court, day)
    assert end - begin == timedelta(hours=length)
    source = a_source(exit=an_exit(court))
    for moment in moments:
        Visit(source, moment).answer(4)
    send(source)
    assert hours(court, day) == Counter(moments.values())
    assert set(Tally.objects.values_list("local_date", flat=True)) == {day}


def test_every_hour_of_a_long_day_is_found(court: Court, source: Source) -> None:
    begin, _ = tallies.bounds(court, date(2026, 10, 25))
    for hour in range(25):
        Visit(source, begin + timedelta(hours=hour, minutes=30)).answer(4)
    send(source)
    assert hours(court, date(2026, 10, 25)) == Counter([*range(24), 3])


def test_midnight_belongs_to_the_new_day(court: Court, source: Source) -> None:
    midnight = utc(2026, 11, 20, 22, 0)
    Visit(source, midnight - timedelta(milliseconds=1)).answer(1)
    Visit(source, midnight).answer(5)
    send(source)
    assert counts(court, FRIDAY) == {"v1": 1, "c1": 1}
    assert counts(court, FRIDAY + timedelta(days=1)) == {"v5": 1, "c5": 1}


def test_a_visit_across_midnight_counts_once_on_the_day_it_began(court: Court, source: Source) -> None:
    Visit(source, utc(2026, 11, 20, 21, 59, 58)).answer(1).retract(ms=3_000).answer(5, ms=4_000)
    send(source, 1, 1)
    send(source, 2, 3)
    assert counts(court, FRIDAY) == {"v5": 1, "c5": 1}
    assert counts(court, FRIDAY + timedelta(days=1)) == {}


def test_a_clock_set_right_within_a_visit_across_midnight_still_counts_it_once(court: Court, source: Source) -> None:
    Visit(source, utc(2026, 11, 20, 21, 59, 59)).answer(1)
    row = codec.decode_event(source.rows[-1])
    later = msgspec.structs.replace(row, wall_offset=row.wall_offset + 60_000, dt=2_000, value=5)
    source.add(later)
    send(source, 1, 1)
    send(source, 2, 2)
    both = Counter(counts(court, FRIDAY)) + Counter(counts(court, FRIDAY + timedelta(days=1)))
    assert both == {"v5": 1, "c5": 1}


def test_answers_without_a_clock_are_undated_until_their_day_is_known(court: Court, source: Source) -> None:
    Visit(source, NOON + timedelta(minutes=1), synchronised=False).answer(4).left(ms=9_000)
    Visit(source, NOON + timedelta(minutes=3), synchronised=False).answer(2).flag()
    send(source)
    assert counts(court, None) == {"v4": 1, "v2": 1, "c4": 1, "flagged": 1}
    assert counts(court, None, "reason") == {"unanswered": 1}
    assert counts(court, FRIDAY) == {}
    assert Tally.objects.filter(item="overall").get().hours == {}, "no day, no hour"
    greet(source, NOON + timedelta(hours=5))
    assert counts(court, None) == {}
    assert counts(court, FRIDAY) == {"v4": 1, "v2": 1, "c4": 1, "flagged": 1}
    assert hours(court, FRIDAY) == {14: 1}


def test_undated_answers_of_one_boot_move_and_those_of_another_stay(court: Court, source: Source) -> None:
    Visit(source, NOON, synchronised=False).answer(1)
    source.boot = uuid4().bytes
    Visit(source, NOON, synchronised=False).answer(5)
    send(source)
    greet(source, NOON + timedelta(hours=1))
    assert (counts(court, None), counts(court, FRIDAY)) == ({"v1": 1, "c1": 1}, {"v5": 1, "c5": 1})


def test_a_day_months_ago_is_counted_when_it_comes_at_last(court: Court, source: Source) -> None:
    Visit(source, utc(2026, 2, 2, 9)).answer(3)
    Visit(source, NOON).answer(5)
    send(source, 2, 2)
    send(source, 1, 1)
    assert (counts(court, date(2026, 2, 2)), counts(court, FRIDAY)) == ({"v3": 1, "c3": 1}, {"v5": 1, "c5": 1})
