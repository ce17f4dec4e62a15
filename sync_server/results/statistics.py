"""The arithmetic of satisfaction: shares, scores and their intervals. Pure numpy and scipy; it knows no database and no words.

Counts are those of ordered scale points from worst to best. Intervals cover sampling noise only; the pages say so.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

LEVEL: Final = 0.95
"""The confidence level of every interval shown."""
FIVE_POINTS: Final = 5
TWO_BOXES: Final = 2


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean on the scale's own units with its t interval. `low`, `high` and `deviation` are none below two answers."""

    n: int
    mean: float
    low: float | None
    high: float | None
    deviation: float | None


def wilson(k: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval of the share k/n.

    Shape: two whole numbers in, (low, high) out. Unit: shares from 0 to 1; low ≤ k/n ≤ high always.
    Errors: `ValueError` for n < 1, k < 0, k > n, or a level outside (0, 1).
    Source: Wilson 1927; Newcombe 1998 (Statistics in Medicine 17, 857–872), method 3, without continuity correction.
    """
    _check_share(k, n)
    z = _normal_quantile(level)
    middle = k + z * z / 2
    half = z * math.sqrt(k * (n - k) / n + z * z / 4)
    low = 0.0 if k == 0 else (middle - half) / (n + z * z)
    high = 1.0 if k == n else (middle + half) / (n + z * z)
    # Rounding must not push the estimate out of its own interval.
    return min(max(low, 0.0), k / n), max(min(high, 1.0), k / n)


def share_difference(k1: int, n1: int, k2: int, n2: int, level: float = LEVEL) -> tuple[float, float]:
    """Interval of the difference of two independent shares, k1/n1 − k2/n2.

    Shape: four whole numbers in, (low, high) out. Unit: difference of shares, −1 to 1.
    Errors: `ValueError` as in `wilson`, for either share.
    Source: Newcombe 1998 (Statistics in Medicine 17, 873–890), method 10: the two Wilson intervals combined.
    """
    low1, high1 = wilson(k1, n1, level)
    low2, high2 = wilson(k2, n2, level)
    p1, p2 = k1 / n1, k2 / n2
    below = math.hypot(p1 - low1, high2 - p2)
    above = math.hypot(high1 - p1, p2 - low2)
    return p1 - p2 - below, p1 - p2 + above


def csat(counts: Sequence[int]) -> float:
    """Weighted satisfaction of five ordered counts a … e (worst … best): (b + 2c + 3d + 4e) / 4n · 100.

    Shape: five counts in, one number out. Unit: points from 0 (all worst) to 100 (all best). Not a share of people: that is
    `top_two_box`, and the two are never shown without their names.
    Errors: `ValueError` for any other number of counts, a negative count, or no answers.
    Source: METHOD section 4.
    """
    table = _five(counts)
    return float(table @ np.arange(FIVE_POINTS) / (4 * table.sum()) * 100)


def csat_interval(counts: Sequence[int], level: float = LEVEL) -> tuple[float, float] | None:
    """The t interval of `csat`, kept within 0 and 100; none below two answers.

    Shape: five counts in, (low, high) out. Unit: points from 0 to 100. Errors: as in `csat`.
    Source: `csat` is the mean of points 0, 25, 50, 75, 100, so its interval is that of a mean.
    """
    mean = mean_score([int(count) for count in _five(counts)], (0, 25, 50, 75, 100), level)
    if mean.low is None or mean.high is None:
        return None
    return max(mean.low, 0.0), min(mean.high, 100.0)


def top_two_box(counts: Sequence[int]) -> float:
    """The share that chose one of the two best of five points: (d + e) / n · 100.

    Shape: five counts in, one number out. Unit: per cent of answers. Not the same figure as `csat`.
    Errors: `ValueError` for any other number of counts, a negative count, or no answers.
    Source: METHOD section 4.
    """
    table = _five(counts)
    return in_top_two(counts) / int(table.sum()) * 100


def in_top_two(counts: Sequence[int]) -> int:
    """How many chose one of the two best points: what `top_two_box` is a share of, and its interval with it.

    Shape: one count for each point, worst to best, in. Unit: answers.
    Errors: `ValueError` for no points, a negative count, or no answers.
    """
    return int(_counts(counts)[-TWO_BOXES:].sum())


def mean_score(counts: Sequence[int], scale: Sequence[float], level: float = LEVEL) -> Mean:
    """The mean of a scale with its t interval. The distribution always stands beside it: a mean alone hides two camps.

    Shape: one count for each point of `scale`, in the same order. Unit: the scale's own points.
    «Не знаю» and «мене не стосується» are no points and must not be among the counts.
    Errors: `ValueError` for lengths that differ, a negative count, no answers, or a level outside (0, 1).
    Source: Student's t on n − 1 degrees of freedom, sample standard deviation.
    """
    table = _counts(counts)
    points = np.asarray(scale, dtype=float)
    if table.shape != points.shape:
        raise ValueError(f"{table.size} counts for {points.size} points of the scale")
    n = int(table.sum())
    mean = float(table @ points / n)
    if n < 2:
        _normal_quantile(level)
        return Mean(n, mean, None, None, None)
    deviation = math.sqrt(float(table @ (points - mean) ** 2) / (n - 1))
    half = _t_quantile(level, n - 1) * deviation / math.sqrt(n)
    return Mean(n, mean, mean - half, mean + half, deviation)


def _counts(counts: Sequence[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    table = np.asarray(counts)
    if table.ndim != 1 or table.size == 0:
        raise ValueError("counts must be one row of numbers, one for each point of the scale")
    if not np.issubdtype(table.dtype, np.integer):
        raise ValueError("counts must be whole numbers")
    if (table < 0).any():
        raise ValueError("a count is negative")
    if table.sum() == 0:
        raise ValueError("there are no answers, so there is no figure")
    return table.astype(np.int64)


def _five(counts: Sequence[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    table = _counts(counts)
    if table.size != FIVE_POINTS:
        raise ValueError(f"this figure is defined for five points, not for {table.size}")
    return table


def _check_share(k: int, n: int) -> None:
    if n < 1:
        raise ValueError("there are no answers, so there is no share")
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no share")


def _normal_quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not at {level}")
    return float(special.ndtri((1 + level) / 2))


def _t_quantile(level: float, degrees: int) -> float:
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not at {level}")
    return float(special.stdtrit(degrees, (1 + level) / 2))
