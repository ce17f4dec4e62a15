"""Courts, exits, services, devices and placements: fields and constraints only."""

from datetime import date, datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.core.validators import MaxLengthValidator, MinLengthValidator
from django.db import models
from django.utils.translation import get_language

from sync_server.courts.settings import USUAL_LANGUAGES
from sync_server.courts.validators import validate_device_name, validate_timezone
from wire.crest import MOST_BYTES

PUBLIC_KEY_BYTES = 32
"""An Ed25519 public key."""


class Named(models.Model):
    """Something with a name in Ukrainian and in English; the English one may be left out."""

    name_uk = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200, blank=True)

    class Meta:
        abstract = True

    @property
    def name(self) -> str:
        """The name in the language the page is shown in."""
        language = get_language() or "uk"
        return self.name_en if self.name_en and not language.startswith("uk") else self.name_uk

    def __str__(self) -> str:
        return self.name_uk


def usual_languages() -> list[str]:
    """What a new court's kiosks speak."""
    return list(USUAL_LANGUAGES)


class Court(Named):
    """A court. All its days and hours are those of its own time zone.

    What its kiosks are told stands in the fields from `other_names` on, as `courts.settings.CourtSettings` has it: `hours`,
    `timings` and `misuse` as JSON of the structs in `wire.envelopes`, `other_names` by language.
    """

    id = models.AutoField(primary_key=True)
    slug = models.SlugField(max_length=64, unique=True)
    timezone = models.CharField(max_length=64, default="Europe/Kyiv", validators=[validate_timezone])
    is_sample = models.BooleanField(default=False)
    """Invented for the demonstration: every page that shows it says so."""
    other_names = models.JSONField(default=dict, blank=True)
    languages = models.JSONField(default=usual_languages)
    language = models.CharField(max_length=12, default="uk")
    ask_reason = models.BooleanField(default=True)
    ask_rotation = models.BooleanField(default=True)
    timings = models.JSONField(default=dict, blank=True)
    misuse = models.JSONField(default=dict, blank=True)
    hours = models.JSONField(null=True, blank=True)
    accent = models.CharField(max_length=7, null=True, blank=True)
    crest = models.BinaryField(max_length=MOST_BYTES, null=True, blank=True)
    """A PNG as `wire.crest` has it."""

    class Meta:
        ordering: ClassVar = ["name_uk"]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def local_date(self, instant: datetime) -> date:
        """The court's calendar day at an aware `instant`."""
        return instant.astimezone(self.zone).date()


class Service(Named):
    """A part of a court's work (registry, hearings, archive …) that exits and answers may be tagged with."""

    id = models.AutoField(primary_key=True)
    court = models.ForeignKey(Court, on_delete=models.CASCADE, related_name="services")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["court", "name_uk"], name="one_service_of_a_name")]


class Exit(Named):
    """A door at which a device may stand."""

    id = models.AutoField(primary_key=True)
    court = models.ForeignKey(Court, on_delete=models.CASCADE, related_name="exits")
    service = models.ForeignKey(Service, null=True, blank=True, on_delete=models.SET_NULL, related_name="exits")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["court", "name_uk"], name="one_exit_of_a_name")]


class Device(models.Model):
    """A kiosk or a row of buttons: its name and the key it made for itself."""

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=32, unique=True, validators=[validate_device_name])
    public_key = models.BinaryField(
        max_length=PUBLIC_KEY_BYTES,
        validators=[MinLengthValidator(PUBLIC_KEY_BYTES), MaxLengthValidator(PUBLIC_KEY_BYTES)],
    )
    label = models.CharField(max_length=200, blank=True)
    enrolled_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Placement(models.Model):
    """`device` stood at `exit` from `starts_at` until its next placement."""

    id = models.AutoField(primary_key=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="placements")
    exit = models.ForeignKey(Exit, on_delete=models.PROTECT, related_name="placements")
    starts_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["device_id", "starts_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "starts_at"], name="one_placement_at_a_time"),
        ]


class Move(models.Model):
    """It was written down, or corrected, where `device` stood from `since` on (until `until`; none while it lasts): whatever was
    counted of that time may belong elsewhere. Added, never changed; results keep how far they have followed them.
    """

    id = models.AutoField(primary_key=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="moves")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    exits = models.JSONField(default=list)
    """Numbers of the exits that lose or gain that time."""
    made_at = models.DateTimeField(auto_now_add=True)
