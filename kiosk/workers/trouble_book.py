"""Writes down what goes wrong with the server, for staff, with the time where a clock knows it."""

from collections.abc import Callable
from dataclasses import replace

import structlog

from kiosk.core.delivery import Hole
from kiosk.core.ports import Clock
from kiosk.core.troubles import Troubles
from wire.envelopes import Fork, Gap

log = structlog.get_logger("sync")


class TroubleBook:
    """`troubles` is what went wrong last; `tell` hears whenever that changes."""

    def __init__(self, troubles: Troubles, clock: Clock, tell: Callable[[Troubles], None]) -> None:
        self.troubles = troubles
        self._clock = clock
        self._tell = tell
        self._hole: Hole | None = None

    def forked(self, row: int, *, moving: int) -> None:
        """Another device has sent `row` before us; `moving` rows go on in a new stream."""
        log.error("stream-forked", row=row, moving=moving)
        self._write(replace(self.troubles, fork=Fork(row, self._known(self._clock.stamp().wall))))

    def look(self, hole: Hole | None) -> None:
        """`hole` is what the server lost last; the time may have become known since."""
        if hole is not None and hole is not self._hole:
            log.warning("rows-sent-again", first=hole.first, last=hole.last)
            wall = self._known(hole.at + self._clock.stamp().wall_offset)
            self._write(replace(self.troubles, gap=Gap(hole.first, hole.last, wall)))
        self._hole = hole
        stamp = self._clock.stamp()
        if stamp.synchronised and (dated := self.troubles.known_at(stamp.wall)) is not self.troubles:
            self._write(dated)

    def _known(self, wall: int) -> int | None:
        """`wall`, if somebody vouches for the clock."""
        return wall if self._clock.stamp().synchronised else None

    def _write(self, troubles: Troubles) -> None:
        self.troubles = troubles
        self._tell(troubles)
