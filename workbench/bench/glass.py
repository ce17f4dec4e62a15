"""A display without a screen, seen and touched from outside: the mapped framebuffer of an Xvfb, and XTEST.

What is measured is what a visitor would see: pixels. Nothing is spawned for a click, because that would cost more than the tap.
"""

import contextlib
import ctypes
import mmap
import os
import shutil
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from workbench.bench.harness import BenchTrouble
from workbench.processes import Child, Household

T = TypeVar("T")

PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.0003
"""Between two looks: a fiftieth of a frame, and little enough work to leave the processor to what is looked at."""
LINES: Final = 12
"""Every so many rows of the touched place are compared."""
PIXEL: Final = 4
COLOUR_ENTRY: Final = 12
"""sizeof(XWDColor), X11/XWDFile.h."""


class Box(NamedTuple):
    """A rectangle in px from the top left."""

    x: int
    y: int
    w: int
    h: int

    @property
    def middle(self) -> tuple[int, int]:
        """Where to touch it."""
        return self.x + self.w // 2, self.y + self.h // 2

    def holds(self, x: int, y: int) -> bool:
        """Whether the point is inside."""
        return self.x <= x < self.x + self.w and self.y <= y < self.y + self.h


class Glass:
    """One Xvfb of `width` by `height`, its picture and its pointer."""

    def __init__(self, folder: Path, household: Household, *, width: int, height: int) -> None:
        program = shutil.which("Xvfb")
        if program is None:
            raise BenchTrouble("Xvfb is not installed. Run: apt-get install xvfb")
        self.width, self.height = width, height
        folder.mkdir(parents=True, exist_ok=True)
        reader, writer = os.pipe()
        screen = ("-screen", "0", f"{width}x{height}x24", "-fbdir", str(folder))
        argv = [program, "-displayfd", str(writer), "-nolisten", "tcp", "-noreset", *screen]
        child = household.start(Child("Xvfb", argv, log=folder / "xvfb.log", pass_fds=(writer,)))
        os.close(writer)
        with os.fdopen(reader) as said:
            number = said.readline().strip()  # ends at once if Xvfb does
        if not number:
            raise BenchTrouble(f"Xvfb did not start. It said:\n{child.last_words()}")
        self.name = f":{number}"
        self._map(folder / "Xvfb_screen0")
        self._x11, self._xtest = (_library(f"lib{name}.so.6") for name in ("X11", "Xtst"))
        self._x11.XOpenDisplay.restype = ctypes.c_void_p
        opened = self._x11.XOpenDisplay(self.name.encode())
        self._display = ctypes.c_void_p(opened)
        if not opened:
            raise BenchTrouble(f"The display {self.name} cannot be opened.")

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to draw here, with software rendering."""
        return {"DISPLAY": self.name, "LIBGL_ALWAYS_SOFTWARE": "1", "SDL_VIDEODRIVER": "x11", "WAYLAND_DISPLAY": ""}

    # --- the pointer ---

    def point(self, x: int, y: int) -> None:
        """Moves the pointer."""
        self._xtest.XTestFakeMotionEvent(self._display, -1, x, y, ctypes.c_ulong(0))
        self._x11.XFlush(self._display)

    def button(self, down: bool) -> None:
        """Presses or lifts."""
        self._xtest.XTestFakeButtonEvent(self._display, 1, int(down), ctypes.c_ulong(0))
        self._x11.XFlush(self._display)

    def click(self, x: int, y: int) -> None:
        """A short touch that is not measured."""
        self.point(x, y)
        self.button(True)
        time.sleep(0.03)
        self.button(False)

    # --- the picture ---

    def look(self, box: Box | None = None, step: int = 4) -> bytes:
        """The pixels of every `step`-th row within `box`."""
        box = box or Box(0, 0, self.width, self.height)
        picture, width = self._picture, box.w * PIXEL
        starts = (self._start + y * self._stride + box.x * PIXEL for y in range(box.y, box.y + box.h, step))
        return b"".join(picture[start : start + width] for start in starts)

    def pixel(self, x: int, y: int) -> bytes:
        """One pixel: blue, green, red, and a byte without meaning."""
        start = self._start + y * self._stride + x * PIXEL
        return self._picture[start : start + PIXEL]

    def pixels(self, points: Sequence[tuple[int, int]]) -> list[bytes]:
        """The pixels at `points`."""
        return [self.pixel(x, y) for x, y in points]

    def settle(self, quiet_s: float = 0.4) -> None:
        """Waits until the picture has not changed for so long."""
        deadline = time.monotonic() + PATIENCE_S
        seen, since = self.look(), time.monotonic()
        while time.monotonic() - since < quiet_s:
            time.sleep(0.02)
            now = self.look()
            if now != seen:
                seen, since = now, time.monotonic()
            if time.monotonic() > deadline:
                raise BenchTrouble(f"The picture on {self.name} does not come to rest.")

    def _map(self, file: Path) -> None:
        with file.open("rb") as opened:
            self._picture = mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ)
        header = struct.unpack(">20I", self._picture[:80])
        bits, self._stride = header[11], header[12]
        if bits != 8 * PIXEL:
            raise BenchTrouble(f"Xvfb keeps {bits} bits a pixel, and 32 were expected.")
        self._start = header[0] + header[19] * COLOUR_ENTRY


class Touched(NamedTuple):
    """Seconds from the touch until the touched place looked different, and until the awaited picture stood."""

    pressed: float
    shown: float


class Awaited:
    """A picture to recognise: points of a grid where it rests and differs from the picture before, outside the touched place."""

    ENOUGH: Final = 0.95
    HINT: Final = 37

    def __init__(self, glass: Glass, before: Sequence[bytes], points: Sequence[tuple[int, int]], besides: Box) -> None:
        first = glass.pixels(points)
        time.sleep(0.5)
        second = glass.pixels(points)
        told = [
            (point, one)
            for point, old, one, other in zip(points, before, first, second, strict=True)
            if one == other != old and not besides.holds(*point)
        ]
        if len(told) < 20:
            raise BenchTrouble(f"Only {len(told)} points tell the two pictures on {glass.name} apart.")
        chosen = told[:: max(1, len(told) // 150)]
        self._glass = glass
        self._points = [point for point, _ in chosen]
        self._colours = [colour for _, colour in chosen]

    def there(self) -> bool:
        """Whether it stands. Mostly it does not, and a few points from all over tell."""
        if self._glass.pixels(self._points[:: self.HINT]) != self._colours[:: self.HINT]:
            return False
        found = self._glass.pixels(self._points)
        same = sum(one == other for one, other in zip(found, self._colours, strict=True))
        return same >= self.ENOUGH * len(found)


def grid(glass: Glass, step: int = 6) -> list[tuple[int, int]]:
    """Points all over the picture."""
    return [(x, y) for y in range(step // 2, glass.height, step) for x in range(step // 2, glass.width, step)]


def touch(glass: Glass, box: Box, awaited: Awaited) -> Touched:
    """Presses in the middle of `box`, watches until `awaited` stands, and lifts."""
    glass.point(*box.middle)
    glass.settle(0.2)
    middle = Box(box.x + box.w // 4, box.y, box.w // 2, box.h)
    before = glass.look(middle, LINES)
    began = time.perf_counter()
    glass.button(True)
    pressed = 0.0
    try:
        while True:
            now = time.perf_counter() - began
            if not pressed and glass.look(middle, LINES) != before:
                pressed = time.perf_counter() - began
            if awaited.there():
                shown = time.perf_counter() - began
                return Touched(pressed or shown, shown)
            if now > PATIENCE_S:
                raise BenchTrouble(f"Nothing came of a touch on {glass.name} within {PATIENCE_S:.0f} s.")
            time.sleep(LOOK_S)
    finally:
        glass.button(False)


def until(probe: Callable[[], T | None], what: str, *, watched: Sequence[Child] = ()) -> T:
    """Polls `probe` until it gives something. Raises BenchTrouble saying `what` did not happen."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := probe()):
        for child in watched:
            child.check()
        if time.monotonic() > deadline:
            words = "\n".join(child.last_words() for child in watched)
            raise BenchTrouble(f"Not within {PATIENCE_S:.0f} s: {what}.\n{words}")
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except OSError:
        raise BenchTrouble(f"{name} is missing. Run: apt-get install xdotool, which brings it.") from None


def _library(name: str) -> ctypes.CDLL:
    with _named(name):
        return ctypes.CDLL(name)
