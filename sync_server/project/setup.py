"""Makes an installation out of a configuration: folders, keys, certificates, tables, the first questionnaire. Safe to repeat."""

import secrets
from datetime import UTC, datetime

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from sync_server.fleet.authority import GATEWAY, Authority, open_authority, write_private
from sync_server.fleet.speech import Studio
from sync_server.fleet.voices import Espeak
from sync_server.gateway.broker import write_files
from sync_server.ingest.entering import installation
from sync_server.project.config import ConfigError, ServerConfig, address
from sync_server.surveys.files import load_all
from sync_server.surveys.services import release


def make_keys(config: ServerConfig) -> Authority:
    """State directory, Django's key, the CA, and certificates for broker, door and gateway. Needs no database."""
    config.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = config.secret_key_file
    if not secret.exists():
        write_private(secret, secrets.token_urlsafe(64).encode())
    authority = open_authority(config.authority_dir)
    now = datetime.now(UTC)
    names = list(dict.fromkeys([*config.door.names, config.broker_address.host, config.gateway_address.host]))
    for part, wanted in (("broker", names), ("door", names), (GATEWAY, [])):
        if not authority.covers(part, wanted, now):
            authority.certify_own(part, wanted, now)
    write_files(config.state_dir / "broker", address(config.broker.listen), authority=authority)
    return authority


def studio(config: ServerConfig) -> Studio:
    """Where this installation makes the speech of its kiosks."""
    return Studio(Espeak(), config.speech_dir, settings.ASSETS / "translations")


def require_tables() -> None:
    """Raises `ConfigError` unless every table is up to date."""
    try:
        executor = MigrationExecutor(connection)
    except OperationalError as fault:
        raise ConfigError(f"The database cannot be opened ({fault}). Run first: ./vidhuk server init") from None
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise ConfigError(
            f"The database is not ready: {len(missing)} changes of its tables are due. Run first: ./vidhuk server init"
        )


def make_tables() -> None:
    """Every table up to date, this server's epoch drawn, and the shipped questionnaires released if they are new."""
    call_command("migrate", verbosity=0, interactive=False)
    call_command("clearsessions")
    installation()
    for sheet in load_all():
        release(sheet, released_at=datetime.now(UTC))
