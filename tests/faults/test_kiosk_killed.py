"""Kiosk and gateway killed between one instruction and the next: every rating that was thanked is counted, and counted once.

A thousand kills of each: `./vidhuk bench kills`.
"""

from pathlib import Path

import pytest

from workbench.torture.kills import Toll, compare, kill_gateways, kill_kiosk

SEED = 20261123
KILLS = 8


@pytest.mark.slow
def test_every_thanked_rating_is_counted_once_whenever_the_kiosk_is_killed(tmp_path: Path) -> None:
    toll = kill_kiosk(tmp_path, kills=KILLS, seed=SEED)
    assert (toll.lost, toll.double, toll.wrong) == (0, 0, [])
    assert toll.promised > KILLS, "the kiosk lived long enough to thank people"


@pytest.mark.slow
def test_every_acknowledged_row_is_counted_once_whenever_a_gateway_is_killed(tmp_path: Path) -> None:
    toll = kill_gateways(tmp_path, kills=KILLS, seed=SEED)
    assert (toll.lost, toll.double, toll.wrong) == (0, 0, [])
    assert toll.promised > KILLS, "the gateways lived long enough to take something in"


@pytest.mark.parametrize(
    "kept, lost",
    [
        ([1, 2, 3, 4], 0),
        ([1, 2, 5, 3, 4], 0),  # the kill came between the card and the thank-you
        ([1, 2, 3], 1),
        ([1, 2, 4, 3], 1),
        ([1, 2, 3, 4, 4], 1),
        ([1, 2, 2, 3, 4], 1),
    ],
)
def test_what_the_device_holds_is_compared_with_what_was_thanked_for_life_by_life(kept: list[int], lost: int) -> None:
    toll = Toll()
    compare(kept, [[1, 2], [3, 4]], [[1, 2, 5], [3, 4]], toll)
    assert toll.lost == lost
