"""How the fleet is, in figures for whoever asks on the server itself: the same as on the pages. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from sync_server.courts.models import Device
from sync_server.fleet.standing import Standing, standings
from sync_server.ingest.models import SetAside


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """One device: whether it is here, what is stored of its newest stream and what of it waits on the device, what is asked for
    again, lost, or perhaps lost of any stream, and what waits to be looked at (reason → how many).

    `forked_at` is the row from which on two cards claim the newest stream; once a new one is begun, that is over, and
    `was_copied` remembers it.
    """

    name: str
    present: bool
    heard_at: str | None
    stored: int
    waiting: int
    backed: int
    missing: int
    gone: int
    at_risk: int
    forked_at: int | None
    was_copied: bool
    revoked: bool
    set_aside: dict[str, int]
    notes: list[str]


def fleet(now: datetime | None = None) -> list[DeviceReport]:
    """Every enrolled device by name. `heard_at` is ISO 8601 in UTC."""
    return [_report(each) for each in standings(Device.objects.order_by("name"), now)]


def _report(standing: Standing) -> DeviceReport:
    return DeviceReport(
        name=standing.device.name,
        present=standing.here,
        heard_at=standing.heard_at.isoformat(timespec="seconds") if standing.heard_at else None,
        stored=standing.delivered,
        waiting=standing.waiting,
        backed=standing.backed,
        missing=standing.missing,
        gone=standing.gone,
        at_risk=standing.doubtful,
        forked_at=standing.forked.forked_at if standing.forked else None,
        was_copied=standing.was_copied,
        revoked=standing.device.revoked_at is not None,
        set_aside=standing.set_aside,
        notes=list(standing.health.notes) if standing.health else [],
    )


def refused_strangers() -> dict[str, int]:
    """How often messages came in names that no device has, by reason."""
    known = Device.objects.values("name")
    rows = SetAside.objects.exclude(device__in=known).values_list("reason").annotate(times=Sum("times"))
    return dict(rows.values_list("reason", "times"))
