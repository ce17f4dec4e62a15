"""How the main loop sleeps: until an input, until another thread wakes it, or until a moment has come. Nothing is polled."""

import ctypes
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

LONGEST_S: Final = 60.0
"""The longest single sleep; a wake-up a minute costs nothing and lets nothing be forgotten for good."""
EVENT_BYTES: Final = 56
"""sizeof(SDL_Event), checked by SDL itself at compile time (SDL_events.h)."""


class Waiter(Protocol):
    """Sleeps on the main thread and can be woken from any other."""

    def wait(self, seconds: float) -> None:
        """Sleeps until something happens, at most `seconds`."""

    def wake(self) -> None:
        """Ends the sleep, or the next one if none is under way. From any thread."""


class SdlWaiter:
    """Sleeps in SDL's own queue, so that an input of the window system ends the sleep at once."""

    def __init__(self) -> None:
        self._sdl = _bundled_sdl()
        self._sdl.SDL_WaitEventTimeout.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self._sdl.SDL_PushEvent.argtypes = [ctypes.c_void_p]
        self._sdl.SDL_RegisterEvents.restype = ctypes.c_uint32
        kind = self._sdl.SDL_RegisterEvents(1)
        self._event = ctypes.create_string_buffer(EVENT_BYTES)
        ctypes.memmove(self._event, ctypes.byref(ctypes.c_uint32(kind)), 4)

    def wait(self, seconds: float) -> None:
        """See Waiter. The event that ends the sleep stays in SDL's queue, for the window to read."""
        self._sdl.SDL_WaitEventTimeout(None, max(0, int(seconds * 1000)))

    def wake(self) -> None:
        """See Waiter. SDL copies the event and its queue has a lock of its own."""
        self._sdl.SDL_PushEvent(self._event)


class ThreadWaiter:
    """Sleeps on a lock: for a panel whose touches are read by a thread of Kivy's (mtdev, hidinput), not by SDL."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def wait(self, seconds: float) -> None:
        """See Waiter."""
        self._woken.wait(seconds)
        self._woken.clear()

    def wake(self) -> None:
        """See Waiter."""
        self._woken.set()


class WakingQueue:
    """A queue for a provider's thread: what is appended wakes the loop."""

    def __init__(self, queue: Any, wake: Callable[[], None]) -> None:
        self._queue = queue
        self._wake = wake

    def append(self, entry: Any) -> None:
        """Appends to the provider's own queue, and wakes."""
        self._queue.append(entry)
        self._wake()

    def popleft(self) -> Any:
        """What was appended first. Raises IndexError when there is nothing."""
        return self._queue.popleft()


def driver() -> str:
    """What SDL draws through: `x11`, `KMSDRM`, `wayland`; `offscreen` or `dummy` where it found no display."""
    name = _bundled_sdl().SDL_GetCurrentVideoDriver
    name.restype = ctypes.c_char_p
    return (name() or b"").decode()


def _bundled_sdl() -> Any:
    """The SDL that Kivy has loaded into this process, by its path: a second copy would have a queue of its own."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.partition("/")[2]
        if Path(path).name.startswith("libSDL2-2"):
            return ctypes.CDLL(f"/{path}")
    raise RuntimeError("the window toolkit has not loaded SDL 2")
