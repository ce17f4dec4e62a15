"""A kiosk whose wall clock is wrong by years, jumps, or is never set: who was thanked is counted, on the right day or on none.

The kiosk and the server are real; only what the kernel tells the kiosk of the time is not.
"""

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from kiosk.upkeep.enrolment import enrol
from tests.kiosk.rig import Hand, Kiosk
from tests.support.server import Server
from tests.support.waiting import until
from workbench.torture.shim import Shim

ZONE = "Pacific/Auckland"
"""Far enough from UTC that a day counted by it is found out for most of the day."""
YEAR_S = 365 * 86_400
DUE_MS = 2_000
PATIENCE_S = 90.0
NUMBERS = count(1)


@dataclass(frozen=True)
class Pressed:
    """A thanked rating: between which two true instants (ms since the epoch)."""

    after: int
    before: int

    @property
    def day(self) -> date:
        return datetime.fromtimestamp(self.after / 1000, UTC).astimezone(ZoneInfo(ZONE)).date()


class Machine:
    """One enrolled kiosk that is told what the test says: its clock goes wrong by `years`."""

    def __init__(self, folder: Path, server: Server, exit: str, *, clock: str, years: int) -> None:
        for name in ("kiosk", "shim"):
            (folder / name).mkdir(parents=True)
        self.name = f"kiosk-clock-{next(NUMBERS)}"
        self.years = years
        self.pressed: list[Pressed] = []
        self.kiosk = Kiosk(folder / "kiosk", clock=clock)
        given = server.code(exit, self.name)
        enrol(server=given.server, fingerprint=given.fingerprint, code=given.code, state_dir=self.kiosk.state)
        self._boot = folder / "shim" / "boot_id"
        self._shim = Shim(self.kiosk.state, folder / "shim")
        self._hand: Hand | None = None

    def go_wrong(self, *, vouched: bool) -> None:
        self._shim.set_clock(self.years * YEAR_S, vouched=vouched)

    def go_right(self) -> None:
        self._shim.set_clock(0, vouched=True)

    def switch_on(self) -> None:
        """The machine starts, and this start has a name of its own."""
        self._boot.write_text(f"{uuid.uuid4()}\n")
        self.start()

    def start(self) -> None:
        """The program starts."""
        self.kiosk.start({**self._shim.environment, "TORTURE_BOOT_ID": str(self._boot)})
        self._hand = self.kiosk.hand()

    def kill(self) -> None:
        self.kiosk.kill()
        self._let_go()

    def rate(self, times: int = 2) -> None:
        assert self._hand is not None
        for number in range(times):
            after = time.time_ns() // 1_000_000
            assert self._hand.press(number % 5 + 1), "whatever the clock says, people are thanked"
            self.pressed.append(Pressed(after, time.time_ns() // 1_000_000))

    def close(self) -> None:
        self._let_go()
        self.kiosk.kill()
        self._shim.close()

    def _let_go(self) -> None:
        if self._hand is not None:
            self._hand.close()
            self._hand = None


class Court:
    """An exit of a server that knows the time, and the kiosks that stand there."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self._folder = folder
        self._exit = server.command("add-exit", "--court", "court", "--name-uk", f"Вихід {next(NUMBERS)}").strip()
        self.machines: list[Machine] = []

    def machines_wrong_by(self, *years: int, clock: Literal["trusted", "system"]) -> list[Machine]:
        for wrong in years:
            folder = self._folder / str(len(self.machines))
            self.machines.append(Machine(folder, self.server, self._exit, clock=clock, years=wrong))
        return self.machines

    def arrived(self) -> None:
        """Waits until everything is stored."""
        for machine in self.machines:
            until(lambda machine=machine: len(self._dated(machine)) == len(machine.pressed), "all is stored", seconds=PATIENCE_S)

    def assert_dated(self, *, undated: int = 0) -> None:
        """Everything that was thanked is counted once, on its local day, dated within two seconds; only the first `undated` ratings
        of each kiosk count on no day."""
        self.arrived()
        days = Counter[date | None](one.day for machine in self.machines for one in machine.pressed[undated:])
        days[None] += undated * len(self.machines)
        until(lambda: self._days() == days, f"counted as {days}, not as {self._days()}", seconds=PATIENCE_S)
        self.server.settle()
        assert self._days() == days
        for machine in self.machines:
            dated = self._dated(machine)
            assert dated[:undated] == [None] * undated
            for one, at in zip(machine.pressed[undated:], dated[undated:], strict=True):
                assert at is not None
                assert one.after - DUE_MS <= at <= one.before + DUE_MS
        assert self.server.set_aside() == []

    def _dated(self, machine: Machine) -> list[int | None]:
        """When the server says that the visits began (ms since the epoch), in the order of their rows."""
        rows = self.server.query(
            "SELECT at FROM ingest_ledger l JOIN ingest_stream s ON s.id = l.stream_id JOIN courts_device d ON d.id = s.device_id"
            f" WHERE kind = 1 AND d.name = '{machine.name}' ORDER BY seq"
        )
        return [at for (at,) in rows]

    def _days(self) -> Counter[date | None]:
        """Answers in the tallies by local day; none: undated."""
        columns = "+".join(f"v{point}" for point in range(11))
        found: Counter[date | None] = Counter()
        for day, number in self.server.query(
            f"SELECT local_date, {columns} FROM results_tally WHERE item = 'overall' AND exit_id = {self._exit}"
        ):
            found[None if day is None else date.fromisoformat(day)] += number
        return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("server"))
    made.set_up(timezone=ZONE)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def court(server: Server, tmp_path: Path) -> Iterator[Court]:
    made = Court(server, tmp_path)
    try:
        yield made
    finally:
        for machine in made.machines:
            machine.close()


@pytest.mark.slow
def test_a_vouched_clock_that_jumps_by_years_and_back_moves_no_answer(court: Court) -> None:
    machines = court.machines_wrong_by(-40, -3, 5, clock="trusted")
    for machine in machines:
        machine.go_right()
        machine.switch_on()
        machine.rate()
    court.arrived()
    for machine in machines:
        machine.go_wrong(vouched=True)
        machine.rate()
        machine.kill()
        machine.start()
        machine.rate()
        machine.go_right()
        machine.rate()
    court.assert_dated()


@pytest.mark.slow
def test_what_was_recorded_before_the_clock_was_set_is_dated_once_it_is(court: Court) -> None:
    machines = court.machines_wrong_by(-40, 5, clock="system")
    court.server.stop()
    for machine in machines:
        machine.go_wrong(vouched=False)
        machine.switch_on()
        machine.rate()
        machine.go_right()
        machine.rate()
    court.server.start()
    for machine in machines:
        machine.rate()
    court.assert_dated()


@pytest.mark.slow
def test_a_clock_that_is_never_set_is_dated_by_what_the_server_has_told(court: Court) -> None:
    for machine in court.machines_wrong_by(-40, 5, clock="system"):
        machine.go_wrong(vouched=False)
        machine.switch_on()
        machine.rate()
    court.arrived()
    for machine in court.machines:
        machine.kill()
        machine.start()
        machine.rate()
    court.assert_dated()


@pytest.mark.slow
def test_a_start_of_which_nobody_knew_the_time_counts_on_no_day(court: Court) -> None:
    machines = court.machines_wrong_by(-40, -1, 5, clock="system")
    court.server.stop()
    for machine in machines:
        machine.go_wrong(vouched=False)
        machine.switch_on()
        machine.rate()
        machine.kill()
        machine.go_right()
        machine.switch_on()
        machine.rate()
    court.server.start()
    for machine in machines:
        machine.rate()
    court.assert_dated(undated=2)
