"""One world from one seed: who stands where, what goes wrong when, and how it is brought to its end."""

import shutil
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from kiosk.errors import LedgerError
from wire.events import DeviceId
from workbench.simulation import faults
from workbench.simulation.agenda import Agenda
from workbench.simulation.check import check, key_of_stored
from workbench.simulation.clocks import DAY, HOUR, MINUTE, PLAUSIBLE, SECOND, Habit
from workbench.simulation.kiosk import Kiosk, Signer
from workbench.simulation.network import Network, Weather
from workbench.simulation.server import Server
from workbench.simulation.truth import Failure, Key, Truth

ZONES: Final = ("Europe/Kyiv", "Europe/Kyiv", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns")
"""Whole hours, half hours, and one whose daylight saving is half an hour."""
DAYS: Final = (date(2026, 3, 29), date(2026, 10, 25), date(2026, 4, 5), date(2026, 10, 4), date(2026, 11, 1), date(2026, 3, 8))
"""Days on which one of these zones changes its clocks; others are drawn."""
DRAIN: Final = 8 * HOUR
"""How long everything may take to arrive once nothing goes wrong any more: a back-off is five minutes at most."""
OUTAGES: Final = 0.06
"""Of all runs begin with thousands of rows on one card; they take longer than others."""
CROWDS: Final = 1 / 12
"""Of all runs have many devices, each with few visitors."""
MANY: Final = range(10, 21)
CROWD_PACE: Final = 5
"""So many times longer it takes until the next visitor comes to one of many devices."""
PRETENDING: Final = 0.25
"""Of the runs in which clocks lie, those where some lies are plausible. Of their devices less can be known, so less is asked."""
PLAUSIBLE_LIES: Final = "plausible lies"
LOOK_EVERY: Final = 5 * SECOND


@dataclass
class Outcome:
    """How one seed ended. `failures` is empty when everything thanked is stored and counted once."""

    seed: int
    digest: str
    failures: list[str]
    happened: dict[str, int]
    figures: dict[str, int]
    lines: list[str] = field(default_factory=list)


class World:
    """Everything of one run. `folder` is its own and is removed at the end; faults that happen `surely` are named as in `KINDS`,
    or `PLAUSIBLE_LIES`.
    """

    def __init__(self, seed: int, folder: Path, *, lines: int = 400, surely: Container[str] = ()) -> None:
        self.seed = seed
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        self._surely = surely
        random = Random(seed ^ 0x5EED)
        self.zones = [ZoneInfo(random.choice(ZONES)) for _ in range(random.randrange(1, 3))]
        self.agenda = Agenda(seed, _begin(random, self.zones[0]), lines=lines)
        self.truth = Truth()
        self.server = Server(self.agenda, self.truth)
        self.network = Network(self.agenda, self.server)
        self.kiosks: list[Kiosk] = []
        self.images_made = 0
        self._outage = random.random() < OUTAGES
        crowded = not self._outage and random.random() < CROWDS / (1 - OUTAGES)
        self.devices = random.choice(MANY) if crowded else random.randrange(1, 4)
        """So many at the beginning; clones come later."""
        self._pace = CROWD_PACE if crowded else 1
        self.clocks_lie = self.clocks_pretend = False
        self.busy_until = self.agenda.now + self.agenda.random.randrange(25 * MINUTE, 80 * MINUTE)
        self._build()

    # --- the beginning -----------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        from sync_server.courts import services as courts

        random = self.agenda.random
        self.exits = []
        for number, zone in enumerate(self.zones):
            court = courts.open_court(slug=f"court-{number}", name_uk=f"Суд {number}", timezone=zone.key)
            self.exits += [courts.open_exit(court=court, name_uk=f"Вихід {place}") for place in range(2)]
        enrolled = self.agenda.now - random.choice((0, DAY, 30 * DAY, 900 * DAY)) - HOUR
        for number in range(self.devices):
            kiosk = self._kiosk(DeviceId(f"kiosk-{number}-sim"), Signer(random.randbytes(32)))
            row = courts.register_device(
                name=kiosk.device, public_key=kiosk.signer.public_key, enrolled_at=datetime.fromtimestamp(enrolled / 1000, UTC)
            )
            courts.place_device(
                device=row, exit=random.choice(self.exits), starts_at=datetime.fromtimestamp((enrolled - DAY) / 1000, UTC)
            )

    def _kiosk(self, device: DeviceId, signer: Signer) -> Kiosk:
        number = len(self.kiosks)
        folder = self.folder / f"card-{number}"
        kiosk = Kiosk(self.agenda, self.network, self.truth, number=number, device=device, signer=signer, folder=folder)
        self.kiosks.append(kiosk)
        return kiosk

    def clone(self, kiosk: Kiosk, image: Path) -> Kiosk:
        """Another device with the same key, on whose card stands `image`."""
        twin = self._kiosk(kiosk.device, kiosk.signer)
        twin.card.write(image)
        return twin

    def stored(self) -> set[Key]:
        """What the server has now, be it set aside."""
        return {key_of_stored(row) for row in self.server.rows()} | self.server.rows_aside()

    def habit(self) -> Habit:
        """How the clock of a device that starts now will behave."""
        if not self.clocks_lie:
            return Habit.HONEST
        habits = [habit for habit in Habit if self.clocks_pretend or habit not in PLAUSIBLE]
        return self.agenda.random.choice(habits)

    # --- the run -----------------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """From the first visitor to the last check."""
        agenda, random = self.agenda, self.agenda.random
        failures: list[str] = []
        self.clocks_lie = random.random() < 0.6
        self.clocks_pretend = self.clocks_lie and random.random() < PRETENDING
        if PLAUSIBLE_LIES in self._surely:
            self.clocks_lie = self.clocks_pretend = True
        if self._outage:
            self.kiosks[0].stock()
        for kiosk in self.kiosks:
            kiosk.power_on(self.habit())
            self.expect_visitors(kiosk)
        self._every(lambda: random.randrange(8 * MINUTE, 40 * MINUTE), self._tally)
        self._every(lambda: random.randrange(4 * MINUTE, 20 * MINUTE), self._prune)
        faults.plan(self, self._surely)
        try:
            agenda.run(self.busy_until)
            self._calm()
            if not self._drain():
                failures.append(self._undrained())
            if not self.server.tally():
                failures.append("the tallies are never done")
            failures += check(self)
        except Failure as failure:
            failures.append(str(failure))
        finally:
            self._clean()
        figures = {fate.value: count for fate, count in self.truth.count().items()}
        figures |= {name: agenda.happened.pop(name, 0) for name in ("promises", "undated", "checked", "worst time error")}
        return Outcome(self.seed, agenda.digest, failures, dict(agenda.happened), figures, list(agenda.lines))

    def _every(self, pause: Callable[[], int], call: Callable[[], None]) -> None:
        def again() -> None:
            if self.agenda.now < self.busy_until:
                call()
                self.agenda.after(pause(), again)

        self.agenda.after(pause(), again)

    def expect_visitors(self, kiosk: Kiosk) -> None:
        """From now on people come to the exit at which `kiosk` stands."""
        random = self.agenda.random

        def come() -> None:
            if self.agenda.now < self.busy_until:
                kiosk.arrive()
                quick = random.random() < 0.25
                pause = random.randrange(2 * SECOND, 20 * SECOND) if quick else random.randrange(MINUTE, 14 * MINUTE)
                self.agenda.after(pause * self._pace, come)

        self.agenda.after(random.randrange(10 * SECOND, 3 * MINUTE), come)

    def _tally(self) -> None:
        if self.server.up:
            self.server.tally(1)

    def _prune(self) -> None:
        """What the health worker does: old rows go, as far as every backup holds them; on a full card all such rows."""
        for kiosk in self.kiosks:
            if not kiosk.on or kiosk.keeper is None:
                continue
            gone = kiosk.prune(self.agenda.now + 40 * 365 * DAY)
            if gone:
                self.agenda.fault("pruned", kiosk.name, f"{gone} rows")
            if (keeper := kiosk.keeper) is not None:  # the power may have gone meanwhile
                try:
                    standing = keeper.standing()
                except LedgerError:
                    continue
                safe = self.server.safe_through(standing.stream)
                if standing.oldest - 1 > max(safe, kiosk.safe_before.get(standing.stream, 0)):
                    raise Failure(f"{kiosk.name} has forgotten rows up to {standing.oldest - 1}; the backups hold {safe}")
                kiosk.safe_before[standing.stream] = max(standing.oldest - 1, kiosk.safe_before.get(standing.stream, 0))

    # --- the end -----------------------------------------------------------------------------------------------------------

    def _calm(self) -> None:
        """Nothing goes wrong any more, and whoever is dark is switched on."""
        network = self.network
        network.weather = Weather()
        network.mqtt_blocked = network.https_blocked = False
        network.cut_off.clear()
        network.crash_next = None
        network.broker_up = True
        if not self.server.up:
            network.server_back()
        self.server.credit = None
        self.server.mend()
        for kiosk in self.kiosks:
            kiosk.slow = False
            kiosk.after_thanks = None
            if kiosk.gone:
                continue
            kiosk.card.cut(-1)
            kiosk.card.fail_syncs(0, 0)
            kiosk.card.fill(False)
            if not kiosk.on:
                kiosk.power_on(self.habit())
        self.agenda.note("world", "calm")

    def _drain(self) -> bool:
        end = self.agenda.now + DRAIN
        while self.agenda.now < end:
            self.agenda.run(self.agenda.now + LOOK_EVERY)
            if all(self._drained(kiosk) for kiosk in self.kiosks):
                return True
        return False

    def _drained(self, kiosk: Kiosk) -> bool:
        if kiosk.gone:
            return True
        if kiosk.keeper is None or kiosk.sync is None or kiosk.person is not None:
            return False
        try:
            standing = kiosk.keeper.standing()
        except LedgerError:
            return False
        progress = kiosk.sync.progress or standing.progress  # a card that failed may not have been told of the last word
        standing = standing._replace(progress=progress)
        delivered = standing.undelivered == 0 and standing.moving == 0 and progress.forked_at is None
        return delivered and progress.epoch == self.server.epoch  # a server that was restored meanwhile may lack what it had

    def _undrained(self) -> str:
        waiting = []
        for kiosk in self.kiosks:
            if not self._drained(kiosk):
                try:
                    standing: object = kiosk.keeper.standing() if kiosk.keeper else "dark"
                except LedgerError as fault:
                    standing = fault
                waiting.append(f"{kiosk.name}: {standing}")
        return f"not everything has arrived {DRAIN // HOUR} hours after the last fault: {'; '.join(waiting)}"

    def _clean(self) -> None:
        for kiosk in self.kiosks:
            if kiosk.on:
                kiosk.power_off(lossy=False)
            kiosk.card.eject()
        shutil.rmtree(self.folder, ignore_errors=True)


def simulate(seed: int, folder: Path, *, lines: int = 400, surely: Container[str] = ()) -> Outcome:
    """Runs one seed in `folder`, which is removed again."""
    return World(seed, folder, lines=lines, surely=surely).run()


def _begin(random: Random, zone: ZoneInfo) -> int:
    """Somewhat before a midnight or a change of the clocks, or in the middle of a day."""
    day = random.choice(DAYS) if random.random() < 0.5 else date(2026, 1, 5) + timedelta(days=random.randrange(300))
    hour = random.choice((0, 0, 2, 11, 15, 24))
    moment = datetime.combine(day, time(), zone).astimezone(UTC) + timedelta(hours=hour)
    return int(moment.timestamp() * 1000) - random.randrange(10 * MINUTE, 70 * MINUTE)
