"""What stands to be touched: the real kiosk, and beside it the least page in Chromium and the least app on Kivy's own loop.

Each has a display of its own of the same size, and is started, touched and looked at from outside.
"""

import json
import os
import shutil
import sqlite3
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from wire.codec import decode_event
from wire.events import Answer
from workbench.bench import glass
from workbench.bench.exit import Exit
from workbench.bench.glass import Awaited, Box, Glass, Touched, until
from workbench.bench.harness import BenchTrouble
from workbench.bench.installed import hide_foreign
from workbench.bench.usage import family, others_running, usage
from workbench.installation import ROOT
from workbench.processes import Child, Household

SIZE: Final = (800, 480)
"""The common panel for a Raspberry Pi."""
FACE: Final = "answer:4"
RATING: Final = "overall"
"""The item that opens a visit."""
COOLDOWN_S: Final = 3.2
"""Longer than the kiosk's own: within it a touch is stored with a flag, which is more than the page does."""
TWIN_S: Final = 0.4
"""Longer than the time within which the kiosk takes two touches for one."""
PAGE: Final = Path(__file__).with_name("page.html")
FACE_OF_PAGE: Final = Box(490, 244, 120, 170)
ROWS: Final = 8
"""Every so many rows of the display are compared when the question is awaited."""
POINTER: Final = 32
"""At the bottom of the display: there waits the pointer while a program starts, which some hide only once it moves."""


class Stand(ABC):
    """Something with a face to touch, on a display of its own. `learn` comes first, then `start`, `touch` and `stop` at will."""

    def __init__(self, name: str, folder: Path, household: Household) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.glass = Glass(folder / "glass", household, width=SIZE[0], height=SIZE[1])
        self.face = Box(0, 0, 0, 0)
        self._name = name
        self._household = household
        self._child: Child | None = None
        self._left = 0.0
        self._question = b""
        self._thanks: Awaited | None = None

    @property
    def child(self) -> Child:
        """Its process; only while it runs."""
        assert self._child is not None, f"{self._name} was not started"
        return self._child

    @property
    def processes(self) -> list[int]:
        """The process ids of all it consists of."""
        return family(self.child.pid)

    def memory(self) -> float:
        """PSS of all it consists of, in MiB."""
        return usage(self.processes).pss_mib

    def learn(self) -> None:
        """Starts it for the first time, remembers what its question looks like and, by one touch, its thank-you."""
        self.launch()
        self.wait_for_question()
        self.glass.settle(1.0)
        self._question = self._look()
        self.face = self.find_face()
        points = glass.grid(self.glass)
        before = self.glass.pixels(points)
        self.glass.click(*self.face.middle)
        self.wait_for_thanks()
        self.glass.settle(0.1)
        self._thanks = Awaited(self.glass, before, points, self.face)
        self.leave()
        self._left = time.monotonic()

    def start(self) -> float:
        """Starts it anew. Seconds until its question stood whole on the glass; a touch right then was thanked for."""
        began = time.perf_counter()
        self.launch()
        until(lambda: self._look() == self._question, f"{self._name} shows its question", watched=[self.child])
        taken = time.perf_counter() - began
        self._touch()
        return taken

    def touch(self) -> Touched:
        """One touch of the face, from the question to the thank-you, and back to the question."""
        time.sleep(max(0.0, self._left + COOLDOWN_S - time.monotonic()))
        return self._touch()

    def stop(self) -> None:
        """Ends it. May be called twice."""
        if self._child is not None:
            self._child.stop()
            self._household.children.remove(self._child)
            self._child = None

    @abstractmethod
    def command(self) -> Child:
        """What to start."""

    @abstractmethod
    def wait_for_question(self) -> None:
        """Until the program asks, by other signs than a picture."""

    @abstractmethod
    def wait_for_thanks(self) -> None:
        """Until the program has said thank you, by other signs than the awaited picture."""

    @abstractmethod
    def find_face(self) -> Box:
        """Where the face to touch stands."""

    @abstractmethod
    def leave(self) -> None:
        """Back to the question."""

    def _look(self) -> bytes:
        return self.glass.look(Box(0, 0, self.glass.width, self.glass.height - POINTER), ROWS)

    def launch(self) -> None:
        """Starts it; returns at once."""
        self.glass.point(self.glass.width - 1, self.glass.height - 1)
        self._child = self._household.start(self.command())

    def _touch(self) -> Touched:
        assert self._thanks is not None, f"{self._name} was not learnt"
        taken = glass.touch(self.glass, self.face, self._thanks)
        self.wait_for_thanks()
        self.leave()
        self._left = time.monotonic()
        return taken


class Trace:
    """The kiosk's trace, read as it grows: the last picture that has reached the glass."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = 0
        self.last: dict[str, Any] = {}
        self.pictures = 0

    def read(self) -> dict[str, Any]:
        """The last picture, {} before the first."""
        with suppress(FileNotFoundError), self._file.open("rb") as opened:
            opened.seek(self._at)
            whole, _, _ = opened.read().rpartition(b"\n")
            if whole:
                self._at += len(whole) + 1
                lines = whole.split(b"\n")
                self.pictures += len(lines)
                self.last = json.loads(lines[-1])
        return self.last

    def forget(self) -> None:
        """What has been shown so far is of a process that has ended."""
        self.read()
        self.last = {}


class KioskStand(Stand):
    """The kiosk as it stands at an exit, with no library but those of its lock. `more` are further tables of its TOML file."""

    def __init__(self, folder: Path, household: Household, exit: Exit, *, more: str = "") -> None:
        super().__init__("The kiosk", folder, household)
        self._exit = exit
        self.trace = Trace(exit.state / "trace")
        self._installed = hide_foreign(folder / "installed")
        self._config = folder / "kiosk.toml"
        width, height = SIZE
        self._config.write_text(
            f'state_dir = "{exit.state}"\nclock = "trusted"\n'
            f"[screen]\nsize = [{width}, {height}]\nposition = [0, 0]\nborderless = true\n"
            f'trace = "trace"\ntouch_grace_ms = 0\n{more}'
        )

    def command(self) -> Child:
        """The kiosk's own."""
        self.trace.forget()
        argv = [sys.executable, "-P", "-m", "kiosk", "run", "--config", str(self._config)]
        path = os.pathsep.join([str(self._installed), str(ROOT)])
        environment = {**self.glass.environment, "PYTHONPATH": path, "ALSA_CONFIG_PATH": str(self._exit.card)}
        # A kiosk compiles its modules once, whatever Python has been told about that here.
        environment |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode")}
        return Child(self._name, argv, log=self.folder / "kiosk.log", env=environment)

    def learn(self) -> None:
        """As any stand, and until it has fetched its speech."""
        super().learn()
        packs = self._exit.state / "speech"
        until(lambda: len(list(packs.glob("*.zip"))) == self._exit.packs, "the kiosk has its speech", watched=[self.child])

    def wait_for_question(self) -> None:
        """By the trace."""
        self.wait(scene="welcome")

    def wait_for_thanks(self) -> None:
        """By the trace."""
        self.wait(scene="follow-up")

    def find_face(self) -> Box:
        """By the trace."""
        return self.control(FACE)

    def leave(self) -> None:
        """Answers nothing more and goes."""
        time.sleep(TWIN_S)
        while self.trace.read()["scene"] == "follow-up":
            self.press("skip")
        self.press("done", scene="welcome")
        self.glass.settle()

    def visit(self, *, language: str, aided: bool = False, value: int = 4, undone: bool = False) -> None:
        """One visitor, from question to question, who answers everything; `undone` takes the rating back once and rates again."""
        if f"language:{language}" in self.controls:
            self.press(f"language:{language}", language=language)
        if aided:
            self.press("access")
        self.press(f"answer:{value}", scene="follow-up")
        if undone:
            self.press("undo", scene="welcome")
            self.press(f"answer:{value}", scene="follow-up")
        while self.trace.read()["scene"] == "follow-up":
            self.press(next(key for key in self.controls if key.startswith("answer:")))
        self.press("done", scene="welcome")

    def press(self, key: str, **expected: Any) -> None:
        """Touches a control, not faster than a person can, and waits until the kiosk shows something else, as expected."""
        with self.moving_on(**expected):
            self.glass.click(*self.control(key).middle)
        time.sleep(TWIN_S)

    @contextmanager
    def moving_on(self, **expected: Any) -> Iterator[None]:
        """What is done within makes the kiosk show another picture, with the fields expected; waits for that."""
        self.trace.read()
        shown = self.trace.pictures
        yield
        until(lambda: self.trace.read() and self.trace.pictures > shown, f"it goes on to {expected}", watched=[self.child])
        self.wait(**expected)

    @property
    def controls(self) -> dict[str, Any]:
        """The boxes of the last picture's controls by key."""
        found: dict[str, Any] = self.trace.read()["controls"]
        return found

    def wait(self, **expected: Any) -> None:
        """Until the last picture has the fields expected, and nothing is pressed any more."""
        expected = {"pressed": None, **expected}
        until(lambda: expected.items() <= self.trace.read().items(), f"the kiosk shows {expected}", watched=[self.child])

    def control(self, key: str) -> Box:
        """Where a control stands in the last picture."""
        return Box(*map(int, self.controls[key]))

    def require(self, ratings: int) -> None:
        """Raises BenchTrouble unless the ledger holds exactly so many ratings; the kiosk must have stopped."""
        stored = 0
        for file in self._exit.state.glob("ledger*.sqlite3"):
            with closing(sqlite3.connect(file)) as ledger:
                rows = (decode_event(row) for (row,) in ledger.execute("SELECT row FROM rows"))
                stored += sum(isinstance(row, Answer) and row.item == RATING for row in rows)
        if stored != ratings:
            raise BenchTrouble(f"{ratings} ratings were thanked for, and {stored} are stored.")


class PageStand(Stand):
    """The least page that does the same, in Chromium, full screen."""

    def __init__(self, folder: Path, household: Household) -> None:
        found = shutil.which("chromium")
        if found is None:
            raise BenchTrouble("Chromium is not installed. Run: apt-get install chromium")
        super().__init__("Chromium", folder, household)
        self._program = found
        self.shared_with: set[int] = set()
        """Other processes of Chromium that were seen when memory was looked at: the page seemed smaller than it is."""

    def memory(self) -> float:
        """As of any stand; notes who else runs Chromium."""
        self.shared_with |= set(others_running(self.child.pid))
        return super().memory()

    def command(self) -> Child:
        """Chromium without what a kiosk does not need."""
        width, height = SIZE
        flags = ["--kiosk", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
        flags += ["--disable-component-update", "--disable-sync", "--disable-extensions", "--password-store=basic"]
        flags += [
            "--disable-features=Translate",
            "--hide-crash-restore-bubble",
            "--window-position=0,0",
            f"--window-size={width},{height}",
            f"--user-data-dir={self.folder / 'profile'}",
        ]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # it will not start for root otherwise
        argv = [self._program, *flags, PAGE.as_uri()]
        return Child(self._name, argv, log=self.folder / "chromium.log", env=self.glass.environment)

    def wait_for_question(self) -> None:
        """By the colour that the page takes on once its store is open."""
        until(lambda: self._ground() == b"\xfd\xfd\xfd", "the page asks", watched=[self.child])

    def wait_for_thanks(self) -> None:
        """By the colour of the page."""
        until(lambda: self._ground() == b"\xe2\xf0\xdf", "the page says thank you", watched=[self.child])

    def find_face(self) -> Box:
        """The fourth button."""
        return FACE_OF_PAGE

    def leave(self) -> None:
        """A touch on the thanks."""
        time.sleep(TWIN_S)
        self.glass.click(self.glass.width // 2, 8)
        self.wait_for_question()
        self.glass.settle()

    def _ground(self) -> bytes:
        return self.glass.pixel(4, 4)[:3]


def start_stock(folder: Path, household: Household) -> Child:
    """A question and five buttons on Kivy's own loop. Returns when its window stands."""
    seen = Glass(folder / "glass", household, width=SIZE[0], height=SIZE[1])
    environment = {**seen.environment, "PYTHONPATH": str(ROOT), "KIVY_HOME": str(folder / "home")}
    (folder / "home").mkdir()
    argv = [sys.executable, "-P", "-m", "workbench.bench.stock", *map(str, SIZE)]
    child = household.start(Child("The stock Kivy app", argv, log=folder / "stock.log", env=environment))
    blank = seen.look()
    until(lambda: seen.look() != blank, "the stock Kivy app shows its window", watched=[child])
    seen.settle(1.0)
    return child
