"""What a page is given, from answers that came in through `accept`: fresh totals, settled distributions, the court's own hours."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from sync_server.courts.models import Court
from sync_server.courts.services import place_device
from sync_server.ingest.services import accept
from sync_server.results import selectors, tallies
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit, told
from wire.events import Answer, Flag, Input, Left

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]

NOW = NOON + timedelta(days=84)
"""A Friday in winter, 14:00 in Kyiv, long after these devices were started."""
TODAY = date(2027, 2, 12)


def settle() -> None:
    while tallies.step(NOW):
        pass


def send(source: Source) -> None:
    """Delivers what the device has recorded, twice over as a device may, and lets the tallies follow."""
    for _ in range(2):
        assert told(accept([source.message(received=NOW)])[0]).stored_through == len(source.rows)
    settle()


def rate(source: Source, *values: int, at: datetime = NOW, **more: Any) -> None:
    source.rate(*values, at=at, **more)


@pytest.fixture
def court() -> Court:
    return a_court("zrazkove")


@pytest.fixture
def source(court: Court) -> Source:
    return a_source(exit=an_exit(court))


@pytest.fixture(autouse=True)
def _five_at_a_time(settings: Any) -> None:
    settings.VIDHUK_LIVE_STEP = 5


def test_the_totals_move_at_once_and_the_distribution_with_every_fifth_answer(court: Court, source: Source) -> None:
    rate(source, 5, 5, 4, 4, 1)
    send(source)
    page = selectors.court_page(court, "overall", today=TODAY)
    assert (page.front.today, page.month.answers) == (5, 5)
    assert page.month.distribution.counts == (1, 0, 0, 2, 2)

    rate(source, 2)
    send(source)
    page = selectors.court_page(court, "overall", today=TODAY)
    assert (page.front.today, page.month.answers) == (6, 6)
    for each in (page.month.distribution, page.today, page.hours[0].distribution, page.weeks[-1].distribution):
        assert each.counts == (1, 0, 0, 2, 2), "the sixth answer could be told from the fifth"
    assert [day.answers for day in page.days if day.day == TODAY] == [6], "a plain count may move at once"
    assert page.month.waiting == 1

    rate(source, 2, 2, 2, 2)
    send(source)
    page = selectors.court_page(court, "overall", today=TODAY)
    assert page.month.distribution.counts == (1, 5, 0, 2, 2)
    assert page.month.waiting == 0


def test_the_revision_tells_a_page_what_has_moved(court: Court, source: Source) -> None:
    nothing_yet = selectors.revision(court, today=TODAY)
    rate(source, 5, 5, 4, 4, 1)
    send(source)
    first = selectors.revision(court, today=TODAY)
    assert first.fresh > nothing_yet.fresh
    assert first.shown > nothing_yet.shown
    rate(source, 3)
    send(source)
    second = selectors.revision(court, today=TODAY)
    assert second.fresh > first.fresh
    assert second.shown == first.shown
    assert selectors.revision(court, today=TODAY) == second
    assert selectors.front(court, "overall", today=TODAY).month.answers == 6


def test_what_is_flagged_is_counted_and_left_out_of_the_distribution(court: Court, source: Source) -> None:
    rate(source, 5, 5, 5, 4, 4)
    moments = [NOW + timedelta(minutes=5 + number) for number in range(5)]
    source.add(*(row for at in moments for row in (source.event(Answer, at, 1), source.event(Flag, at, "rapid"))))
    send(source)
    page = selectors.court_page(court, "overall", today=TODAY)
    assert page.month.answers == 10
    assert page.month.flagged == 5
    assert page.month.distribution.counts == (0, 0, 0, 2, 3)
    assert page.month.raw.counts == (5, 0, 0, 2, 3)


def test_what_was_seen_and_left_is_no_answer(court: Court, source: Source) -> None:
    rate(source, 5, 5, 5, 4, 4)
    source.add(*(source.event(Left, NOW + timedelta(seconds=number), item="reason", dt=30_000) for number in range(5)))
    send(source)
    assert selectors.court_page(court, "reason", today=TODAY).month.unanswered == 5
    assert selectors.court_page(court, "reason", today=TODAY).month.answers == 0


def test_days_and_hours_are_those_of_the_courts_own_zone() -> None:
    kyiv, azores = a_court("kyiv"), a_court("azores", timezone="Atlantic/Azores")
    # 22:30 UTC: half past midnight of the 12th in Kyiv, half past nine in the evening of the 11th on the Azores.
    moment = datetime(2027, 2, 11, 22, 30, tzinfo=UTC)
    for name, court in (("kiosk-in-kyiv", kyiv), ("kiosk-on-azores", azores)):
        source = a_source(name, exit=an_exit(court))
        rate(source, 5, 5, 5, 5, 5, at=moment)
        send(source)
    assert selectors.court_page(kyiv, "overall", today=date(2027, 2, 11)).front.today == 0
    in_kyiv = selectors.court_page(kyiv, "overall", today=date(2027, 2, 12))
    assert in_kyiv.front.today == 5
    assert [hour.hour for hour in in_kyiv.hours] == [0]
    on_azores = selectors.court_page(azores, "overall", today=date(2027, 2, 11))
    assert on_azores.front.today == 5
    assert [hour.hour for hour in on_azores.hours] == [21]


def test_the_thirty_days_begin_and_end_where_they_say(court: Court, source: Source) -> None:
    for back, value in ((0, 5), (29, 4), (30, 1), (59, 2), (60, 3)):
        rate(source, value, value, value, value, value, at=NOW - timedelta(days=back))
    send(source)
    page = selectors.court_page(court, "overall", today=TODAY)
    assert page.today.counts == (0, 0, 0, 0, 5)
    assert page.month.distribution.counts == (0, 0, 0, 5, 5)
    assert page.before.counts == (5, 5, 0, 0, 0)
    assert {day.day: day.answers for day in page.days if day.answers} == {
        TODAY - timedelta(days=back): 5 for back in (0, 29, 30, 59, 60)
    }


def test_weeks_are_those_of_the_calendar_and_the_last_is_under_way(court: Court, source: Source) -> None:
    for back in (0, 4, 5, 11, 12, 81, 82):
        rate(source, *[4] * (back + 5), at=NOW - timedelta(days=back))
    send(source)
    weeks = selectors.court_page(court, "overall", today=TODAY).weeks
    assert [week.monday.weekday() for week in weeks] == [0] * 12
    assert weeks[-1].days.first <= TODAY <= weeks[-1].days.last
    # Back from a Friday: 4 days to Monday, 5 to Sunday.
    assert [week.distribution.n for week in weeks[-3:]] == [12 + 5, 5 + 5 + 11 + 5, 0 + 5 + 4 + 5]
    assert weeks[0].distribution.n == 81 + 5, "the Sunday before the first Monday is left out"


def test_a_change_is_told_when_both_periods_have_answers_enough(court: Court, source: Source) -> None:
    rate(source, *[5] * 40, at=NOW)
    rate(source, *[1] * 40, at=NOW - timedelta(days=40))
    send(source)
    moved = selectors.court_page(court, "overall", today=TODAY).front.change
    assert moved is not None
    assert moved.verdict == "up"
    assert moved.difference == 1


def test_channels_are_told_apart(court: Court, source: Source) -> None:
    rate(source, 5, 4, 3, 2, 1, 1)
    row = source.event(Answer, NOW + timedelta(minutes=9), 5)
    source.add(type(row)(*[Input.BUTTON.value if name == "input" else getattr(row, name) for name in row.__struct_fields__]))
    send(source)
    channels = selectors.court_page(court, "overall", today=TODAY).month.channels
    assert [(channel.input, channel.answers) for channel in channels] == [(Input.TOUCH, 6), (Input.BUTTON, 1)]


def test_answers_no_clock_vouches_for_are_shown_apart(court: Court, source: Source) -> None:
    rate(source, 5, 5, 5, 5, 5, synchronised=False)
    send(source)
    page = selectors.court_page(court, "overall", today=TODAY)
    assert page.undated == 5
    assert page.month.answers == 0


def test_the_overview_has_one_line_a_court_in_the_order_asked_for() -> None:
    one, other, empty = a_court("one"), a_court("other", timezone="Asia/Tokyo"), a_court("empty")
    for place, court in enumerate((one, other)):
        source = a_source(f"kiosk-{court.slug}-{place}", exit=an_exit(court))
        rate(source, *[5 - place] * 12)
        send(source)
    lines = selectors.overview([other, empty, one], "overall", now=NOW)
    assert [line.court for line in lines] == [other, empty, one]
    assert [line.month.answers for line in lines] == [12, 0, 12]
    assert [line.month.distribution.counts for line in lines] == [(0, 0, 0, 12, 0), (0,) * 5, (0, 0, 0, 0, 12)]
    assert [line.today for line in lines] == [12, 0, 12]


def test_the_overview_and_the_courts_page_agree(court: Court, source: Source) -> None:
    rate(source, 1, 2, 3, 4, 5, 5, 5, 4, 4, 1)
    rate(source, 3, 3, 3, at=NOW - timedelta(days=35))
    send(source)
    page = selectors.court_page(court, "overall", today=TODAY)
    line = selectors.overview([court], "overall", now=NOW)[0]
    assert line.month == page.month
    assert line.change == page.front.change
    assert line.today == page.front.today


def test_a_page_costs_the_same_few_questions_however_many_exits_and_days(
    court: Court, source: Source, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        other = a_source(f"kiosk-more-{number}", exit=an_exit(court, f"Вихід {number}"))
        rate(other, 5, 4, at=NOW - timedelta(days=number))
        send(other)
    settle()
    with django_assert_max_num_queries(4):
        selectors.court_page(court, "overall", today=TODAY)
    with django_assert_max_num_queries(1):
        selectors.revision(court, today=TODAY)
    with django_assert_max_num_queries(2):
        selectors.overview([court], "overall", now=NOW)


def test_choices_are_counted_without_an_order(court: Court, source: Source) -> None:
    for place, value in enumerate((3, 3, 3, 5, 1)):
        source.add(source.event(Answer, NOW + timedelta(minutes=place), value, item="reason"))
    send(source)
    reasons = selectors.month_of(court, "reason", today=TODAY, points=(1, 2, 3, 4, 5))
    assert reasons.distribution.counts == (1, 0, 3, 0, 1)


def test_a_device_that_moved_counts_for_the_court_it_stood_in(court: Court, source: Source) -> None:
    other = a_court("inshyi")
    assert source.device is not None
    place_device(device=source.device, exit=an_exit(other), starts_at=NOW - timedelta(days=1))
    rate(source, 5, 5, 5, 5, 5, at=NOW - timedelta(days=2))
    rate(source, 1, 1, 1, 1, 1, at=NOW)
    send(source)
    assert selectors.court_page(court, "overall", today=TODAY).month.distribution.counts == (0, 0, 0, 0, 5)
    assert selectors.court_page(other, "overall", today=TODAY).month.distribution.counts == (5, 0, 0, 0, 0)
