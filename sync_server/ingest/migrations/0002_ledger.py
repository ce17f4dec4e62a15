"""The ledger's own table: keyed by its place in the stream, without a second number for each row."""

from django.db import migrations

COLUMNS = """
    stream_id integer NOT NULL REFERENCES ingest_stream (id),
    seq bigint NOT NULL CHECK (seq >= 1),
    kind smallint NOT NULL,
    "at" bigint,
    boot_id integer REFERENCES ingest_boot (id),
    visit bigint,
    dt bigint,
    item_id integer REFERENCES ingest_itemkey (id),
    value integer,
    questionnaire integer,
    language varchar(12),
    input smallint,
    wall_offset bigint,
    synchronised boolean,
    link bigint NOT NULL,
    PRIMARY KEY (stream_id, seq)
"""


def make(apps, schema_editor):
    tail = " WITHOUT ROWID" if schema_editor.connection.vendor == "sqlite" else ""
    schema_editor.execute(f"CREATE TABLE ingest_ledger ({COLUMNS}){tail}")
    schema_editor.execute('CREATE INDEX ingest_ledger_at ON ingest_ledger (stream_id, "at")')


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE ingest_ledger")


class Migration(migrations.Migration):
    dependencies = [("ingest", "0001_initial")]
    operations = [migrations.RunPython(make, drop)]
