"""Figures carry their n and interval, and say nothing where there is too little to say."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_server.results.figures import FEW_ANSWERS, Distribution, change
from sync_server.results.periods import Period, last_days, last_weeks, one_day

FACES = (1, 2, 3, 4, 5)
counts = st.lists(st.integers(0, 500), min_size=5, max_size=5)


@given(counts)
def test_the_shares_of_a_distribution_add_up_to_one(given_counts: list[int]) -> None:
    distribution = Distribution(FACES, tuple(given_counts))
    if distribution.n:
        assert sum(share.share for share in distribution.shares) == pytest.approx(1)
        assert all(share.low <= share.share <= share.high for share in distribution.shares)
    else:
        assert distribution.shares == ()
        assert distribution.top_two is None
        assert distribution.csat is None
        assert distribution.mean is None


def test_nine_answers_are_too_few_and_ten_are_enough() -> None:
    assert FEW_ANSWERS == 10
    assert not Distribution(FACES, (0, 0, 0, 0, 9)).enough
    assert Distribution(FACES, (0, 0, 0, 0, 10)).enough


def test_a_scale_of_four_points_has_a_top_two_share_but_no_csat() -> None:
    distribution = Distribution((1, 2, 3, 4), (1, 2, 3, 4))
    top = distribution.top_two
    assert top is not None
    assert (top.k, top.n) == (7, 10)
    assert distribution.csat is None


def test_counts_without_their_points_are_refused() -> None:
    with pytest.raises(ValueError, match="2 counts for 3 points"):
        Distribution((1, 2, 3), (1, 2))


def test_a_change_is_told_only_when_its_interval_leaves_out_no_change() -> None:
    before = Distribution(FACES, (20, 20, 20, 20, 20))
    assert (change(Distribution(FACES, (5, 5, 10, 40, 40)), before) or pytest.fail("no change")).verdict == "up"
    assert (change(Distribution(FACES, (40, 40, 10, 5, 5)), before) or pytest.fail("no change")).verdict == "down"
    assert (change(Distribution(FACES, (20, 20, 20, 21, 20)), before) or pytest.fail("no change")).verdict == "unclear"


def test_too_few_answers_on_either_side_give_no_change() -> None:
    many, few = Distribution(FACES, (20, 20, 20, 20, 20)), Distribution(FACES, (0, 0, 0, 0, 9))
    assert change(many, few) is None
    assert change(few, many) is None


def test_thirty_days_end_with_today_and_the_thirty_before_end_the_day_before() -> None:
    month = last_days(date(2026, 11, 23))
    assert (month.first, month.last, len(month)) == (date(2026, 10, 25), date(2026, 11, 23), 30)
    assert month.before() == Period(date(2026, 9, 25), date(2026, 10, 24))
    assert list(one_day(date(2026, 3, 29)).days()) == [date(2026, 3, 29)]
    assert date(2026, 10, 25) in month
    assert date(2026, 10, 24) not in month


def test_twelve_weeks_begin_on_mondays_and_end_with_the_one_under_way() -> None:
    for today in (date(2026, 11, 23), date(2026, 11, 29)):
        weeks = last_weeks(today)
        assert (weeks[0], weeks[-1], len(weeks)) == (date(2026, 9, 7), date(2026, 11, 23), 12)
    assert last_weeks(date(2026, 11, 22))[-1] == date(2026, 11, 16)


def test_an_impossible_period_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot end"):
        Period(date(2026, 1, 2), date(2026, 1, 1))
    with pytest.raises(ValueError, match="at least one day"):
        last_days(date(2026, 1, 1), 0)
