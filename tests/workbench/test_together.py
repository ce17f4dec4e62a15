"""Long trials in shares, side by side: each has its part, what they found comes back in their order, and a failure is told."""

import itertools
import time

import pytest

from workbench.bench.together import Heard, Share, shares_of, work_off


def tried(*, first: int, count: int, heard: Heard) -> list[int]:
    for number in range(count):
        heard(number + 1)
    return list(range(first, first + count))


def failing(*, heard: Heard) -> None:
    heard(1)
    raise ValueError("the third trial failed")


def endless(*, heard: Heard) -> None:
    for number in itertools.count(1):
        heard(number)
        time.sleep(0.01)


@pytest.mark.parametrize("count, jobs, parts", [(10, 2, [5, 5]), (11, 3, [4, 4, 3]), (1, 4, [1])])
def test_all_that_is_to_be_tried_is_shared_out_and_nobody_gets_nothing(count: int, jobs: int, parts: list[int]) -> None:
    assert shares_of(count, jobs) == parts


def test_what_the_shares_found_comes_back_in_their_order() -> None:
    shares = [Share("numbers", 3, tried, {"first": first, "count": 3}) for first in (1, 4, 7)]
    assert work_off(shares, jobs=2, say=lambda words: None) == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_a_share_that_fails_is_told_as_it_failed() -> None:
    shares = [Share("numbers", 3, tried, {"first": 1, "count": 3}), Share("nothing", 1, failing, {})]
    with pytest.raises(ValueError, match="the third trial failed"):
        work_off(shares, jobs=2, say=lambda words: None)


def test_where_one_share_fails_nobody_waits_for_the_others() -> None:
    shares = [Share("endless", 1, endless, {}), Share("nothing", 1, failing, {})]
    with pytest.raises(ValueError, match="the third trial failed"):
        work_off(shares, jobs=2, say=lambda words: None)
