"""The server's ledger: what devices have sent, as they sent it. Rows are added, never changed and never deleted."""

from typing import ClassVar

from django.db import models

from sync_server.courts.models import Device


class Installation(models.Model):
    """This server. `epoch` is drawn anew when the database is restored from a backup, so that devices notice; `restored_from` is
    that backup's name and `restored_at` when, in ms since the epoch of Unix.
    """

    id = models.AutoField(primary_key=True)
    epoch = models.BinaryField(max_length=16)
    opened_at = models.DateTimeField(auto_now_add=True)
    restored_from = models.CharField(max_length=100, blank=True)
    restored_at = models.BigIntegerField(null=True)


class CountedBackup(models.Model):
    """A backup that was there when it was last counted what devices may delete, and had not been retired. As long as it is missing,
    nothing more is called backed up: it may come back, and be restored.
    """

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=100, unique=True)


class ItemKey(models.Model):
    """A small number for an item's key, because it stands in every row of the ledger."""

    id = models.AutoField(primary_key=True)
    key = models.CharField(max_length=64, unique=True)


class Boot(models.Model):
    """One start of a device. `offset` (ms, wall minus monotonic) dates the rows whose own clock nobody vouched for.

    Until it is known, `low` and `high` are what it cannot lie below or above: no guess is made between them. They hold where the
    monotonic clock reads `reading`, and become wider away from it, as clocks drift (`ingest.dating`). Of these, `own_low` and
    `own_high` are what its own messages tell; the rest comes from the starts around it (`ingest.order`) and may be taken back.

    `confirmed`: a round trip with this server bore the anchor out. One that is not is the start's own word, and the order of rows
    may refute it: then it stands in `refuted`, and dates nothing.
    """

    id = models.AutoField(primary_key=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="boots")
    boot = models.BinaryField(max_length=16)
    offset = models.BigIntegerField(null=True)
    low = models.BigIntegerField(null=True)
    high = models.BigIntegerField(null=True)
    reading = models.BigIntegerField(default=0, db_default=0)
    own_low = models.BigIntegerField(null=True)
    own_high = models.BigIntegerField(null=True)
    confirmed = models.BooleanField(default=False, db_default=False)
    refuted = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "boot"], name="one_boot")]


class Stream(models.Model):
    """One ledger file of one device: how far it is stored without a gap, and the highest row seen.

    `backed_through` is how far the oldest backup holds it that may still be restored, and `told` the highest that it ever was: so
    far devices may have deleted; `gap_first` … `gap_last` the last rows that
    were asked for again, noticed at `gap_at` (ms since the epoch). Rows after `live_after` stand in the order in which they were
    recorded; those before it, or all while it is not known, may be mixed with rows of an earlier stream or a damaged file.
    `latest_boot` is the number of the start that recorded the last of them.
    """

    id = models.AutoField(primary_key=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="streams")
    stream = models.BinaryField(max_length=16)
    stored_through = models.BigIntegerField(default=0)
    highest = models.BigIntegerField(default=0)
    forked_at = models.BigIntegerField(null=True)
    backed_through = models.BigIntegerField(default=0)
    told = models.BigIntegerField(default=0, db_default=0)
    gap_first = models.BigIntegerField(null=True)
    gap_last = models.BigIntegerField(null=True)
    gap_at = models.BigIntegerField(null=True)
    live_after = models.BigIntegerField(null=True)
    latest_boot = models.IntegerField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "stream"], name="one_stream")]


class Gone(models.Model):
    """Rows that a device has deleted and this server does not hold: a retired backup was restored by force. They are not waited
    for any more; should they turn up on another card, they are taken.
    """

    id = models.AutoField(primary_key=True)
    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="gone")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    noticed = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["stream", "first"], name="gone_once")]


class LedgerRow(models.Model):
    """A row as columns. The table is made by hand (see the migration), because its key is its place in the stream.

    `kind` is the tag of `wire.events`, or 0 for a row that was set aside and only holds its place. `link` is the first 8 bytes of
    the chain's state after the row, as a signed integer: equal place and equal link mean equal bytes and an equal past.
    `at` is when the visit began (ms since the epoch) as far as is known; it is derived and may be derived again.
    """

    pk = models.CompositePrimaryKey("stream", "seq")
    stream = models.ForeignKey(Stream, on_delete=models.DO_NOTHING, related_name="+")
    seq = models.BigIntegerField()
    kind = models.SmallIntegerField()
    at = models.BigIntegerField(null=True)
    boot = models.ForeignKey(Boot, null=True, on_delete=models.DO_NOTHING, related_name="+")
    visit = models.BigIntegerField(null=True)
    dt = models.BigIntegerField(null=True)
    item = models.ForeignKey(ItemKey, null=True, on_delete=models.DO_NOTHING, related_name="+")
    value = models.IntegerField(null=True)
    questionnaire = models.IntegerField(null=True)
    language = models.CharField(max_length=12, null=True)
    input = models.SmallIntegerField(null=True)
    wall_offset = models.BigIntegerField(null=True)
    synchronised = models.BooleanField(null=True)
    link = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "ingest_ledger"


class Evidence(models.Model):
    """A signed batch exactly as it came, with the chain's state before and after it."""

    id = models.BigAutoField(primary_key=True)
    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="evidence")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    previous = models.BinaryField(max_length=32)
    head = models.BinaryField(max_length=32)
    content_type = models.CharField(max_length=16)
    data = models.BinaryField()
    received = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["stream", "first"], name="evidence_by_first"),
            models.Index(fields=["stream", "last"], name="evidence_by_last"),
        ]


class SetAside(models.Model):
    """Something that could not be taken as it was: a message, or one row of a good batch. Kept with its reason, and counted.

    `replayed` is when (ms since the epoch) somebody last had it tried again, `outcome` one word for what came of that.
    """

    id = models.BigAutoField(primary_key=True)
    device = models.CharField(max_length=64)
    reason = models.CharField(max_length=40)
    text = models.CharField(max_length=400)
    stream = models.ForeignKey(Stream, null=True, on_delete=models.PROTECT, related_name="set_aside")
    seq = models.BigIntegerField(null=True)
    content_type = models.CharField(max_length=64, blank=True)
    data = models.BinaryField()
    received = models.BigIntegerField()
    times = models.IntegerField(default=1)
    digest = models.BinaryField(max_length=32)
    replayed = models.BigIntegerField(null=True)
    outcome = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["device", "digest"], name="one_copy_of_what_is_set_aside")]


class Mark(models.Model):
    """Rows of `stream` whose visits began within `hour` (whole hours since the epoch; null: undated) are new: tallies are due."""

    id = models.BigAutoField(primary_key=True)
    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="+")
    hour = models.BigIntegerField(null=True)
