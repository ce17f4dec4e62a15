"""The arithmetic agrees with published figures, and keeps its promises for every count there can be."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_server.results import statistics

shares = st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
five = st.lists(st.integers(0, 10_000), min_size=5, max_size=5).filter(any)
levels = st.floats(0.5, 0.999)


@pytest.mark.parametrize(("k", "n", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)])
def test_wilson_gives_newcombes_published_intervals(k: int, n: int, low: float, high: float) -> None:
    assert statistics.wilson(k, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_at_nothing_and_at_everything_is_newcombes_too() -> None:
    # Newcombe 1998, table I: 0/20 and 1/29.
    assert statistics.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert statistics.wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((6, 7), (2, 7), 0.0582, 0.8062)],
)
def test_the_difference_of_two_shares_is_newcombes_method_ten(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    assert statistics.share_difference(*first, *second) == pytest.approx((low, high), abs=5e-5)


def test_the_mean_of_the_council_of_judges_survey_of_2014_is_found_again() -> None:
    counts, dont_know = [107, 357, 715, 388], 34
    mean = statistics.mean_score(counts, (2, 3, 4, 5))
    assert round(mean.mean, 2) == 3.88
    assert mean.n == 1567
    everyone = sum(counts) + dont_know
    assert [round(count / everyone * 100, 2) for count in (*counts, dont_know)] == [6.68, 22.30, 44.66, 24.23, 2.12]


def test_csat_and_top_two_box_are_two_figures() -> None:
    counts = [1, 2, 3, 4, 5]
    assert statistics.csat(counts) == pytest.approx((2 + 2 * 3 + 3 * 4 + 4 * 5) / (4 * 15) * 100)
    assert statistics.top_two_box(counts) == pytest.approx(9 / 15 * 100)


def test_a_mean_of_one_answer_has_no_interval() -> None:
    assert statistics.mean_score([0, 0, 1], (1, 2, 3)) == statistics.Mean(1, 3.0, None, None, None)


def test_the_t_interval_of_a_mean_is_the_textbooks() -> None:
    # 2, 4, 4, 4, 5, 5, 7, 9: mean 5, s = sqrt(32/7), t(7, 0.975) = 2.3646.
    mean = statistics.mean_score([1, 3, 2, 1, 1], (2, 4, 5, 7, 9))
    half = 2.364624 * math.sqrt(32 / 7) / math.sqrt(8)
    assert (mean.mean, mean.low, mean.high) == pytest.approx((5, 5 - half, 5 + half), rel=1e-6)


@given(shares, levels)
def test_wilson_contains_its_estimate_and_stays_a_share(share: tuple[int, int], level: float) -> None:
    k, n = share
    low, high = statistics.wilson(k, n, level)
    assert 0 <= low <= k / n <= high <= 1


@given(shares)
def test_wilson_is_symmetrical_in_what_is_counted(share: tuple[int, int]) -> None:
    k, n = share
    low, high = statistics.wilson(k, n)
    other_low, other_high = statistics.wilson(n - k, n)
    assert (low, high) == pytest.approx((1 - other_high, 1 - other_low), abs=1e-9)


@given(shares)
def test_wilson_touches_zero_and_one_only_at_nothing_and_everything(share: tuple[int, int]) -> None:
    k, n = share
    low, high = statistics.wilson(k, n)
    assert (low == 0) == (k == 0)
    assert (high == 1) == (k == n)


@given(shares, st.integers(2, 50))
def test_more_answers_of_the_same_kind_narrow_the_interval(share: tuple[int, int], times: int) -> None:
    k, n = share
    low, high = statistics.wilson(k, n)
    narrower_low, narrower_high = statistics.wilson(k * times, n * times)
    assert narrower_high - narrower_low < high - low


@given(shares, st.floats(0.5, 0.9), st.floats(0.905, 0.999))
def test_a_higher_level_gives_a_wider_interval(share: tuple[int, int], level: float, higher: float) -> None:
    low, high = statistics.wilson(*share, level)
    wider_low, wider_high = statistics.wilson(*share, higher)
    assert wider_low <= low
    assert wider_high >= high


@given(shares, shares)
def test_a_difference_lies_in_its_interval_and_turns_with_its_order(one: tuple[int, int], other: tuple[int, int]) -> None:
    low, high = statistics.share_difference(*one, *other)
    assert low - 1e-12 <= one[0] / one[1] - other[0] / other[1] <= high + 1e-12
    assert statistics.share_difference(*other, *one) == pytest.approx((-high, -low), abs=1e-12)


@given(five)
def test_csat_lies_between_its_ends_and_mirrors_when_the_scale_is_turned(counts: list[int]) -> None:
    assert 0 <= statistics.csat(counts) <= 100
    assert statistics.csat(counts) + statistics.csat(counts[::-1]) == pytest.approx(100)


@given(five, st.integers(1, 50))
def test_figures_depend_on_proportions_and_not_on_how_many(counts: list[int], times: int) -> None:
    more = [count * times for count in counts]
    assert statistics.csat(more) == pytest.approx(statistics.csat(counts))
    assert statistics.top_two_box(more) == pytest.approx(statistics.top_two_box(counts))


@given(five)
def test_csat_is_the_mean_stretched_to_a_hundred_and_so_is_its_interval(counts: list[int]) -> None:
    mean = statistics.mean_score(counts, (1, 2, 3, 4, 5))
    assert statistics.csat(counts) == pytest.approx((mean.mean - 1) * 25, abs=1e-9)
    interval = statistics.csat_interval(counts)
    if mean.low is None or mean.high is None:
        assert interval is None
    else:
        assert interval is not None
        low, high = interval
        assert low == pytest.approx(max((mean.low - 1) * 25, 0), abs=1e-7)
        assert high == pytest.approx(min((mean.high - 1) * 25, 100), abs=1e-7)


@given(five, st.floats(-5, 5), st.floats(0.1, 10))
def test_a_mean_moves_with_its_scale(counts: list[int], shift: float, stretch: float) -> None:
    plain = statistics.mean_score(counts, (1, 2, 3, 4, 5))
    moved = statistics.mean_score(counts, [shift + stretch * point for point in (1, 2, 3, 4, 5)])
    assert moved.mean == pytest.approx(shift + stretch * plain.mean, abs=1e-6)
    if plain.low is not None:
        assert moved.low == pytest.approx(shift + stretch * plain.low, abs=1e-6)


@pytest.mark.parametrize(("k", "n"), [(0, 0), (-1, 5), (6, 5), (1, -1)])
def test_an_impossible_share_is_refused_with_its_reason(k: int, n: int) -> None:
    with pytest.raises(ValueError, match=r"no answers|is no share"):
        statistics.wilson(k, n)


@pytest.mark.parametrize("level", [0, 1, -0.5, 2])
def test_an_impossible_level_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        statistics.wilson(1, 2, level)
    with pytest.raises(ValueError, match="between 0 and 1"):
        statistics.mean_score([1], (1,), level)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [([0] * 5, "no answers"), ([1, -1, 0, 0, 0], "negative"), ([1, 2, 3, 4], "five points"), ([], "one row"), ([1.5] * 5, "whole")],
)
def test_impossible_counts_are_refused_with_their_reason(counts: list[int], reason: str) -> None:
    for figure in (statistics.csat, statistics.top_two_box, statistics.csat_interval):
        with pytest.raises(ValueError, match=reason):
            figure(counts)


def test_counts_and_scale_must_be_of_one_length() -> None:
    with pytest.raises(ValueError, match="3 counts for 2 points"):
        statistics.mean_score([1, 2, 3], (1, 2))
