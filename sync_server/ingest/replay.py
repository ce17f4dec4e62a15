"""Tries again what was set aside: a fault of this server may have been mended since, a device enrolled, a newer version installed.

It goes the way of everything that comes in. Nothing is deleted: what became of it is written beside it. How often something came,
and when last, stays what devices did; to try again is no new message.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet

from sync_server.ingest import store
from sync_server.ingest.aside import FORKED, KNOWN, SETTLED, TAKEN
from sync_server.ingest.books import shorts
from sync_server.ingest.entering import HELD_PLACE, Entering
from sync_server.ingest.intake import Greeted, Received, Refused, Sound, examine
from sync_server.ingest.models import Evidence, LedgerRow, SetAside, Stream
from sync_server.ingest.services import accept, known_devices
from wire import codec
from wire.codec import WireError

__all__ = [
    "FAILED", "FORKED", "GREETING", "HOPELESS", "KNOWN", "SETTLED", "TAKEN",
    "is_repeatable", "is_row", "repeatable", "replay", "waiting",
]  # fmt: skip

log = logging.getLogger(__name__)

FAILED: Final = "internal"
"""The server failed at it again; its log says how."""
GREETING: Final = "greeting"
"""A greeting said what its device held then. To hear it now would be to believe in a card restored from an image."""
HOPELESS: Final = ("too-many", "unasked")
"""Reasons that no second try can change: nothing of it was kept, or nobody waits for it."""


def waiting() -> QuerySet[SetAside]:
    """What is set aside and was not settled by a later try."""
    return SetAside.objects.exclude(outcome__in=SETTLED)


def repeatable() -> QuerySet[SetAside]:
    """What is worth another try."""
    return waiting().exclude(reason__in=HOPELESS).exclude(outcome=GREETING)


def is_repeatable(entry: SetAside) -> bool:
    """Whether `entry` is worth another try."""
    return entry.outcome not in (*SETTLED, GREETING) and entry.reason not in HOPELESS


def is_row(entry: SetAside) -> bool:
    """Whether `entry` is one row of a batch that was taken; else it is a whole message."""
    return entry.seq is not None and entry.reason != FORKED


def replay(entries: Iterable[SetAside], *, now: Callable[[], float] = time.time) -> Counter[str]:
    """Tries each of `entries` again and returns how often which outcome came of it.

    An outcome is `taken`, `known`, `greeting`, or the reason why it still cannot be taken. Raises only what the database raises
    when it is away; what was tried before stays done.
    """
    outcomes: Counter[str] = Counter()
    for entry in entries:
        try:
            outcome = _row(entry) if is_row(entry) else _message(entry)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("the server fails again at what was set aside as %s of %s", entry.pk, entry.device)
            outcome = FAILED
        # To try again may have counted it once more.
        SetAside.objects.filter(pk=entry.pk).update(
            times=entry.times, received=entry.received, replayed=int(now() * 1000), outcome=outcome[:40]
        )
        outcomes[outcome] += 1
    return outcomes


def _message(entry: SetAside) -> str:
    received = Received(entry.device, entry.content_type or None, bytes(entry.data), entry.received)
    thing = examine(received, known_devices([entry.device]))
    if isinstance(thing, Refused):
        return thing.reason
    if isinstance(thing, Greeted):
        return GREETING
    if _is_stored(thing):
        return KNOWN
    accept([received])
    return TAKEN if _is_stored(thing) else FORKED


def _is_stored(sound: Sound) -> bool:
    """Whether every row of the batch stands in its place, with its own bytes and its own past."""
    stream = Stream.objects.filter(device=sound.device_id, stream=sound.batch.stream).first()
    if stream is None:
        return False
    wanted = dict(enumerate(shorts(sound.links), sound.first))
    return store.links_between(stream.pk, sound.first, sound.last) == wanted


def _row(entry: SetAside) -> str:
    """Puts a row into the place that was held for it, if it can be read by now."""
    try:
        codec.decode_event(bytes(entry.data))
    except WireError as fault:
        return fault.reason
    assert entry.stream_id is not None
    assert entry.seq is not None
    with transaction.atomic(durable=True):
        Stream.objects.select_for_update(no_key=True).get(pk=entry.stream_id)
        if not LedgerRow.objects.filter(stream=entry.stream_id, seq=entry.seq, kind=HELD_PLACE).exists():
            return KNOWN
        evidence = Evidence.objects.filter(stream=entry.stream_id, first__lte=entry.seq, last__gte=entry.seq)
        for batch in evidence.order_by("id"):
            thing = examine(_came(entry, batch), known_devices([entry.device]))
            if isinstance(thing, Refused):
                return thing.reason
            if isinstance(thing, Sound) and thing.batch.rows[_at(entry, thing)] == bytes(entry.data):
                _fill(entry, thing)
                return TAKEN
    return FORKED


def _came(entry: SetAside, batch: Evidence) -> Received:
    return Received(entry.device, batch.content_type, bytes(batch.data), batch.received)


def _at(entry: SetAside, sound: Sound) -> int:
    assert entry.seq is not None
    return entry.seq - sound.first


def _fill(entry: SetAside, sound: Sound) -> None:
    """Enters the batch again, now that its row's place is free; what stands there already is left as it is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM ingest_ledger WHERE stream_id = %s AND seq = %s AND kind = %s", [entry.stream_id, entry.seq, HELD_PLACE]
        )
    kept = set(Evidence.objects.filter(stream=entry.stream_id, first=sound.first).values_list("pk", flat=True))
    Entering([sound]).write()
    # The same signed bytes are kept already.
    Evidence.objects.filter(stream=entry.stream_id, first=sound.first).exclude(pk__in=kept).delete()
