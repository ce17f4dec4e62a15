"""Takes devices in again that enrolled after the backup was made which has been restored.

The authority keeps, beside its keys and outside the database, a roll of whom it has certified. A device that stands on it and is
not known here would be refused for ever, with all that it has recorded.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction

from sync_server.courts.models import Device, Exit
from sync_server.courts.services import place_device, register_device
from sync_server.fleet.models import IssuedCertificate
from sync_server.fleet.roll import Enrolled
from sync_server.ingest.entering import installation


class Readmitted(NamedTuple):
    """A device that was taken in again; `trouble` says what is left to be done for it, or why it could not be taken in."""

    device: str
    trouble: str = ""


def readmit(roll: Iterable[Enrolled]) -> list[Readmitted]:
    """Takes in whoever stands on `roll` and is not known, if this database was restored. Safe to repeat."""
    if installation().restored_at is None:
        return []
    known = set(Device.objects.values_list("name", flat=True))
    newest = {entry.device: entry for entry in roll}
    return [_readmit(entry) for name, entry in sorted(newest.items()) if name not in known]


def _readmit(entry: Enrolled) -> Readmitted:
    enrolled_at = datetime.fromisoformat(entry.at)
    try:
        with transaction.atomic():
            device = register_device(name=entry.device, public_key=entry.key, enrolled_at=enrolled_at)
            IssuedCertificate.objects.create(device=device, serial=entry.serial, expires_at=datetime.fromisoformat(entry.expires))
            exit = Exit.objects.filter(court__slug=entry.court, name_uk=entry.exit).first()
            if exit is not None:
                place_device(device=device, exit=exit, starts_at=datetime.fromisoformat(entry.since))
    except ValidationError as fault:
        return Readmitted(entry.device, f"could not be taken in: {'; '.join(fault.messages)}. Enrol it again.")
    if exit is None:
        return Readmitted(entry.device, f"stands nowhere, because there is no exit “{entry.exit}” of {entry.court}. Place it.")
    return Readmitted(entry.device)
