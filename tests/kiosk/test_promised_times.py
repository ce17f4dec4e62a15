"""What is promised in minutes and seconds, measured by the clock and not by our own constants."""

from kiosk.core.ways import Switch, Way, Ways

MINUTE = 60_000


def test_a_blocked_broker_is_left_for_https_within_three_minutes() -> None:
    ways = Ways(draw=lambda: 0.0)
    for now in range(0, 3 * MINUTE, 1_000):
        if ways.step(now, wanting=True) == Switch(Way.HTTPS):
            return
    raise AssertionError("three minutes are over")
