"""The server's commands about backups, and the sentences they say."""

import argparse
from collections.abc import Callable

from django.utils import translation

from sync_server.fleet import roll
from sync_server.keeping import backups, readmission, restoring, shelf, warnings, watermarks
from sync_server.keeping.errors import KeepingError
from sync_server.keeping.shelf import Backup
from sync_server.project.config import ServerConfig


def backup(options: argparse.Namespace, config: ServerConfig) -> int:
    """`backup`: makes one now, and retires what is more than should be kept."""
    if options.to is None:
        backups.require_shelf(config)
    made = backups.make(config, to=options.to)
    print(f"{made.folder}  {_size(made.size)}, {_streams(made)}")
    if options.to is None:
        for name in backups.tidy(config):
            print(f"{name} is retired: {config.backup.keep} newer ones are kept.")
    return 0


def list_all(options: argparse.Namespace, config: ServerConfig) -> int:
    """`backups`: what there is, oldest first. 1 if one that may be restored is damaged."""
    found = shelf.find_all(config.backup_dir)
    if options.check:
        found = [shelf.check(one.folder, backups.utc_now()) for one in found]
    for one in found:
        print(line(one))
    if not found:
        print(f"There is no backup in {config.backup_dir} yet. Make one: ./vidhuk server backup")
    return int(any(one.counts and one.fault for one in found))


def retire(options: argparse.Namespace, config: ServerConfig) -> int:
    """`retire`: one is not to be restored any more, or all that are missing."""
    if options.missing == bool(options.name):
        raise KeepingError("Say which backup, or --missing. See: ./vidhuk server backups")
    if options.missing:
        lost = backups.retire_missing(config)
        for name in lost:
            print(f"{name} is retired.")
        print("Make a new one now: ./vidhuk server backup" if lost else "No backup is missing.")
        return 0
    retired = backups.retire(config, options.name)
    print(
        f"{retired.name} is retired. Devices may delete what newer backups hold;"
        f" its files go after {backups.DELETED_AFTER.days} days."
    )
    return 0


def restore(options: argparse.Namespace, config: ServerConfig) -> int:
    """`restore`: puts one in the place of the database. The caller holds the lock alone, and prepares the tables afterwards."""
    restored = restoring.restore(
        config, options.name, force=options.force, keeping=not options.without_backup, meant=options.database, say=print
    )
    print(f"{restored.name} is restored. Start the server: devices send again what it does not hold.")
    return 0


def settle(config: ServerConfig, *, say: Callable[[str], None]) -> None:
    """What follows from the database as it is, at every start: who is taken in again, and what devices may delete."""
    for device, trouble in readmission.readmit(roll.read(config.authority_dir)):
        say(f"{device} {trouble}" if trouble else f"{device}, enrolled after the backup was made, is taken in again.")
    restoring.settle_at_risk(config)
    for damaged in backups.settle(config):
        say(f"The backup {damaged.name} is damaged: {damaged.fault}. Devices keep what it may hold until it is mended or retired.")
    if lost := watermarks.missing(config.backup_dir):
        with translation.override("en"):
            say(warnings.missing(lost, config.backup_dir))


def line(one: Backup) -> str:
    """A backup in one line: name, size, what it holds, and what is to be known before it is restored."""
    words = [one.name]
    if one.manifest is not None:
        words.append(f"{_size(one.size)}, {_streams(one)}")
    if one.retired_at is not None:
        words.append(f"retired on {one.retired_at:%Y-%m-%d}")
    if one.manifest is not None and one.manifest.carried:
        words.append("a copy that was made to be carried away")
    if one.fault:
        words.append(f"DAMAGED: {one.fault}")
    return "  ".join(words)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _streams(one: Backup) -> str:
    streams = one.known.streams
    rows = sum(mark.stored_through for mark in streams)
    return f"{_count(rows, 'row')} of {_count(len({mark.device for mark in streams}), 'device')}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
