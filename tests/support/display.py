"""A real X server without a screen, for tests that open the kiosk's window."""

import contextlib
import os
from pathlib import Path

from tests.support.tools import find_tool
from tests.support.waiting import until
from workbench.processes import Child


class Display:
    """One Xvfb. `env` is what a program needs to draw on it, with Mesa's software renderer."""

    def __init__(self, folder: Path, *, width: int = 1280, height: int = 800) -> None:
        self.program = find_tool("Xvfb", "xvfb")
        self.folder = folder
        self.width = width
        self.height = height
        self.number: int | None = None
        self.child: Child | None = None

    @property
    def framebuffer(self) -> Path:
        """The file that Xvfb maps as its screen (XWD format)."""
        return self.folder / "Xvfb_screen0"

    @property
    def env(self) -> dict[str, str]:
        """DISPLAY and the rest; only after `start`."""
        assert self.number is not None, "the display was not started"
        return {"DISPLAY": f":{self.number}", "LIBGL_ALWAYS_SOFTWARE": "1", "SDL_VIDEODRIVER": "x11"}

    def start(self) -> "Display":
        """Starts it on a display number that Xvfb itself finds free."""
        reader, writer = os.pipe()
        try:
            self.child = Child(
                "Xvfb",
                [
                    *(self.program, "-displayfd", str(writer), "-nolisten", "tcp", "-noreset"),
                    *("-screen", "0", f"{self.width}x{self.height}x24", "-fbdir", str(self.folder)),
                ],
                log=self.folder / "xvfb.log",
                pass_fds=(writer,),
            ).start()
            os.close(writer)
            writer = -1
            os.set_blocking(reader, False)
            said = bytearray()
            self.number = int(until(lambda: self._read_number(reader, said), "Xvfb says its display number"))
        finally:
            os.close(reader)
            if writer >= 0:
                os.close(writer)
        return self

    def stop(self) -> None:
        """Ends it."""
        if self.child is not None:
            self.child.stop()

    def _read_number(self, reader: int, said: bytearray) -> str:
        assert self.child is not None
        self.child.check()
        with contextlib.suppress(BlockingIOError):
            said += os.read(reader, 64)
        return said.decode() if said.endswith(b"\n") else ""
