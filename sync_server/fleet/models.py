"""Devices as things to look after: how they are let in, what they were told, how they are."""

from typing import ClassVar

from django.db import models

from sync_server.courts.models import Court, Device, Exit


class EnrolmentCode(models.Model):
    """A one-time code for one device at one exit. Only its hash is kept."""

    id = models.AutoField(primary_key=True)
    code_hash = models.BinaryField(max_length=32, unique=True)
    exit = models.ForeignKey(Exit, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=32)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    device = models.ForeignKey(Device, null=True, on_delete=models.SET_NULL, related_name="+")


class EnrolmentAttempt(models.Model):
    """A code that was tried in vain, by the address it came from: guessing is slowed down by counting these."""

    id = models.BigAutoField(primary_key=True)
    peer = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["peer", "at"], name="attempt_by_peer")]


class IssuedCertificate(models.Model):
    """What our CA has signed for a device."""

    id = models.AutoField(primary_key=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="certificates")
    serial = models.CharField(max_length=48, unique=True)
    expires_at = models.DateTimeField()


class ConfigVersion(models.Model):
    """A configuration as it was signed for a device: `document` and `signature` as they travel."""

    id = models.AutoField(primary_key=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="configurations")
    version = models.PositiveIntegerField()
    content_hash = models.BinaryField(max_length=32)
    document = models.BinaryField()
    signature = models.BinaryField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "version"], name="one_configuration_a_version")]


class SpeechPack(models.Model):
    """Speech that has been made: a file of the state directory by its SHA-256. `court` none: what every court says.

    `basis` is a hash of what it was made from, `voice` who speaks, `size` in bytes.
    """

    id = models.AutoField(primary_key=True)
    language = models.CharField(max_length=12)
    court = models.ForeignKey(Court, null=True, on_delete=models.CASCADE, related_name="+")
    voice = models.CharField(max_length=64)
    basis = models.BinaryField(max_length=32)
    digest = models.BinaryField(max_length=32)
    size = models.PositiveIntegerField()
    made_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["language", "court"], name="one_pack_of_a_name"),
            models.UniqueConstraint(fields=["language"], condition=models.Q(court=None), name="one_pack_for_all"),
        ]


class AtRisk(models.Model):
    """Rows `first` … `last` of a stream that its device may have deleted and that a backup did not hold, which was restored by
    force at `noticed` (ms since the epoch). By the device's name, because the backup may not know the device.
    """

    id = models.AutoField(primary_key=True)
    device = models.CharField(max_length=64)
    stream = models.BinaryField(max_length=16)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    noticed = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "stream", "first", "last"], name="at_risk_once")]


class DeviceState(models.Model):
    """The last that was heard of a device. `report` is its newest health message as JSON."""

    device = models.OneToOneField(Device, primary_key=True, on_delete=models.CASCADE, related_name="state")
    present = models.BooleanField(default=False)
    heard_at = models.DateTimeField(null=True)
    config_held = models.PositiveIntegerField(default=0)
    report = models.JSONField(default=dict)
