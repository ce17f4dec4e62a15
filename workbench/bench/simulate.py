"""Whole worlds, one from each seed: kiosks, network and server fail in every way, and nothing may be lost or counted twice."""

import os
import time
from typing import Any, Final

from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, Whole
from workbench.bench.together import Bar
from workbench.simulation.card import NoCompiler
from workbench.simulation.faults import MET
from workbench.simulation.run import EVERY_LINE, Tally, many, one, told

SHOWN: Final = 5
"""Failed seeds that are told in full."""


def measure(runs: int, say: Say, **chosen: Any) -> list[Figure]:
    """Runs `seeds` seeds from `from` on, in `jobs` processes. A single seed is run here, and its trace and digest are told."""
    first, count, jobs = chosen["from"], chosen["seeds"], chosen["jobs"] or (os.cpu_count() or 1)
    tally = Tally()
    began = time.monotonic()
    try:
        if count == 1:
            outcome = one(first, lines=EVERY_LINE)
            say("\n".join([*outcome.lines, f"digest {outcome.digest}: the same in every run of this seed"]))
            tally.add(outcome)
        else:
            bar = Bar(count, say)
            for outcome in many(range(first, first + count), jobs=jobs):
                tally.add(outcome)
                if outcome.failures and len(tally.failed) <= SHOWN:
                    bar.clear()
                    say(told(outcome))
                bar.show(tally.seeds)
            bar.clear()
    except NoCompiler as trouble:
        raise BenchTrouble(str(trouble)) from None
    if count == 1 and tally.failed:
        say(told(tally.failed[0], lines=0))
    seconds = time.monotonic() - began
    for outcome in tally.failed[SHOWN:]:
        say(f"seed {outcome.seed} failed: {outcome.failures[0][:200]}")
    return _figures(tally, seconds, jobs if count > 1 else 1)


def _figures(tally: Tally, seconds: float, jobs: int) -> list[Figure]:
    failed = ", ".join(str(outcome.seed) for outcome in tally.failed[:20])
    figures = [
        Figure("seeds that failed", "seeds", [len(tally.failed)], failed and f"these: {failed}", Target(at_most=0)),
        Figure("seeds run", "seeds", [tally.seeds]),
        Figure("seconds a seed", "s", [seconds * jobs / max(1, tally.seeds)], f"on one of {jobs} processes"),
        Figure("worst time error", "ms", [tally.worst_time_error], "of any row that has a date", Target(at_most=2_000)),
    ]
    about = {
        "kept": "whose commit was reported: each is stored and counted once",
        "refused": "whose visitor was told so: none is stored",
        "unknown": "on whose commit the power went: stored or not, counted at most once",
        "lost": "destroyed with the only cards that held them, after the last server that had them was set back",
        "undated": "of boots that nobody ever dated",
        "promises": "answers that visitors were told of, each held against the ledger",
    }
    figures += [
        Figure(f"rows {name}" if name != "promises" else name, "rows", [tally.figures[name]], text) for name, text in about.items()
    ]
    unmet = [kind for kind in MET if not tally.met[kind]]
    figures += [Figure(f"with {kind}", "seeds", [tally.met[kind]]) for kind in MET]
    if tally.seeds > 1:
        figures.append(Figure("kinds of fault never met", "kinds", [len(unmet)], ", ".join(unmet)))
    return figures


BENCHMARK: Final = Benchmark(
    "simulate",
    "whole worlds of kiosks, network and server from one seed each: thanked = stored = tallied",
    1,
    measure,
    (
        Whole("seeds", 300, "how many worlds"),
        Whole("from", 1, "the first seed", least=0),
        Whole("jobs", 0, "processes; 0: one for each core", least=0),
    ),
)
