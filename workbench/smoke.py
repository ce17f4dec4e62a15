"""`./vidhuk demo --smoke N`: N taps from the panel's button to the signed-in court page, through real processes only."""

import json
import math
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from workbench.installation import DemoTrouble, Installation, free_ports
from workbench.pages import PageFault, Reader
from workbench.panel import Panel
from workbench.processes import Child, Household

THANKS_S: Final = 10.0
SHOWN_S: Final = 60.0
RHYTHM_S: Final = (0.15, 0.6)
"""Between one visitor's thank-you and the next one's tap: a busy exit."""
LOOK_S: Final = 0.02
"""Between two looks at the page."""
SEED: Final = 2026


@dataclass
class Watch:
    """Looks at the page without pause and notes when each count was first seen. Times are monotonic seconds."""

    reader: Reader
    court: str
    shown: int = 0
    first_seen: dict[int, float] = field(default_factory=dict)
    fault: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `done`; a fault ends it and is kept."""
        try:
            while not self.done.is_set():
                # Of the last thirty days, so that a run across midnight is counted whole; nothing else is in this database.
                shown = self.reader.court(self.court).month
                now = time.monotonic()
                for count in range(self.shown + 1, shown + 1):
                    self.first_seen[count] = now
                self.shown = shown
                self.done.wait(LOOK_S)
        except PageFault as fault:
            self.fault = fault


def run(taps: int) -> int:
    """Runs the smoke in a fresh temporary folder and prints one JSON line last. 0 only when tapped, stored and shown are equal."""
    with tempfile.TemporaryDirectory(prefix="vidhuk-smoke-") as folder:
        installation = Installation(Path(folder), free_ports())
        with Household() as household:
            result = _measure(installation, household, taps)
    print(json.dumps(result), flush=True)
    return 0 if result["tapped"] == result["stored"] == result["shown"] == taps else 1


def _measure(installation: Installation, household: Household, taps: int) -> dict[str, object]:
    _say("starting broker, server and one kiosk in a fresh folder")
    installation.claim()
    installation.set_up(samples=False)
    installation.start_server(household)
    installation.enrol()
    kiosk = installation.start_kiosk(household)
    reader = Reader(installation.origin)
    reader.sign_in(installation.about["username"], installation.about["password"])
    watch = Watch(reader, installation.about["court"])
    watcher = threading.Thread(target=watch.run, daemon=True)
    watcher.start()
    _say(f"{taps} visitors press the panel")
    pressed: list[float] = []
    panel = Panel(installation.panel)
    try:
        pressed = _tap(panel, taps, kiosk, watch)
        _wait_until_shown(household, watch, len(pressed))
    finally:
        panel.close()
        watch.done.set()
        watcher.join(timeout=30)
    _say("counting what is stored")
    stored = installation.prepare("stored", "--device", installation.device())["stored"]
    waits = sorted((watch.first_seen[n] - at) * 1000 for n, at in enumerate(pressed, start=1) if n in watch.first_seen)
    return {
        "tapped": len(pressed),
        "stored": stored,
        "shown": watch.shown,
        "tap_to_page_ms": {"p50": quantile(waits, 0.50), "p95": quantile(waits, 0.95)},
    }


def _tap(panel: Panel, taps: int, kiosk: Child, watch: Watch) -> list[float]:
    """Presses one face after another, each when the one before was thanked for; returns the moments of the presses."""
    hand = random.Random(SEED)
    pressed: list[float] = []
    for number in range(1, taps + 1):
        if watch.fault is not None:
            raise DemoTrouble(f"The page could not be read: {watch.fault}.")
        at = time.monotonic()
        panel.press(hand.choices((1, 2, 3, 4, 5), weights=(8, 12, 20, 36, 24))[0])
        pressed.append(at)
        if not panel.wait_for("lamp thanked", THANKS_S):
            kiosk.check()
            raise DemoTrouble(f"Tap {number} was not thanked for within {THANKS_S:.0f} s. The kiosk said:\n{kiosk.last_words()}")
        time.sleep(hand.uniform(*RHYTHM_S))
    return pressed


def _wait_until_shown(household: Household, watch: Watch, expected: int) -> None:
    """Waits for the page; when it never gets there, the figures themselves say so."""
    deadline = time.monotonic() + SHOWN_S
    while watch.shown < expected and time.monotonic() < deadline and watch.fault is None:
        household.check()
        time.sleep(LOOK_S)
    if watch.fault is not None:
        raise DemoTrouble(f"The page could not be read: {watch.fault}.")
    # One more look or two: a tap counted twice would show now.
    settled = time.monotonic() + 1.0
    while time.monotonic() < settled:
        time.sleep(LOOK_S)


def quantile(values: list[float], share: float) -> float | None:
    """The smallest of the sorted `values` that at least `share` of them do not exceed, to 0.1; None without values."""
    return round(values[max(0, math.ceil(share * len(values)) - 1)], 1) if values else None


def _say(text: str) -> None:
    sys.stderr.write(f"smoke: {text}\n")
    sys.stderr.flush()
