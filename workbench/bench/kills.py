"""SIGKILL at random moments: of a kiosk under its visitors' fingers, and of the server's gateways under load. The broker stays."""

from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Final

from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, Whole, scratch
from workbench.bench.together import Heard, Share, cores, shares_of, work_off
from workbench.torture.cuts import Wrong
from workbench.torture.kills import Toll, kill_gateways, kill_kiosk

RUNS: Final = 1_000
NONE: Final = Target(at_most=0)
KINDS: Final[Mapping[str, Callable[..., Toll]]] = {"kiosk": kill_kiosk, "gateway": kill_gateways}
SEED: Final = Whole("seed", 1, "the moments of the kills are drawn from it", 0)
JOBS: Final = Whole("jobs", 0, "processes, each with a server of its own; 0: one for each core", 0)


def measure(runs: int, say: Say, *, seed: int, jobs: int) -> list[Figure]:
    """`runs` kills of kiosks and as many of gateways. Raises `BenchTrouble` when the end is not reached."""
    jobs = jobs or cores()
    with scratch() as folder:
        shares = [
            Share(what, count, kill, {"what": what, "folder": f"{folder}/{what}-{job}", "count": count, "seed": seed * 1_000 + job})
            for what in KINDS
            for job, count in enumerate(shares_of(runs, jobs))
        ]
        try:
            found = work_off(shares, jobs=jobs, say=say)
        except Wrong as fault:
            raise BenchTrouble(str(fault)) from None
    figures: list[Figure] = []
    for what in KINDS:
        whole = reduce(Toll.plus, (one for share, one in zip(shares, found, strict=True) if share.what == what))
        for wrong in whole.wrong:
            say(f"{what}: {wrong}")
        figures += _figures(what, whole)
    return figures


def kill(*, what: str, folder: str, count: int, seed: int, heard: Heard) -> Toll:
    """One share, in a process of its own."""
    return KINDS[what](Path(folder), kills=count, seed=seed, tell=lambda toll: heard(toll.kills))


def _figures(what: str, toll: Toll) -> list[Figure]:
    about = f"found though nobody had been told: {toll.unpromised}; batches sent again: {toll.resent}"
    return [
        Figure(f"{what}: kills", "", [toll.kills]),
        Figure(f"{what}: thanked or acknowledged", "", [toll.promised], about),
        Figure(f"{what}: lost", "", [toll.lost], "", NONE),
        Figure(f"{what}: double", "", [toll.double], "", NONE),
    ]


BENCHMARK = Benchmark(
    "kills", "kiosk and gateway killed at random moments: nothing lost, nothing double", RUNS, measure, (SEED, JOBS)
)
