"""The device's clocks as the kernel has them."""

import ctypes
import time
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

from kiosk.core.timekeeping import Stamp
from wire.events import BootId, Millis

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
STA_UNSYNC: Final = 0x0040
"""Bit of `timex.status`: nobody vouches for the wall clock (linux/timex.h)."""
TIME_ERROR: Final = 5
"""Return value of `adjtimex`: the clock is not synchronised."""


class _Timex(ctypes.Structure):
    """The start of `struct timex`; the kernel fills more, so there is room for it behind."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


class SystemClock:
    """Reads CLOCK_BOOTTIME, which goes on through suspend, and the wall clock with the kernel's own word on whether it is right.

    `trust` "trusted" takes the wall clock for right where the kernel has no such word to give, as in a container.
    """

    def __init__(self, trust: Literal["system", "trusted"] = "system") -> None:
        self._trusted = trust == "trusted"
        self._boot = BootId(UUID(BOOT_ID.read_text().strip()).bytes)
        self._libc = ctypes.CDLL(None, use_errno=True)

    def stamp(self) -> Stamp:
        """Both clocks, now."""
        monotonic = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        wall = time.time_ns() // 1_000_000
        return Stamp(self._boot, Millis(monotonic), wall - monotonic, self._trusted or self._synchronised())

    def _synchronised(self) -> bool:
        timex = _Timex()  # one for each call: stamps are taken on several threads
        timex.modes = 0  # read only
        state = self._libc.adjtimex(ctypes.byref(timex))
        return 0 <= state < TIME_ERROR and not timex.status & STA_UNSYNC
