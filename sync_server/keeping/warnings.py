"""What is wrong with the backups, in sentences for the pages and for the commands, in the language that is active."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.db import DatabaseError, connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sync_server.keeping import backups, shelf, watermarks
from sync_server.project.config import ServerConfig

OLD: Final = timedelta(days=2)
"""A daily backup that has failed twice is worth a word."""


def warnings(config: ServerConfig, *, now: Callable[[], datetime] = backups.utc_now) -> Iterator[str]:
    """A sentence for each thing that is wrong. Reads file sizes only, so that a page may ask."""
    found = shelf.find_all(config.backup_dir)
    newest = shelf.newest(found)
    lost = _missing(config)
    if lost:
        yield missing(lost, config.backup_dir)
    if newest is None:
        if not lost:
            yield _("There is no backup yet: devices delete nothing until there is one. Make one: ./vidhuk server backup")
    elif now() - newest.known.made_at > OLD:
        yield _("The newest backup is of %(day)s. See why there is no newer one: ./vidhuk server backup") % {
            "day": f"{newest.known.made_at:%Y-%m-%d}"
        }
    if connection.vendor == "sqlite" and _disk(config.backup_dir) == _disk(Path(connection.settings_dict["NAME"])):
        yield _(
            "The backups lie on the same disk as the database (%(folder)s): devices delete what they hold, and if that disk dies,"
            " both are gone. Set backup.folder to another disk."
        ) % {"folder": config.backup_dir}
    for one in found:
        if one.counts and one.fault:
            yield _("The backup %(name)s is damaged: %(fault)s. Mend it, or retire it: ./vidhuk server retire %(name)s") % {
                "name": one.name,
                "fault": one.fault,
            }


def missing(names: list[str], folder: Path) -> str:
    """That backups which have counted are not in `folder`, and what to do about it."""
    return ngettext(
        "%(count)d backup is missing from %(folder)s (%(names)s): until it is back, devices delete nothing more. Mount its disk. If"
        " it is lost for good: ./vidhuk server retire --missing",
        "%(count)d backups are missing from %(folder)s (%(names)s): until they are back, devices delete nothing more. Mount their"
        " disk. If they are lost for good: ./vidhuk server retire --missing",
        len(names),
    ) % {"count": len(names), "folder": folder, "names": names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"}


def _missing(config: ServerConfig) -> list[str]:
    try:
        return watermarks.missing(config.backup_dir)
    except DatabaseError:
        return []  # there are no tables yet, and nothing has counted


def _disk(path: Path) -> int:
    """The file system on which `path` lies, or will."""
    return next(place for place in (path, *path.parents) if place.exists()).stat().st_dev
