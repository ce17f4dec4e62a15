"""The device's ledger, full: what a million rows take, whether a visitor waits longer, and how long a start or a mishap takes.

Measured is the real keeper on the checkout's own disk, each rating in a synced transaction of its own. Of two ledgers, one with a
thousand rows and one with all, the appends are timed in turns.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from kiosk.core.progress import Progress
from kiosk.ledger.keeper import Keeper
from kiosk.ledger.store import Store
from sync_server.surveys.files import load_all
from wire import codec
from wire.events import Event
from workbench.bench.crowd import rows
from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, Whole, alternate, ratio, scratch

FEW: Final = 1_000
SAMPLE: Final = 20_000
"""Rows of sample visitors; the rest are theirs at other times."""
AT_ONCE: Final = 5_000
"""Rows a transaction while a ledger is filled."""
APPENDS: Final = 60
"""Ratings timed in one round of a ledger."""
TAKEN_OVER: Final = 20_000
"""Rows after which the speed of taking over is read."""
SIZE_MB: Final = Target(at_most=300)
FLAT: Final = Target(at_most=1.3)
START_S: Final = Target(at_most=1)
ANEW_S: Final = Target(at_most=5)


def measure(runs: int, say: Say, *, full: int) -> list[Figure]:
    """`full` is how many rows the large ledger has."""
    with scratch() as name:
        folder = Path(name)
        (asked,) = [sheet.questionnaire(1) for sheet in load_all() if sheet.key == "exit"]
        crowd = rows(asked, door=1, count=min(SAMPLE, full))
        say(f"Filling a ledger with {full:,} rows …")
        large = filled(folder / "ledger-large.sqlite3", crowd, full)
        small = filled(folder / "ledger-small.sqlite3", crowd, FEW)
        size = sum(part.stat().st_size for part in folder.glob("ledger-large*"))
        say("Opening both …")
        opening = alternate(runs, small=lambda: opened(small), large=lambda: opened(large))
        say("Ratings into both, in turns …")
        appending = appended(small, large, crowd, runs)
        say("A fork, and damage …")
        forked = [begun_anew(large, crowd) for _ in range(runs)]
        moved = taken_over(large)
        damaged = [put_aside(large, folder / f"damaged-{number}", crowd) for number in range(runs)]
    return [
        Figure(f"{full:,} rows on the card", "MB", [size / 1e6], "file, log and ballast", SIZE_MB if full <= 10**6 else None),
        ratio(
            "append, full against nearly empty",
            appending["large"],
            appending["small"],
            about="medians of single synced ratings",
            target=FLAT,
        ),
        Figure("append, nearly empty", "ms", [1000 * value for value in appending["small"]]),
        Figure("append, full", "ms", [1000 * value for value in appending["large"]]),
        Figure("start, nearly empty", "s", opening["small"]),
        Figure("start, full", "s", opening["large"], "until a rating can be recorded", START_S),
        Figure("fork to next rating", "s", forked, "a new stream begun and a rating recorded in it", ANEW_S),
        Figure(
            "damage to next rating", "s", damaged, "the file's beginning is gone: from the start until a rating is recorded", ANEW_S
        ),
        Figure("taken over", "rows/s", [moved], "into the new stream, without the pauses that leave the card to others"),
    ]


def filled(path: Path, crowd: list[Event], count: int) -> Path:
    """A closed ledger of `count` rows."""
    store = Store(path)
    made = encoded(crowd)
    while store.standing.next <= count:
        store.append(list(islice(made, min(AT_ONCE, count + 1 - store.standing.next))))
        store.tidy()
    store.close()
    return path


def encoded(crowd: list[Event]) -> Iterator[bytes]:
    """The crowd's rows, again and again, each time later."""
    turn = 0
    while True:
        for event in crowd:
            yield codec.encode_event(msgspec.structs.replace(event, visit=event.visit + turn * 10**10))
        turn += 1


def opened(path: Path) -> float:
    """Seconds until a keeper could record a rating."""
    began = time.perf_counter()
    keeper = Keeper(path, now=time.monotonic)
    keeper.open()
    took = time.perf_counter() - began
    keeper.close()
    return took


def appended(small: Path, large: Path, crowd: list[Event], runs: int) -> dict[str, list[float]]:
    """Seconds a rating, by ledger; each run is the median of some, taken in turns."""
    keepers = {"small": _kept(small), "large": _kept(large)}
    taken: dict[str, list[float]] = {name: [] for name in keepers}
    try:
        for _ in range(runs):
            turns = alternate(APPENDS, **{name: _appending(keeper, crowd) for name, keeper in keepers.items()})
            for name, seconds in turns.items():
                taken[name].append(median(seconds))
    finally:
        for keeper in keepers.values():
            keeper.close()
    return taken


def begun_anew(path: Path, crowd: list[Event]) -> float:
    """Seconds from the word of a fork until a rating is recorded in the new stream."""
    keeper = _kept(path)
    try:
        began = time.perf_counter()
        keeper.begin_anew(keeper.standing().stream, Progress())
        _rate(keeper, crowd[0])
        return time.perf_counter() - began
    finally:
        keeper.close()


def taken_over(path: Path) -> float:
    """Rows a second that reach the new stream, from the oldest past."""
    keeper = _kept(path)
    try:
        began, first = time.perf_counter(), keeper.standing().next
        spent = 0.0
        while keeper.standing().next - first < TAKEN_OVER and keeper.standing().moving:
            due = keeper.due or 0.0
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.perf_counter()
            keeper.bite()
            spent += time.perf_counter() - began
        return (keeper.standing().next - first) / spent
    finally:
        keeper.close()


def put_aside(source: Path, folder: Path, crowd: list[Event]) -> float:
    """Seconds from a start upon a damaged file until a rating is recorded."""
    folder.mkdir()
    path = folder / source.name
    shutil.copy(source, path)
    with path.open("r+b") as file:
        file.write(bytes(100))
    began = time.perf_counter()
    keeper = Keeper(path, now=time.monotonic)
    keeper.open()
    _rate(keeper, crowd[0])
    took = time.perf_counter() - began
    keeper.close()
    shutil.rmtree(folder)
    return took


def _kept(path: Path) -> Keeper:
    keeper = Keeper(path, now=time.monotonic)
    keeper.open()
    return keeper


def _appending(keeper: Keeper, crowd: list[Event]) -> Callable[[], float]:
    crowding = cycle(crowd)

    def once() -> float:
        began = time.perf_counter()
        _rate(keeper, next(crowding))
        return time.perf_counter() - began

    return once


def _rate(keeper: Keeper, event: Event) -> None:
    if keeper.record([[event]]) != [True]:
        raise BenchTrouble("The ledger recorded nothing. Is there room on the disk?")


BENCHMARK = Benchmark(
    "ledger",
    "the device's ledger with a million rows: size, append, start, fork and damage",
    5,
    measure,
    (Whole("full", 1_000_000, "rows in the large ledger", 1_000),),
)
