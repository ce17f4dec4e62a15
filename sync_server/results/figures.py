"""Figures as pages and exports pass them around: each with its n and its interval. Pure: numbers in, figures out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sync_server.results import statistics

FEW_ANSWERS: Final = 10
"""Under this many answers a page gives the number and nothing else: an interval would span most of the scale, and each
answer would stand out."""


@dataclass(frozen=True, slots=True)
class Share:
    """`k` of `n`, as a share from 0 to 1 with its Wilson interval."""

    k: int
    n: int
    share: float
    low: float
    high: float

    @classmethod
    def of(cls, k: int, n: int) -> "Share":
        low, high = statistics.wilson(k, n)
        return cls(k, n, k / n, low, high)


@dataclass(frozen=True, slots=True)
class Score:
    """A figure from 0 to 100 with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Change:
    """The difference of two shares, −1 to 1, with its interval."""

    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> Literal["up", "down", "unclear"]:
        """Whether the interval leaves out no change at all."""
        if self.low > 0:
            return "up"
        return "down" if self.high < 0 else "unclear"


@dataclass(frozen=True, slots=True)
class Distribution:
    """Cleaned counts of the scale's `points`, worst to best."""

    points: tuple[int, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.points) != len(self.counts):
            raise ValueError(f"{len(self.counts)} counts for {len(self.points)} points of the scale")

    @property
    def n(self) -> int:
        return sum(self.counts)

    @property
    def enough(self) -> bool:
        """Whether there are answers enough to say more than how many."""
        return self.n >= FEW_ANSWERS

    @property
    def shares(self) -> tuple[Share, ...]:
        """One for each point; none when there are no answers."""
        return tuple(Share.of(count, self.n) for count in self.counts) if self.n else ()

    @property
    def top_two(self) -> Share | None:
        """The share of the two best points; none for no answers or a scale of fewer than four points."""
        if not self.n or len(self.points) < 2 * statistics.TWO_BOXES:
            return None
        return Share.of(statistics.in_top_two(self.counts), self.n)

    @property
    def csat(self) -> Score | None:
        """The weighted score; defined for five points and at least two answers."""
        if len(self.points) != statistics.FIVE_POINTS or not self.n:
            return None
        interval = statistics.csat_interval(self.counts)
        return Score(statistics.csat(self.counts), *interval) if interval else None

    @property
    def mean(self) -> statistics.Mean | None:
        return statistics.mean_score(self.counts, self.points) if self.n else None


def nothing(points: Sequence[int]) -> Distribution:
    """No answers on a scale of `points`."""
    return Distribution(tuple(points), (0,) * len(points))


def change(now: Distribution, before: Distribution) -> Change | None:
    """How the share of the two best points has moved; none when either side has too few answers to compare."""
    top_now, top_before = now.top_two, before.top_two
    if top_now is None or top_before is None or not (now.enough and before.enough):
        return None
    low, high = statistics.share_difference(top_now.k, top_now.n, top_before.k, top_before.n)
    return Change(top_now.share - top_before.share, low, high)
