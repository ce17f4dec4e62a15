"""A person and the roles they hold, each at one court or at all."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from sync_server.courts.models import Court


class Person(AbstractUser):
    """Somebody who signs in. There are no default accounts and no default passwords."""

    id = models.AutoField(primary_key=True)

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.username


class Role(models.Model):
    """`person` is `kind` at `court`, or at every court when none is named."""

    class Kind(models.TextChoices):
        ADMINISTRATOR = "administrator", _("administrator")
        ANALYST = "analyst", _("analyst")
        FACILITY = "facility", _("facility staff")
        INTERVIEWER = "interviewer", _("interviewer")

    id = models.AutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="roles")
    court = models.ForeignKey(Court, null=True, blank=True, on_delete=models.CASCADE, related_name="roles")
    kind = models.CharField(max_length=16, choices=Kind)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "court", "kind"], name="one_role_of_a_kind_at_a_court"),
            models.UniqueConstraint(
                fields=["person", "kind"], condition=Q(court__isnull=True), name="one_role_of_a_kind_at_all_courts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.kind} @ {self.court or '*'}"
