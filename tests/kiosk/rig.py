"""A whole kiosk as a process of its own, with a simulated panel, and the panel's other end for the test to press on."""

import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import until
from workbench.processes import Child

ROOT = Path(__file__).resolve().parents[2]
IN_ENGLISH = {"LC_ALL": "", "LC_MESSAGES": "", "LANG": "en_US.UTF-8"}
"""The environment of a terminal that asks for English."""


class Hand:
    """A finger on the buttons and an eye on the lamps."""

    def __init__(self, path: Path) -> None:
        self.socket = until(lambda: _connect(path), f"the panel {path.name} answers")
        self.file = self.socket.makefile("r", encoding="utf-8", newline="\n")
        self.socket.settimeout(60)

    def see(self) -> str:
        """The next line; empty once the kiosk is gone."""
        try:
            return self.file.readline().strip()
        except (ConnectionError, OSError):
            return ""

    def press(self, value: int) -> bool:
        """Presses and lets go. Whether the kiosk said thank you; False when it said it could not or is gone."""
        try:
            self.socket.sendall(f"press {value}\nrelease {value}\n".encode())
        except OSError:
            return False
        while line := self.see():
            if line == "lamp thanked":
                return True
            if line == "lamp not-recorded":
                return False
        return False

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class Kiosk:
    """A headless kiosk process on a state folder that outlives it. `clock` as in its configuration."""

    def __init__(self, folder: Path, *, clock: str = "trusted") -> None:
        self.folder = folder
        self.config = folder / "kiosk.toml"
        self.config.write_text(
            f'state_dir = "state"\nclock = "{clock}"\n[screen]\nmode = "none"\n[panel]\nsimulated = "panel.sock"\n'
        )
        self.state = folder / "state"
        self.child: Child | None = None

    def start(self, extra: Mapping[str, str] | None = None) -> "Kiosk":
        """`extra` is laid over its environment."""
        argv = [sys.executable, "-m", "kiosk", "run", "--config", str(self.config)]
        self.child = Child("kiosk", argv, log=self.folder / "kiosk.log", cwd=ROOT, env={**IN_ENGLISH, **(extra or {})}).start()
        return self

    def hand(self) -> Hand:
        return Hand(self.state / "panel.sock")

    def kill(self) -> None:
        assert self.child is not None
        self.child.kill()

    def stop(self) -> int | None:
        assert self.child is not None
        return self.child.stop()


def _connect(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


@contextmanager
def running(kiosk: Kiosk) -> Iterator[Kiosk]:
    try:
        yield kiosk.start()
    finally:
        kiosk.stop()
