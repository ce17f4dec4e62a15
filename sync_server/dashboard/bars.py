"""A distribution as one small stacked bar: the widths of its parts. Pure."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from sync_server.results.figures import Distribution

WIDTH: Final = 1000
"""The bar's own units; the page scales them."""


@dataclass(frozen=True, slots=True)
class Part:
    """One scale point of a bar; `place` counts from 1 for the worst."""

    place: int
    x: int
    width: int


def stacked(distribution: Distribution) -> tuple[Part, ...]:
    """The parts from worst to best, together exactly `WIDTH` wide; empty for too few answers to show."""
    if not distribution.enough:
        return ()
    edges = [0]
    seen = 0
    for count in distribution.counts:
        seen += count
        edges.append(round(WIDTH * seen / distribution.n))
    return tuple(Part(place, left, right - left) for place, (left, right) in enumerate(pairwise(edges), start=1) if right > left)
