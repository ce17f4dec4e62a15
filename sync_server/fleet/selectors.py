"""How the fleet is, in figures. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Sum
from django.utils import timezone

from sync_server.courts.models import Device
from sync_server.fleet.models import DeviceState
from sync_server.ingest.models import SetAside, Stream

AWAY_AFTER: Final = timedelta(minutes=3)
"""A device reports every minute: one that has missed three reports is away, whatever the broker last said of it."""


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """One device: whether it is here, what is stored of it, and what could not be taken (reason → how often)."""

    name: str
    present: bool
    heard_at: str | None
    stored: int
    missing: int
    forked_at: int | None
    revoked: bool
    set_aside: dict[str, int]
    notes: list[str]


def is_here(state: DeviceState | None, now: datetime) -> bool:
    """Whether the device is connected: heard a moment ago, and not said to have gone.

    The broker's word is for those who speak through it: of a device that reports over HTTPS it knows only that MQTT has failed.
    """
    if state is None or state.heard_at is None or now - state.heard_at > AWAY_AFTER:
        return False
    return state.present or state.report.get("way") == "https"


def fleet(now: datetime | None = None) -> list[DeviceReport]:
    """Every enrolled device by name; of several streams of a device the rows are added up. `heard_at` is ISO 8601 in UTC."""
    instant = now or timezone.now()
    states = {state.device_id: state for state in DeviceState.objects.all()}
    refused: dict[str, dict[str, int]] = {}
    for name, reason, times in SetAside.objects.values_list("device", "reason").annotate(times=Sum("times")):
        refused.setdefault(name, {})[reason] = times
    streams: dict[int, list[Stream]] = {}
    for stream in Stream.objects.all():
        streams.setdefault(stream.device_id, []).append(stream)
    reports = []
    for device in Device.objects.order_by("name"):
        own = streams.get(device.pk, [])
        state = states.get(device.pk)
        reports.append(
            DeviceReport(
                name=device.name,
                present=is_here(state, instant),
                heard_at=state.heard_at.isoformat(timespec="seconds") if state and state.heard_at else None,
                stored=sum(stream.stored_through for stream in own),
                missing=sum(stream.highest - stream.stored_through for stream in own),
                forked_at=next((stream.forked_at for stream in own if stream.forked_at is not None), None),
                revoked=device.revoked_at is not None,
                set_aside=refused.get(device.name, {}),
                notes=list(state.report.get("notes", [])) if state else [],
            )
        )
    return reports


def refused_strangers() -> dict[str, int]:
    """How often messages came in names that no device has, by reason."""
    known = Device.objects.values("name")
    rows = SetAside.objects.exclude(device__in=known).values_list("reason").annotate(times=Sum("times"))
    return dict(rows.values_list("reason", "times"))
