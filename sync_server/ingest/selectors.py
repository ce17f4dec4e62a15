"""What the server holds of a device's streams. Reads only."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count

from sync_server.ingest.books import Span, opened, without
from sync_server.ingest.entering import installation
from sync_server.ingest.models import SetAside, Stream
from sync_server.ingest.store import accepted_between
from wire.envelopes import Ack


def standing(device: str, server_wall: int) -> Ack | None:
    """The acknowledgement that `device` would get now for its newest stream; none before its first greeting."""
    stream = Stream.objects.filter(device__name=device, device__revoked_at=None).order_by("-id").first()
    if stream is None:
        return None
    return opened(stream).ack(bytes(installation().epoch), server_wall)


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
    are asked for again, `gone` nobody has any more. `newest` is the one that the server heard of last.
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


def accounts(device_id: int) -> list[StreamAccount]:
    """The account of each of a device's streams, newest first."""
    streams = Stream.objects.filter(device_id=device_id).order_by("-id").prefetch_related("gone").annotate(aside=Count("set_aside"))
    return [_account(stream, newest=place == 0, aside=stream.aside) for place, stream in enumerate(streams)]


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
    gap = None
    if stream.gap_first is not None and stream.gap_last is not None and stream.gap_at is not None:
        wanted = (stream.gap_first, stream.gap_last)
        gap = Gap(*wanted, stream.gap_at, any(first <= wanted[1] and last >= wanted[0] for first, last in missing))
    return StreamAccount(
        stream=bytes(stream.stream),
        newest=newest,
        stored=stream.highest - sum(last - first + 1 for first, last in (*missing, *gone)),
        stored_through=stream.stored_through,
        highest=stream.highest,
        backed_through=min(stream.backed_through, stream.stored_through),
        missing=tuple(missing),
        gone=tuple(gone),
        gap=gap,
        forked_at=stream.forked_at,
        set_aside=aside,
    )
