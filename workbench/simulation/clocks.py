"""Clocks that lie: what a device believes about time, beside what is true."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from kiosk.core.timekeeping import Stamp
from wire.events import ID_BYTES, BootId, Millis
from workbench.simulation.agenda import Agenda

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
YEAR: Final = 365 * DAY

DRIFT: Final = 50e-6
"""How much faster or slower a crystal may run, as a share; real ones stay within 100 ppm, and ours has to last for an afternoon."""
VOUCHED: Final = 300
"""How far off, in ms, a clock may be that a time server vouches for."""


class Habit(StrEnum):
    """How the wall clock of one boot behaves."""

    HONEST = "honest"
    LATE = "synchronised late"
    NEVER = "never synchronised"
    LIAR = "synchronised, years off"
    JUMPS = "jumps"
    OFF = "synchronised, somewhat off"
    SLIPS = "jumps while synchronised"


LIES: Final = {
    Habit.LATE: "clock late",
    Habit.NEVER: "clock never set",
    Habit.LIAR: "clock years off",
    Habit.JUMPS: "clock jumped",
    Habit.OFF: "clock follows a wrong time server",
    Habit.SLIPS: "clock jumped while synchronised",
}
"""What it is called when a device has read a clock of that habit in its lie, or, where the lie is a change, on both its sides."""
CHANGES: Final = frozenset({Habit.LATE, Habit.JUMPS, Habit.SLIPS})
PLAUSIBLE: Final = frozenset({Habit.OFF, Habit.SLIPS})
"""Lies that may pass for the truth: see `Boot.pretended`."""


@dataclass(frozen=True, slots=True)
class Spell:
    """From `since` (true ms) on the wall clock is `error` ms ahead of the truth."""

    since: int
    error: int
    synchronised: bool


@dataclass(frozen=True, slots=True)
class Boot:
    """One start of a device's kernel, as nobody but the simulator knows it."""

    id: BootId
    began: int
    rate: float
    habit: Habit
    spells: tuple[Spell, ...]

    def monotonic(self, now: int) -> int:
        """What the monotonic clock reads at true time `now`."""
        return int((now - self.began) * self.rate)

    def true(self, monotonic: int) -> int:
        """When the monotonic clock read so."""
        return self.began + round(monotonic / self.rate)

    def vouched(self, now: int) -> bool:
        """Whether an honest time server vouched for the wall clock at true time `now`."""
        spell = self.spell(now)
        return spell.synchronised and abs(spell.error) <= VOUCHED

    @property
    def pretended(self) -> int:
        """How far off, in ms, it was at most while it claimed to follow a time server, where that was no lie of years.

        A clock that is ahead is found out when something arrives before it was sent, one that is behind by the echo of what the
        server had told; two minutes are left to honest clocks that differ. Where a start has ended before it could greet, or
        before it had heard anything, its own word is all there is, and nobody can know that it is wrong.
        """
        if self.habit not in PLAUSIBLE:
            return 0
        return max(abs(spell.error) for spell in self.spells)

    def spell(self, now: int) -> Spell:
        """How the wall clock stands at true time `now`."""
        return max((spell for spell in self.spells if spell.since <= now), key=lambda spell: spell.since)


class LyingClock:
    """A `kiosk.core.ports.Clock`, powered by the agenda's true time."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self.boot = boot(agenda.random, agenda.now, Habit.HONEST)
        self._read: Spell | None = None

    def start(self, habit: Habit) -> Boot:
        """The kernel has started anew: another boot id, a monotonic clock near zero, and a wall clock of that habit."""
        self.boot = boot(self._agenda.random, self._agenda.now, habit)
        self._read = None
        return self.boot

    def stamp(self) -> Stamp:
        """Both clocks, now."""
        now = self._agenda.now
        spell = self.boot.spell(now)
        if spell is not self._read:
            self._tell(changed=self._read is not None)
            self._read = spell
        monotonic = self.boot.monotonic(now)
        return Stamp(self.boot.id, Millis(monotonic), now + spell.error - monotonic, spell.synchronised)

    def _tell(self, *, changed: bool) -> None:
        """The device has taken in how its wall clock stands."""
        habit = self.boot.habit
        if habit in LIES and (changed or habit not in CHANGES):
            self._agenda.happened[LIES[habit]] += 1


def boot(random: Random, now: int, habit: Habit) -> Boot:
    """A start of a kernel at true time `now`."""
    began = now - random.randrange(3 * SECOND, 20 * SECOND)
    honest = random.randrange(-VOUCHED, VOUCHED + 1)
    wrong = _wrong(random)
    spells = [Spell(began, honest, True)]
    match habit:
        case Habit.LATE:
            spells = [Spell(began, wrong, False), Spell(now + random.randrange(MINUTE, 30 * MINUTE), honest, True)]
        case Habit.NEVER:
            spells = [Spell(began, wrong, False)]
        case Habit.LIAR:
            spells = [Spell(began, _years(random), True)]
        case Habit.JUMPS:
            jump = now + random.randrange(MINUTE, 40 * MINUTE)
            spells += [Spell(jump, wrong, False), Spell(jump + random.randrange(MINUTE, 30 * MINUTE), honest, True)]
        case Habit.OFF:
            spells = [Spell(began, _somewhat(random), True)]
        case Habit.SLIPS:
            slip = now + random.randrange(MINUTE, 40 * MINUTE)
            spells += [Spell(slip, _somewhat(random), True), Spell(slip + random.randrange(MINUTE, 60 * MINUTE), honest, True)]
    rate = 1 + random.uniform(-DRIFT, DRIFT)
    return Boot(BootId(random.randbytes(ID_BYTES)), began, rate, habit, tuple(spells))


def _somewhat(random: Random) -> int:
    """An error that some time server may stand for: seconds, minutes, an hour of daylight saving, hours."""
    most = random.choice((MINUTE, 10 * MINUTE, HOUR + 1, 10 * HOUR))
    return random.choice((-1, 1)) * (HOUR if most == HOUR + 1 else random.randrange(SECOND, most))


def _years(random: Random) -> int:
    return random.choice((-1, 1)) * random.randrange(YEAR, 30 * YEAR)


def _wrong(random: Random) -> int:
    """An error that no time server stands for: minutes, or years."""
    return random.choice((-1, 1)) * random.randrange(MINUTE, 10 * HOUR) if random.random() < 0.4 else _years(random)
