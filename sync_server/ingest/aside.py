"""What could not be taken as it was is kept with its reason, so that nothing is lost without a trace."""

from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

from django.db.models import F, Q, QuerySet

from sync_server.ingest.intake import Received
from sync_server.ingest.models import SetAside, Stream
from wire.envelopes import MAX_BYTES

KEPT_OF_A_REFUSAL: Final = MAX_BYTES
"""Bytes kept of a message that was refused: all of any that an honest device could have sent."""
KEPT_OF_A_DEVICE: Final = 1_000
"""Messages set aside that are kept of one device and wait. Rows are no fewer for it: their batches are kept anyway, and whoever
recorded them was told that they are stored.
"""
TAKEN: Final = "taken"
"""Tried again, it is stored now, or the rest of it."""
KNOWN: Final = "known"
"""Tried again, it was stored already."""
SETTLED: Final = (TAKEN, KNOWN)
FORKED: Final = "forked"
"""A whole batch that tells another story than what is stored; its `seq` is where the stories part."""


class Aside(NamedTuple):
    """Something that could not be taken, and why: a message, or one row (`seq`) of it. Of a fork `seq` is where stories part."""

    received: Received
    reason: str
    text: str
    stream: Stream | None = None
    seq: int | None = None

    @property
    def is_row(self) -> bool:
        """Whether it is one row of a batch that was taken."""
        return self.seq is not None and self.reason != FORKED

    @property
    def digest(self) -> bytes:
        """By what the same is known again: as a row by its place and its bytes, as a message by its bytes."""
        place = b"" if self.stream is None or self.seq is None or self.reason == FORKED else b"%d/%d/" % (self.stream.id, self.seq)
        return sha256(place + self.received.data).digest()


def set_aside(things: Iterable[Aside]) -> None:
    """Keeps what could not be taken, with its reason; the same again is only counted, and of a message the newest reason holds."""
    kept: Counter[str] = Counter()
    found: list[Aside] = []
    for thing in things:
        device = thing.received.device
        if not thing.is_row:
            if device not in kept:
                kept[device] = _messages_of(device).count()
            kept[device] += 1
            if kept[device] > KEPT_OF_A_DEVICE:
                # Told apart no longer, only counted: one broken device must not fill the disk.
                text = f"more than {KEPT_OF_A_DEVICE} kept already; counted only"
                found.append(Aside(thing.received._replace(data=b""), "too-many", text))
                continue
        found.append(thing)
    # In one order, whichever came first: two workers that keep the same would wait for one another.
    for thing in sorted(found, key=_turn):
        _keep(thing)


def _turn(thing: Aside) -> tuple[str, int, int, bytes]:
    """Messages by what is in them, then rows by their places."""
    stream, seq = (thing.stream.id, thing.seq) if thing.is_row and thing.stream is not None and thing.seq is not None else (0, 0)
    return thing.received.device[:64], stream, seq, thing.digest


def _keep(thing: Aside) -> None:
    received = thing.received
    told = {
        "reason": thing.reason[:40],
        "text": thing.text[:400].replace("\0", " "),
        "stream": thing.stream,
        "seq": thing.seq,
    }
    row, made = SetAside.objects.get_or_create(
        device=received.device[:64],
        digest=thing.digest,
        defaults={
            **told,
            "content_type": (received.content_type or "")[:64].replace("\0", " "),
            "data": received.data[:KEPT_OF_A_REFUSAL],
            "received": received.at,
        },
    )
    if not made:
        SetAside.objects.filter(pk=row.pk).update(**told, times=F("times") + 1, received=received.at)


def _messages_of(device: str) -> QuerySet[SetAside]:
    messages = SetAside.objects.filter(Q(seq=None) | Q(reason=FORKED), device=device[:64])
    return messages.exclude(outcome__in=SETTLED)
