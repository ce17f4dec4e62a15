"""The ledger's tables, one migration after another. A migration that has shipped is never changed."""

from sqlite_utils import Database, Migrations

migrations = Migrations("ledger")


@migrations()
def m001_rows_and_meta(db: Database) -> None:
    """`rows` holds each encoded row with the state of the hash chain after it; `meta` what is known about the whole stream."""
    db.execute(
        """
        CREATE TABLE rows (
            seq INTEGER PRIMARY KEY CHECK (seq >= 1),
            row BLOB NOT NULL,
            link BLOB NOT NULL CHECK (length(link) = 32)
        )
        """
    )
    db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
