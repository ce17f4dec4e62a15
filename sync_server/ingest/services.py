"""`accept`: the one way in. Whatever device, channel or transport, a rating is counted because this function took it.

One transaction for as many messages as have come, idempotent, in any order. Same place and same bytes: ignored. Same place and
other bytes: a fork, and the newcomer is set aside. A row that cannot be read is set aside and holds its place, so that it never
blocks the stream. What is returned may be told to the devices, because it is committed.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from django.db import transaction

from sync_server.courts.models import Device
from sync_server.ingest.aside import set_aside
from sync_server.ingest.entering import Entering, Outcome
from sync_server.ingest.intake import DeviceKey, Received, examine

__all__ = ["Outcome", "Received", "accept", "known_devices", "put_aside"]

log = logging.getLogger(__name__)


def accept(messages: Sequence[Received], *, now: Callable[[], float] = time.time) -> list[Outcome]:
    """Takes in `messages` and returns what to tell each sender, in the same order.

    Raises only what the database raises; then nothing was stored and the same messages may be offered again.
    """
    keys = known_devices({message.device for message in messages})
    examined = [examine(message, keys) for message in messages]
    with transaction.atomic(durable=True):
        entering = Entering(examined)
        entering.write()
        wall = int(now() * 1000)
        outcomes = [entering.outcome(thing, wall) for thing in examined]
    for alarm in entering.alarms:
        log.warning("%s", alarm)
    return outcomes


def put_aside(message: Received, reason: str, text: str) -> None:
    """Keeps a message that could not be taken by any other way, so that nothing is lost without a trace."""
    set_aside(message, reason, text)


def known_devices(names: Iterable[str]) -> dict[str, DeviceKey]:
    """What is known of the devices called `names`."""
    rows = Device.objects.filter(name__in=list(names)).values_list("name", "id", "public_key", "revoked_at")
    return {name: DeviceKey(id, bytes(key), revoked is not None) for name, id, key, revoked in rows}
