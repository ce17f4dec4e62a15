"""What may be shown when. Pure: counts in, counts out; it knows no database and no clock.

Somebody who watches a page before and after must not learn how one visitor answered. So a figure either stands still or moves by
`step` visitors at least, whatever moved it: new answers, a correction, or a day that has left the window. Each item is judged by
itself, and each row that a page or a file shows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Final, NamedTuple

SAFE_STEP: Final = 5
"""The least step at which an installation keeps its promise to visitors; below it, the pages say so."""

Vector = tuple[int, ...]


class View(StrEnum):
    """Which cut through an item's answers a cell is."""

    MONTH = "month"
    """The last thirty local days, today included."""
    BEFORE = "before"
    """The thirty days before those."""
    TODAY = "today"
    """One local day; the key is its date."""
    HOUR = "hour"
    """One local hour of the day, over the same days as the month; the key is the hour."""
    WEEK = "week"
    """One calendar week; the key is the date of its Monday."""


class Place(NamedTuple):
    """A cell of an item."""

    view: View
    key: str = ""


MONTH: Final = Place(View.MONTH)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a cell shows, in visitors: answers without what is flagged, by scale point; where the page shows them too, all answers
    by scale point, what was said or left beside the scale, and how many came by which input."""

    cleaned: Vector = ()
    raw: Vector = ()
    beside: Vector = ()
    inputs: Vector = ()

    @property
    def rows(self) -> tuple[Vector, ...]:
        """All that can be read off by itself, each to be judged alone: a change of one must not hide behind another's.

        The inputs are not among them: they say nothing of how anybody answered, and go along when the rest may move.
        """
        return self.cleaned, self.raw, (*self.raw, *self.beside)


NOTHING: Final = Counts()


def visitors(shown: Vector, fresh: Vector) -> int:
    """The fewest visitors who can have made `shown` into `fresh`.

    One visitor adds to one place at most and takes from one at most, so a single changed mind counts once although it moves two
    figures. Never more than the sum of the absolute differences. A missing place is 0.
    """
    moves = [new - old for old, new in zip_longest(shown, fresh, fillvalue=0)]
    return max(sum(move for move in moves if move > 0), -sum(move for move in moves if move < 0))


def moved(shown: Counts, fresh: Counts) -> bool:
    """Whether anything differs."""
    return any(_moves(shown, fresh))


def may_replace(shown: Counts, fresh: Counts, step: int) -> bool:
    """Whether `fresh` may be shown in place of `shown`: each of its rows stands still or moves by `step` visitors at least."""
    return all(not move or move >= step for move in _moves(shown, fresh))


def settle(shown: Mapping[Place, Counts], fresh: Mapping[Place, Counts], step: int) -> dict[Place, Counts]:
    """The cells of one item that are to be replaced, with their new counts.

    `shown` and `fresh` hold each cell by its place; a cell that is missing in either has no answers there. The hours are a
    partition of the month, so what they hold back together can be read off by subtraction and is judged like a row: candidates
    stay behind, the smallest change first, until it passes. A step of one lets everything through.
    """
    chosen: dict[Place, Counts] = {}
    for place in sorted(shown.keys() | fresh.keys()):
        old, new = shown.get(place, NOTHING), fresh.get(place, NOTHING)
        if moved(old, new) and may_replace(old, new, step):
            chosen[place] = new

    def change(place: Place) -> int:
        return max(_moves(shown.get(place, NOTHING), chosen[place]))

    # The month is what most people read, so it is the last to wait.
    loose = sorted((place for place in chosen if place.view is View.HOUR), key=change)
    loose += [MONTH] if MONTH in chosen else []
    while loose and 0 < held_back({**shown, **chosen}) < step:
        del chosen[loose.pop(0)]
    return chosen


def held_back(shown: Mapping[Place, Counts]) -> int:
    """By how many visitors the month that is shown differs from the sum of the hours that are shown."""
    hours = total(counts.cleaned for place, counts in shown.items() if place.view is View.HOUR)
    return visitors(hours, shown.get(MONTH, NOTHING).cleaned)


def total(vectors: Iterable[Vector]) -> Vector:
    """The sum, place by place."""
    return tuple(sum(places) for places in zip_longest(*vectors, fillvalue=0))


def _moves(shown: Counts, fresh: Counts) -> list[int]:
    return [visitors(old, new) for old, new in zip(shown.rows, fresh.rows, strict=True)]
