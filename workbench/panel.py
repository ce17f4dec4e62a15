"""The other end of the kiosk's simulated panel: presses its buttons and watches its lamps, over a Unix socket in lines of text."""

import selectors
import socket
import time
from pathlib import Path


class PanelGone(Exception):
    """The kiosk has closed its panel, or never opened one."""


class Panel:
    """One visitor's hand at the simulated buttons. `press 4` goes in; `lamp thanked` and the like come out."""

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

    def press(self, value: int) -> None:
        """Presses and releases the button of one face (1 to 5)."""
        try:
            self.socket.sendall(f"press {value}\nrelease {value}\n".encode())
        except OSError as error:
            raise PanelGone(error.strerror) from None

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
