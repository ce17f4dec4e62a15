"""The ledger's tables, one migration after another. A migration that has shipped is never changed."""

import re
from functools import cache
from typing import Final

from sqlite_utils import Database, Migrations

from kiosk.errors import LedgerTooNew
from kiosk.ledger.sealing import Unreadable, sealed

migrations = Migrations("ledger")

GATHERED: Final = "(seq INTEGER, row BLOB, link BLOB, seal BLOB, PRIMARY KEY (seq, row, link)) WITHOUT ROWID"
"""A past that was read out of a damaged file: one number may turn up with several rows, of two streams, or of two states of a page,
one of them altered. Any other past was `rows` itself."""


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


def check(db: Database) -> None:
    """Raises `Unreadable` where a table is not declared as the migrations and `GATHERED` declare it.

    The declaration is text on the first page, which no checksum covers. SQLite reads past many an altered character, and what was
    altered (a condition, a name, a column's kind) is met only much later, by a row that cannot be written any more.
    """
    ours = _declared()
    for name, text in db.execute("SELECT name, CAST(sql AS BLOB) FROM sqlite_schema WHERE type = 'table'").fetchall():
        if name in ours:
            known = [ours[name]]
        elif re.fullmatch(r"past_\d+", name):
            known = [ours["rows"], _words(name, f"CREATE TABLE {name} {GATHERED}".encode())]
        else:
            continue
        if _words(name, text) not in known:
            raise Unreadable(f"the declaration of table {name} has been altered")
    if missing := ours.keys() - {name for (name,) in db.execute("SELECT name FROM sqlite_schema").fetchall()}:
        raise Unreadable(f"table {min(missing)} is gone")


@cache
def _declared() -> dict[str, bytes]:
    """How `rows` and `meta` are declared once all steps are taken."""
    db = _nothing()
    migrations.apply(db)
    found = db.execute("SELECT name, CAST(sql AS BLOB) FROM sqlite_schema WHERE name IN ('rows', 'meta')").fetchall()
    return {name: _words(name, text) for name, text in found}


def _words(name: str, text: bytes) -> bytes:
    """A declaration without its table's name, and without what SQLite lays out anew when it renames or adds."""
    return re.sub(rb'[\s"]', b"", text).replace(name.encode(), b"", 1)


def _nothing() -> Database:
    """A database on which no step has been taken."""
    return Database(memory=True, recursive_triggers=False, execute_plugins=False)
