"""What a device has captured and when, as far as its numbers prove it. Pure: no Django, no clock; instants are ms since the epoch.

**Why numbers prove it.** A row gets its number in the commit that records it, from 1 on and without a gap, and a chain seals it. So
if row 900 is here, rows 1 to 899 were recorded as well, whether they are here or not. Rows that stand in the order in which they
were recorded (all after a stream's `live_after`) prove when, too: a number between two rows with a date was recorded between them.
A report is a witness of the same kind: when it was written, the device had recorded so many rows, no more and no fewer.

**When it is a proof.** Everything captured in a period is accounted for if every number that may have been recorded in it is either
here or named, and if a witness from after its end (a later row, or a report) says how far the numbers reached then.

**When it isn't**, and what is said instead (`Why`):
- Numbers that are not here, or cannot be read: recorded between their neighbours, be that on one day or between two.
- Numbers that only the device has: after the last row here and before its report.
- What came after the last witness: nobody here can know (`SILENT`).
- A stream that another one has replaced: how far the old one reached nobody has said, and what could not be read off its card has
  no number here (`REPLACED`). What was taken over has numbers in the new stream, in any order: these prove that it was captured and
  not when, so they have no earliest instant. Numbers of the old stream that never came (`RENEWED`) may be among those.
- Two cards with one name write two futures under the same numbers; of the second one there is no count (`TWIN`).

It says nothing of taps for which the card said "not recorded", and believes the dates that the server has derived; where dates and
numbers contradict each other, it says that the day is unknown.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Final, NamedTuple

Span = tuple[int, int]
"""Sequence numbers (first, last), both included."""

VISIT_MS: Final = 3_600_000
"""A row counts on the day on which its visit began, which is at most this long before it was recorded."""
CLOCKS_MS: Final = 120_000
"""By how much dates of neighbouring rows may err against each other: honest clocks are no further apart (`ingest.dating`)."""


class Why(StrEnum):
    """Why a number is not among what was delivered and can be counted."""

    MISSING = "missing"
    """Asked for again."""
    WAITING = "waiting"
    """On the device, by its last report."""
    MOVING = "moving"
    """On the device, still to be taken over from an earlier stream or a damaged file."""
    UNREAD = "unread"
    """Here, but set aside because it cannot be read."""
    GONE = "gone"
    """Neither the device nor this server has it."""
    AT_RISK = "at-risk"
    """The device may have deleted it, and a backup that was restored by force did not hold it."""
    UNEXPLAINED = "unexplained"
    """Not in the ledger although nothing says that it is missing: a fault of this server."""
    RENEWED = "renewed"
    """Missing of a stream that was replaced; it may have come in the next one, under another number."""
    REPLACED = "replaced"
    """Whatever a replaced stream had beyond its last number here. Unknown how many."""
    TWIN = "twin"
    """Whatever a second card of the same name has recorded. Unknown how many."""
    SILENT = "silent"
    """Whatever was recorded since the last witness. Unknown how many."""


UNCOUNTED: Final = frozenset({Why.REPLACED, Why.TWIN, Why.SILENT})
"""Of these nobody knows how many rows there are, if any."""


@dataclass(frozen=True, slots=True)
class Absence:
    """`rows` numbers, recorded not before `earliest` and not after `latest`; None: no such bound is known."""

    why: Why
    rows: int
    earliest: int | None
    latest: int | None


class Absent(NamedTuple):
    """The numbers `first` to `last` are not here; or some of them, if `some` says how many."""

    why: Why
    first: int
    last: int
    some: int | None = None

    @property
    def rows(self) -> int:
        return self.last - self.first + 1 if self.some is None else self.some


@dataclass(frozen=True, slots=True)
class Mark:
    """Some rows, `first` and `last` by number: their visits began at `earliest` or later, and none was recorded after `latest`."""

    first: int
    last: int
    earliest: int
    latest: int


@dataclass(frozen=True, slots=True)
class Report:
    """The device's last: it had recorded `recorded` rows, and `moving` waited to be taken over. Written at `told_at` or later, as
    far as that is known, and here at `heard_at`. `waiting_since` is when, by the device's clock, the oldest was recorded that it
    did not know to be here."""

    recorded: int
    told_at: int | None
    heard_at: int
    moving: int = 0
    waiting_since: int | None = None


@dataclass(frozen=True, slots=True)
class Numbers:
    """One stream: its `highest` number here, marks of rows after `live_after`, and which numbers are `absent` and why.

    `marks` need not be of all rows: the fewer there are, the wider the bounds. `twin_at` is the first number that two cards claim.
    """

    highest: int
    live_after: int | None = None
    marks: Sequence[Mark] = ()
    absent: Sequence[Absent] = ()
    twin_at: int | None = None
    report: Report | None = None


class _Bounds:
    """When numbers of one stream were recorded."""

    def __init__(self, stream: Numbers) -> None:
        self._live_after = stream.live_after
        rising = sorted(stream.marks, key=lambda mark: mark.first)
        self._firsts = [mark.first for mark in rising]
        self._earliest = list(accumulate((mark.earliest for mark in rising), max))
        falling = sorted(stream.marks, key=lambda mark: mark.last, reverse=True)
        self._lasts = [-mark.last for mark in falling]
        self._latest = list(accumulate((mark.latest for mark in falling), min))
        self._report = stream.report

    def after(self, seq: int) -> int | None:
        """Before this no row from `seq` on was recorded; None where order tells nothing."""
        if self._live_after is None or seq <= self._live_after:
            return None
        found = bisect_left(self._firsts, seq)
        return self._earliest[found - 1] - VISIT_MS if found else None

    def before(self, seq: int) -> int | None:
        """After this no row up to `seq` was recorded."""
        found = bisect_left(self._lasts, -seq)
        latest = [self._latest[found - 1] + CLOCKS_MS] if found else []
        if self._report is not None and seq <= self._report.recorded:
            latest.append(self._report.heard_at + CLOCKS_MS)
        return min(latest, default=None)


def absences(streams: Sequence[Numbers]) -> list[Absence]:
    """What of `streams`, in the order in which they were begun, is not here, and when it was recorded. The last one is in use."""
    found: list[Absence] = []
    for place, stream in enumerate(streams):
        bounds = _Bounds(stream)
        found += [_absence(each.why, each.rows, bounds.after(each.first), bounds.before(each.last)) for each in stream.absent]
        if stream.twin_at is not None and place == len(streams) - 1:
            found.append(Absence(Why.TWIN, 0, bounds.after(stream.twin_at), None))
        found += _reported(stream, bounds)
        found.append(_end_of(stream, bounds, streams[place + 1]) if place < len(streams) - 1 else _silence(stream))
    return found


def witness(stream: Numbers) -> int | None:
    """Until when it is known how far the numbers of `stream` reach; None where nothing tells."""
    told = [mark.earliest for mark in stream.marks]
    if stream.report is not None and stream.report.told_at is not None:
        told.append(stream.report.told_at)
    return max(told, default=None)


def _reported(stream: Numbers, bounds: _Bounds) -> Iterable[Absence]:
    report = stream.report
    if report is None:
        return
    if report.moving:
        yield Absence(Why.MOVING, report.moving, None, report.heard_at + CLOCKS_MS)
    if report.recorded > stream.highest:
        earliest, latest = bounds.after(stream.highest + 1), bounds.before(report.recorded)
        # Numbers tell no time where rows of another stream were taken over, and neither does the first of them.
        ordered = stream.live_after is not None and stream.highest >= stream.live_after
        if ordered and report.waiting_since is not None and report.waiting_since <= report.heard_at:
            since = report.waiting_since - VISIT_MS
            earliest = since if earliest is None else max(earliest, since)
        yield _absence(Why.WAITING, report.recorded - stream.highest, earliest, latest)


def _silence(stream: Numbers) -> Absence:
    last = witness(stream)
    return Absence(Why.SILENT, 0, None if last is None else last - VISIT_MS, None)


def _end_of(stream: Numbers, bounds: _Bounds, following: Numbers) -> Absence:
    """What `stream` may have had beyond its highest number, until the `following` one was in use."""
    earliest = bounds.after(stream.highest + 1)
    if stream.twin_at is not None:
        parted = bounds.after(stream.twin_at)
        earliest = None if parted is None or earliest is None else min(parted, earliest)
    begun = min((mark.latest + CLOCKS_MS for mark in following.marks), default=None)
    if begun is None and following.report is not None:
        begun = following.report.heard_at + CLOCKS_MS
    last = witness(stream)
    if begun is not None and last is not None and last > begun:
        begun = None  # both are in use: two cards
    return _absence(Why.REPLACED, 0, earliest, begun)


def _absence(why: Why, rows: int, earliest: int | None, latest: int | None) -> Absence:
    if earliest is not None and latest is not None and earliest > latest:
        return Absence(why, rows, None, None)  # a clock has lied: order and dates cannot both be right
    return Absence(why, rows, earliest, latest)


def spans_of(numbers: Iterable[int]) -> list[Span]:
    """Rising `numbers` as stretches."""
    found: list[Span] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def within(spans: Sequence[Span], first: int, last: int) -> int:
    """How many numbers of `spans`, which are in order and apart, lie between `first` and `last`, both included."""
    begin = bisect_left([span[1] for span in spans], first)
    end = bisect_right([span[0] for span in spans], last)
    return sum(min(last, high) - max(first, low) + 1 for low, high in spans[begin:end])
