"""Puts a backup in the place of the database, while nothing of the server runs.

What there was is backed up first, so that a restore can be taken back. Keys are put back only where there are none: the
authority's own folder knows more than any backup of it, whom it has certified since. What follows from another database (tables of
a newer form, devices taken in again, what devices may delete) is derived from it at every start, and so needs no step of its own.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from django.apps import apps
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from sync_server.fleet import risks as fleet_risks
from sync_server.keeping import backups, contents, files, postgresql, shelf, sqlite, watermarks
from sync_server.keeping.errors import Damaged, KeepingError
from sync_server.keeping.patience import patiently
from sync_server.keeping.shelf import Backup
from sync_server.keeping.watermarks import Risk
from sync_server.project.config import ServerConfig

EPOCH_BYTES: Final = 16


def restore(
    config: ServerConfig,
    name: str,
    *,
    force: bool = False,
    keeping: bool = True,
    meant: str | None = None,
    say: Callable[[str], None],
    wall: Callable[[], float] = time.time,
) -> Backup:
    """Restores the backup `name`, or the one in the folder `name`. The caller holds the server's lock alone.

    Refuses what was altered, what a newer Vidhuk made, another kind of database, other keys; and, unless `force`, what was retired
    or what lacks rows that devices may have deleted, or of which nobody here can say that. What there was is backed up first if
    `keeping`. `meant` names the database that is to be replaced, where the environment and not the file says which. Raises
    `KeepingError`, and then nothing was changed.
    """
    connection.close()
    backup = shelf.find(config.backup_dir, name, deep=True)
    _require_sound(backup)
    _require_keys(config, backup)
    if connection.vendor == "postgresql":
        patiently(lambda: postgresql.require_alone(_settings()))
    inhabited = _is_inhabited()
    _require_meant(meant, inhabited=inhabited)
    risks = watermarks.at_risk(backup, config.backup_dir)
    vouched = watermarks.is_vouched(backup, config.backup_dir)
    _require_safe(backup, risks, vouched=vouched, force=force)
    for risk in risks:
        say(f"At risk: {_words(risk)}")
    if not vouched:
        say(_unknown(backup))
    say(f"{'Replaced' if inhabited else 'Filled'} is the database {_database()}.")
    if inhabited:
        _keep_what_is(config, say, keeping=keeping)
    _put_keys(config, backup)
    now_ms = int(wall() * 1000)
    leave_at_risk(config, risks, now_ms)
    _put_database(backup, now_ms)
    return backup


class _AtRisk(msgspec.Struct, frozen=True):
    """What a restore by force lacks, until the restored database can be told."""

    noticed: int
    risks: list[Risk]


def leave_at_risk(config: ServerConfig, risks: list[Risk], now_ms: int) -> None:
    """Leaves word of `risks` for `settle_at_risk`, beside the database: what is in its tables is about to be replaced."""
    if risks:
        files.write_whole(config.state_dir / _AT_RISK, msgspec.json.encode(_AtRisk(now_ms, risks)))


def settle_at_risk(config: ServerConfig) -> None:
    """Writes into the database what a restore has left word of. Rows that it holds are not named by that, so that a restore that
    was cut off before its end does no harm. Safe to repeat."""
    left = config.state_dir / _AT_RISK
    if left.exists():
        found = msgspec.json.decode(left.read_bytes(), type=_AtRisk)
        fleet_risks.note(found.risks, found.noticed)
        left.unlink()


def _require_sound(backup: Backup) -> None:
    manifest = backup.known
    if backup.fault:
        raise KeepingError(f"{backup.name} was not restored: {backup.fault}. Restore another one; see: ./vidhuk server backups")
    if manifest.database != connection.vendor:
        raise KeepingError(
            f"{backup.name} is of a {manifest.database} database, and this server uses {connection.vendor}."
            " Set database_url as it was when the backup was made."
        )
    known = set(MigrationLoader(None).disk_migrations)
    if any((app, change) not in known for app, changes in manifest.schema.items() for change in changes):
        raise KeepingError(f"{backup.name} was made by a newer Vidhuk. Install that first, or restore an older backup.")


def _require_keys(config: ServerConfig, backup: Backup) -> None:
    ours = config.authority_dir / _CERTIFICATE
    theirs = backup.folder / shelf.KEYS / config.authority_dir.name / _CERTIFICATE
    if ours.is_file() and theirs.is_file() and ours.read_bytes() != theirs.read_bytes():
        raise KeepingError(
            f"{config.authority_dir} holds another certificate authority than {backup.name}: the devices of the one do not know the"
            " other. Move that folder away, and those keys are restored too."
        )


def _database() -> str:
    """Which database is meant, for people: never with its password."""
    settings = _settings()
    return str(settings["NAME"]) + (f" on {settings['HOST']}" if settings["HOST"] else "")


def _require_meant(meant: str | None, *, inhabited: bool) -> None:
    """`DATABASE_URL` goes before the file: who practises with another file could hit the server's own database."""
    name = str(_settings()["NAME"])
    if meant not in (None, name) or (inhabited and meant is None and os.environ.get("DATABASE_URL")):
        raise KeepingError(
            f"The database that would be replaced is {_database()}"
            + (", because DATABASE_URL says so" if os.environ.get("DATABASE_URL") else "")
            + f". If that is meant, say --database {name}; if not, begin the command with: env -u DATABASE_URL"
        )


def _unknown(backup: Backup) -> str:
    return (
        f"Devices may have deleted what came after {backup.known.made_at:%Y-%m-%d %H:%M} (UTC), when {backup.name} was made;"
        " nobody here can say which rows."
    )


def _require_safe(backup: Backup, risks: list[Risk], *, vouched: bool, force: bool) -> None:
    if force:
        return
    if not vouched and not risks and backup.retired_at is None:
        raise KeepingError(f"{_unknown(backup)}\nRestore one out of backup.folder if there is any, or this one with --force.")
    if not (risks or backup.retired_at):
        return
    why = f"was retired on {backup.retired_at:%Y-%m-%d}" if backup.retired_at else "lacks rows that devices have been told are safe"
    named = "\n".join(f"  {_words(risk)}" for risk in risks)
    lost = (
        f"Devices may have deleted these rows, which it does not hold:\n{named}"
        if risks
        else "As far as is known, it lacks nothing that devices may have deleted."
    )
    raise KeepingError(f"{backup.name} {why}. {lost}\nRestore a newer one, or this one with --force.")


def _words(risk: Risk) -> str:
    return f"{risk.device}, stream {risk.stream[:8]}: rows {risk.first} to {risk.last}"


def _is_inhabited() -> bool:
    """Whether the database in use is one of an installation, as far as it can be read."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(contents.EPOCH)
            return cursor.fetchone() is not None
    except DatabaseError:
        return False
    finally:
        connection.close()


def _keep_what_is(config: ServerConfig, say: Callable[[str], None], *, keeping: bool) -> None:
    """Backs up the database in use, unless it is past that, or nobody wants it."""
    if not keeping:
        say("What there was is not backed up first.")
        return
    try:
        kept = backups.make(config)
    except Damaged as fault:
        say(f"What there was is not backed up first: {fault}")
        return
    except (KeepingError, OSError) as fault:
        raise KeepingError(
            f"What there is could not be backed up first. {fault}\nOr restore without that: --without-backup"
        ) from fault
    finally:
        connection.close()
    say(f"What there was is backed up first: {kept.name}")


def _put_keys(config: ServerConfig, backup: Backup) -> None:
    """Puts keys back where there are none, the authority as a whole and at once."""
    source = backup.folder / shelf.KEYS
    files.make_folder(config.state_dir)
    if not (config.authority_dir / _CERTIFICATE).is_file():
        files.clear_away(config.state_dir)
        draft = config.state_dir / f"{files.MAKING}{config.authority_dir.name}"
        draft.mkdir(mode=files.PRIVATE_FOLDER)
        for path in sorted((source / config.authority_dir.name).iterdir()):
            files.copy_private(path, draft / path.name)
        files.sync_tree(draft)
        if config.authority_dir.exists():
            files.remove_folder(config.authority_dir)  # without its certificate it is none
        files.rename(draft, config.authority_dir)
    kept = source / config.secret_key_file.name
    if kept.is_file() and not config.secret_key_file.is_file():
        files.write_whole(config.secret_key_file, kept.read_bytes())


def _put_database(backup: Backup, now_ms: int) -> None:
    epoch = os.urandom(EPOCH_BYTES).hex()
    if connection.vendor == "sqlite":
        sqlite.replace(
            Path(_settings()["NAME"]).resolve(),  # the file itself, where its name leads to another disk
            backup.database,
            contents.rebirth("ingest_installation", f"X'{epoch}'", backup.name, now_ms),
        )
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        (schema,) = cursor.fetchone()
    connection.close()
    tables = ["django_migrations", *(model._meta.db_table for model in apps.get_models(include_auto_created=True))]
    rebirth = contents.rebirth(f"{schema}.ingest_installation", f"'\\x{epoch}'::bytea", backup.name, now_ms)
    postgresql.replace(_settings(), backup.database, tables, rebirth)


def _settings() -> postgresql.Settings:
    return connection.settings_dict


_AT_RISK: Final = "at-risk.json"
_CERTIFICATE: Final = "ca.crt"
