"""Making an installation, bringing it up to date, and its first administrator: `init`, `migrate`, `createadmin`."""

import argparse
import getpass
import sys

import django

from sync_server.project.config import ServerConfig


def init(_: argparse.Namespace, config: ServerConfig) -> int:
    """`init`: keys, certificates and tables; then what follows from the database as it is."""
    django.setup()
    from sync_server.keeping.commands import settle
    from sync_server.project.setup import make_keys, make_tables

    make_keys(config)
    make_tables()
    settle(config, say=_aside)
    return 0


def migrate(_: argparse.Namespace, config: ServerConfig) -> int:
    """`migrate`: the tables only."""
    django.setup()
    from sync_server.project.setup import make_tables

    make_tables()
    return 0


def createadmin(options: argparse.Namespace, config: ServerConfig) -> int:
    """`createadmin`: 1 if the password was not written the same twice."""
    init(options, config)
    from sync_server.accounts.services import create_administrator

    if options.password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            sys.stderr.write("The two passwords differ. Nothing was changed.\n")
            return 1
    create_administrator(username=options.username, password=password, full_name=options.full_name)
    print(f"{options.username} may sign in and administers every court.")
    return 0


def _aside(sentence: str) -> None:
    """Says something beside what the command was asked for."""
    sys.stderr.write(f"{sentence}\n")
