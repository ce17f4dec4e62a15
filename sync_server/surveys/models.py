"""Released questionnaires. A release is never edited: what a visitor was asked must stay known for ever."""

from typing import ClassVar

from django.db import models


class Questionnaire(models.Model):
    """One released version. `document` is a `wire.envelopes.Questionnaire` as JSON, `version` its number."""

    id = models.AutoField(primary_key=True)
    version = models.PositiveIntegerField(unique=True)
    key = models.SlugField(max_length=64)
    document = models.JSONField()
    released_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-version"]

    def __str__(self) -> str:
        return f"{self.key} {self.version}"
