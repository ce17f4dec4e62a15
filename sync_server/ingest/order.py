"""Bounds by order: where rows stand as they were recorded, a start of a device lies between those before and after it.

Only for rows after a stream's `live_after`: before it rows of an earlier stream or a damaged file may stand between others, and
their place tells nothing of time but that all of them were recorded before those after it.

A start whose anchor a round trip confirmed is believed. One whose anchor is its own word, a stamp that its clock vouched for, is
believed as long as it fits: first the starts that are confirmed, what came in when, and what echoes tell; then the others of its
kind. Two of these that contradict one another are refuted both, and whoever contradicts either with them. To count heads would be
no proof: starts of one device share its clock, its battery and its network's time server, so that three may tell the same lie, and
an honest one be alone. A day that is not known is said to be; a wrong one is not.

What holds is worked out from all claims anew each time, refuted ones included, and from what the starts' own messages tell. So it
is the same in whatever order they came, and a claim is believed again when what spoke against it has turned out to be the lie.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from django.db.models import Q

from sync_server.ingest import dating, store
from sync_server.ingest.clocks import EARLIEST, LONGEST_DAY_MS, Mark
from sync_server.ingest.dating import HONEST_MS, Bounds
from sync_server.ingest.models import Boot, Stream

log = logging.getLogger(__name__)

STAMPED_EARLIER_MS: Final = 3_600_000
"""No row is dated farther before its start's anchor: a stamp of its own may be two minutes off, and by what a clock drifts."""

Anchors = dict[int, int]
"""Offsets by the number of their start."""


class Place(NamedTuple):
    """The rows of a start that is in doubt, in a stream. `since` (ms): nothing of it happened earlier, by the row before, which is
    of a start that is not in doubt; `until`: the first after it had begun by then.
    """

    boot: int
    reading: int
    since: int | None
    until: int | None


def narrow(streams: Iterable[int]) -> set[Mark]:
    """Holds the starts of the devices that `streams` belong to against those before and after them: refutes what they claim, and
    bounds those that have no anchor. Returns what has to be counted again. The caller has opened a transaction.
    """
    devices = set(Stream.objects.filter(id__in=set(streams)).values_list("device_id", flat=True))
    # All at once and by their numbers, as `Clocks.learn` does it, so that neither waits for what the other holds.
    doubtful = Boot.objects.filter(Q(offset=None) | Q(confirmed=False), device_id__in=devices)
    boots = list(doubtful.select_for_update(no_key=True).order_by("id"))
    marks: set[Mark] = set()
    for device in sorted({boot.device_id for boot in boots}):
        own = {boot.id: boot for boot in boots if boot.device_id == device}
        live_after = dict(Stream.objects.filter(device_id=device).order_by("id").values_list("id", "live_after"))
        lines = [_line(stream, after, own) for stream, after in live_after.items() if after is not None]
        placed = {place.boot: own[place.boot] for line in lines for place in line}
        believed = _believed(lines, placed)
        bounds = _bounds(lines, placed, believed)
        for boot in placed.values():
            marks |= _settle(boot, believed.get(boot.id), bounds[boot.id], live_after)
    return marks


def _claim(boot: Boot) -> int | None:
    return boot.refuted if boot.offset is None else boot.offset


def _line(stream: int, live_after: int, boots: Mapping[int, Boot]) -> list[Place]:
    """The starts in doubt in the order of their rows."""
    anchored = {boot.id: boot.offset for boot in boots.values() if boot.offset is not None}
    earliest = min(anchored.values(), default=0) - STAMPED_EARLIER_MS
    runs: dict[int, store.Run] = {}
    for run in (*store.undated_runs(stream, live_after), *store.dated_runs(stream, live_after, earliest, list(anchored))):
        known = runs.get(run.boot, run)
        ends = min(run.first, known.first), max(run.last, known.last)
        runs[run.boot] = store.Run(run.boot, *ends, max(run.reading, known.reading))
    places: list[Place] = []
    for run in sorted(runs.values(), key=lambda run: run.first):
        if run.boot in boots:  # else it is anchored well enough, and a row of it is out of all calendars
            before = store.neighbour(stream, live_after, run.first - 1, last=True)
            after = store.neighbour(stream, run.last, None, last=False)
            since = None if before is None or before.boot in boots or before.offset is None else before.offset + before.reading
            if before is None:
                since = store.latest_through(stream, live_after, boots)
            until = None if after is None or after.boot in boots else after.offset
            places.append(Place(run.boot, run.reading, since, until))
    return places


def _believed(lines: Sequence[Sequence[Place]], boots: Mapping[int, Boot]) -> Anchors:
    """What starts claim of themselves, as far as it fits."""
    proven = _bounds(lines, boots, {})
    claims: Anchors = {}
    for boot in boots.values():
        claim = _claim(boot)
        if claim is not None and not proven[boot.id].refute(claim):
            claims[boot.id] = claim
    at_odds = {boot for line in lines for boot in _at_odds([place for place in line if place.boot in claims], claims)}
    return {boot: claim for boot, claim in claims.items() if boot not in at_odds}


def _at_odds(line: Sequence[Place], claims: Anchors) -> set[int]:
    """The starts that claim to have begun before an earlier one had ended, and the earlier ones."""
    found: set[int] = set()
    latest: int | None = None
    for place in line:
        begun = claims[place.boot] + HONEST_MS + dating.drift(place.reading)
        if latest is not None and begun < latest:
            found.add(place.boot)
        ended = _end(place, claims)
        latest = ended if latest is None else max(latest, ended)
    earliest: int | None = None
    for place in reversed(line):
        if earliest is not None and earliest < _end(place, claims):
            found.add(place.boot)
        begun = claims[place.boot] + HONEST_MS + dating.drift(place.reading)
        earliest = begun if earliest is None else min(earliest, begun)
    return found


def _end(place: Place, claims: Anchors) -> int:
    return claims[place.boot] + place.reading - HONEST_MS - dating.drift(place.reading)


def _bounds(lines: Collection[Sequence[Place]], boots: Mapping[int, Boot], anchors: Anchors) -> dict[int, Bounds]:
    """What the starts' own messages and those around them leave, where `anchors` are believed."""
    found = {boot.id: Bounds(boot.own_low, boot.own_high, boot.reading) for boot in boots.values()}
    for line in lines:
        _from_below(line, found, anchors)
        _from_above(line, found, anchors)
    return found


def _from_below(line: Sequence[Place], found: dict[int, Bounds], anchors: Anchors) -> None:
    """A start begins after the last row of the one before it."""
    ended: int | None = None
    for place in line:
        known = found[place.boot]
        since = max((instant for instant in (ended, place.since) if instant is not None), default=None)
        if since is not None:
            low = since - HONEST_MS
            if (known.low is None or low > known.low) and (known.high is None or low <= known.high):
                found[place.boot] = known = Bounds(low, known.high, known.reading)
        offset = anchors.get(place.boot, known.low)
        ended = since if offset is None else offset + place.reading


def _from_above(line: Sequence[Place], found: dict[int, Bounds], anchors: Anchors) -> None:
    """A start has ended before the next one begins."""
    began: int | None = None
    for place in reversed(line):
        known = found[place.boot]
        until = min((instant for instant in (began, place.until) if instant is not None), default=None)
        if until is not None:
            high = until - place.reading + dating.drift(place.reading) + HONEST_MS
            if (known.high is None or high < known.high) and (known.low is None or high >= known.low):
                found[place.boot] = known = Bounds(known.low, high, known.reading)
        offset = anchors.get(place.boot, known.high)
        began = until if offset is None else offset


def _settle(boot: Boot, offset: int | None, bounds: Bounds, streams: Iterable[int]) -> set[Mark]:
    """Writes down what holds of a start now, and dates its rows if that is another anchor, or none."""
    low, high = (bounds.low, bounds.high) if offset is None else (None, None)
    if (boot.offset, boot.low, boot.high) == (offset, low, high):
        return set()
    marks = _days(boot, streams)
    refuted, anchored = boot.refuted, boot.offset
    if offset is None:
        refuted = _claim(boot)
    elif offset == refuted:
        refuted = None
    if anchored is not None and offset is None:
        told = f"the order of its rows refutes what start {bytes(boot.boot).hex()} of {boot.device.name} claims: {anchored}"
        log.warning("%s ms between its clocks; what it recorded loses its date", told)
    boot.offset, boot.low, boot.high, boot.refuted = offset, low, high, refuted
    own = (boot.own_low, boot.own_high)
    store.keep_clocks([(offset, low, high, boot.reading, *own, boot.confirmed, refuted, boot.id)])
    if anchored != offset:
        marks |= store.date_rows(boot, earliest=EARLIEST, latest=store.LATEST, again=True)
    return marks | _days(boot, streams)


def _days(boot: Boot, streams: Iterable[int]) -> set[Mark]:
    """The hours of the undated rows of a start, where its bounds put them on a day; and that they are to be looked at."""
    if boot.low is None or boot.high is None or boot.high - boot.low >= LONGEST_DAY_MS:
        return set()
    return {mark for stream in streams for mark in ((stream, None), *store.undated_hours(stream, boot.id, boot.low))}
