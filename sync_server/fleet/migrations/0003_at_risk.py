from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("fleet", "0002_speech_packs")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="AtRisk",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("device", models.CharField(max_length=64)),
                ("stream", models.BinaryField(max_length=16)),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                ("noticed", models.BigIntegerField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("device", "stream", "first", "last"), name="at_risk_once")],
            },
        ),
    ]
