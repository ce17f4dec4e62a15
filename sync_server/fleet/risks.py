"""Rows that devices may have deleted and that a backup restored by force does not hold: named until they turn up."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sync_server.fleet.models import AtRisk
from sync_server.ingest.books import Span, without
from sync_server.ingest.models import Stream
from sync_server.ingest.store import accepted_between


def note(risks: Iterable[tuple[str, str, int, int]], now_ms: int) -> None:
    """Writes down (device, stream in hex, first, last) of each; what is known already is left as it is."""
    AtRisk.objects.bulk_create(
        [
            AtRisk(device=device, stream=bytes.fromhex(stream), first=first, last=last, noticed=now_ms)
            for device, stream, first, last in risks
        ],
        ignore_conflicts=True,
    )


def at_risk(devices: Mapping[int, str]) -> dict[int, dict[bytes, list[Span]]]:
    """{device's number: {stream: what of it has not turned up yet}} of `devices`, numbers and names."""
    numbers = {name: number for number, name in devices.items()}
    noted: defaultdict[tuple[int, bytes], list[Span]] = defaultdict(list)
    for each in AtRisk.objects.filter(device__in=numbers).order_by("first"):
        noted[numbers[each.device], bytes(each.stream)].append((each.first, each.last))
    if not noted:
        return {}
    streams = Stream.objects.filter(device__in={device for device, _ in noted})
    known = {(device, bytes(stream)): id for id, device, stream in streams.values_list("id", "device_id", "stream")}
    found: defaultdict[int, dict[bytes, list[Span]]] = defaultdict(dict)
    for (device, stream), spans in noted.items():
        number = known.get((device, stream))
        taken = accepted_between(number, spans[0][0], max(last for _, last in spans)) if number is not None else []
        if left := without(spans, taken):
            found[device][stream] = left
    return dict(found)
