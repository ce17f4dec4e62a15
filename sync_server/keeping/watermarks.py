"""What devices may delete: no more than the oldest backup holds that may still be restored."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from django.db import DatabaseError, connection, transaction

from sync_server.ingest.models import CountedBackup, Stream
from sync_server.keeping import contents, shelf
from sync_server.keeping.contents import Contents
from sync_server.keeping.shelf import Backup, Manifest, StreamKey

if TYPE_CHECKING:
    from django.db.models import QuerySet


class Risk(NamedTuple):
    """Rows `first` … `last` that `device` may have deleted already and that a backup does not hold. `stream` is in hex."""

    device: str
    stream: str
    first: int
    last: int


def recount(folder: Path) -> list[Backup]:
    """Derives `backed_through` of every stream from the backups in `folder`, in one transaction; returns those that are damaged.

    A backup counts until it is retired. One that is damaged may be mended: it counts as far as its manifest says, or, where that
    cannot be read, by letting nothing rise. One that has counted and is not there may come back with its disk: as long as it is
    missing nothing rises either. Where none is sound and none is missing, nothing is backed up.

    Whoever calls has the shelf to himself. Where nothing has changed, nothing is locked or written.
    """
    found = shelf.find_all(folder)
    counting = [backup for backup in found if backup.counts]
    retired = {backup.name for backup in found if not backup.counts} | shelf.retired_names(folder)
    if _news(counting, retired):
        with transaction.atomic():
            # In the order in which `accept` locks them.
            _write(_news(counting, retired, Stream.objects.select_for_update(of=("self",), no_key=True)))
            _remember(counting, retired)
    elif counted() != {backup.name for backup in counting} | (counted() - retired):
        with transaction.atomic():
            _remember(counting, retired)
    return [backup for backup in counting if backup.fault]


def missing(folder: Path) -> list[str]:
    """The names of the backups that have counted, were not retired, and are not in `folder`."""
    there = {backup.name for backup in shelf.find_all(folder)}
    return sorted(counted() - there - shelf.retired_names(folder))


def ever_backed() -> bool:
    """Whether devices were ever told that anything is backed up."""
    return bool(Stream.objects.filter(told__gt=0).exists())


def counted() -> set[str]:
    """The names of the backups that are missed when they are not there; none in tables of an older form."""
    if CountedBackup._meta.db_table not in connection.introspection.table_names():
        return set()
    return set(CountedBackup.objects.values_list("name", flat=True))


def _remember(counting: list[Backup], retired: set[str]) -> None:
    """From now on those of `counting` are missed when they are not there."""
    CountedBackup.objects.bulk_create([CountedBackup(name=backup.name) for backup in counting], ignore_conflicts=True)
    CountedBackup.objects.filter(name__in=retired).delete()


def _news(counting: list[Backup], retired: set[str], streams: "QuerySet[Stream] | None" = None) -> dict[Stream, int]:
    """The streams whose mark is not as it should be, and how it should be."""
    through = shelf.common(backup for backup in counting if backup.manifest is not None)
    sound = any(backup.sound for backup in counting)
    missed = bool(counted() - retired - {backup.name for backup in counting})
    blind = missed or any(backup.manifest is None for backup in counting)
    news = {}
    for stream in (Stream.objects.all() if streams is None else streams).select_related("device").order_by("device_id", "stream"):
        unsound = stream.backed_through if missed else 0
        backed = through.get(_key(stream), 0) if sound else unsound
        if blind:
            backed = min(backed, stream.backed_through)
        if backed != stream.backed_through:
            news[stream] = backed
    return news


def _write(news: dict[Stream, int]) -> None:
    for stream, backed in news.items():
        Stream.objects.filter(pk=stream.pk).update(backed_through=backed, told=max(stream.told, backed))


def at_risk(backup: Backup, folder: Path) -> list[Risk]:
    """What devices may have deleted that `backup` does not hold, as far as can be known.

    By what the database in use has told them, if there is one; by what it must have told them after its last look at `folder`,
    or at the one in which `backup` lies; and by what it had told them when each of the backups there was made.
    """
    others = [backup for place in {folder, backup.folder.parent} for backup in shelf.find_all(place)]
    told = _told(_in_use())
    known = [shelf.common(other for other in others if other.counts and other.manifest is not None)]
    known += [_told(other.manifest) for other in others]
    for marks in known:
        for key, through in marks.items():
            told[key] = max(through, told.get(key, 0))
    held = shelf.held_by(backup.known)
    return [
        Risk(*key, first=held.get(key, 0) + 1, last=through) for key, through in sorted(told.items()) if through > held.get(key, 0)
    ]


def is_vouched(backup: Backup, folder: Path) -> bool:
    """Whether anybody knows what devices were told since `backup` was made: the shelf on which it counts, the database in use, or
    other backups in `folder` of the same installation.

    A copy that was carried away knows nothing of that, nor does a copy of the shelf: what was made, or retired, at home since.
    """
    if backup.counts and backup.folder.parent.resolve() == folder.resolve():
        return True
    witnesses: list[Contents | Manifest | None] = [other.manifest for other in shelf.find_all(folder) if other.counts]
    return any(_knows(witness, backup.known) for witness in [_in_use(), *witnesses])


def _knows(witness: Contents | Manifest | None, copy: Manifest) -> bool:
    """Whether `witness` is of the installation of `copy`, and not of one that was begun anew: streams are named by chance."""
    if witness is None:
        return False
    epoch = witness.epoch.hex() if isinstance(witness, Contents) else witness.epoch
    streams = {(mark.device, mark.stream) for mark in copy.streams}
    return epoch == copy.epoch or (bool(streams) and streams <= {(mark.device, mark.stream) for mark in witness.streams})


def _told(held: Contents | Manifest | None) -> dict[StreamKey, int]:
    return {(mark.device, mark.stream): max(mark.told, mark.backed_through) for mark in held.streams} if held else {}


def _in_use() -> Contents | None:
    """What the database in use holds; none where there is none, or none that can be read."""
    try:
        with connection.cursor() as cursor:
            return contents.read(lambda statement: (cursor.execute(statement), cursor.fetchall())[1])
    except DatabaseError:
        return None
    finally:
        connection.close()


def _key(stream: Stream) -> StreamKey:
    return stream.device.name, bytes(stream.stream).hex()
