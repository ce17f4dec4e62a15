"""How soon a device whose network lets no MQTT through any more is heard again, by HTTPS, and how soon it notices a dead line.

Everything is real: server, broker, door, a kiosk process, and the clocks; between kiosk and broker is a wire that can be cut. A run
takes some ten minutes, because that is how long people would wait.
"""

import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, scratch
from workbench.installation import DemoTrouble, Installation, free_ports
from workbench.panel import Panel
from workbench.processes import Household
from workbench.proxy import FaultProxy

PATIENCE_S: Final = 400.0
LOOK_S: Final = 0.2
HEARD: Final = Target(at_most=180)
NOTICED: Final = Target(at_most=90)


def measure(runs: int, say: Say) -> list[Figure]:
    """Each run is an installation of its own, blocked three times: under a visitor's finger, at rest, and by a refusal."""
    taken: dict[str, list[float]] = defaultdict(list)
    for number in range(1, runs + 1):
        with scratch() as folder, Household() as household:
            try:
                for name, seconds in _one(Path(folder), household, say).items():
                    taken[name].append(seconds)
            except DemoTrouble as trouble:
                raise BenchTrouble(str(trouble)) from None
        say(f"Run {number} of {runs}: {', '.join(f'{name} {values[-1]:.0f} s' for name, values in taken.items())}")
    return [
        Figure(
            "stored by HTTPS, under a finger",
            "s",
            taken["busy"],
            "from the moment a packet is dropped, with a rating at once",
            HEARD,
        ),
        Figure("stored by HTTPS, at rest", "s", taken["idle"], "the same, with the first rating a minute later", HEARD),
        Figure("stored by HTTPS, refused", "s", taken["refused"], "the broker's port is closed", HEARD),
        Figure("dead line noticed, at rest", "s", taken["noticed"], "from the moment a packet is dropped", NOTICED),
        Figure("back at MQTT", "s", taken["back"], "from the moment it works again: the pause is meant, HTTPS serves meanwhile"),
    ]


def _one(folder: Path, household: Household, say: Say) -> dict[str, float]:
    place = Installation(folder, free_ports())
    (folder / "logs").mkdir()
    place.set_up(samples=False)
    place.start_server(household)
    place.enrol()
    wire = FaultProxy(place.ports["broker"]).start()
    identity = folder / "kiosk" / "identity" / "identity.json"
    identity.write_text(json.dumps({**json.loads(identity.read_text()), "broker_port": wire.port}))
    place.start_kiosk(household)
    visitor = Visitor(place)
    visitor.rate()
    visitor.wait_for_stored()
    try:
        return {
            **_blocked_under_a_finger(visitor, wire, say),
            **_blocked_at_rest(visitor, wire, say),
            **_refused(visitor, wire, say),
        }
    finally:
        wire.stop()


def _blocked_under_a_finger(visitor: "Visitor", wire: FaultProxy, say: Say) -> dict[str, float]:
    say("The broker is blocked, and somebody rates …")
    began = time.monotonic()
    wire.stall()
    visitor.rate()
    busy = visitor.wait_for_stored() - began
    say(f"Stored by HTTPS after {busy:.0f} s. The broker is there again …")
    return {"busy": busy, "back": visitor.wait_for_mqtt(wire)}


def _blocked_at_rest(visitor: "Visitor", wire: FaultProxy, say: Say) -> dict[str, float]:
    say("The broker is blocked, and nobody is there …")
    began = time.monotonic()
    wire.stall()
    noticed = (
        _wait(lambda: not visitor.status()["up"] or visitor.status()["way"] == "https", "the line is noticed to be dead") - began
    )
    visitor.rate()
    idle = visitor.wait_for_stored() - began
    say(f"Noticed after {noticed:.0f} s, the next rating stored by HTTPS after {idle:.0f} s.")
    visitor.wait_for_mqtt(wire)
    return {"noticed": noticed, "idle": idle}


def _refused(visitor: "Visitor", wire: FaultProxy, say: Say) -> dict[str, float]:
    say("The broker's port is closed …")
    began = time.monotonic()
    wire.refuse()
    visitor.rate()
    return {"refused": visitor.wait_for_stored() - began}


class Visitor:
    """A finger, and an eye on what the server has stored."""

    def __init__(self, place: Installation) -> None:
        self._place = place
        self._rated = 0

    def rate(self) -> None:
        """One rating, thanked for."""
        panel = Panel(self._place.panel)
        panel.press(5)
        if not panel.wait_for("lamp thanked", 30):
            raise BenchTrouble("The kiosk did not say thank you.")
        panel.close()
        self._rated += 1

    def wait_for_stored(self) -> float:
        """When the server had every rating (monotonic seconds)."""
        return _wait(lambda: self._stored() >= self._rated, "the rating is stored")

    def wait_for_mqtt(self, wire: FaultProxy) -> float:
        """Lets MQTT through. How many seconds until the kiosk speaks by it again."""
        began = time.monotonic()
        wire.pass_on()
        return _wait(lambda: self.status()["way"] == "mqtt" and bool(self.status()["up"]), "the kiosk is back at MQTT") - began

    def status(self) -> dict[str, object]:
        """What the kiosk leaves for staff."""
        found: dict[str, object] = json.loads((self._place.folder / "kiosk" / "status.json").read_text())
        return found

    def _stored(self) -> int:
        database = self._place.folder / "server" / "server.sqlite3"
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20) as connection:
            return int(connection.execute("SELECT count(*) FROM ingest_ledger WHERE kind = 1").fetchone()[0])


def _wait(probe: Callable[[], bool], what: str) -> float:
    """When `probe` said yes (monotonic seconds). Raises `BenchTrouble`."""
    deadline = time.monotonic() + PATIENCE_S
    while not probe():
        if time.monotonic() > deadline:
            raise BenchTrouble(f"Not within {PATIENCE_S:.0f} s: {what}.")
        time.sleep(LOOK_S)
    return time.monotonic()


BENCHMARK = Benchmark(
    "fallback", "a blocked broker: how soon HTTPS carries the ratings, and how soon a dead line is noticed", 1, measure
)
