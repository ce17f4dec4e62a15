"""Bounds by order: where rows stand as they were recorded, a start of a device that has no anchor lies between those around it.

Only for rows after a stream's `live_after`: before it rows of an earlier stream or a damaged file may stand between others, and
their place tells nothing of time.
"""

from collections.abc import Iterable, Sequence

from sync_server.ingest import dating, store
from sync_server.ingest.clocks import LONGEST_DAY_MS, Mark
from sync_server.ingest.dating import HONEST_MS
from sync_server.ingest.models import Boot, Stream


def narrow(streams: Iterable[int]) -> set[Mark]:
    """Bounds the starts that have undated rows in `streams` by the starts before and after them. Returns what has to be counted
    again. The caller has opened a transaction.
    """
    marks: set[Mark] = set()
    wanted = dict(Stream.objects.filter(id__in=set(streams)).values_list("id", "live_after"))
    # All at once and by their numbers, as `Clocks.learn` does it, so that neither waits for what the other holds.
    doubtful = Boot.objects.filter(device_id__in=Stream.objects.filter(id__in=wanted).values("device_id"), offset=None)
    list(doubtful.select_for_update(no_key=True).order_by("id").values_list("id", flat=True))
    for stream, live_after in wanted.items():
        runs = [] if live_after is None else store.undated_runs(stream, live_after)
        if live_after is None or not runs:
            continue
        named = Boot.objects.filter(id__in={run.boot for run in runs}, offset=None)
        boots = {boot.id: boot for boot in named}
        before = {boot.id: (boot.low, boot.high) for boot in boots.values()}
        runs = [run for run in runs if run.boot in boots]
        _from_below(stream, live_after, runs, boots)
        _from_above(stream, runs, boots)
        for boot in boots.values():
            if (boot.low, boot.high) != before[boot.id]:
                store.keep_clocks([(None, boot.low, boot.high, boot.reading, boot.id)])
                for low, high in ((boot.low, boot.high), before[boot.id]):
                    if low is not None and high is not None and high - low < LONGEST_DAY_MS:
                        marks |= {(stream, None), *store.undated_hours(stream, boot.id, low)}
    return marks


def _from_below(stream: int, live_after: int, runs: Sequence[store.Run], boots: dict[int, Boot]) -> None:
    """A start begins after the last row of the one before it."""
    for run in runs:
        found = store.neighbour(stream, live_after, run.first - 1, last=True)
        if found is None or found.boot == run.boot:
            continue
        known = boots.get(found.boot)
        offset = found.offset if found.offset is not None else (known.low if known is not None else None)
        if offset is None:
            continue
        low = offset + found.reading - HONEST_MS
        boot = boots[run.boot]
        if (boot.low is None or low > boot.low) and (boot.high is None or low <= boot.high):
            boot.low = low


def _from_above(stream: int, runs: Sequence[store.Run], boots: dict[int, Boot]) -> None:
    """A start has ended before the next one begins."""
    for run in reversed(runs):
        found = store.neighbour(stream, run.last, None, last=False)
        if found is None or found.boot == run.boot:
            continue
        known = boots.get(found.boot)
        offset = found.offset if found.offset is not None else (known.high if known is not None else None)
        if offset is None:
            continue
        high = offset - run.reading + dating.drift(run.reading) + HONEST_MS
        boot = boots[run.boot]
        if (boot.high is None or high < boot.high) and (boot.low is None or high >= boot.low):
            boot.high = high
