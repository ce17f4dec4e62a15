"""What the server holds of a device's streams. Reads only."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count

from sync_server.courts.models import Device
from sync_server.ingest.books import Span, opened, without
from sync_server.ingest.entering import installation
from sync_server.ingest.models import Evidence, SetAside, Stream
from sync_server.ingest.store import accepted_between
from wire.envelopes import Ack


def standing(device: str, server_wall: int, *, stream: bytes = b"") -> Ack | None:
    """The acknowledgement that `device` would get now for `stream`, or for its newest where none is named; none before its first
    greeting. Of a stream that is not known here nothing is stored: a restored server says so, in its new epoch.
    """
    streams = Stream.objects.filter(device__name=device, device__revoked_at=None)
    found = (streams.filter(stream=stream) if stream else streams).order_by("-id").first()
    if found is None and stream:
        owner = Device.objects.filter(name=device, revoked_at=None).first()
        found = None if owner is None else Stream(device=owner, stream=stream)
    return None if found is None else opened(found).ack(bytes(installation().epoch), server_wall)


def knows(device: str, stream: bytes) -> bool:
    """Whether anything was heard of this stream."""
    return Stream.objects.filter(device__name=device, stream=stream).exists()


@dataclass(frozen=True, slots=True)
class Gap:
    """The rows that were found missing last, and when (ms since the epoch); `open` while any of them still is."""

    first: int
    last: int
    at: int
    open: bool


@dataclass(frozen=True, slots=True)
class StreamAccount:
    """What there is of one stream.

    `stored` counts rows that are here, those set aside included, `set_aside` those and whole batches of it that were; `missing`
    are asked for again, `gone` nobody has any more. `newest` is the one that the server heard of last. `sent_anew` will not come in
    this stream: its device has begun another one since, which takes over all that its card still held.
    """

    stream: bytes
    newest: bool
    stored: int
    stored_through: int
    highest: int
    backed_through: int
    missing: tuple[Span, ...]
    gone: tuple[Span, ...]
    gap: Gap | None
    forked_at: int | None
    set_aside: int
    sent_anew: tuple[Span, ...] = ()


def accounts(device_id: int) -> list[StreamAccount]:
    """The account of each of a device's streams, newest first."""
    return accounts_of([device_id])[device_id]


def accounts_of(device_ids: Collection[int]) -> dict[int, list[StreamAccount]]:
    """The same for each of several devices; only streams with gaps, or with rows that are gone, cost a query each."""
    found: dict[int, list[StreamAccount]] = {device_id: [] for device_id in device_ids}
    streams = Stream.objects.filter(device__in=found).order_by("-id").prefetch_related("gone").annotate(aside=Count("set_aside"))
    for stream in streams:
        own = found[stream.device_id]
        own.append(_account(stream, newest=not own, aside=stream.aside))
    return found


def set_aside_of(device: str) -> Counter[str]:
    """{reason: how often something of `device` was set aside}, whole messages included."""
    found: Counter[str] = Counter()
    for reason, times in SetAside.objects.filter(device=device).values_list("reason", "times"):
        found[reason] += times
    return found


def _account(stream: Stream, *, newest: bool, aside: int) -> StreamAccount:
    missing = opened(stream).missing
    gone = [(span.first, span.last) for span in sorted(stream.gone.all(), key=lambda span: span.first)]
    if gone:
        # Some may have turned up since, on another card.
        gone = without(gone, accepted_between(stream.id, gone[0][0], gone[-1][1]))
    sent_anew: list[Span] = []
    absent = (*missing, *gone)
    if missing and _is_left_behind(stream):
        missing, sent_anew = [], missing
    gap = None
    if stream.gap_first is not None and stream.gap_last is not None and stream.gap_at is not None:
        wanted = (stream.gap_first, stream.gap_last)
        gap = Gap(*wanted, stream.gap_at, any(first <= wanted[1] and last >= wanted[0] for first, last in missing))
    return StreamAccount(
        stream=bytes(stream.stream),
        newest=newest,
        stored=stream.highest - sum(last - first + 1 for first, last in absent),
        stored_through=stream.stored_through,
        highest=stream.highest,
        backed_through=min(stream.backed_through, stream.stored_through),
        missing=tuple(missing),
        gone=tuple(gone),
        gap=gap,
        forked_at=stream.forked_at,
        set_aside=aside,
        sent_anew=tuple(sent_anew),
    )


def _is_left_behind(stream: Stream) -> bool:
    """Whether a later stream of this device has brought rows, and this one none since. Where two cards share a name, both bring
    some, and what is missing of either may still come.
    """
    later = Evidence.objects.filter(stream__device=stream.device_id, stream__gt=stream.pk)
    began = later.order_by("id").values_list("id", flat=True).first()
    return began is not None and not Evidence.objects.filter(stream=stream, id__gt=began).exists()
