"""Who stood where, and when; and how a court wants its kiosks. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import OuterRef, Q, QuerySet, Subquery

from sync_server.courts.models import Court, Placement
from sync_server.courts.settings import CourtSettings
from wire.envelopes import Hours, Misuse, Timings


@dataclass(frozen=True, slots=True)
class Stay:
    """A device's time at one exit: from `starts_at` (included) to `ends_at` (excluded; none while it lasts). Aware instants."""

    device_id: int
    exit_id: int
    court_id: int
    starts_at: datetime
    ends_at: datetime | None

    def covers(self, instant: datetime) -> bool:
        return self.starts_at <= instant and (self.ends_at is None or instant < self.ends_at)


def _stays() -> QuerySet[Any]:
    # Any, because a type cannot say that these placements also know their `ends_at`.
    successor = (
        Placement.objects.filter(device=OuterRef("device"), starts_at__gt=OuterRef("starts_at"))
        .order_by("starts_at")
        .values("starts_at")[:1]
    )
    return Placement.objects.annotate(ends_at=Subquery(successor))


def placements_between(
    start: datetime,
    end: datetime,
    *,
    device_ids: Iterable[int] | None = None,
    court_id: int | None = None,
) -> list[Stay]:
    """Every stay that overlaps [`start`, `end`), by device and then by time. A placement's end is where the next one begins."""
    stays = _stays().filter(Q(ends_at__isnull=True) | Q(ends_at__gt=start), starts_at__lt=end)
    if device_ids is not None:
        stays = stays.filter(device_id__in=list(device_ids))
    if court_id is not None:
        stays = stays.filter(exit__court_id=court_id)
    rows = stays.order_by("device_id", "starts_at").values_list("device_id", "exit_id", "exit__court_id", "starts_at", "ends_at")
    return [Stay(*row) for row in rows]


def placement_at(device_id: int, instant: datetime) -> Stay | None:
    """Where the device stood at `instant`; none before its first placement."""
    row = (
        _stays()
        .filter(device_id=device_id, starts_at__lte=instant)
        .order_by("-starts_at")
        .values_list("device_id", "exit_id", "exit__court_id", "starts_at", "ends_at")
        .first()
    )
    return Stay(*row) if row else None


def settings_of(court: Court) -> CourtSettings:
    """What the kiosks of `court` are told of it."""
    names = {"uk": court.name_uk} | ({"en": court.name_en} if court.name_en else {}) | court.other_names
    hours = msgspec.convert(court.hours, Hours) if court.hours is not None else None
    return CourtSettings(
        name=names,
        languages=tuple(court.languages),
        language=court.language,
        ask_reason=court.ask_reason,
        ask_rotation=court.ask_rotation,
        timings=msgspec.convert(court.timings, Timings),
        misuse=msgspec.convert(court.misuse, Misuse),
        # The court's own zone, even if it has been corrected since.
        hours=msgspec.structs.replace(hours, timezone=court.timezone) if hours else None,
        accent=court.accent,
        crest=bytes(court.crest) if court.crest is not None else None,
    )
