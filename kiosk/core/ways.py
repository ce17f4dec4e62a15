"""By which of its ways to the server a device speaks. Pure: time and chance come in.

MQTT is the usual way; HTTPS carries the same bytes to the same ledger where MQTT is blocked. While a device speaks by HTTPS its
MQTT link goes on trying, and a greeting sent over it that is answered brings the device back.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

PATIENCE: Final = 60_000
"""Milliseconds without word over MQTT, while there is something to say, after which it counts as blocked."""
PROBE_PATIENCE: Final = 15_000
"""Milliseconds that a probe over MQTT may take to be answered; also the pause between probes while HTTPS brings no word either."""
HOLD_LEAST: Final = 2 * 60_000
HOLD_MOST: Final = 30 * 60_000
"""Bounds, in ms, of how long HTTPS is kept before MQTT is tried again: doubled whenever MQTT fails soon, and shortened by up to a
half at random so that a court's devices do not come back in step."""
PROVEN: Final = 10 * 60_000
"""Milliseconds that MQTT must have served after a return for its next failure to count as a new one."""


class Way(StrEnum):
    """A way to the server."""

    MQTT = "mqtt"
    HTTPS = "https"


class Switch(NamedTuple):
    """Speak by `way` from now on, then call `switched`; or call `unavailable` if there is no such way."""

    way: Way


class Probe(NamedTuple):
    """Send a greeting over MQTT, then call `probed`."""


class Stay(NamedTuple):
    """Nothing to change before `until` (monotonic ms), or before something happens if it is None."""

    until: int | None


Step = Switch | Probe | Stay


class Ways:
    """The way in use and when to change it. `draw` gives numbers in [0, 1)."""

    def __init__(self, *, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._way = Way.MQTT
        self._silent_since: int | None = None
        self._suspect = False
        self._mqtt_up = False
        self._returned_at: int | None = None
        self._hold = HOLD_LEAST
        self._serves = False
        self._held_since = 0
        self._held_for = 0
        self._probed_at: int | None = None
        self._answered = False

    @property
    def way(self) -> Way:
        """The way in use."""
        return self._way

    # --- what happens ------------------------------------------------------------------------------------------------------

    def mqtt_up(self, now: int) -> None:
        """The broker has let us in."""
        self._mqtt_up = True
        if not self._serves:
            self._held_since, self._held_for = now, 0

    def mqtt_down(self) -> None:
        """There is no connection to the broker."""
        self._mqtt_up = False
        self._probed_at = None

    def heard(self, way: Way) -> None:
        """The server has acknowledged something over `way`."""
        if way is self._way:
            self._silent_since, self._suspect = None, False
            self._serves = way is Way.HTTPS
        elif way is Way.MQTT and self._probed_at is not None:
            self._answered = True

    def suspect(self) -> None:
        """Acknowledgements have not come, time after time, over the way in use."""
        self._suspect = True
        self._serves = False

    def probed(self, now: int) -> None:
        """The probe was handed to the MQTT link, or the link would not take it: then nobody will answer."""
        self._probed_at = now

    def switched(self, way: Way, now: int) -> None:
        """The device speaks by `way` now."""
        self._way = way
        self._silent_since = self._probed_at = None
        self._suspect = self._answered = self._serves = False
        if way is Way.MQTT:
            self._returned_at = now
        else:
            self._wait_longer(now, failed_soon=self._returned_at is not None and now - self._returned_at < PROVEN)

    def unavailable(self, now: int) -> None:
        """There is no other way to be had; it is looked for again after another `PATIENCE`."""
        self._suspect = False
        self._silent_since = now

    # --- what to do --------------------------------------------------------------------------------------------------------

    def step(self, now: int, *, wanting: bool) -> Step:
        """What to do at `now`; `wanting` says whether there is something to say or to be answered."""
        if not wanting:
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = now
        blocked_at = None if self._silent_since is None else self._silent_since + PATIENCE
        blocked = self._suspect or (blocked_at is not None and now >= blocked_at)
        if self._way is Way.MQTT:
            return Switch(Way.HTTPS) if blocked else Stay(blocked_at)
        if blocked:
            self._serves = False
        return self._look_for_mqtt(now)

    def _look_for_mqtt(self, now: int) -> Step:
        if self._answered:
            return Switch(Way.MQTT)
        if not self._mqtt_up:
            return Stay(None)
        if self._probed_at is not None:
            if now < self._probed_at + PROBE_PATIENCE:
                return Stay(self._probed_at + PROBE_PATIENCE)
            self._probed_at = None
            self._wait_longer(now, failed_soon=True)
        # Where HTTPS serves there is time. Where it does not, there is nothing to lose.
        due = self._held_since + (self._held_for if self._serves else min(self._held_for, PROBE_PATIENCE))
        return Probe() if now >= due else Stay(due)

    def _wait_longer(self, now: int, *, failed_soon: bool) -> None:
        """MQTT has failed: it is left alone for a while, the longer the sooner it failed."""
        self._hold = min(2 * self._hold, HOLD_MOST) if failed_soon else HOLD_LEAST
        self._held_since = now
        self._held_for = self._hold - int(self._draw() * (self._hold // 2))
