"""Opens and closes the device with the court, by the court's hours and the device's clock."""

from collections.abc import Callable
from typing import Final

from kiosk.core import hours as calendar
from kiosk.core.alarms import Alarms
from kiosk.core.hours import Opening
from kiosk.core.ports import Clock
from kiosk.core.timekeeping import Stamp
from kiosk.core.visit import Close, Open, VisitEvent
from wire.envelopes import Hours

MINUTE_MS: Final = 60_000
CLOCK: Final = "clock-not-synchronised"
"""The alarm that stands while the hours cannot be kept."""


class Doorkeeper:
    """Tells the visit when the court closes and opens. On the main thread.

    Hours begin and end with whole minutes, so looking at the clock at each of them is exact, and a clock that has jumped is noticed
    within a minute. A clock that nobody vouches for closes nothing: an open device at night harms nobody, a closed one by day does.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        alarms: Alarms,
        handle: Callable[[VisitEvent], None],
        report: Callable[[str], None],
        alarm: Callable[[str, str], None],
        clear: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._alarms = alarms
        self._handle = handle
        self._report = report
        self._alarm = alarm
        self._clear = clear
        self._hours: Hours | None = None
        self._closed = False
        self._opens: Opening | None = None
        self._doubted = False

    def configure(self, hours: Hours | None) -> None:
        """The court's hours are `hours` from now on; without any it is always open."""
        self._hours = hours
        if hours is not None:
            try:
                calendar.is_open(hours, self._clock.stamp().wall)
            except (KeyError, ValueError, OSError) as fault:
                self._hours = None
                self._report(f"The opening hours cannot be kept, so the device is always open: time zone {hours.timezone}: {fault}")
        self._look()

    @property
    def quiet(self) -> bool:
        """Whether sounds are held back now. From any thread."""
        hours, stamp = self._hours, self._clock.stamp()
        return hours is not None and stamp.synchronised and calendar.is_quiet(hours, stamp.wall)

    def _look(self) -> None:
        stamp = self._clock.stamp()
        self._doubt(self._hours is not None and not stamp.synchronised)
        following = None if self._hours is None else stamp.monotonic + MINUTE_MS - stamp.wall % MINUTE_MS
        self._alarms.at("hours", following, self._look)
        self._turn(stamp)

    def _turn(self, stamp: Stamp) -> None:
        """Says what has changed. The day of the next opening is "tomorrow" until midnight and "today" after it."""
        closed, opens = False, None
        if self._hours is not None and stamp.synchronised and not calendar.is_open(self._hours, stamp.wall):
            closed, opens = True, calendar.opening_after(self._hours, stamp.wall)
        if (closed, opens) != (self._closed, self._opens):
            self._closed, self._opens = closed, opens
            self._handle(Close(opens, stamp) if closed else Open(stamp))

    def _doubt(self, doubted: bool) -> None:
        if doubted and not self._doubted:
            self._alarm(CLOCK, "No time source vouches for the clock, so the opening hours are not kept and the device stays open.")
        if self._doubted and not doubted:
            self._clear(CLOCK)
        self._doubted = doubted
