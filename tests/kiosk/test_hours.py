"""When a court is open: weeks, holidays, and the two nights a year on which clocks are put."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.core.hours import Opening, is_open, is_quiet, opening_after
from wire.envelopes import Hours, Spell

KYIV = "Europe/Kyiv"
WORKDAY: list[Spell] = [(9 * 60, 13 * 60), (14 * 60, 18 * 60)]
FRIDAY: list[Spell] = [(9 * 60, 16 * 60 + 45)]
WEEK = [WORKDAY, WORKDAY, WORKDAY, WORKDAY, FRIDAY, [], []]
COURT = Hours(KYIV, WEEK, days={"2026-12-25": [], "2026-12-26": [(10 * 60, 12 * 60)]}, quiet=[(0, 8 * 60), (19 * 60, 1440)])


def wall(text: str, zone: str = KYIV, *, fold: int = 0) -> int:
    """Ms since the epoch when the clocks of `zone` show `text`; of two such moments the later with `fold` 1."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


@pytest.mark.parametrize(
    "moment, expected",
    [
        ("2026-11-23T08:59:59", False),  # a Monday
        ("2026-11-23T09:00", True),
        ("2026-11-23T12:59:59", True),
        ("2026-11-23T13:00", False),
        ("2026-11-23T14:00", True),
        ("2026-11-23T18:00", False),
        ("2026-11-27T16:44", True),
        ("2026-11-27T16:45", False),
        ("2026-11-28T10:00", False),  # a Saturday
        ("2026-12-25T10:00", False),  # a holiday on a Friday
        ("2026-12-26T10:00", True),  # a Saturday on which it opens
        ("2026-12-26T12:00", False),
    ],
)
def test_a_court_is_open_from_the_first_minute_of_a_spell_up_to_its_last(moment: str, expected: bool) -> None:
    assert is_open(COURT, wall(moment)) is expected


def test_a_day_may_be_open_all_round() -> None:
    always = Hours(KYIV, [[(0, 1440)]] * 7)
    assert all(is_open(always, wall("2026-11-23T00:00") + minutes * 60_000) for minutes in range(0, 3 * 1440, 7))
    assert opening_after(always, wall("2026-11-23T12:00")) == Opening(1, 1, 0)


@pytest.mark.parametrize(
    "moment, expected",
    [
        ("2026-11-23T07:00", Opening(0, 0, 540)),
        ("2026-11-23T13:30", Opening(0, 0, 840)),
        ("2026-11-23T18:00", Opening(1, 1, 540)),
        ("2026-11-27T20:00", Opening(0, 3, 540)),
        ("2026-12-24T19:00", Opening(5, 2, 600)),  # over the holiday to the Saturday
        ("2026-12-31T23:59", Opening(4, 1, 540)),
    ],
)
def test_a_closed_court_says_when_it_opens(moment: str, expected: Opening) -> None:
    assert opening_after(COURT, wall(moment)) == expected


def test_a_court_that_never_opens_says_nothing() -> None:
    assert opening_after(Hours(KYIV, [[]] * 7), wall("2026-11-23T12:00")) is None


def test_an_opening_among_the_exceptions_is_found_beyond_a_closed_week() -> None:
    assert opening_after(Hours(KYIV, [[]] * 7, days={"2027-02-01": [(600, 660)]}), wall("2026-11-23T12:00")) == Opening(0, 70, 600)


def test_quiet_spells_hold_on_every_day() -> None:
    assert is_quiet(COURT, wall("2026-11-28T07:59"))
    assert not is_quiet(COURT, wall("2026-11-28T08:00"))
    assert is_quiet(COURT, wall("2026-11-28T19:00"))
    assert is_quiet(COURT, wall("2026-11-28T23:59:59"))


def test_the_courts_zone_counts_and_not_the_devices() -> None:
    moment = wall("2026-11-23T09:00", "Europe/Kyiv")
    assert is_open(COURT, moment)
    assert not is_open(Hours("Europe/Lisbon", WEEK), moment)


def test_when_clocks_go_forward_an_opening_within_the_missing_hour_has_happened_after_it() -> None:
    """On 2026-03-29 Kyiv's clocks jump from 03:00 to 04:00."""
    night = Hours(KYIV, [[(3 * 60 + 30, 5 * 60)]] * 7)
    last = wall("2026-03-29T02:59:59")
    assert not is_open(night, last)
    assert is_open(night, last + 1_000)
    assert is_open(night, last + 3_600_000)
    assert not is_open(night, last + 3_601_000)


def test_when_clocks_go_back_the_hour_that_comes_twice_is_open_or_closed_twice() -> None:
    """On 2026-10-25 Kyiv's clocks go from 04:00 back to 03:00."""
    night = Hours(KYIV, [[(3 * 60 + 30, 5 * 60)]] * 7)
    for fold in (0, 1):
        assert not is_open(night, wall("2026-10-25T03:29:59", fold=fold))
        assert is_open(night, wall("2026-10-25T03:30", fold=fold))
    assert is_open(night, wall("2026-10-25T04:59:59"))
    assert not is_open(night, wall("2026-10-25T05:00"))


def test_a_day_on_which_clocks_are_put_opens_by_what_they_show() -> None:
    for day in ("2026-03-30", "2026-10-26"):  # the Mondays after
        assert opening_after(COURT, wall(f"{day}T00:00") - 60_000) == Opening(0, 1, 540)
        assert is_open(COURT, wall(f"{day}T09:00"))
        assert not is_open(COURT, wall(f"{day}T09:00") - 1)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 1440), st.integers(0, 1440)), max_size=3),
        min_size=7,
        max_size=7,
    ),
    st.integers(wall("2026-03-30T00:00"), wall("2027-03-13T00:00")),  # spring's missing hour may swallow a whole opening
)
def test_at_the_opening_it_promises_a_closed_court_opens(week: list[list[Spell]], now: int) -> None:
    hours = Hours(KYIV, week)
    opening = opening_after(hours, now)
    if is_open(hours, now) or opening is None:
        return
    today = datetime.fromtimestamp(now / 1000, ZoneInfo(KYIV)).date()
    day = today + timedelta(days=opening.days_ahead)
    assert day.weekday() == opening.weekday
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(KYIV))
    shown = midnight.replace(hour=opening.minute // 60, minute=opening.minute % 60)
    assert is_open(hours, int(shown.timestamp() * 1000))


def test_a_time_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises((KeyError, ValueError)):
        is_open(Hours("Europe/Nowhere", WEEK), 0)
    with pytest.raises((KeyError, ValueError)):
        is_open(Hours("../../etc/passwd", WEEK), 0)
