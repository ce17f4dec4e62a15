"""Bounds of a clock say where they hold, and a stream from where on the order of its rows is that of time."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0003_nothing_lost")]
    operations = [
        migrations.AddField("boot", "reading", models.BigIntegerField(db_default=0, default=0)),
        migrations.AddField("stream", "live_after", models.BigIntegerField(null=True)),
    ]
