"""SIGKILL at random moments: of a kiosk under its visitors' fingers, and of the server's gateways under load. The broker stays."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, Whole, scratch
from workbench.torture import kills
from workbench.torture.cuts import Wrong
from workbench.torture.kills import Toll

RUNS: Final = 1_000
TELL_EVERY_S: Final = 10.0
NONE: Final = Target(at_most=0)
SEED: Final = Whole("seed", 1, "the moments of the kills are drawn from it", 0)


def measure(runs: int, say: Say, *, seed: int) -> list[Figure]:
    """`runs` kills of a kiosk and as many of gateways. Raises `BenchTrouble` when the end is not reached."""
    with scratch() as name:
        folder = Path(name)
        try:
            kiosk = kills.kill_kiosk(folder / "kiosk", kills=runs, seed=seed, tell=_teller(say, "kiosk", runs))
            gateway = kills.kill_gateways(folder / "gateway", kills=runs, seed=seed, tell=_teller(say, "gateway", runs))
        except Wrong as fault:
            raise BenchTrouble(str(fault)) from None
    for wrong in (*kiosk.wrong, *gateway.wrong):
        say(wrong)
    return [*_figures("kiosk", kiosk), *_figures("gateway", gateway)]


def _figures(what: str, toll: Toll) -> list[Figure]:
    about = f"found though nobody had been told: {toll.unpromised}; batches sent again: {toll.resent}"
    return [
        Figure(f"{what}: kills", "", [toll.kills]),
        Figure(f"{what}: thanked or acknowledged", "", [toll.promised], about),
        Figure(f"{what}: lost", "", [toll.lost], "", NONE),
        Figure(f"{what}: double", "", [toll.double], "", NONE),
    ]


def _teller(say: Say, what: str, runs: int) -> Callable[[Toll], None]:
    began = told = time.monotonic()

    def tell(toll: Toll) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= TELL_EVERY_S or toll.kills == runs:
            told = now
            left = (now - began) / toll.kills * (runs - toll.kills)
            say(f"{what}: {toll.kills} of {runs} kills; {left / 60:.0f} minutes left")

    return tell


BENCHMARK = Benchmark("kills", "kiosk and gateway killed at random moments: nothing lost, nothing double", RUNS, measure, (SEED,))
