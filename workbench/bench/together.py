"""Shares of a long trial side by side in processes of their own, with one bar for all of them."""

import multiprocessing
import os
import queue
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any, Final

from workbench.bench.harness import Say

BAR: Final = 40
TELL_EVERY_S: Final = 10.0

Heard = Callable[[int], None]
"""Told how many of a share's trials are behind it."""


@dataclass(frozen=True)
class Share:
    """`count` trials of one kind, called `what`. `work` is a function of a module, because another process does it."""

    what: str
    count: int
    work: Callable[..., Any]
    words: Mapping[str, Any]


def shares_of(count: int, jobs: int) -> list[int]:
    """`count` in `jobs` parts that differ by one at most; none is empty."""
    return [part for job in range(jobs) if (part := count // jobs + (job < count % jobs))]


def work_off(shares: Sequence[Share], *, jobs: int, say: Say) -> list[Any]:
    """What `work` returned for each of `shares`, in their order. It is called with `words` and `heard`; raises what it raises, and
    then the other shares end with the trial that they are at."""
    context = multiprocessing.get_context("spawn")
    told: Queue[tuple[int, int]] = context.Queue()
    enough = context.Event()
    bar = Bar(sum(share.count for share in shares), say)
    done = [0] * len(shares)
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(told, enough)) as pool:
        running = [pool.submit(_one, place, share) for place, share in enumerate(shares)]
        try:
            while not all(one.done() for one in running):
                try:
                    place, behind = told.get(timeout=0.2)
                except queue.Empty:
                    continue
                done[place] = behind
                bar.show(sum(done))
                for one in running:
                    if one.done():
                        one.result()
            return [one.result() for one in running]
        except BaseException:
            enough.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            bar.clear()


class Bar:
    """Progress: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, count: int, say: Say) -> None:
        self._count = count
        self._say = say
        self._began = self._spoken = time.monotonic()
        self._live = sys.stderr.isatty()

    def show(self, done: int) -> None:
        """So many are done."""
        now = time.monotonic()
        left = (now - self._began) / max(1, done) * (self._count - done)
        words = f"{done} of {self._count}, about {left / 60:.0f} minutes left"
        if self._live:
            full = BAR * done // self._count
            sys.stderr.write(f"\r[{'#' * full}{'.' * (BAR - full)}] {words}  ")
            sys.stderr.flush()
        elif now - self._spoken >= TELL_EVERY_S:
            self._spoken = now
            self._say(words)

    def clear(self) -> None:
        """Makes room for something else."""
        if self._live:
            sys.stderr.write("\r" + " " * (BAR + 50) + "\r")


class _Enough(Exception):
    """Another share has failed, so that nobody waits for this one any more."""


_between: "tuple[Queue[tuple[int, int]], Event] | None" = None
"""In a process of the pool: where it says how far it is, and whether it is to go on."""


def _begin(told: "Queue[tuple[int, int]]", enough: Event) -> None:
    global _between  # noqa: PLW0603
    _between = told, enough
    import structlog

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # standard output is the result and nothing else


def _one(place: int, share: Share) -> Any:
    assert _between is not None
    told, enough = _between

    def heard(behind: int) -> None:
        told.put((place, behind))
        if enough.is_set():
            raise _Enough

    return share.work(**share.words, heard=heard)


def cores() -> int:
    """How many this machine has."""
    return os.cpu_count() or 1
