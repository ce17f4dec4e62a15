"""A real kiosk at a real window: the process `python -m kiosk run` under its own X server, touched through XTEST."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kiosk.ledger.store import Store
from kiosk.screen.touch import TWIN_MS
from kiosk.texts import Texts
from tests.kiosk.authority import Authority
from tests.support.display import Display
from tests.support.tools import find_tool
from tests.support.waiting import until
from wire.codec import decode_event
from wire.envelopes import Config, Hours, Item, Misuse, Questionnaire, Timings, VoicePack
from wire.events import Event
from workbench.panel import Panel
from workbench.processes import Child
from workbench.sheets import COURT, items

CLOSED_PORT = 1
"""No broker listens there: a visit must not need a network."""
CONFIG = """\
state_dir = "state"
number = "17"
clock = "trusted"

[screen]
size = [{width}, {height}]
position = [0, 0]
trace = "trace.jsonl"
touch_grace_ms = 0
{more}
[panel]
simulated = "panel.sock"
"""


@dataclass
class Journey:
    """One kiosk in front of one visitor. What is on the glass is read from the trace and from the display's own framebuffer."""

    folder: Path
    display: Display
    timings: Timings = field(default_factory=Timings)
    misuse: Misuse = field(default_factory=Misuse)
    languages: tuple[str, ...] = ("uk", "en")
    rotation: tuple[Item, ...] = ()
    hours: Hours | None = None
    speech: tuple[VoicePack, ...] = ()
    shelf: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    size: tuple[int, int] = (800, 480)
    more: str = ""
    files: dict[str, str] = field(default_factory=dict)
    public_url: str | None = "https://vidguk.example/c/7"
    child: Child | None = None
    touched_at: float = 0.0

    @property
    def state(self) -> Path:
        """The kiosk's state directory."""
        return self.folder / "state"

    @property
    def pictures(self) -> list[dict[str, Any]]:
        """Every picture shown so far, oldest first."""
        trace = self.state / "trace.jsonl"
        lines = trace.read_text(encoding="utf-8").splitlines(keepends=True) if trace.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def start(self) -> "Journey":
        """Enrols the kiosk, starts it, and waits for its first picture."""
        config = Config(
            v=1,
            version=1,
            court=COURT,
            languages=list(self.languages),
            language="uk",
            questionnaire=Questionnaire(1, "exit", list(items()), list(self.rotation)),
            timings=self.timings,
            public_url=self.public_url,
            misuse=self.misuse,
            hours=self.hours,
            door=f"https://127.0.0.1:{CLOSED_PORT}" if self.speech else None,
            speech=list(self.speech),
        )
        Authority.make().give_identity(self.state, "journey-1", port=CLOSED_PORT, config=config)
        if self.shelf is not None:
            shutil.copytree(self.shelf, self.state / "speech")  # as if fetched on an earlier day
        for name, content in self.files.items():
            (self.state / name).write_text(content, encoding="utf-8")
        file = self.folder / "kiosk.toml"
        file.write_text(CONFIG.format(width=self.size[0], height=self.size[1], more=self.more))
        return self.start_again()

    def start_again(self) -> "Journey":
        """Starts the kiosk as it is, after a stop, and waits for its first picture."""
        seen = len(self.pictures)
        command = [sys.executable, "-m", "kiosk", "run", "--config", str(self.folder / "kiosk.toml")]
        root = Path(__file__).resolve().parents[2]
        env = {**self.display.env, **self.env}
        self.child = Child("kiosk", command, log=self.folder / "kiosk.log", env=env, cwd=root).start()
        self.until(lambda picture: len(self.pictures) > seen, "the kiosk shows its first picture")
        return self

    def panel(self) -> Panel:
        """The buttons, keys, lamps and buzzer."""
        return Panel(self.state / "panel.sock")

    def stop(self) -> None:
        """Ends it, as systemd would."""
        if self.child is not None:
            self.child.stop()

    @property
    def pid(self) -> int:
        """The kiosk's process."""
        assert self.child is not None
        assert self.child.process is not None
        return self.child.process.pid

    # --- what a visitor does ---

    def touch(self, control: str) -> None:
        """Touches the middle of a control."""
        x, y, w, h = self.pictures[-1]["controls"][control]
        self.touch_at(x + w // 2, y + h // 2)

    def touch_at(self, x: int, y: int, *, times: int = 1) -> None:
        """Touches a point, not faster after the last touch than a person can."""
        pause = self.touched_at + TWIN_MS / 1000 * 1.2 - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self._xdotool("mousemove", str(x), str(y))
        self._xdotool("click", "--repeat", str(times), "--delay", "5", "1")
        self.touched_at = time.monotonic()

    def hold_at(self, x: int, y: int, *, seconds: float) -> None:
        """Rests a finger on a point for so long."""
        self._xdotool("mousemove", str(x), str(y), "mousedown", "1")
        time.sleep(seconds)
        self._xdotool("mouseup", "1")
        self.touched_at = time.monotonic()

    def hammer(self, points: Iterable[tuple[int, int]]) -> None:
        """Touches one point after the other, faster than any rule of the kiosk's."""
        words = [word for x, y in points for word in ("mousemove", str(x), str(y), "click", "1")]
        self._xdotool(*words)
        self.touched_at = time.monotonic()

    def key(self, name: str) -> None:
        """Presses a key of a keyboard that somebody has plugged in."""
        self._xdotool("key", name)

    def _xdotool(self, *arguments: str) -> None:
        subprocess.run([find_tool("xdotool", "xdotool"), *arguments], env=self.display.env, check=True)

    # --- what a visitor sees ---

    def shows(self, scene: str, **expected: Any) -> dict[str, Any]:
        """Waits until the last picture is `scene` with the fields expected, and returns it."""
        wanted = {"scene": scene, **expected}
        return self.until(lambda picture: wanted.items() <= picture.items(), f"the kiosk shows {scene} {expected or ''}".strip())

    def says(self, message: str, language: str = "uk") -> dict[str, Any]:
        """Waits until the last picture has the words of `message`, and returns it."""
        words = self.words(message, language)
        return self.until(lambda picture: words in picture["texts"], f"the kiosk says {words!r}")

    def words(self, message: str, language: str = "uk") -> str:
        """What the kiosk says for `message`."""
        return Texts([language], pytest.fail).say(language, message)

    def until(self, fits: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Waits until the last picture fits, and returns it."""

        def shown() -> dict[str, Any] | None:
            assert self.child is not None
            self.child.check()
            pictures = self.pictures
            return pictures[-1] if pictures and fits(pictures[-1]) else None

        found = until(shown, what)
        assert found is not None
        return found

    def colour_at(self, x: int, y: int) -> tuple[int, int, int]:
        """Red, green, blue of a pixel of the display."""
        dump = self.display.framebuffer.read_bytes()
        header = int.from_bytes(dump[0:4], "big")
        stride = int.from_bytes(dump[48:52], "big")
        colours = int.from_bytes(dump[76:80], "big")
        at = header + colours * 12 + y * stride + x * 4
        blue, green, red = dump[at : at + 3]
        return red, green, blue

    # --- what is on the card ---

    def rows(self) -> list[Event]:
        """Everything the ledger holds, once the kiosk has stopped."""
        self.stop()
        [ledger] = self.state.glob("ledger*.sqlite3")
        store = Store(ledger)
        try:
            return [decode_event(row) for row in store.read(1, 10_000).rows]
        finally:
            store.close()


@pytest.fixture
def kiosk(tmp_path: Path, display: Display) -> Iterator[Callable[..., Journey]]:
    """Starts kiosks; `kiosk(timings=…, size=…)`."""
    started: list[Journey] = []

    def start(**settings: Any) -> Journey:
        folder = tmp_path / f"kiosk-{len(started)}"
        folder.mkdir()
        journey = Journey(folder, **{"display": display, **settings})
        started.append(journey)
        return journey.start()

    yield start
    for journey in started:
        journey.stop()
