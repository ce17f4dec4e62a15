"""Days that are due for other reasons than new rows, and how far the tallies have followed moves and time zones."""

from datetime import UTC, datetime

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("courts", "0003_nothing_lost"), ("results", "0001_initial")]
    operations = [
        migrations.AddField(
            "courtrevision", "timezone", models.CharField(blank=True, default="", max_length=64), preserve_default=False
        ),
        migrations.CreateModel(
            name="Followed",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("move", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Due",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("local_date", models.DateField(null=True)),
                ("not_before", models.DateTimeField(default=datetime(2000, 1, 1, tzinfo=UTC))),
                ("tries", models.IntegerField(default=0)),
                ("reason", models.CharField(blank=True, max_length=400)),
                (
                    "court",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="courts.court"),
                ),
            ],
            options={"indexes": [models.Index(fields=["court", "local_date"], name="due_day")]},
        ),
    ]
