"""After a long outage: every device of a big court region comes back at once with all it has recorded, and visitors go on rating.

Everything is real but the cards: a whole server (broker, gateway, tallies, pages), devices with certificates, signed batches, the
kiosk's own delivery over TLS. Two courts are watched meanwhile on their signed-in pages, as parsed from the HTML.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from wire import codec
from workbench.bench.crowd import rows
from workbench.bench.fleet import Member, Plan
from workbench.bench.ground import ENROLLED, BenchDevice, Ground
from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, Whole, scratch
from workbench.installation import ROOT
from workbench.pages import PageFault, Reader
from workbench.processes import Child, Household
from workbench.visitors import WEEKS

DEVICES: Final = 100
ROWS: Final = 1_000
COURT: Final = 5
"""Devices at one court."""
DAYS: Final = 14
"""How long ago the line was cut: what a device records in so many days is what it holds."""
A_DAY: Final = 75.0
"""Answering visitors a day at each exit: 1,000 rows in about two weeks."""
WATCHED: Final = 2
DRAINED: Final = Target(at_most=60)
SHOWN: Final = Target(at_most=5)
LOOK_S: Final = 0.5
"""Each of the watched pages is read so often."""
PATIENCE_S: Final = 240.0
ADMINISTRATOR: Final = ("bench", "drain-as-measured-11")


def measure(runs: int, say: Say, *, devices: int = DEVICES, rows: int = ROWS) -> list[Figure]:
    """One whole outage a run, each with a server of its own."""
    taken: dict[str, list[float]] = defaultdict(list)
    for number in range(1, runs + 1):
        # A process a run: Django is configured once in each.
        words = [sys.executable, "-P", "-m", "workbench.bench.drain", str(devices), str(rows)]
        done = subprocess.run(words, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise BenchTrouble(f"Run {number} came to no end.")
        for name, value in json.loads(done.stdout.splitlines()[-1]).items():
            taken[name].append(value)
        say(f"Run {number} of {runs}: {', '.join(f'{name} {values[-1]:.1f}' for name, values in taken.items())}")
    held = f"{devices * rows:,}".replace(",", "\u2009")
    return [
        Figure(
            "backlog stored",
            "s",
            taken["stored"],
            f"{held} rows of {devices} devices, from connecting to the last ack",
            DRAINED,
        ),
        Figure("backlog counted", "s", taken["counted"], "until every one of them is in the tallies", DRAINED),
        Figure(
            "live rating shown",
            "s",
            taken["shown"],
            "the slowest: from the moment it was recorded until a signed-in page shows it",
            SHOWN,
        ),
        Figure("live rating shown, median", "s", taken["shown_median"], "of the same ratings"),
        Figure("ratings watched", "", taken["watched"], "recorded while the backlog drained"),
    ]


def one(devices: int, held: int, say: Say) -> dict[str, float]:
    """One outage and its end."""
    with scratch() as folder, Household() as household:
        ground = Ground(Path(folder), household)
        say(f"Enrolling {devices} devices and recording {held} rows on each …")
        plan, places = _plan(ground, devices, held)
        _administrator()
        server = ground.start_server()
        fleet = Fleet(ground, plan)
        try:
            return _drain(ground, server, fleet, places, devices * held)
        finally:
            fleet.stop()


def _plan(ground: Ground, devices: int, held: int) -> tuple[Plan, dict[str, str]]:
    """What the fleet is to do, and the court of each watched device."""
    from sync_server.courts.services import open_court, open_exit, place_device

    first = datetime.now(UTC).date() - timedelta(days=DAYS)
    members: list[Member] = []
    places: dict[str, str] = {}
    courts = [open_court(slug=f"court-{number}", name_uk=f"Суд {number}") for number in range(-(-devices // COURT))]
    for number in range(devices):
        device, court = ground.device(number), courts[number % len(courts)]
        door = open_exit(court=court, name_uk=f"Вихід {number}")
        place_device(device=_row(device), exit=door, starts_at=ENROLLED)
        made = rows(ground.questionnaire, door=number, count=held, a_day=A_DAY, last=first + timedelta(days=WEEKS * 7 - 1))
        live = number < min(WATCHED, len(courts))
        if live:
            places[device.name] = court.slug
        members.append(
            Member(
                device.name,
                str(device.certificate),
                str(device.key_file),
                device.stream,
                [codec.encode_event(row) for row in made],
                ground.configure(device),
                live,
            )
        )
    asked = ground.questionnaire
    plan = Plan(
        ground.port,
        str(ground.authority.certificate_file),
        ground.authority.config_public_key,
        asked.version,
        asked.items[0].key,
        members,
    )
    return plan, places


def _row(device: BenchDevice) -> Any:
    from sync_server.courts.models import Device

    return Device.objects.get(name=device.name)


def _administrator() -> None:
    from django.db import connection

    from sync_server.accounts.services import create_administrator

    name, password = ADMINISTRATOR
    create_administrator(username=name, password=password)
    connection.close()


class Fleet:
    """The fleet's process, and what it has said."""

    def __init__(self, ground: Ground, plan: Plan) -> None:
        file = ground.folder / "fleet"
        file.write_bytes(msgspec.msgpack.encode(plan))
        words = [sys.executable, "-P", "-m", "workbench.bench.fleet", str(file)]
        self.log = ground.folder / "fleet.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                words, cwd=ROOT, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.taps: dict[str, list[float]] = defaultdict(list)
        self._said: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.moments: dict[str, float] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def tell(self) -> None:
        """The line it waits for."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def hear(self) -> None:
        """Takes note of what it has said since."""
        while not self._said.empty():
            said = self._said.get()
            if said is None:
                raise BenchTrouble(f"The fleet has ended:\n{self.log.read_text()[-2000:]}")
            if said["what"] == "tapped":
                self.taps[said["device"]].append(said["at"])
            else:
                self.moments[said["what"]] = said["at"]

    def stop(self) -> None:
        """Ends it, whatever it does."""
        self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(json.loads(line))
        if "done" not in self.moments:
            self._said.put(None)


def _drain(ground: Ground, server: Child, fleet: Fleet, places: dict[str, str], backlog: int) -> dict[str, float]:
    reader = Reader(ground.origin)
    reader.sign_in(*ADMINISTRATOR)
    _until(lambda: "ready" in fleet.moments, fleet, server)
    fleet.tell()
    _until(lambda: "began" in fleet.moments, fleet, server)
    began = fleet.moments["began"]
    shown: dict[str, list[float]] = {device: [] for device in places}
    counted = None
    while counted is None or not all(fleet.taps[device] for device in places):
        for device, court in places.items():
            _look(reader, court, shown[device])
        _until(lambda: True, fleet, server)
        if counted is None and "stored" in fleet.moments and not _due(ground):
            counted = time.monotonic()
        if time.monotonic() > began + PATIENCE_S:
            raise BenchTrouble(f"Not drained within {PATIENCE_S:.0f} s.")
        time.sleep(LOOK_S)
    fleet.tell()
    _until(lambda: "done" in fleet.moments, fleet, server)
    waits = []
    for device, court in places.items():
        taps = fleet.taps[device]
        while len(shown[device]) < len(taps):
            _look(reader, court, shown[device])
            _until(lambda: True, fleet, server)
            time.sleep(LOOK_S)
        waits += [seen - tapped for tapped, seen in zip(taps, shown[device], strict=True)]
    _require_all(ground, backlog + len(waits))
    return {
        "stored": fleet.moments["stored"] - began,
        "counted": counted - began,
        "shown": max(waits),
        "shown_median": sorted(waits)[len(waits) // 2],
        "watched": float(len(waits)),
    }


def _look(reader: Reader, court: str, shown: list[float]) -> None:
    """Reads a court's page: ratings that it shows for the first time were shown now."""
    try:
        today = reader.court(court).today
    except PageFault:
        return  # a page that could not be had in time shows nothing; the wait goes on
    shown += [time.monotonic()] * (today - len(shown))


def _until(probe: Any, fleet: Fleet, server: Child) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        server.check()
        fleet.hear()
        if probe():
            return
        if time.monotonic() > deadline:
            raise BenchTrouble(f"Nothing happens any more. The fleet said:\n{fleet.log.read_text()[-2000:]}")
        time.sleep(0.02)


def _due(ground: Ground) -> bool:
    """Whether tallies are still due."""
    with ground.look() as ledger:
        return ledger.execute("SELECT 1 FROM ingest_mark LIMIT 1").fetchone() is not None


def _require_all(ground: Ground, expected: int) -> None:
    """What was not stored, or stored twice, was not measured."""
    with ground.look() as ledger:
        (stored,) = ledger.execute("SELECT count(*) FROM ingest_ledger WHERE kind <> 0").fetchone()
        (aside,) = ledger.execute("SELECT count(*) FROM ingest_setaside").fetchone()
    if stored != expected or aside:
        raise BenchTrouble(f"{expected} rows were sent, {stored} are stored and {aside} set aside.")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(words: Sequence[str]) -> int:
    """One run; its figures as a line of JSON."""
    print(json.dumps(one(int(words[0]), int(words[1]), _say)))
    return 0


BENCHMARK = Benchmark(
    "drain",
    "100 devices come back after an outage with 100,000 rows, while visitors go on rating",
    3,
    measure,
    (Whole("devices", DEVICES, "how many come back at once"), Whole("rows", ROWS, "how many each of them holds")),
)

if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BenchTrouble as trouble:
        _say(str(trouble))
        sys.exit(1)
