"""SIGKILL at random moments, of the kiosk and of the server's gateway, with a real broker between: at the end nothing is lost or
double.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from workbench.processes import Household
from workbench.torture.cuts import Wrong
from workbench.torture.kiosk import DEVICE, Kiosk, kept_in
from workbench.torture.senders import Sender
from workbench.torture.world import World

HASTE_S: Final = 0.4
"""A kiosk is killed within so long of its buttons working, now and then four times as long, so that rows are on their way."""
START_S: Final = 0.5
"""Or, one in six, within so long of its start."""
SENDERS: Final = 4
GATEWAYS: Final = 2
LIFE_S: Final = 2.2
"""A gateway is killed within so long of its start, which takes most of the first second."""
EVERY_S: Final = 0.15
"""Between two visitors of the kiosk that looks on."""
HOUR_MS: Final = 3_600_000


@dataclass
class Toll:
    """What the kills have cost. `lost` and `double` are of the promised; `wrong` says what else must not be."""

    kills: int = 0
    promised: int = 0
    """Ratings that visitors were thanked for, and rows that were acknowledged to devices."""
    unpromised: int = 0
    """Ratings found that nobody was thanked for: the kill came in between."""
    resent: int = 0
    lost: int = 0
    double: int = 0
    wrong: list[str] = field(default_factory=list)

    def plus(self, other: "Toll") -> "Toll":
        """What both have cost."""
        return Toll(**{name: value + getattr(other, name) for name, value in vars(self).items()})


Tell = Callable[[Toll], None]


def quiet(toll: Toll) -> None:
    """Tells nobody."""


def kill_kiosk(folder: Path, *, kills: int, seed: int, tell: Tell = quiet) -> Toll:
    """Kills one kiosk again and again while visitors press and its rows travel to a server that lives. Raises `Wrong`."""
    chance = Random(f"kiosk/{seed}")
    toll = Toll()
    with Household() as household:
        world = World(folder / "server", household)
        world.part("gateway")
        kiosk = Kiosk(folder / "kiosk")
        world.enrol(DEVICE, kiosk.state)
        thanked: list[list[int]] = []
        pressed: list[list[int]] = []
        for _ in range(kills):
            kiosk.log.unlink(missing_ok=True)
            told, tried = _live(kiosk, chance)
            thanked.append(told)
            pressed.append(tried)
            toll.kills += 1
            tell(toll)
        kept = kept_in(kiosk.state).ratings()
        compare(kept, thanked, pressed, toll)
        kiosk.start()
        try:
            world.until(lambda: world.ratings(DEVICE) >= len(kept), f"{len(kept)} ratings are at the server")
        finally:
            kiosk.stop()
        _count(world, len(kept), toll)
    return toll


def kill_gateways(folder: Path, *, kills: int, seed: int, tell: Tell = quiet) -> Toll:
    """Kills the server's gateways, one of two at a time, while devices send and a kiosk is pressed. Raises `Wrong`."""
    chance = Random(f"gateway/{seed}")
    toll = Toll()
    with Household() as household:
        world = World(folder / "server", household)
        kiosk = Kiosk(folder / "kiosk")
        world.enrol(DEVICE, kiosk.state)
        began = int(time.time() * 1000) - HOUR_MS
        names = [f"kiosk-sends-{number}" for number in range(SENDERS)]
        for name in names:
            world.enrol(name, folder / name)
        senders = [
            Sender(name, folder / name / "identity", world.broker, began=began, chance=Random(f"{name}/{seed}")) for name in names
        ]
        crowd = Crowd(kiosk, chance=Random(f"crowd/{seed}"))
        try:
            _kill_in_turns(world, kills, chance, toll, tell)
            world.part("gateway")
            for sender in senders:
                if not sender.finish(60.0):
                    raise Wrong(f"{sender.source.name}: {sender.sent} rows sent, {sender.stored} acknowledged")
            thanked = crowd.go_home()
            world.until(lambda: world.ratings(DEVICE) >= len(thanked), f"{len(thanked)} ratings of the kiosk are at the server")
        finally:
            crowd.go_home()
            kiosk.stop()
        kept = kept_in(kiosk.state).ratings()
        compare(kept, [thanked], [thanked], toll)
        for sender in senders:
            if sender.trouble:
                raise Wrong(sender.trouble)
            world.require_sound(sender.source, sender.sent)
            toll.resent += sender.resent
        sent = sum(sender.sent for sender in senders)
        toll.promised += sent
        _count(world, len(kept) + sent, toll)
    return toll


class Crowd:
    """One visitor after another at a kiosk that nobody kills, on a thread of its own."""

    def __init__(self, kiosk: Kiosk, *, chance: Random) -> None:
        kiosk.start()
        self._visitors = kiosk.visitors()
        self._chance = chance
        self._thanked: list[int] = []
        self._going = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crowd", daemon=True)
        self._thread.start()

    def go_home(self) -> list[int]:
        """No more visitors. Returns what was thanked for, in order. May be called twice."""
        self._going.set()
        self._thread.join()
        self._visitors.close()
        return self._thanked

    def _run(self) -> None:
        while not self._going.wait(EVERY_S):
            value = self._chance.randint(1, 5)
            if self._visitors.press(value) == "thanked":
                self._thanked.append(value)


def _live(kiosk: Kiosk, chance: Random) -> tuple[list[int], list[int]]:
    """A kiosk from its start until it is killed: (what was thanked for, what was pressed)."""
    kiosk.start()
    while_starting = chance.random() < 1 / 6
    killer = kiosk.kill_after(chance.uniform(0.0, START_S)) if while_starting else None
    visitors = kiosk.visitors()
    killer = killer or kiosk.kill_after(chance.uniform(0.0, HASTE_S) * chance.choice((1, 1, 1, 1, 4)))
    thanked: list[int] = []
    pressed: list[int] = []
    while True:
        pressed.append(chance.randint(1, 5))
        if visitors.press(pressed[-1]) != "thanked":
            break
        thanked.append(pressed[-1])
        time.sleep(chance.choice((0.0, 0.01, 0.05)))
    killer.join()
    visitors.close()
    return thanked, pressed


def _kill_in_turns(world: World, kills: int, chance: Random, toll: Toll, tell: Tell) -> None:
    """Each gateway has a moment of its own at which it dies; another takes its place at once."""
    living = [(time.monotonic() + chance.uniform(0.0, LIFE_S), world.part("gateway")) for _ in range(GATEWAYS)]
    while toll.kills < kills:
        living.sort(key=lambda one: one[0])
        due, child = living.pop(0)
        time.sleep(max(0.0, due - time.monotonic()))
        world.bury(child)
        toll.kills += 1
        living.append((time.monotonic() + chance.uniform(0.0, LIFE_S), world.part("gateway")))
        tell(toll)


def compare(kept: list[int], thanked: list[list[int]], pressed: list[list[int]], toll: Toll) -> None:
    """The device's own ledger against what its visitors were told, life by life: all of that, in that order."""
    ends = {0}
    for told, tried in zip(thanked, pressed, strict=True):
        ends = {end + len(told) for end in ends if kept[end : end + len(told)] == told}
        if len(tried) > len(told):  # at most the last press is on the card without having been thanked
            ends |= {end + 1 for end in ends if kept[end : end + 1] == tried[-1:]}
    promised = sum(map(len, thanked))
    toll.promised += promised
    toll.unpromised += len(kept) - promised
    if len(kept) not in ends:
        toll.lost += max(1, promised - len(kept))
        toll.wrong.append(f"visitors were thanked for {promised} ratings; the device holds {len(kept)}, and not those")


def _count(world: World, expected: int, toll: Toll) -> None:
    """The tallies against what the devices hold."""
    counted = world.settle()
    visits = world.number("SELECT count(*) FROM (SELECT DISTINCT boot_id, visit FROM ingest_ledger WHERE kind = 1)")
    stored = world.number("SELECT count(*) FROM ingest_ledger WHERE kind = 1")
    if stored != visits:
        toll.double += stored - visits
    if counted != expected:
        toll.lost += max(0, expected - counted)
        toll.double += max(0, counted - expected)
        toll.wrong.append(f"the devices hold {expected} ratings, and the tallies {counted}")
    world.require_no_alarms()
