"""Power cuts: real kiosks and their ledgers on a card that keeps only what was synced, and the server's ledger on such a disk.

Every cut is a life: a process starts on what the last cut has left, works, ends, and a moment of its life is drawn at which the
power went. What had been thanked or acknowledged by then must be found, once and in order.
"""

import time
from pathlib import Path
from typing import Final

import structlog

from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, Whole, scratch
from workbench.torture import cuts, ledger_cuts, server_cuts
from workbench.torture.cuts import Findings
from workbench.torture.shim import NoCompiler

RUNS: Final = 1_000
TELL_EVERY_S: Final = 10.0
NONE: Final = Target(at_most=0)


def measure(runs: int, say: Say, *, seed: int) -> list[Figure]:
    """`runs` cuts of kiosks, of their ledgers at work that no visitor sees, and of the server. Raises `BenchTrouble`."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # standard output is the result and nothing else
    with scratch() as name:
        folder = Path(name)
        try:
            kiosk = cuts.cut_kiosks(folder / "kiosk", cuts=runs, seed=seed, tell=_teller(say, "kiosk", runs))
            ledger = ledger_cuts.cut_ledgers(folder / "ledger", cuts=runs, seed=seed, tell=_teller(say, "ledger", runs))
            server = server_cuts.cut_servers(folder / "server", cuts=runs, seed=seed, tell=_teller(say, "server", runs))
        except NoCompiler as missing:
            raise BenchTrouble(str(missing)) from None
    for loss in (*kiosk.losses, *ledger.losses, *server.losses):
        say(loss)
    return [
        *_figures("kiosk", kiosk, "thanked"),
        *_figures("ledger", ledger, "recorded"),
        *_figures("server", server, "acknowledged"),
    ]


def _figures(what: str, found: Findings, promised: str) -> list[Figure]:
    return [
        Figure(f"{what}: cuts", "", [found.cuts], f"and {found.glances} more that were only looked at" if found.glances else ""),
        Figure(f"{what}: {promised}", "", [found.thanked], f"found though nobody had been told: {found.survivors}"),
        Figure(f"{what}: lives with anything lost or double", "", [len(found.losses)], "", NONE),
    ]


def _teller(say: Say, what: str, runs: int) -> "cuts.Tell":
    began = told = time.monotonic()

    def tell(found: Findings) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= TELL_EVERY_S or found.cuts == runs:
            told = now
            left = (now - began) / found.cuts * (runs - found.cuts)
            say(f"{what}: {found.cuts} of {runs} cuts, {len(found.losses)} with losses; {left / 60:.0f} minutes left")

    return tell


SEED: Final = Whole("seed", 1, "the moments of the cuts are drawn from it", 0)
BENCHMARK = Benchmark("cuts", "power cuts of kiosks and of the server's ledger: what was promised is there", RUNS, measure, (SEED,))
