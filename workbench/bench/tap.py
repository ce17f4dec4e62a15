"""From the touch to the pressed look and to the durable thank-you, and what an idle kiosk costs.

The kiosk is the real one, started by its own command, with a real broker and a real gateway behind it. Beside it a minimal page in
Chromium does the same with strictly durable IndexedDB, and a minimal app shows the same on Kivy's own loop. Each has a display of
its own of the same size; all are touched and looked at from outside, in turns.
"""

import json
import os
import shutil
import sqlite3
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from workbench.bench import glass
from workbench.bench.glass import Awaited, Box, Glass, Touched, until
from workbench.bench.ground import BenchDevice, Ground
from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, alternate, ratio, scratch
from workbench.installation import HOST, ROOT
from workbench.processes import Child, Household

SIZE: Final = (800, 480)
"""The common panel for a Raspberry Pi."""
FACE: Final = "answer:4"
FRAME: Final = Target(at_most=1000 / 60)
DURABLE: Final = Target(at_most=0.6)
IDLE: Final = Target(at_most=0.1)
IDLE_S: Final = 6.0
IDLE_ROUNDS: Final = 3
COOLDOWN_S: Final = 3.2
"""Longer than the kiosk's own: within it a touch is stored with a flag, which is more than the page does."""
PAGE: Final = Path(__file__).with_name("page.html")
FACE_OF_PAGE: Final = Box(490, 244, 120, 170)


def measure(runs: int, say: Say) -> list[Figure]:
    """Touches in turns, then idle processor time in turns."""
    with scratch() as name, Household() as household:
        folder = Path(name)
        say("Starting broker, gateway, kiosk, Chromium and a stock Kivy app …")
        kiosk = KioskStand(folder / "kiosk", household)
        page = PageStand(folder / "page", household)
        stock = _start_stock(folder / "stock", household)
        stands: tuple[Stand, Stand] = (kiosk, page)
        for stand in stands:
            stand.rehearse()
        say(f"Touching each {runs} times …")
        touches: dict[str, list[Touched]] = {"kiosk": [], "page": []}

        def touched(name: str, stand: Stand) -> Callable[[], float]:
            def once() -> float:
                touches[name].append(stand.touch())
                return touches[name][-1].shown * 1000

            return once

        shown = alternate(runs, kiosk=touched("kiosk", kiosk), page=touched("page", page))
        say("Watching both idle …")
        time.sleep(3)
        idle = alternate(IDLE_ROUNDS, kiosk=lambda: _idle(kiosk.child.pid), stock=lambda: _idle(stock.pid))
        kiosk.child.stop()
        kiosk.require(runs + 1)
    pressed = {name: [one.pressed * 1000 for one in taken] for name, taken in touches.items()}
    return [
        Figure("kiosk, pressed look", "ms", pressed["kiosk"], "first changed pixel of the touched face", FRAME),
        Figure("page, pressed look", "ms", pressed["page"]),
        Figure("kiosk, durable thank-you", "ms", shown["kiosk"], "the picture that says thank you; SQLite, WAL, FULL"),
        Figure("page, durable thank-you", "ms", shown["page"], "Chromium --kiosk, IndexedDB with durability strict"),
        ratio("thank-you, kiosk / page", shown["kiosk"], shown["page"], about="touch to durable thank-you", target=DURABLE),
        Figure("kiosk, idle", "% of a core", idle["kiosk"], f"processor time of the process over {IDLE_S:.0f} s, connected"),
        Figure("stock Kivy, idle", "% of a core", idle["stock"], "five buttons on Kivy's own loop"),
        ratio("idle, kiosk / stock", idle["kiosk"], idle["stock"], about="processor time while nothing moves", target=IDLE),
    ]


class Stand(ABC):
    """Something with a face to touch. `rehearse` is a first touch from which the thank-you is learnt."""

    glass: Glass
    child: Child
    face: Box
    thanks: Awaited
    left: float = 0.0

    def rehearse(self) -> None:
        """One touch that is not counted."""
        points = glass.grid(self.glass)
        before = self.glass.pixels(points)
        self.glass.click(*self.face.middle)
        self.wait_for_thanks()
        self.glass.settle(0.1)
        self.thanks = Awaited(self.glass, before, points, self.face)
        self.leave()
        self.left = time.monotonic()

    def touch(self) -> Touched:
        """One touch that is."""
        time.sleep(max(0.0, self.left + COOLDOWN_S - time.monotonic()))
        taken = glass.touch(self.glass, self.face, self.thanks)
        self.wait_for_thanks()
        self.leave()
        self.left = time.monotonic()
        return taken

    @abstractmethod
    def wait_for_thanks(self) -> None:
        """Until the program has said thank you, by other signs than the awaited picture."""

    @abstractmethod
    def leave(self) -> None:
        """Back to the question."""


class KioskStand(Stand):
    """The kiosk as it stands at an exit: enrolled, connected, full screen."""

    def __init__(self, folder: Path, household: Household) -> None:
        folder.mkdir(parents=True)
        ground = Ground(folder, household)
        device = ground.device(1)
        self._state = folder / "device"
        _enrol(ground, device, self._state)
        ground.start_broker()
        ground.start_gateway()
        width, height = SIZE
        self.glass = Glass(folder / "glass", household, width=width, height=height)
        self._trace = self._state / "trace"
        config = folder / "kiosk.toml"
        config.write_text(
            'state_dir = "device"\nclock = "trusted"\n'
            f'[screen]\nsize = [{width}, {height}]\nposition = [0, 0]\nborderless = true\ntrace = "trace"\ntouch_grace_ms = 0\n'
        )
        argv = [sys.executable, "-P", "-m", "kiosk", "run", "--config", str(config)]
        environment = {**self.glass.environment, "PYTHONPATH": str(ROOT)}
        self.child = household.start(Child("The kiosk", argv, log=folder / "kiosk.log", env=environment))
        self._wait("welcome")
        self.glass.settle(1.0)
        self.face = self._control(FACE)

    def wait_for_thanks(self) -> None:
        """By the trace."""
        self._wait("follow-up")

    def leave(self) -> None:
        """Gives no reason and goes."""
        time.sleep(0.5)
        self.glass.click(*self._control("skip").middle)
        self._wait("thanks")
        time.sleep(0.5)
        self.glass.click(self.glass.width // 2, 8)
        self._wait("welcome")
        self.glass.settle()

    def require(self, touches: int) -> None:
        """Raises BenchTrouble unless the ledger holds an answer for each touch; the kiosk must have stopped."""
        stored = 0
        for file in self._state.glob("ledger*.sqlite3"):
            ledger = sqlite3.connect(file)
            stored += ledger.execute("SELECT count(*) FROM rows").fetchone()[0]
            ledger.close()
        if stored < touches:
            raise BenchTrouble(f"{touches} touches were thanked, and {stored} rows are stored.")

    def _last(self) -> dict[str, Any]:
        lines = self._trace.read_text().splitlines() if self._trace.exists() else []
        found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        return found

    def _wait(self, scene: str) -> None:
        until(lambda: self._last().get("scene") == scene, f"the kiosk shows {scene!r}", watched=[self.child])

    def _control(self, key: str) -> Box:
        return Box(*map(int, self._last()["controls"][key]))


class PageStand(Stand):
    """The page in Chromium, full screen."""

    face = FACE_OF_PAGE

    def __init__(self, folder: Path, household: Household) -> None:
        program = shutil.which("chromium")
        if program is None:
            raise BenchTrouble("Chromium is not installed. Run: apt-get install chromium")
        width, height = SIZE
        self.glass = Glass(folder / "glass", household, width=width, height=height)
        flags = ["--kiosk", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
        flags += ["--disable-component-update", "--disable-sync", "--disable-extensions", "--password-store=basic"]
        flags += [
            "--disable-features=Translate",
            "--window-position=0,0",
            f"--window-size={width},{height}",
            f"--user-data-dir={folder / 'profile'}",
        ]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # it will not start for root otherwise
        argv = [program, *flags, PAGE.as_uri()]
        self.child = household.start(Child("Chromium", argv, log=folder / "chromium.log", env=self.glass.environment))
        until(self._ready, "Chromium shows the page", watched=[self.child])
        self.glass.settle(2.0)

    def wait_for_thanks(self) -> None:
        """By the colour of the page."""
        until(lambda: self._ground() == b"\xe2\xf0\xdf", "the page says thank you", watched=[self.child])

    def leave(self) -> None:
        """A touch on the thanks."""
        time.sleep(0.5)
        self.glass.click(self.glass.width // 2, 8)
        until(self._ready, "the page asks again", watched=[self.child])
        self.glass.settle()

    def _ready(self) -> bool:
        return self._ground() == b"\xfd\xfd\xfd"

    def _ground(self) -> bytes:
        return self.glass.pixel(4, 4)[:3]


def _start_stock(folder: Path, household: Household) -> Child:
    width, height = SIZE
    seen = Glass(folder / "glass", household, width=width, height=height)
    environment = {**seen.environment, "PYTHONPATH": str(ROOT), "KIVY_HOME": str(folder / "home")}
    (folder / "home").mkdir()
    argv = [sys.executable, "-P", "-m", "workbench.bench.stock", str(width), str(height)]
    child = household.start(Child("The stock Kivy app", argv, log=folder / "stock.log", env=environment))
    blank = seen.look()
    until(lambda: seen.look() != blank, "the stock Kivy app shows its window", watched=[child])
    seen.settle(1.0)
    return child


def _enrol(ground: Ground, device: BenchDevice, state: Path) -> None:
    """Gives the kiosk what enrolment would: its papers and its first configuration."""
    from kiosk import identity
    from sync_server.courts.models import Device
    from sync_server.courts.services import open_court, open_exit, place_device
    from sync_server.fleet.services import configure

    known = Device.objects.get(name=device.name)
    court = open_court(slug="bench", name_uk="Вигаданий суд для вимірювань", name_en="Invented Court of Measures", is_sample=True)
    place_device(device=known, exit=open_exit(court=court, name_uk="Головний вихід"), starts_at=datetime(2026, 1, 1, tzinfo=UTC))
    identity.store(
        state,
        about=identity.About(device.name, HOST, ground.port, ground.authority.config_public_key.hex()),
        key=device.key_file.read_bytes(),
        certificate=device.certificate.read_bytes(),
        ca=ground.authority.certificate_pem,
        config=configure(known, authority=ground.authority),
    )


def _idle(pid: int) -> float:
    """Percent of a core that the process takes while nobody touches anything."""
    before = _processor_s(pid)
    time.sleep(IDLE_S)
    return (_processor_s(pid) - before) / IDLE_S * 100


def _processor_s(pid: int) -> float:
    """Processor time of a process, by the clock that the kernel keeps for it: /proc counts in hundredths, too coarse here."""
    return time.clock_gettime((~pid << 3) | 2)  # CPUCLOCK_SCHED of that process, as clock_getcpuclockid(3) makes it


BENCHMARK = Benchmark("tap", "touch to pressed look and to durable thank-you; idle processor time", 12, measure)
