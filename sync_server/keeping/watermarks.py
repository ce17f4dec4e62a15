"""What devices may delete: no more than the oldest backup holds that may still be restored."""

from pathlib import Path
from typing import NamedTuple

from django.db import DatabaseError, connection, transaction

from sync_server.ingest.models import Stream
from sync_server.keeping import contents, shelf
from sync_server.keeping.shelf import Backup, StreamKey


class Risk(NamedTuple):
    """Rows `first` … `last` that `device` may have deleted already and that a backup does not hold. `stream` is in hex."""

    device: str
    stream: str
    first: int
    last: int


def recount(folder: Path) -> list[Backup]:
    """Derives `backed_through` of every stream from the backups in `folder`, in one transaction; returns those that are damaged.

    A damaged backup may be mended, or its disk come back, so it goes on counting until somebody retires it: as far as its manifest
    says, or, where that cannot be read, by letting nothing rise. Where none is sound, nothing is backed up.
    """
    counting = [backup for backup in shelf.find_all(folder) if backup.counts]
    through = shelf.common(backup for backup in counting if backup.manifest is not None)
    if not any(backup.sound for backup in counting):
        through = {}
    blind = any(backup.manifest is None for backup in counting)
    with transaction.atomic():
        # In the order in which `accept` locks them.
        for stream in (
            Stream.objects.select_related("device").select_for_update(of=("self",), no_key=True).order_by("device_id", "stream")
        ):
            backed = through.get(_key(stream), 0)
            if blind:
                backed = min(backed, stream.backed_through)
            if backed != stream.backed_through:
                Stream.objects.filter(pk=stream.pk).update(backed_through=backed)
    return [backup for backup in counting if backup.fault]


def at_risk(backup: Backup, folder: Path) -> list[Risk]:
    """What devices may have deleted that `backup` does not hold, as far as can be known.

    By what the database in use has told them, if there is one; by what it must have told them after its last look at `folder`,
    or at the one in which `backup` lies; and by what it had told them when each of the backups there was made.
    """
    others = [backup for place in {folder, backup.folder.parent} for backup in shelf.find_all(place)]
    told = _told_by_database()
    known = [shelf.common(other for other in others if other.counts and other.manifest is not None)]
    known += [
        {(mark.device, mark.stream): mark.backed_through for mark in other.manifest.streams} for other in others if other.manifest
    ]
    for marks in known:
        for key, through in marks.items():
            told[key] = max(through, told.get(key, 0))
    held = shelf.held_by(backup.known)
    return [
        Risk(*key, first=held.get(key, 0) + 1, last=through) for key, through in sorted(told.items()) if through > held.get(key, 0)
    ]


def _told_by_database() -> dict[StreamKey, int]:
    """Asked by statements that any form of the tables answers: the database in use may be older than this program."""
    try:
        with connection.cursor() as cursor:
            held = contents.read(lambda statement: (cursor.execute(statement), cursor.fetchall())[1])
    except DatabaseError:
        return {}
    finally:
        connection.close()
    return {(mark.device, mark.stream): mark.backed_through for mark in held.streams} if held else {}


def _key(stream: Stream) -> StreamKey:
    return stream.device.name, bytes(stream.stream).hex()
