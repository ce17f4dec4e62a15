"""`backup`, `backups`, `retire`, `restore`: they prepare the ground, and `keeping.commands` does what is asked and says so."""

import argparse

import django

from sync_server.commands.setting_up import init
from sync_server.project.config import ServerConfig


def backup(options: argparse.Namespace, config: ServerConfig) -> int:
    """`backup`: makes one now."""
    django.setup()
    from sync_server.keeping import commands
    from sync_server.project.setup import require_tables

    require_tables()
    return commands.backup(options, config)


def backups(options: argparse.Namespace, config: ServerConfig) -> int:
    """`backups`: what there is."""
    django.setup()
    from sync_server.keeping import commands

    return commands.list_all(options, config)


def retire(options: argparse.Namespace, config: ServerConfig) -> int:
    """`retire`: one is not to be restored any more, or all that are missing."""
    django.setup()
    from sync_server.keeping import commands
    from sync_server.project.setup import require_tables

    require_tables()
    return commands.retire(options, config)


def restore(options: argparse.Namespace, config: ServerConfig) -> int:
    """`restore`: puts one in the place of the database and brings it up to date. The caller holds the lock alone."""
    django.setup()
    from sync_server.keeping import commands

    commands.restore(options, config)
    return init(options, config)
