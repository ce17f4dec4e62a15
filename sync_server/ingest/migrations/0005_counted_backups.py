"""The database knows which backups count, and how far a stream was ever called backed up."""

from django.db import migrations, models
from django.db.models import F


def _as_far_as_now(apps, _editor):
    apps.get_model("ingest", "Stream").objects.update(told=F("backed_through"))


class Migration(migrations.Migration):
    dependencies = [("ingest", "0004_clocks")]
    operations = [
        migrations.AddField("stream", "told", models.BigIntegerField(db_default=0, default=0)),
        migrations.RunPython(_as_far_as_now, migrations.RunPython.noop),
        migrations.CreateModel(
            name="CountedBackup",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100, unique=True)),
            ],
        ),
    ]
