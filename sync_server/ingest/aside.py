"""What could not be taken as it was is kept with its reason, so that nothing is lost without a trace."""

from hashlib import sha256
from typing import Final

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


def set_aside(received: Received, reason: str, text: str, *, stream: Stream | None = None, seq: int | None = None) -> None:
    """Keeps what could not be taken, with its reason; the same again is only counted, and of a message the newest reason holds."""
    is_row = seq is not None and reason != FORKED
    if not is_row and _messages_of(received.device).count() >= KEPT_OF_A_DEVICE:
        # Told apart no longer, only counted: one broken device must not fill the disk.
        received, reason, text = received._replace(data=b""), "too-many", f"more than {KEPT_OF_A_DEVICE} kept already; counted only"
        stream, seq = None, None
    place = b"" if stream is None or seq is None or reason == FORKED else b"%d/%d/" % (stream.id, seq)
    digest = sha256(place + received.data).digest()
    told = {"reason": reason[:40], "text": text[:400].replace("\0", " "), "stream": stream, "seq": seq}
    row, made = SetAside.objects.get_or_create(
        device=received.device[:64],
        digest=digest,
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
