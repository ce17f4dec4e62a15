"""The ledger's tables, one migration after another. A migration that has shipped is never changed."""

from sqlite_utils import Database, Migrations

from kiosk.errors import LedgerTooNew
from kiosk.ledger.sealing import Unreadable, sealed

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


@migrations()
def m002_sealed_meta(db: Database) -> None:
    """Every value of `meta` ends with its checksum: a flipped bit in "backed up through" would delete rows that nobody else has."""
    for key, value in db.execute("SELECT key, value FROM meta").fetchall():
        db.execute("UPDATE meta SET value = ? WHERE key = ?", (sealed(value), key))


@migrations()
def m003_sealed_rows(db: Database) -> None:
    """Every row has a checksum of its own: of a damaged file it can be believed where the row before it, with the chain, is gone.
    Rows that were recorded before have none."""
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE name = 'rows' OR name GLOB 'past_[0-9]*'").fetchall():
        db.execute(f"ALTER TABLE {name} ADD COLUMN seal BLOB")


def migrate(db: Database, steps: Migrations = migrations) -> None:
    """Brings the tables up to date. Raises `LedgerTooNew` or `Unreadable`, and then has written nothing.

    All steps and the notes of them are one transaction: a cut leaves the tables as they were or as they should be.
    """
    if not is_current(db, steps):
        with db.atomic():
            steps.apply(db)


def is_current(db: Database, steps: Migrations = migrations) -> bool:
    """Whether the tables are up to date. Reads only. Raises `LedgerTooNew` or `Unreadable`."""
    unknown = {done.name for done in steps.applied(db)} - {step.name for step in steps.pending(_nothing())}
    if unknown and steps.pending(db):  # a newer program has taken all of our steps too
        raise Unreadable("the note of a migration has been altered")
    if unknown:
        raise LedgerTooNew(
            "The ledger was written by a newer version of this program ({step}).",
            "Install that version again, or a newer one; the ledger was left as it is.",
            step=max(unknown),
        )
    return not steps.pending(db)


def _nothing() -> Database:
    """A database on which no step has been taken."""
    return Database(memory=True, recursive_triggers=False, execute_plugins=False)
