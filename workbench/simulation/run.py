"""Runs many seeds in processes of their own, and adds up what they met."""

import logging
import multiprocessing
import tempfile
import traceback
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from workbench.simulation.card import library
from workbench.simulation.world import Outcome, simulate

MEMORY: Final = Path("/dev/shm")
"""Where the cards lie: what they lose is decided by the simulator, so the disk below may be as fast as it likes."""
TOGETHER: Final = 8
"""Seeds handed to a process at once."""
SEEDS_OF_A_PROCESS: Final = 500
"""After so many a process makes way for a new one, so that a night's run does not grow."""
EVERY_LINE: Final = 1_000_000


@dataclass
class Tally:
    """What all runs together came to. `met` counts for each kind of fault in how many seeds it happened."""

    seeds: int = 0
    failed: list[Outcome] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    worst_time_error: int = 0

    def add(self, outcome: Outcome) -> None:
        """Takes one run in."""
        self.seeds += 1
        if outcome.failures:
            self.failed.append(outcome)
        self.met.update(outcome.happened.keys())
        figures = dict(outcome.figures)
        self.worst_time_error = max(self.worst_time_error, figures.pop("worst time error", 0))
        self.figures.update(figures)


def one(seed: int, *, lines: int = 400, surely: Container[str] = ()) -> Outcome:
    """Runs one seed in this process. Whatever breaks is a failure of that seed. Of `faults.KINDS`, those of `surely` happen."""
    logging.disable(logging.CRITICAL)
    _hush()
    base = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="vidhuk-world-", dir=base) as folder:
        try:
            return simulate(seed, Path(folder) / "world", lines=lines, surely=surely)
        except Exception:
            return Outcome(seed, "", [f"the run itself broke: {traceback.format_exc()}"], {}, {})


def many(seeds: Sequence[int], *, jobs: int) -> Iterator[Outcome]:
    """Runs `seeds` in `jobs` processes; the outcomes come in any order. Raises `NoCompiler`."""
    library()  # compiled once, before they all want it
    # Not concurrent.futures: its pool of processes stands still for ever when the last one has made way (CPython issue 115634).
    parts = [seeds[start : start + TOGETHER] for start in range(0, len(seeds), TOGETHER)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, maxtasksperchild=SEEDS_OF_A_PROCESS // TOGETHER) as pool:
        for outcomes in pool.imap_unordered(_several, parts):
            yield from outcomes


def replay(seed: int) -> str:
    """The command that runs one seed again."""
    return f"./vidhuk bench simulate --from {seed} --seeds 1"


def told(outcome: Outcome, *, lines: int = 40) -> str:
    """A failed run for people: what is wrong, the last of its trace, and how to run it again."""
    trace = outcome.lines[-lines:]
    return "\n".join([f"seed {outcome.seed} failed:", *outcome.failures, "", *trace, "", f"again: {replay(outcome.seed)}"])


def _several(seeds: Sequence[int]) -> list[Outcome]:
    found = [one(seed) for seed in seeds]
    for outcome in found:
        if not outcome.failures:
            outcome.lines = []
    return found


def _hush() -> None:
    """Devices and servers that fail on purpose have much to say."""
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
