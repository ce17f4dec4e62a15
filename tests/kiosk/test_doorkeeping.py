"""The device opens and closes with the court."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from kiosk.core.alarms import Alarms
from kiosk.core.doorkeeping import CLOCK, Doorkeeper
from kiosk.core.hours import Opening
from kiosk.core.timekeeping import Stamp
from kiosk.core.visit import Close, Open, Phase, VisitEvent
from tests.kiosk.exit import BOOT, Exit, HandLoop
from wire.envelopes import Hours
from wire.events import Millis

KYIV = "Europe/Kyiv"
COURT = Hours(KYIV, [[(540, 1080)]] * 5 + [[], []], quiet=[(0, 480)])


def wall(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(KYIV)).timestamp() * 1000)


class WallClock:
    """A clock whose wall time the test sets."""

    def __init__(self, shown: str) -> None:
        self.now = 50_000
        self.offset = wall(shown) - self.now
        self.synchronised = True

    def stamp(self) -> Stamp:
        return Stamp(BOOT, Millis(self.now), self.offset, self.synchronised)

    def jump(self, shown: str) -> None:
        self.offset = wall(shown) - self.now


class Door:
    """A doorkeeper with everything around it in the test's hands."""

    def __init__(self, shown: str, handle: Callable[[VisitEvent], None] | None = None) -> None:
        self.clock = WallClock(shown)
        self.loop = HandLoop(self.clock)
        self.heard: list[VisitEvent] = []
        self.reports: list[str] = []
        self.alarms: dict[str, str] = {}
        self.keeper = Doorkeeper(
            clock=self.clock,
            alarms=Alarms(self.loop),
            handle=handle or self.heard.append,
            report=self.reports.append,
            alarm=self.alarms.__setitem__,
            clear=self.alarms.pop,
        )

    def wait(self, minutes: float) -> None:
        end = self.clock.now + int(minutes * 60_000)
        while self.loop.alarm and self.loop.alarm[0] <= end:
            self.clock.now = max(self.clock.now, self.loop.alarm[0])
            self.loop.run()
        self.clock.now = end


def test_the_court_closes_and_opens_at_its_minute() -> None:
    door = Door("2026-11-23T17:30:20")
    door.keeper.configure(COURT)
    door.wait(29.5)
    assert door.heard == []
    door.wait(1)
    (close,) = door.heard
    assert isinstance(close, Close)
    assert close.opens == Opening(1, 1, 540)
    assert close.stamp.wall == wall("2026-11-23T18:00")
    door.wait(24 * 60)
    assert isinstance(door.heard[-2], Open)
    assert door.heard[-2].stamp.wall == wall("2026-11-24T09:00")


def test_a_device_switched_on_at_night_is_closed_at_once() -> None:
    door = Door("2026-11-23T03:00")
    door.keeper.configure(COURT)
    (close,) = door.heard
    assert isinstance(close, Close)
    assert close.opens == Opening(0, 0, 540)


def test_after_midnight_tomorrow_is_called_today() -> None:
    door = Door("2026-11-23T23:58")
    door.keeper.configure(COURT)
    door.wait(3)
    assert [event.opens for event in door.heard if isinstance(event, Close)] == [Opening(1, 1, 540), Opening(1, 0, 540)]


def test_a_court_without_hours_is_always_open_and_nothing_wakes_the_device() -> None:
    door = Door("2026-11-23T03:00")
    door.keeper.configure(COURT)
    door.keeper.configure(None)
    assert [type(event) for event in door.heard] == [Close, Open]
    assert door.loop.alarm is None
    assert not door.keeper.quiet


def test_a_clock_that_nobody_vouches_for_closes_nothing_and_says_why_once() -> None:
    door = Door("2026-11-23T03:00")
    door.clock.synchronised = False
    door.keeper.configure(COURT)
    said = dict(door.alarms)
    door.wait(5)
    assert door.heard == []
    assert list(said) == [CLOCK]
    assert not door.keeper.quiet
    door.clock.synchronised = True
    door.wait(1)
    assert isinstance(door.heard[-1], Close)
    assert door.alarms == {}
    assert door.keeper.quiet
    door.clock.synchronised = False
    door.wait(1)
    assert isinstance(door.heard[-1], Open)


def test_a_clock_that_jumps_is_noticed_within_a_minute() -> None:
    door = Door("2026-11-23T12:00")
    door.keeper.configure(COURT)
    door.clock.jump("2026-11-28T12:00")
    door.wait(1)
    assert isinstance(door.heard[-1], Close)
    door.clock.jump("2026-11-23T12:00")
    door.wait(1)
    assert isinstance(door.heard[-1], Open)


def test_quiet_hours_are_said_whenever_asked() -> None:
    door = Door("2026-11-23T07:59")
    door.keeper.configure(COURT)
    assert door.keeper.quiet
    door.wait(1)
    assert not door.keeper.quiet


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "../../etc/passwd"])
def test_a_time_zone_that_does_not_exist_is_reported_and_the_device_stays_open(zone: str) -> None:
    door = Door("2026-11-23T03:00")
    door.keeper.configure(Hours(zone, COURT.week))
    assert door.heard == []
    (report,) = door.reports
    assert zone in report
    assert not door.keeper.quiet


def test_the_visit_follows_the_door() -> None:
    exit_ = Exit()
    door = Door("2026-11-23T17:59", exit_.conductor.handle)
    door.keeper.configure(COURT)
    assert exit_.screen.phase is Phase.WELCOME
    door.wait(1)
    assert (exit_.screen.phase, exit_.scene.opens) == (Phase.CLOSED, Opening(1, 1, 540))
    door.wait(15 * 60)
    assert exit_.screen.phase is Phase.WELCOME
