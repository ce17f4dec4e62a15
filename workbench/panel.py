"""The other end of the kiosk's simulated panel: presses its buttons and keys, walks through its doors, watches its lamps and hears
its buzzer, over a Unix socket in lines of text.
"""

import selectors
import socket
import time
from pathlib import Path


class PanelGone(Exception):
    """The kiosk has closed its panel, or never opened one."""


class Panel:
    """One visitor's hand at the simulated panel. `press 4` goes in; `lamp thanked`, `buzz saved` and the like come out.

    A contact is a face's number (1 to 5), `key:next` or another `kiosk.core.access.Keystroke`, or `door:main`.
    """

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.connect(str(path))
        except OSError as error:
            self.socket.close()
            raise PanelGone(f"{path}: {error.strerror}") from None
        self.socket.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.socket, selectors.EVENT_READ)
        self.waiting = b""
        self.lines: list[str] = []

    def close(self) -> None:
        """Lets go."""
        self.selector.close()
        self.socket.close()

    def press(self, contact: int | str) -> None:
        """Presses and releases a button or key."""
        self._say(f"press {contact}", f"release {contact}")

    def hold(self, contact: int | str) -> None:
        """Presses a button or key and does not let go."""
        self._say(f"press {contact}")

    def release(self, contact: int | str) -> None:
        """Lets go."""
        self._say(f"release {contact}")

    def walk_through(self, door: str) -> None:
        """Somebody passes the sensor of `door`."""
        self._say(f"pass door:{door}")

    def wait_for(self, line: str, seconds: float) -> bool:
        """Whether the panel says exactly `line` within so long; what it says before that is dropped."""
        deadline = time.monotonic() + seconds
        while True:
            while self.lines:
                if self.lines.pop(0) == line:
                    return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if self.selector.select(left):
                self._read()

    def _say(self, *lines: str) -> None:
        try:
            self.socket.sendall("".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            raise PanelGone(error.strerror) from None

    def _read(self) -> None:
        try:
            piece = self.socket.recv(4096)
        except BlockingIOError:
            return
        except OSError as error:
            raise PanelGone(error.strerror) from None
        if not piece:
            raise PanelGone("the kiosk closed its panel")
        *whole, self.waiting = (self.waiting + piece).split(b"\n")
        self.lines += [line.decode(errors="replace").strip() for line in whole]
