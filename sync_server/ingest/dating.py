"""When did it happen? What can be known of a device's clock from what it has sent, and when. Pure; every time is in milliseconds.

A row is stamped with the monotonic clock of one start of its device. The start's offset (wall minus monotonic) makes an instant of
that. Nothing arrives before it was sent: an arrival bounds the offset from above, and the echo of a time that this server had told
bounds it from below. Where both meet the offset is known to a second, whatever the device's own clock says. That one is believed
only within the bounds.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from wire.envelopes import Clock, Echo

TIGHT_MS: Final = 2_000
"""Bounds no wider than this are an anchor: the middle is at most a second off."""
HONEST_MS: Final = 120_000
"""How far two honest clocks may be apart: the device's may follow a better one than this server's does."""
LATE_MS: Final = 86_400_000
"""A greeting is written when it is sent. One that claims to be older than a day claims a wrong time, or has lain somewhere."""
DRIFT: Final = 10_000
"""A monotonic clock gains or loses less than 1 in so many (100 ppm, five times what a quartz does)."""


def drift(elapsed: int) -> int:
    """By how much a clock may have gone wrong in `elapsed`."""
    return -(-abs(elapsed) // DRIFT)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an offset cannot lie below (`low`) or above (`high`), as far as is known, when the monotonic clock reads `reading`."""

    low: int | None = None
    high: int | None = None
    reading: int = 0

    def at(self, reading: int) -> "Bounds":
        """The same, told when the monotonic clock reads `reading`: wider by what the clock may have drifted meanwhile."""
        slack = drift(reading - self.reading)
        low = None if self.low is None else self.low - slack
        high = None if self.high is None else self.high + slack
        return Bounds(low, high, reading)

    def arrived(self, reading: int, received: int) -> "Bounds":
        """Something that was written when the clock read `reading` has come in at `received`."""
        latest = max(self.reading, reading)
        high = received - reading + drift(latest - reading)
        known = self.at(latest)
        if known.low is not None and known.low > high + TIGHT_MS:
            return Bounds(None, high, latest)  # this server's clock was set back meanwhile: the newer evidence holds
        return Bounds(known.low, high if known.high is None else min(known.high, high), latest)

    def heard(self, echo: Echo) -> "Bounds":
        """The device had heard the time `echo.server_wall` when its clock read `echo.monotonic`."""
        latest = max(self.reading, echo.monotonic)
        low = echo.server_wall - echo.monotonic - drift(latest - echo.monotonic)
        known = self.at(latest)
        if known.high is not None and known.high < low - TIGHT_MS:
            return Bounds(low, None, latest)
        return Bounds(low if known.low is None else max(known.low, low), known.high, latest)

    def within(self, other: "Bounds") -> "Bounds | None":
        """What both leave, told at the same reading; none where they contradict one another."""
        low = max((low for low in (self.low, other.low) if low is not None), default=None)
        high = min((high for high in (self.high, other.high) if high is not None), default=None)
        return None if low is not None and high is not None and low > high else Bounds(low, high, self.reading)

    @property
    def middle(self) -> int | None:
        """The offset, where the bounds leave no more doubt than a second either way."""
        if self.low is None or self.high is None or self.high - self.low > TIGHT_MS:
            return None
        return (self.low + self.high) // 2

    @property
    def confirm(self) -> bool:
        """Whether a round trip with this server stands behind them: what lies within is then no mere claim of the device's."""
        return self.low is not None and self.high is not None and self.high - self.low <= HONEST_MS

    def leave(self, offset: int) -> bool:
        """Whether an honest clock may have this offset."""
        too_low = self.low is not None and offset < self.low - HONEST_MS
        too_high = self.high is not None and offset > self.high + HONEST_MS
        return not (too_low or too_high)

    def nearest(self, offset: int) -> int:
        """The offset within the bounds that is nearest to this one. An anchor lies inside: rows' own stamps may be as far from it
        as honest clocks are apart, and both allowances together would be twice that.
        """
        least = offset if self.low is None else max(offset, self.low)
        return least if self.high is None else min(least, self.high)

    def refute(self, offset: int) -> bool:
        """Whether a start that was once anchored at `offset` cannot have been: more is wrong than drift since then explains."""
        slack = drift(self.reading)
        return not Bounds(
            None if self.low is None else self.low - slack, None if self.high is None else self.high + slack, self.reading
        ).leave(offset)


def believed(wall_offset: int, anchor: int, readings: int) -> bool:
    """Whether a vouched stamp agrees with its start's anchor, as far as honest clocks do that are read at most `readings` apart."""
    return abs(wall_offset - anchor) <= HONEST_MS + readings // DRIFT


class Known(NamedTuple):
    """What is known of a start's clock: its anchor, once there is one, and the bounds."""

    offset: int | None
    bounds: Bounds


class Learnt(NamedTuple):
    """`known` as it is now. `refuted`: the anchor before cannot have been, and whatever it dated has to be dated anew."""

    known: Known
    refuted: bool


def greeted(known: Known, clock: Clock, echo: Echo | None, *, received: int, earliest: int) -> Learnt:
    """What a greeting or a report teaches that was written at `clock` and came in at `received`; nothing of the device happened
    before `earliest`.

    The first anchor stays, unless it is refuted. Where it has only drifted away it follows, for rows that are still to come.
    """
    bounds = known.bounds.arrived(clock.monotonic, received)
    if echo is not None:
        bounds = bounds.heard(echo)
    stamp = clock.wall - clock.monotonic
    in_time = earliest <= clock.wall and received - clock.wall <= LATE_MS
    vouched = bounds.nearest(stamp) if clock.synchronised and in_time and bounds.leave(stamp) else None
    found = bounds.middle if vouched is None else vouched
    if known.offset is None or bounds.refute(known.offset):
        return Learnt(Known(found, bounds), known.offset is not None)
    if vouched is None and found is not None and abs(found - known.offset) > TIGHT_MS:
        return Learnt(Known(found, bounds), False)
    return Learnt(Known(known.offset, bounds), False)


def recorded(known: Known, reading: int, wall_offset: int, vouched: bool, *, received: int, earliest: int) -> Known:
    """What a row teaches of a start that has no anchor yet."""
    bounds = known.bounds.arrived(reading, received)
    anchors = vouched and bounds.leave(wall_offset) and reading + wall_offset >= earliest
    return Known(bounds.nearest(wall_offset) if anchors else None, bounds)
