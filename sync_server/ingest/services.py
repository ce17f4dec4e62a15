"""`accept`: the one way in. Whatever device, channel or transport, a rating is counted because this function took it.

One transaction for as many messages as have come, idempotent, in any order. Same place and same bytes: ignored. Same place and
other bytes: a fork, and the newcomer is set aside. A row that cannot be read is set aside and holds its place, so that it never
blocks the stream. What is returned may be told to the devices, because it is committed.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from django.db import transaction
from django.db.models import Q

from sync_server.courts.models import Device
from sync_server.ingest import order
from sync_server.ingest.aside import Aside, set_aside
from sync_server.ingest.clocks import EARLIEST, Clocks, known
from sync_server.ingest.dating import greeted
from sync_server.ingest.entering import Entering, Outcome, keep_marks
from sync_server.ingest.intake import DeviceKey, Received, examine
from sync_server.ingest.models import Boot, Stream
from wire.envelopes import Health
from wire.events import DAY_MS

__all__ = ["Outcome", "Received", "accept", "hear", "known_devices", "narrow", "put_aside"]

log = logging.getLogger(__name__)

TRIED_OUT_MS: Final = 60 * DAY_MS
"""A kiosk may stand at an exit for some weeks before it is enrolled. What it dates still earlier is a clock that was never set."""


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


def hear(device: str, health: Health, received: int) -> None:
    """A report of `device` has come in at `received` (ms): its clock and its echo tell more of when its rows were recorded, and
    only they refute a clock that lies. Costs three small questions where nothing is learnt.
    """
    key = known_devices([device]).get(device)
    if key is None or key.revoked:
        return
    boot = Boot.objects.filter(device_id=key.id, boot=health.clock.boot).first()
    if boot is None or _teaches(boot, health, received, key.earliest):
        with transaction.atomic(durable=True):
            clocks = Clocks(received)
            clocks.learn([(key.id, health.clock.boot)])
            boot = clocks.of(key.id, health.clock.boot)
            clocks.greet(boot, health.clock, health.echo, received=received, earliest=key.earliest)
            keep_marks(clocks.write())
    streams = Stream.objects.filter(device_id=key.id, stream=health.stream)
    through = health.moved_through
    if through is not None:
        news = streams.filter(Q(live_after=None) | Q(live_after__lt=through))
    else:  # one that doesn't say so takes in what happens, as it happens, once nothing is moving any more
        news, through = streams.filter(live_after=None), health.recorded
    if not health.moving and news.exists():
        with transaction.atomic(durable=True):
            keep_marks((stream, None) for stream in news.values_list("id", flat=True))  # some rows may be here already
            news.update(live_after=through)


def narrow(streams: Iterable[int]) -> None:
    """Holds the starts of the devices of `streams` against those before and after them: bounds those without an anchor, refutes
    anchors that are only their own word, and marks what that moves. The caller has opened a transaction.
    """
    keep_marks(order.narrow(streams))


def _teaches(boot: Boot, health: Health, received: int, earliest: int) -> bool:
    learnt = greeted(known(boot), health.clock, health.echo, received=received, earliest=earliest)
    anchor, bounds = learnt.known
    return learnt.refuted or anchor is None or anchor != boot.offset or (bounds.confirm and not boot.confirmed)


def put_aside(message: Received, reason: str, text: str) -> None:
    """Keeps a message that could not be taken by any other way, so that nothing is lost without a trace."""
    set_aside([Aside(message, reason, text)])


def known_devices(names: Iterable[str]) -> dict[str, DeviceKey]:
    """What is known of the devices called `names`."""
    rows = Device.objects.filter(name__in=list(names)).values_list("name", "id", "public_key", "revoked_at", "enrolled_at")
    return {
        name: DeviceKey(id, bytes(key), revoked is not None, max(EARLIEST, int(enrolled.timestamp() * 1000) - TRIED_OUT_MS))
        for name, id, key, revoked, enrolled in rows
    }
