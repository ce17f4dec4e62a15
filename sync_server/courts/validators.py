"""What a time zone and a device's name must look like. Pure rules, each with the sentence a person sees."""

from functools import cache
from typing import Final
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

DEVICE_NAME_PATTERN: Final = r"\A[a-z0-9-]{8,32}\Z"
"""A device's name is a user name of the broker and a part of topics, so nothing else is let in."""

validate_device_name = RegexValidator(
    DEVICE_NAME_PATTERN,
    _("A device's name has 8 to 32 characters: small Latin letters, digits and hyphens."),
    code="device_name",
)


@cache
def known_zones() -> frozenset[str]:
    """Every zone of the IANA database this machine has."""
    return frozenset(available_timezones())


def validate_timezone(name: str) -> None:
    """Raise `ValidationError` unless `name` is a zone such as `Europe/Kyiv`."""
    if name not in known_zones():
        raise ValidationError(
            _("“%(name)s” is not a time zone of the IANA database. Write one such as Europe/Kyiv."),
            code="timezone",
            params={"name": name},
        )
