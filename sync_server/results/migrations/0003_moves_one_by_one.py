from django.db import migrations, models


def keep_followed(apps, schema_editor):
    """What was followed up to a number is followed one by one."""
    Move = apps.get_model("courts", "Move")
    Former = apps.get_model("results", "Former")
    Followed = apps.get_model("results", "Followed")
    through = max(Former.objects.values_list("move", flat=True), default=0)
    Followed.objects.bulk_create(Followed(move=id) for id in Move.objects.filter(id__lte=through).values_list("id", flat=True))


class Migration(migrations.Migration):
    dependencies = [("courts", "0003_nothing_lost"), ("results", "0002_due")]

    operations = [
        migrations.RenameModel("Followed", "Former"),
        migrations.CreateModel(
            name="Followed",
            fields=[("move", models.BigIntegerField(primary_key=True, serialize=False))],
        ),
        migrations.CreateModel(
            name="Following",
            fields=[("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False))],
        ),
        migrations.RunPython(keep_followed, migrations.RunPython.noop),
        migrations.DeleteModel("Former"),
    ]
