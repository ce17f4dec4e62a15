"""What a benchmark is, and how two things are compared: in turns, within one run, by their medians.

A machine's speed drifts by the minute. Whatever is compared is therefore measured A B, B A, A B …, so that the drift meets both
alike, and a comparison is the ratio of two medians from the same run. Nothing here knows what is measured.
"""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

from workbench.installation import ROOT

Say = Callable[[str], None]
"""Told in plain words what is going on."""
Verdict = Literal["reached", "missed"]

SCRATCH: Final = ROOT / "var" / "bench"
"""Where benchmarks keep their files: on the checkout's own disk, because a commit to memory costs nothing."""


class BenchTrouble(Exception):
    """One sentence: why this could not be measured, and what to do."""


@dataclass(frozen=True)
class Target:
    """What a figure should be: `at_most` or `at_least` that much."""

    at_most: float | None = None
    at_least: float | None = None

    def verdict(self, value: float) -> Verdict:
        """Whether `value` is as it should be."""
        high = self.at_most is not None and value > self.at_most
        low = self.at_least is not None and value < self.at_least
        return "missed" if high or low else "reached"

    def __str__(self) -> str:
        limits = (("≤", self.at_most), ("≥", self.at_least))
        return " ".join(f"{sign} {limit:g}" for sign, limit in limits if limit is not None)


@dataclass(frozen=True)
class Figure:
    """One named result. `values` are what the single runs gave, `value` their median unless it is said."""

    name: str
    unit: str
    values: Sequence[float]
    about: str = ""
    target: Target | None = None
    value: float = field(default=float("nan"))

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"{self.name}: nothing was measured")
        if self.value != self.value:
            object.__setattr__(self, "value", median(self.values))

    @property
    def verdict(self) -> Verdict | None:
        """None where nothing was promised."""
        return None if self.target is None else self.target.verdict(self.value)

    def as_data(self) -> dict[str, Any]:
        """The figure as JSON has it."""
        target = None
        if self.target is not None:
            target = {name: limit for name, limit in vars(self.target).items() if limit is not None}
        return {
            "name": self.name,
            "unit": self.unit,
            "value": _short(self.value),
            "low": _short(min(self.values)),
            "high": _short(max(self.values)),
            "runs": [_short(value) for value in self.values],
            "about": self.about,
            "target": target,
            "verdict": self.verdict,
        }


def ratio(name: str, ours: Sequence[float], theirs: Sequence[float], *, about: str, target: Target | None = None) -> Figure:
    """Median of `ours` over median of `theirs`, measured in turns; its runs are the ratios of the single rounds."""
    rounds = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Figure(name, "ratio", rounds, about, target, median(ours) / median(theirs))


def alternate(runs: int, **measures: Callable[[], float]) -> dict[str, list[float]]:
    """Takes every measure once a round, in turns: forwards in one round and backwards in the next."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    order = list(measures)
    for number in range(runs):
        for name in order if number % 2 == 0 else reversed(order):
            taken[name].append(measures[name]())
    return taken


@dataclass(frozen=True)
class Whole:
    """A whole number that a benchmark may be asked for as `--name N`, at least `least`."""

    name: str
    default: int
    about: str
    least: int = 1


@dataclass(frozen=True)
class Benchmark:
    """`measure(runs, say, **options)` gives the figures; `runs` is how often each is measured unless somebody says otherwise."""

    name: str
    about: str
    runs: int
    measure: Callable[..., list[Figure]]
    options: tuple[Whole, ...] = ()


def report(benchmark: Benchmark, runs: int, figures: Sequence[Figure]) -> dict[str, Any]:
    """Everything about one run as data. `reached` is whether every promise was kept."""
    return {
        "benchmark": benchmark.name,
        "about": benchmark.about,
        "runs": runs,
        "machine": machine(),
        "figures": [figure.as_data() for figure in figures],
        "reached": all(figure.verdict != "missed" for figure in figures),
    }


def machine() -> Mapping[str, Any]:
    """What the figures were measured on, as far as it matters to them. `load` is the average of the last minute."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }


def scratch() -> "TemporaryDirectory[str]":
    """A folder of this run's own, removed at its end."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    return TemporaryDirectory(dir=SCRATCH)


def _short(value: float) -> float:
    """Four significant digits are more than any clock here gives."""
    return float(f"{value:.4g}")
