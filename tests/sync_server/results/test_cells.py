"""What a court shows follows its tallies by several visitors at once, item by item, and over midnight without anybody's help."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_server.courts.models import Court
from sync_server.ingest.services import accept
from sync_server.results import cells, tallies
from sync_server.results.models import CourtRevision, ShownCell, Tally
from sync_server.results.periods import last_weeks
from sync_server.results.release import MONTH, NOTHING, Counts, Place, View, held_back, visitors
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
from tests.sync_server.results.history import Visit
from wire.events import DONT_KNOW, Input

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]

FRIDAY = date(2026, 11, 20)
DAY = timedelta(days=1)


def settle(now: datetime = NOON) -> None:
    while tallies.step(now):
        pass


def rate(source: Source, *values: int, at: datetime = NOON, now: datetime | None = None) -> None:
    for value in values:
        Visit(source, at + timedelta(seconds=len(source.rows))).answer(value)
    source.send()
    settle(now or at)


def shown(court: Court, item: str = "overall") -> dict[Place, Counts]:
    return {Place(View(cell.view), cell.key): cells.counts_of(cell) for cell in ShownCell.objects.filter(court=court, item=item)}


def month(court: Court, item: str = "overall") -> tuple[int, ...]:
    """The cleaned counts of the faces, 1 … 5."""
    return (shown(court, item).get(MONTH, NOTHING).cleaned or (0,) * 11)[1:6]


def n(court: Court, view: View, key: Any = "", item: str = "overall") -> int:
    return sum(shown(court, item).get(Place(view, str(key)), NOTHING).cleaned)


@pytest.fixture
def court() -> Court:
    return a_court()


@pytest.fixture
def source(court: Court) -> Source:
    return a_source(exit=an_exit(court))


@pytest.fixture(autouse=True)
def _five_at_a_time(settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 5


def test_the_distribution_stands_still_until_five_new_answers_have_come(court: Court, source: Source) -> None:
    for number in range(1, 5):
        rate(source, 4)
        assert Tally.objects.get().v4 == number, "the count moves at once"
        assert month(court) == (0, 0, 0, 0, 0)
    rate(source, 1)
    assert month(court) == (1, 0, 0, 4, 0)
    rate(source, 1, 1, 1, 1)
    assert month(court) == (1, 0, 0, 4, 0)
    rate(source, 1)
    assert month(court) == (6, 0, 0, 4, 0)


def test_every_view_of_an_answer_is_shown_where_it_belongs(court: Court, source: Source) -> None:
    rate(source, *[4] * 5)
    rate(source, *[2] * 5, at=NOON - 3 * DAY, now=NOON)
    rate(source, *[1] * 5, at=NOON - 40 * DAY, now=NOON)
    assert month(court) == (0, 5, 0, 5, 0)
    assert n(court, View.BEFORE) == 5
    assert n(court, View.TODAY, FRIDAY) == 5
    assert n(court, View.HOUR, 14) == 10
    assert n(court, View.WEEK, date(2026, 11, 16)) == 10
    assert n(court, View.WEEK, date(2026, 10, 5)) == 5


def test_an_hour_with_few_answers_waits_although_the_month_moves(court: Court, source: Source) -> None:
    rate(source, *[4] * 5)
    rate(source, 1, at=NOON + timedelta(hours=1))
    rate(source, *[5] * 4, at=NOON)
    assert month(court) == (1, 0, 0, 5, 4), "five more, whichever their hours"
    assert (n(court, View.HOUR, 14), n(court, View.HOUR, 15)) == (5, 0), "and no hour gives away who came when"


def test_an_answer_taken_back_does_not_bring_the_next_release_nearer(court: Court, source: Source) -> None:
    rate(source, 4, 4, 4, 4, 4)
    Visit(source, NOON + timedelta(minutes=5)).answer(1).retract(ms=2_000)
    rate(source, 2, 2, 2, 2)
    assert month(court) == (0, 0, 0, 5, 0)


def test_each_item_waits_for_its_own_answers(court: Court, source: Source) -> None:
    for number in range(5):
        visit = Visit(source, NOON + timedelta(seconds=number * 9)).answer(4)
        if number < 2:
            visit.answer(3, ms=1_000, item="reason")
    source.send()
    settle()
    assert (sum(month(court)), sum(month(court, "reason"))) == (5, 0), "two reasons would tell of two visitors"
    for number in range(3):
        Visit(source, NOON + timedelta(minutes=number + 2)).answer(4).answer(1, ms=1_000, item="reason")
    source.send()
    settle()
    assert (sum(month(court)), sum(month(court, "reason"))) == (5, 5)


def test_one_courts_answers_never_release_anothers(court: Court, source: Source) -> None:
    other_court = a_court("other")
    other = a_source("kiosk-other", exit=an_exit(other_court))
    rate(source, 4, 4, 4)
    rate(other, 4, 4, 4)
    assert (sum(month(court)), sum(month(other_court))) == (0, 0)


def test_a_cell_carries_all_that_the_page_says_of_the_month(court: Court, source: Source, settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 1
    Visit(source, NOON).answer(4).left(ms=9)
    Visit(source, NOON - 3 * DAY).answer(DONT_KNOW)
    Visit(source, NOON - 2 * DAY, channel=Input.BUTTON).answer(2).flag()
    source.send()
    settle()
    cell = shown(court)[MONTH]
    assert cell.cleaned[2:5] == (0, 0, 1)
    assert cell.raw[2:5] == (1, 0, 1)
    assert cell.beside == (1, 0, 0)
    assert cell.inputs[:3] == (2, 1, 0)
    assert shown(court, "reason")[MONTH].beside == (0, 0, 1)


def test_a_door_counter_is_no_channel_by_which_anybody_answers() -> None:
    assert Input.SENSOR not in cells.CHANNELS
    assert cells.CHANNELS[-1] is None
    assert len(cells.CHANNELS) == len(Input)


def test_in_the_demonstration_every_answer_shows_at_once(court: Court, source: Source, settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 1
    rate(source, 4)
    assert month(court) == (0, 0, 0, 1, 0)
    Visit(source, NOON + timedelta(minutes=5)).answer(1).flag()
    source.send()
    settle()
    assert month(court) == (0, 0, 0, 1, 0)
    assert shown(court)[MONTH].raw[1] == 1


# --- midnight ------------------------------------------------------------------------------------------------------------------


def test_midnight_begins_a_new_day_without_any_new_answer(court: Court, source: Source) -> None:
    rate(source, *[4] * 6)
    assert tallies.step(NOON + timedelta(hours=9, minutes=59)) == 0, "23:59 in Kyiv"
    before = CourtRevision.objects.get()
    assert tallies.step(NOON + timedelta(hours=10)) > 0
    assert n(court, View.TODAY, FRIDAY) == 0
    assert month(court) == (0, 0, 0, 6, 0)
    assert CourtRevision.objects.get().refreshed_on == FRIDAY + DAY
    assert CourtRevision.objects.get().fresh == before.fresh
    assert tallies.step(NOON + timedelta(hours=10)) == 0, "and is done with"


def test_a_day_that_leaves_the_thirty_takes_a_single_answer_along_unseen(court: Court, source: Source) -> None:
    rate(source, 1, at=NOON - 29 * DAY, now=NOON)
    rate(source, *[5] * 9)
    assert month(court) == (1, 0, 0, 0, 9)
    settle(NOON + DAY)
    assert month(court) == (1, 0, 0, 0, 9), "nobody may learn what that one visitor had answered"
    rate(source, *[4] * 4, at=NOON + DAY)
    assert month(court) == (1, 0, 0, 0, 9), "nor with four others to subtract"
    rate(source, 4, at=NOON + DAY)
    assert month(court) == (0, 0, 0, 5, 9)


def test_courts_turn_their_day_at_their_own_midnight(court: Court, source: Source) -> None:
    tokyo = a_court("tokyo", timezone="Asia/Tokyo")
    rate(source, *[4] * 5)
    rate(a_source("kiosk-tokyo", exit=an_exit(tokyo)), *[4] * 5)
    settle(NOON + timedelta(hours=3))
    assert CourtRevision.objects.get(court=tokyo).refreshed_on == FRIDAY + DAY
    assert CourtRevision.objects.get(court=court).refreshed_on == FRIDAY


def test_weeks_that_have_left_the_trend_are_forgotten(court: Court, source: Source) -> None:
    rate(source, *[4] * 5)
    week = Place(View.WEEK, "2026-11-16")
    settle(NOON + 83 * DAY)
    assert week.key not in [each.isoformat() for each in last_weeks(FRIDAY + 84 * DAY)]
    settle(NOON + 84 * DAY)
    assert week not in shown(court)


def test_revisions_count_what_a_page_must_ask_for_again(court: Court, source: Source) -> None:
    rate(source, 4)
    first = CourtRevision.objects.get(court=court)
    assert (first.fresh, first.shown) == (1, 0)
    accept([source.message()])
    settle()
    assert CourtRevision.objects.get(court=court).fresh == 1, "the same batch again is nothing new"
    rate(source, 4, 4, 4, 4)
    last = CourtRevision.objects.get(court=court)
    assert last.fresh > 1
    assert last.shown == 1


def test_what_lies_before_every_window_is_counted_and_shown_nowhere(court: Court, source: Source) -> None:
    rate(source, *[1] * 5, at=NOON - 200 * DAY, now=NOON)
    assert shown(court) == {}
    assert Tally.objects.count() == 1


# --- any history ---------------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_between_two_looks_every_row_stands_still_or_moves_by_five(data: st.DataObject) -> None:
    name = uuid4().hex[:12]
    court = a_court(f"court-{name}")
    source = a_source(f"kiosk-{name}", exit=an_exit(court))
    now, seen = NOON, {}
    for _ in range(data.draw(st.integers(1, 6))):
        now += DAY * data.draw(st.sampled_from([0, 0, 1, 8]))
        for back, hour, value in data.draw(
            st.lists(st.tuples(st.sampled_from([0, 1, 20, 29, 30]), st.integers(-2, 1), st.integers(1, 5)), min_size=1, max_size=8)
        ):
            visit = Visit(source, now - back * DAY + timedelta(hours=hour, milliseconds=len(source.rows))).answer(value)
            if data.draw(st.integers(0, 5)) == 0:
                visit.flag()
        source.send()
        settle(now)
        found = shown(court)
        for place in found:
            for old, new in zip(seen.get(place, NOTHING).rows, found[place].rows, strict=True):
                assert not 0 < visitors(old, new) < 5, place
        assert not 0 < held_back(found) < 5
        seen = found
