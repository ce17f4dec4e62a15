"""Setting up courts and placing devices. The only writer of this room's tables."""

from datetime import datetime

from django.db import transaction

from sync_server.courts.models import Court, Device, Exit, Placement, Service


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
    """`device` stands at `exit` from `starts_at` on. Placing it again at the same instant moves that placement."""
    placement, _ = Placement.objects.update_or_create(device=device, starts_at=starts_at, defaults={"exit": exit})
    return placement
