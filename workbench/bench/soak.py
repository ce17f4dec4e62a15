"""A day at the exit, compressed: thousands of visitors, as fast as the kiosk takes them, and whether it needs more with every hour.

The kiosk is the real one with its window, its ledger, a broker and a gateway. Most visitors press a simulated button and hurry on;
the others touch the screen, in every language, some in the accessible mode, some changing their mind. The waits of the court are as
short as they may be, and nothing else is.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import linear_regression
from typing import Final

from wire.envelopes import Timings
from workbench.bench.exit import open_exit
from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, scratch
from workbench.bench.stands import KioskStand
from workbench.bench.usage import Usage, family, usage
from workbench.panel import Panel
from workbench.processes import Household

DAY: Final = 48
"""Spells of a working day of eight hours."""
SPELLS: Final = 6
"""In each hour. A spell is a crowd at the buttons, then a quiet moment, then some who take their time. Then it is looked at."""
FEWEST: Final = 4
CROWD: Final = 60
CALM: Final = 3
IMPATIENT: Final = Timings(question=3_000, thanks=2_000, warning=1_000, undo=2_000)
SEED: Final = 17
MEMORY: Final = Target(at_most=2)
"""MiB. One spell differs from the next by as much, and a leak of one small texture a visitor would be a hundred."""
COUNTED: Final = Target(at_most=1)


def measure(runs: int, say: Say) -> list[Figure]:
    """`runs` spells; what the kiosk took after each, and by how much that grew. Raises `BenchTrouble` for fewer than `FEWEST`."""
    if runs < FEWEST:
        raise BenchTrouble(f"With {runs} spells nobody can say what grows: {FEWEST} at least, {DAY} are a day.")
    hours = runs / SPELLS
    with scratch() as name, Household() as household:
        folder = Path(name)
        say("Starting a broker, a gateway and the kiosk …")
        exit = open_exit(folder / "exit", household, timings=IMPATIENT)
        kiosk = KioskStand(folder / "kiosk", household, exit, more='[panel]\nsimulated = "panel.sock"\n')
        kiosk.learn()
        panel = Panel(exit.state / "panel.sock")
        day = Day(kiosk, panel, exit.languages)
        taken: list[Usage] = []
        try:
            for spell in range(runs):
                if spell % SPELLS == 0:
                    say(f"Hour {spell // SPELLS + 1} of {hours:.3g} …")
                day.spell()
                taken.append(usage([kiosk.child.pid]))
            processes = len(family(kiosk.child.pid))
        finally:
            panel.close()
        kiosk.stop()
        kiosk.require(1 + day.ratings)
    warm = SPELLS if runs >= 2 * SPELLS else 1
    grown = _grown(taken[warm:], hours=hours)
    span = f"in {hours:.3g} hours"
    return [
        Figure(
            "visitors", "", [day.visitors], f"{hours:.3g} hours, {day.visitors / hours:.0f} an hour; {day.ratings} ratings stored"
        ),
        Figure("memory, counted fully", "MiB", [one.rss_mib for one in taken], "RSS of the kiosk's process after each spell"),
        Figure(
            "growth of memory",
            f"MiB {span}",
            grown(lambda one: one.rss_mib),
            f"line that fits best, without the first {warm} of {runs} spells",
            MEMORY,
        ),
        Figure("memory, shared out", "MiB", [one.pss_mib for one in taken], "PSS; what other programs map moves it too"),
        Figure("threads", "", [one.threads for one in taken]),
        Figure("growth of threads", span, grown(lambda one: one.threads), "", COUNTED),
        Figure("open files", "", [one.files for one in taken]),
        Figure("growth of open files", span, grown(lambda one: one.files), "", COUNTED),
        Figure("processes", "", [processes], "the kiosk's own and what it has started, at the end"),
    ]


class Day:
    """Visitors of a court, one after another. The same ones every time."""

    def __init__(self, kiosk: KioskStand, panel: Panel, languages: Sequence[str]) -> None:
        self._kiosk = kiosk
        self._panel = panel
        self._languages = languages
        self._draw = random.Random(SEED)
        self.visitors = 0
        self.ratings = 0

    def spell(self) -> None:
        """A crowd, of whom the last walks away; then those who take their time."""
        for _ in range(CROWD):
            self._hurried()
        self._kiosk.wait(scene="welcome")
        for _ in range(CALM):
            self._calm()

    def _hurried(self) -> None:
        """Presses a button and is gone."""
        with self._kiosk.moving_on(scene="follow-up"):
            self._panel.press(self._draw.randint(1, 5))
        self._count(ratings=1)

    def _calm(self) -> None:
        """Reads, touches, answers everything."""
        changes_mind = self._draw.random() < 0.25
        self._kiosk.visit(
            language=self._languages[self.visitors % len(self._languages)],
            aided=self._draw.random() < 0.25,
            value=self._draw.randint(1, 5),
            undone=changes_mind,
        )
        self._count(ratings=1 + changes_mind)

    def _count(self, *, ratings: int) -> None:
        self.visitors += 1
        self.ratings += ratings


def _grown(taken: Sequence[Usage], *, hours: float) -> Callable[[Callable[[Usage], float]], list[float]]:
    """By how much something grows in so many hours, as the line that fits best says."""
    at = [number / SPELLS for number in range(len(taken))]
    return lambda of: [linear_regression(at, [of(one) for one in taken]).slope * hours]


BENCHMARK = Benchmark("soak", "eight hours of visitors, compressed: what the kiosk needs more of with every hour", DAY, measure)
