"""How each device stands, for those who look after it: what it has recorded, what has arrived, what is backed up. Reads only."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from sync_server.courts.models import Court, Device, Exit, Placement
from sync_server.fleet.models import DeviceState
from sync_server.fleet.risks import at_risk
from sync_server.ingest import replay
from sync_server.ingest.books import Span, without
from sync_server.ingest.selectors import Gap, StreamAccount, accounts_of
from wire.envelopes import Health

log = logging.getLogger(__name__)

AWAY_AFTER: Final = timedelta(minutes=3)
"""A device reports every minute: one that has missed three reports is away, whatever the broker last said of it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One device, its newest stream, and what was lost of any.

    `recorded` counts the rows that the device says it has, none before its first report; `moving` those of an earlier stream that
    it has still to send again; `waiting_since` is when the oldest of those was recorded that had not arrived at its last report, by
    its own clock. `delivered` rows are here, `backed` of them also in the oldest backup that may still be restored.
    `set_aside` counts by reason what waits to be looked at. `at_risk` names, by stream, the rows that it may have deleted and that
    the backup did not hold which was restored by force.
    """

    device: Device
    exit: Exit | None
    here: bool
    heard_at: datetime | None
    health: Health | None
    recorded: int | None
    moving: int
    delivered: int
    backed: int
    waiting_since: datetime | None
    gap: Gap | None
    way: Literal["mqtt", "https"] | None
    streams: list[StreamAccount]
    set_aside: dict[str, int]
    at_risk: dict[bytes, list[Span]]

    @property
    def waiting(self) -> int:
        """Rows that the device has recorded and that are not here."""
        return (
            max(0, (self.recorded or 0) - self.delivered - _rows(span for each in self.streams[:1] for span in each.gone))
            + self.moving
        )

    @property
    def missing(self) -> int:
        """Rows, of whichever stream, that are asked for again."""
        return _rows(span for each in self.streams for span in each.missing)

    @property
    def gone(self) -> int:
        """Rows, of whichever stream, that nobody has any more: a new stream does not bring them back."""
        return _rows(span for each in self.streams for span in each.gone)

    @property
    def doubtful(self) -> int:
        """Rows at risk, but for those that are known to be gone."""
        gone = {each.stream: each.gone for each in self.streams}
        return _rows(span for stream, spans in self.at_risk.items() for span in without(spans, gone.get(stream, ())))

    @property
    def forked(self) -> StreamAccount | None:
        """The stream to which another card claims to belong, while the device has not begun a new one."""
        return self.streams[0] if self.streams and self.streams[0].forked_at is not None else None

    @property
    def was_copied(self) -> bool:
        """Whether another card has claimed a stream that a new one has replaced since. Either side may have noticed: a device that
        finds its twin's rows in an acknowledgement begins anew before it has sent any of its own."""
        told = self.health is not None and self.health.fork is not None
        return told or any(stream.forked_at is not None for stream in self.streams[1:])


def devices_at(courts: QuerySet[Court], *, elsewhere: bool, now: datetime) -> QuerySet[Device]:
    """The devices that stand at an exit of `courts`, by name; with those that stand nowhere where `elsewhere` says so."""
    latest = Placement.objects.filter(device=OuterRef("pk"), starts_at__lte=now).order_by("-starts_at")
    devices = Device.objects.annotate(stands_at=Subquery(latest.values("exit__court")[:1]))
    mine = Q(stands_at__in=courts.values("id"))
    return devices.filter(mine | Q(stands_at__isnull=True) if elsewhere else mine).order_by("name")


def is_here(state: DeviceState | None, now: datetime) -> bool:
    """Whether the device is connected: heard a moment ago, and not said to have gone.

    The broker's word is for those who speak through it: of a device that reports over HTTPS it knows only that MQTT has failed.
    """
    if state is None or state.heard_at is None or now - state.heard_at > AWAY_AFTER:
        return False
    return state.present or state.report.get("way") == "https"


def exits_of(devices: Iterable[Device], now: datetime) -> dict[int, Exit]:
    """{device's number: where it stands at `now`}, with the court; who stands nowhere is left out."""
    exits: dict[int, Exit] = {}
    placements = Placement.objects.filter(device__in=devices, starts_at__lte=now).order_by("starts_at")
    for placement in placements.select_related("exit__court"):
        exits[placement.device_id] = placement.exit  # the last one stays
    return exits


def standings(devices: Iterable[Device], now: datetime | None = None) -> list[Standing]:
    """How each of `devices` stands, in their order. The number of queries does not grow with theirs, but with that of gaps."""
    instant = now or timezone.now()
    devices = list(devices)
    names = {device.pk: device.name for device in devices}
    states = DeviceState.objects.in_bulk(list(names))
    exits = exits_of(devices, instant)
    streams = accounts_of(names)
    risks = at_risk(names)
    refused: defaultdict[str, dict[str, int]] = defaultdict(dict)
    waiting = replay.waiting().filter(device__in=names.values()).order_by()
    for name, reason, things in waiting.values_list("device", "reason").annotate(things=Count("pk")):
        refused[name][reason] = things
    return [
        _standing(
            device,
            exits.get(device.pk),
            states.get(device.pk),
            streams[device.pk],
            refused.get(device.name, {}),
            risks.get(device.pk, {}),
            instant,
        )
        for device in devices
    ]


def _standing(
    device: Device,
    exit: Exit | None,
    state: DeviceState | None,
    streams: list[StreamAccount],
    refused: dict[str, int],
    risks: dict[bytes, list[Span]],
    now: datetime,
) -> Standing:
    health = _health(state)
    newest = streams[0] if streams else None
    current = health if health is not None and (newest is None or health.stream in (b"", newest.stream)) else None
    recorded = None
    if health is not None or newest is not None:
        # What has come since its last report was recorded too.
        recorded = max(current.recorded if current else 0, newest.highest if newest else 0)
    return Standing(
        device=device,
        exit=exit,
        here=is_here(state, now) and device.revoked_at is None,
        heard_at=state.heard_at if state else None,
        health=health,
        recorded=recorded,
        moving=current.moving if current else 0,
        delivered=newest.stored if newest else 0,
        backed=newest.backed_through if newest else 0,
        waiting_since=_instant(current.waiting_since) if current else None,
        gap=newest.gap if newest else None,
        way=health.way if health else None,
        streams=streams,
        set_aside=refused,
        at_risk=risks,
    )


def _rows(spans: Iterable[Span]) -> int:
    return sum(last - first + 1 for first, last in spans)


def _health(state: DeviceState | None) -> Health | None:
    if state is None or not state.report:
        return None
    try:
        return msgspec.convert(state.report, Health)
    except msgspec.ValidationError as fault:
        log.warning("the last report of device %s cannot be read: %s", state.device_id, fault)
        return None


def _instant(ms: int | None) -> datetime | None:
    """Milliseconds since the epoch as an instant; none for what no calendar has."""
    try:
        return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
