"""Setting up courts and placing devices. The only writer of this room's tables."""

from datetime import datetime

import msgspec
from django.db import transaction

from sync_server.courts.models import Court, Device, Exit, Move, Placement, Service
from sync_server.courts.settings import CourtSettings


@transaction.atomic
def open_court(
    *,
    slug: str,
    name_uk: str,
    name_en: str = "",
    timezone: str = "Europe/Kyiv",
    is_sample: bool = False,
) -> Court:
    """A new court. Raises `ValidationError` for a slug that is taken, a missing name or an unknown time zone."""
    court = Court(slug=slug, name_uk=name_uk, name_en=name_en, timezone=timezone, is_sample=is_sample)
    court.full_clean()
    court.save()
    return court


@transaction.atomic
def set_court(court: Court, settings: CourtSettings) -> None:
    """From now on the kiosks of `court` are told `settings`. Raises `ValidationError` for a name that cannot be kept."""
    names = dict(settings.name)
    court.name_uk, court.name_en, court.other_names = names.pop("uk", ""), names.pop("en", ""), names
    court.languages, court.language = list(settings.languages), settings.language
    court.ask_reason, court.ask_rotation = settings.ask_reason, settings.ask_rotation
    court.timings, court.misuse = msgspec.to_builtins(settings.timings), msgspec.to_builtins(settings.misuse)
    court.hours = msgspec.to_builtins(settings.hours)
    court.accent, court.crest = settings.accent, settings.crest
    court.full_clean()
    court.save()


@transaction.atomic
def open_exit(*, court: Court, name_uk: str, name_en: str = "", service: Service | None = None) -> Exit:
    """A new exit of `court`. Raises `ValidationError` when the court already has one of that name."""
    door = Exit(court=court, name_uk=name_uk, name_en=name_en, service=service)
    door.full_clean()
    door.save()
    return door


@transaction.atomic
def register_device(*, name: str, public_key: bytes, enrolled_at: datetime, label: str = "") -> Device:
    """A device that has enrolled. `public_key` is 32 bytes of Ed25519. Raises `ValidationError` for a bad or taken name."""
    device = Device(name=name, public_key=public_key, enrolled_at=enrolled_at, label=label)
    device.full_clean()
    device.save()
    return device


@transaction.atomic
def place_device(*, device: Device, exit: Exit, starts_at: datetime) -> Placement:
    """`device` stands at `exit` from `starts_at` on, also if that is long past. Placing it again at the same instant moves that
    placement; what was counted of that time follows.
    """
    stood, until = _around(device, starts_at)
    placement, _ = Placement.objects.update_or_create(device=device, starts_at=starts_at, defaults={"exit": exit})
    if stood != exit.pk:
        _moved(device, starts_at, until, stood, exit.pk)
    return placement


@transaction.atomic
def remove_placement(*, device: Device, starts_at: datetime) -> None:
    """`device` was not moved at `starts_at` after all: it stayed where it stood before. Raises `Placement.DoesNotExist`."""
    _around(device, starts_at)
    placement = Placement.objects.get(device=device, starts_at=starts_at)
    placement.delete()
    stood, until = _around(device, starts_at)
    if stood != placement.exit_id:
        _moved(device, starts_at, until, placement.exit_id, stood)


@transaction.atomic
def change_timezone(court: Court, timezone: str) -> None:
    """`court` counts its days by `timezone` from the beginning. Raises `ValidationError` for one that is not known."""
    court.timezone = timezone
    court.full_clean()
    court.save(update_fields=["timezone"])


def _around(device: Device, instant: datetime) -> tuple[int | None, datetime | None]:
    """(the exit at which `device` stands at `instant` as far as is written down, when it is moved next)."""
    Device.objects.select_for_update(no_key=True).get(pk=device.pk)  # two corrections at once would each miss the other
    placements = Placement.objects.filter(device=device)
    stood = placements.filter(starts_at__lte=instant).order_by("-starts_at").values_list("exit_id", flat=True).first()
    return stood, placements.filter(starts_at__gt=instant).order_by("starts_at").values_list("starts_at", flat=True).first()


def _moved(device: Device, since: datetime, until: datetime | None, *exits: int | None) -> None:
    Move.objects.create(device=device, since=since, until=until, exits=[exit for exit in exits if exit is not None])
