"""Stamps: the two clocks of a device, read together.

A Pi has no clock battery. Its monotonic clock never jumps but means nothing outside this boot; its wall clock means something only
while a time source vouches for it. A stamp therefore carries both, and the server decides what instant they make.
"""

from typing import NamedTuple

from wire.events import BootId, Millis


class Stamp(NamedTuple):
    """One moment on the device. `wall_offset` is wall minus monotonic, in ms, so it stays constant while nobody sets the clock."""

    boot: BootId
    monotonic: Millis
    wall_offset: int
    synchronised: bool

    @property
    def wall(self) -> int:
        """Milliseconds since the Unix epoch, by the device's own wall clock."""
        return self.monotonic + self.wall_offset
