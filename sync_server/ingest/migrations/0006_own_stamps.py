"""An anchor that a start gave itself is told from one that a round trip confirmed, and what is known of a start by itself from what
the starts around it tell."""

from django.db import migrations, models
from django.db.models import F


def _as_known_now(apps, _editor):
    apps.get_model("ingest", "Boot").objects.update(own_low=F("low"), own_high=F("high"))


class Migration(migrations.Migration):
    dependencies = [("ingest", "0005_counted_backups")]
    operations = [
        migrations.AddField("boot", "own_low", models.BigIntegerField(null=True)),
        migrations.AddField("boot", "own_high", models.BigIntegerField(null=True)),
        migrations.AddField("boot", "confirmed", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("boot", "refuted", models.BigIntegerField(null=True)),
        migrations.AddField("stream", "latest_boot", models.IntegerField(null=True)),
        migrations.RunPython(_as_known_now, migrations.RunPython.noop),
    ]
