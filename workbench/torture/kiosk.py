"""A whole kiosk as a process of its own, without a window, and one visitor after another at its simulated buttons."""

import os
import select
import shutil
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, NamedTuple

from kiosk.core.progress import Standing
from kiosk.ledger.store import LEDGER, Store
from wire import chain
from wire.codec import decode_event
from wire.events import Answer, Retract
from workbench.installation import ROOT
from workbench.processes import Child
from workbench.torture import papers

DEVICE: Final = "kiosk-tortured"
PATIENCE_S: Final = 60.0
NO_MORE_S: Final = 0.002

Said = Literal["thanked", "not-recorded", "out-of-order", "gone"]
ANSWERS: Final[dict[str, Said]] = {
    "lamp thanked": "thanked",
    "lamp not-recorded": "not-recorded",
    "lamp out-of-order": "out-of-order",
}


class Stuck(Exception):
    """A kiosk that neither answers nor ends: one sentence."""


class Visitors:
    """A finger on the buttons and an eye on the lamps."""

    def __init__(self, panel: Path, child: Child) -> None:
        """Waits until the panel is there, or the kiosk gone. Raises `Stuck`."""
        self._socket: socket.socket | None = None
        deadline = time.monotonic() + PATIENCE_S
        while self._socket is None and child.alive():
            self._socket = _connected(panel)
            if self._socket is None:
                if time.monotonic() > deadline:
                    raise Stuck(f"The kiosk opened no panel within {PATIENCE_S:.0f} s. It said:\n{child.last_words()}")
                time.sleep(NO_MORE_S)
        self._heard = b""
        self._mood = ""

    def press(self, value: int) -> Said:
        """One visitor. Raises `Stuck` if the kiosk lives and says nothing."""
        if self._socket is None:
            return "gone"
        self._catch_up()
        if self._mood == "lamp out-of-order":
            return "out-of-order"
        try:
            self._socket.sendall(f"press {value}\nrelease {value}\n".encode())
        except OSError:
            return "gone"
        while line := self._line():
            if line in ANSWERS:
                return ANSWERS[line]
        return "gone"

    def close(self) -> None:
        """Walks away."""
        if self._socket is not None:
            self._socket.close()

    def _catch_up(self) -> None:
        """Reads what the lamps have said since somebody looked last."""
        assert self._socket is not None
        while b"\n" in self._heard or select.select([self._socket], [], [], 0)[0]:
            if not self._line():
                return

    def _line(self) -> str:
        """The next thing the lamps say; empty once the kiosk is gone."""
        assert self._socket is not None
        while b"\n" not in self._heard:
            try:
                got = self._socket.recv(4096)
            except TimeoutError:
                raise Stuck(f"Nobody was answered for {PATIENCE_S:.0f} s; the lamps say {self._mood}.") from None
            except OSError:
                return ""
            if not got:
                return ""
            self._heard += got
        line, _, self._heard = self._heard.partition(b"\n")
        said = line.decode()
        if said.startswith("lamp "):
            self._mood = said
        return said


class Kiosk:
    """The program, on a state folder that outlives it. `tree` is the checkout it is run from."""

    def __init__(self, folder: Path, *, tree: Path = ROOT, state: Path | None = None, more: str = "") -> None:
        """`state` may lie elsewhere; `more` are further lines at the top of the configuration."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.state = state or folder / "state"
        self.panel = folder / "panel.sock"
        self.log = folder / "kiosk.log"
        self.config = folder / "kiosk.toml"
        self.config.write_text(
            f'state_dir = "{self.state}"\nclock = "trusted"\n{more}\n'
            f'[screen]\nmode = "none"\n[audio]\nenabled = false\n[panel]\nsimulated = "{self.panel}"\n'
        )
        self._tree = tree
        self.child: Child | None = None

    @property
    def ledger(self) -> Path:
        """Its file."""
        return self.state / LEDGER.format(device=DEVICE)

    def enrol(self, *, port: int = 9) -> None:
        """Gives it papers; nobody listens at `port`."""
        papers.give(self.state, DEVICE, port=port)

    def start(self, environment: Mapping[str, str] | None = None) -> Child:
        """Starts it; returns at once."""
        self.panel.unlink(missing_ok=True)
        # Only the kiosk itself has the other card, not the shell's tools before it.
        extra = [f"{name}={value}" for name, value in (environment or {}).items()]
        argv = ["env", *extra, sys.executable, "-P", "-m", "kiosk", "run", "--config", str(self.config)]
        self.child = Child("The kiosk", argv, log=self.log, env={"PYTHONPATH": str(self._tree)}, cwd=self.folder).start()
        return self.child

    def visitors(self) -> Visitors:
        """Whoever comes once the buttons work."""
        assert self.child is not None
        return Visitors(self.panel, self.child)

    def kill_after(self, seconds: float) -> threading.Timer:
        """SIGKILL in so many seconds, whatever it does then."""
        assert self.child is not None
        timer = threading.Timer(seconds, self.child.kill)
        timer.start()
        return timer

    def kill(self) -> None:
        """SIGKILL, at once."""
        assert self.child is not None
        self.child.kill()

    def stop(self) -> None:
        """Asks it to stop, and waits until it has."""
        assert self.child is not None
        self.child.stop()

    def said(self, what: str) -> bool:
        """Whether its log has `what` in it."""
        return self.log.exists() and what in self.log.read_text(errors="replace")


class Kept(NamedTuple):
    """What a ledger holds: its standing and its encoded rows, the chain over them verified."""

    standing: Standing
    rows: list[bytes]

    def ratings(self) -> list[int]:
        """What visitors said, in order."""
        return ratings_of(self.rows)


def ratings_of(rows: Sequence[bytes]) -> list[int]:
    """What visitors said in `rows` and did not take back, in order."""
    given: dict[tuple[bytes, int], int] = {}
    for event in map(decode_event, rows):
        if isinstance(event, Answer) and event.item == papers.OVERALL:
            given[event.boot, event.visit] = event.value
        elif isinstance(event, Retract) and event.item == papers.OVERALL:
            given.pop((event.boot, event.visit), None)
    return list(given.values())


class BrokenChain(Exception):
    """A ledger opened and its rows are not those that were written."""


def kept_in(state: Path, device: str = DEVICE, *, scratch: Path | None = None) -> Kept:
    """What the ledger in `state` holds, read from a copy, so that it stays as it was found. Raises as `Store` does, and
    `BrokenChain`. `scratch` is where the copy is made, if not beside `state`."""
    name = LEDGER.format(device=device)
    with TemporaryDirectory(dir=scratch or state.parent) as place:
        for part in state.glob(f"{name}*"):
            if part.is_file():
                shutil.copy(part, place)
        store = Store(Path(place) / name)
        try:
            standing = store.standing
            excerpt = store.read(standing.oldest, 10**9)
        finally:
            store.close()
    links = chain.links(excerpt.previous, excerpt.rows)
    if (links[-1] if links else excerpt.previous) != excerpt.head or standing.next != standing.oldest + len(excerpt.rows):
        raise BrokenChain(f"{name}: the chain over {len(excerpt.rows)} rows does not end where it says")
    return Kept(standing, list(excerpt.rows))


def _connected(path: Path) -> socket.socket | None:
    found = socket.socket(socket.AF_UNIX)
    found.settimeout(PATIENCE_S)
    try:
        found.connect(os.path.relpath(path) if len(str(path)) > 100 else str(path))
    except OSError:
        found.close()
        return None
    return found
