"""Tallies: rebuilt whole for a court's local day, never incremented. Pages read these and no ledger row."""

from datetime import UTC, datetime
from typing import ClassVar

from django.db import models

from sync_server.courts.models import Court, Exit, Service

POINTS = range(11)
"""Scale points a tally has columns for: 0 … 10."""
RAW = tuple(f"v{point}" for point in POINTS)
"""Columns of every standing answer, by scale point."""
CLEANED = tuple(f"c{point}" for point in POINTS)
"""The same without flagged visits."""
AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)
"""When a day is due that nothing holds back."""
COUNTS = (*RAW, *CLEANED, "dont_know", "not_applicable", "unanswered", "flagged")


def _count() -> "models.IntegerField[int, int]":
    return models.IntegerField(default=0)


class Tally(models.Model):
    """One (exit, service, item, local date, input): how often each scale point was chosen, as things stand now.

    Only totals of these may be shown, because the newest answer could be told from anything finer.
    `local_date` is a calendar day of the court's own zone, or null for answers that no clock vouches for. `hours` maps a local hour
    ("9") to the eleven cleaned counts of that hour; hours without an answer are left out.
    """

    id = models.BigAutoField(primary_key=True)
    court = models.ForeignKey(Court, on_delete=models.CASCADE, related_name="+")
    exit = models.ForeignKey(Exit, on_delete=models.CASCADE, related_name="+")
    service = models.ForeignKey(Service, null=True, on_delete=models.SET_NULL, related_name="+")
    item = models.CharField(max_length=64)
    local_date = models.DateField(null=True)
    input = models.PositiveSmallIntegerField()
    v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10 = (_count() for _ in POINTS)
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10 = (_count() for _ in POINTS)
    dont_know = _count()
    not_applicable = _count()
    unanswered = _count()
    flagged = _count()
    hours = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["court", "local_date", "item"], name="tally_court_day")]


class ShownCell(models.Model):
    """What is shown of one item at one court in one cut (`release.View`): distributions, shares and hours come from here alone.

    `counts` are the fields of `release.Counts`. `as_of` is the court's local date on which they were let through; a view that
    slides with the calendar ended on that day.
    """

    id = models.BigAutoField(primary_key=True)
    court = models.ForeignKey(Court, on_delete=models.CASCADE, related_name="+")
    item = models.CharField(max_length=64)
    view = models.CharField(max_length=8)
    key = models.CharField(max_length=10, blank=True)
    counts = models.JSONField()
    as_of = models.DateField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["court", "item", "view", "key"], name="one_cell")]


class CourtRevision(models.Model):
    """Counts up whenever a court's tallies change, so that a page asks one row whether anything is new.

    `refreshed_on` is the court's local date for which its cells were last looked over: windows slide at midnight, whoever answers.
    `timezone` is the one by which its days are counted; blank before the first.
    """

    court = models.OneToOneField(Court, primary_key=True, on_delete=models.CASCADE, related_name="revision")
    fresh = models.BigIntegerField(default=0)
    shown = models.BigIntegerField(default=0)
    refreshed_on = models.DateField(null=True)
    timezone = models.CharField(max_length=64, blank=True)


class Following(models.Model):
    """One row, locked by whoever follows moves."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)


class Followed(models.Model):
    """The tallies have followed the `courts.models.Move` of this number. A lower one may be committed later, so each is noted."""

    move = models.BigIntegerField(primary_key=True)


class Due(models.Model):
    """A court's local day that has to be counted whatever the marks say: a device was moved, a time zone changed, or counting it
    failed (`tries` times, for `reason`; not before `not_before` again).
    """

    id = models.BigAutoField(primary_key=True)
    court = models.ForeignKey(Court, on_delete=models.CASCADE, related_name="+")
    local_date = models.DateField(null=True)
    not_before = models.DateTimeField(default=AT_ONCE)
    tries = models.IntegerField(default=0)
    reason = models.CharField(max_length=400, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["court", "local_date"], name="due_day")]
