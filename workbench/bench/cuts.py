"""Power cuts: real kiosks and their ledgers on a card that keeps only what was synced, and the server's ledger on such a disk.

Every cut is a life: a process starts on what the last cut has left, works, ends, and a moment of its life is drawn at which the
power went. What had been thanked or acknowledged by then must be found, once and in order.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Final

from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, Whole, scratch
from workbench.bench.together import Heard, Share, cores, shares_of, work_off
from workbench.torture.cuts import Findings, Wrong, cut_kiosks
from workbench.torture.ledger_cuts import cut_ledgers
from workbench.torture.server_cuts import cut_servers
from workbench.torture.shim import NoCompiler, library

RUNS: Final = 1_000
NONE: Final = Target(at_most=0)
KINDS: Final[Mapping[str, tuple[Callable[..., Findings], str]]] = {
    "kiosk": (cut_kiosks, "thanked"),
    "ledger": (cut_ledgers, "recorded"),
    "server": (cut_servers, "acknowledged"),
}
"""Whose power is cut, and what is promised there."""


def measure(runs: int, say: Say, *, seed: int, jobs: int) -> list[Figure]:
    """`runs` cuts of kiosks, of their ledgers at work that no visitor sees, and of the server. Raises `BenchTrouble`."""
    jobs = jobs or cores()
    with scratch() as folder:
        shares = [
            Share(what, count, cut, {"what": what, "folder": f"{folder}/{what}-{job}", "count": count, "seed": seed * 1_000 + job})
            for what in KINDS
            for job, count in enumerate(shares_of(runs, jobs))
        ]
        try:
            library()
            found = work_off(shares, jobs=jobs, say=say)
        except (NoCompiler, Wrong) as trouble:
            raise BenchTrouble(str(trouble)) from None
    figures: list[Figure] = []
    for what, (_, promised) in KINDS.items():
        whole = reduce(Findings.plus, (one for share, one in zip(shares, found, strict=True) if share.what == what))
        for loss in whole.losses:
            say(f"{what}: {loss}")
        figures += _figures(what, whole, promised)
    return figures


def cut(*, what: str, folder: str, count: int, seed: int, heard: Heard) -> Findings:
    """One share, in a process of its own."""
    return KINDS[what][0](Path(folder), cuts=count, seed=seed, tell=lambda found: heard(found.lives))


def _figures(what: str, found: Findings, promised: str) -> list[Figure]:
    lost = f"; {found.broken} more lives ended in a loss and do not count" if found.broken else ""
    about = f"each lived on from; {found.glances} further moments of these lives were looked at{lost}"
    return [
        Figure(f"{what}: cuts", "", [found.cuts], about),
        Figure(f"{what}: {promised}", "", [found.thanked], f"found though nobody had been told: {found.survivors}"),
        Figure(f"{what}: lives with anything lost or double", "", [len(found.losses)], "", NONE),
    ]


SEED: Final = Whole("seed", 1, "the moments of the cuts are drawn from it", 0)
JOBS: Final = Whole("jobs", 0, "processes; 0: one for each core", 0)
BENCHMARK = Benchmark(
    "cuts", "power cuts of kiosks and of the server's ledger: what was promised is there", RUNS, measure, (SEED, JOBS)
)
