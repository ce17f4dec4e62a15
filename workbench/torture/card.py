"""What a power cut leaves of a folder: only what was synced for certain, and of the rest whatever chance lets through.

Strict where POSIX is: syncing a file makes its contents durable and not its name; names are durable once their folder was synced.
What was not synced survives in part, in pieces of sectors and in any order. A sync that failed has forgotten what it should have
written, and a later one that succeeds does not bring it back, as on Linux.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from workbench.torture.journal import Kind, Record

SECTOR: Final = 512
GARBAGE_BYTES: Final = 32_768
MAPPED: Final = "-shm"
"""How the names of files end that SQLite maps into memory and builds anew: what they hold after a cut is anybody's guess."""
TORN: Final = 0.02
"""How often a sector that survives is itself torn."""


class Unmodelled(Exception):
    """The program did something to its card that this model knows nothing about, so nothing it says would be worth anything."""


@dataclass(slots=True)
class Change:
    """A write at `at`, or a truncation to `at` bytes where `data` is None. `doubtful`: a sync failed over it."""

    at: int
    data: bytes | None
    doubtful: bool = False


@dataclass(slots=True, eq=False)
class File:
    """`durable` is certain to survive; `pending` is what came since, in order."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)
    mapped: bool = False

    def sync(self) -> None:
        """Everything is certain now, but for what an earlier sync has lost."""
        left: list[Change] = []
        for change in self.pending:
            if change.doubtful and change.data is not None:
                left.append(change)
                continue
            # A length is the file system's own business, and no failed sync loses it.
            _apply(self.durable, change)
            end = None if change.data is None else change.at + len(change.data)
            left = [piece for lost in left for piece in _outside(lost, change.at, end)]
        self.pending = left

    def lose(self) -> None:
        """A sync failed: nobody will ever write what waits."""
        for change in self.pending:
            change.doubtful = True

    def survivor(self, chance: Random, share: float, *, in_order: bool) -> bytes:
        """What is found after a cut, if `share` of what was not synced survives: a beginning of it, or any of it."""
        content = bytearray(self.durable)
        kept = round(share * len(self.pending)) if in_order else 0
        longest = len(content)
        for place, change in enumerate(self.pending):
            if in_order:
                if place < kept:
                    _apply(content, change)
                continue
            for piece in _sectors(change):
                if chance.random() < share:
                    if piece.data is not None and len(piece.data) > 1 and chance.random() < TORN:
                        piece.data = piece.data[: chance.randrange(1, len(piece.data))]
                    _apply(content, piece)
                elif piece.data is not None:
                    longest = max(longest, piece.at + len(piece.data))
        if not in_order and longest > len(content) and chance.random() < share:
            content.extend(bytes(longest - len(content)))  # the length got through, what should be there did not
        return bytes(content)


@dataclass(slots=True, eq=False)
class Naming:
    """A name in a folder comes to mean `node`, or nothing. The two halves of a rename share `act`, and survive together or not."""

    name: str
    node: "File | Folder | None"
    act: int


@dataclass(slots=True, eq=False)
class Folder:
    """`durable` names are certain to survive; `live` is what the program sees."""

    durable: dict[str, "File | Folder"] = field(default_factory=dict)
    live: dict[str, "File | Folder"] = field(default_factory=dict)
    pending: list[Naming] = field(default_factory=list)

    def sync(self) -> None:
        """All its names are certain now."""
        for naming in self.pending:
            _name(self.durable, naming)
        self.pending = []


class Card:
    """A folder as it was, and what has happened to it since. Feed it records in order; `cut` at any moment, as often as wanted."""

    def __init__(self, root: Path) -> None:
        """`root` as it is now is taken as durable."""
        self._root = root.resolve()
        self._prefix = str(self._root).encode() + b"/"
        self._inodes: dict[int, File | Folder] = {}
        self._acts = 0
        self._top = self._take(self._root)

    def feed(self, records: Iterable[Record]) -> None:
        """Does to the card what was done. Raises `Unmodelled`."""
        for record in records:
            self._do(record)

    def cut(self, chance: Random, target: Path) -> str:
        """Writes into `target`, a folder that must not be there yet, what a cut at this moment could leave. Says how it chose."""
        manner = chance.choice(("nothing", "everything", "in order", "any", "any"))
        share = {"nothing": 0.0, "everything": 1.0}.get(manner, chance.random())
        in_order = manner != "any"
        acts = sorted({naming.act for folder in self._folders(self._top) for naming in folder.pending})
        kept = set(acts[: round(share * len(acts))]) if in_order else {act for act in acts if chance.random() < share}
        self._lay(self._top, target, kept, chance, share, in_order)
        return f"{manner} ({share:.2f})"

    # --- what happens ---

    def _do(self, record: Record) -> None:
        match record.kind:
            case Kind.WRITE:
                self._file(record).pending.append(Change(record.offset, record.first))
            case Kind.TRUNCATE:
                self._file(record).pending.append(Change(record.offset, None))
            case Kind.SYNC:
                self._inodes[record.inode].sync()
            case Kind.SYNC_FAILED:
                node = self._inodes[record.inode]
                if isinstance(node, File):
                    node.lose()
            case Kind.SYNC_ALL:
                for folder in self._folders(self._top):
                    folder.sync()
                for node in self._inodes.values():
                    node.sync()
            case Kind.CREATE | Kind.MKDIR:
                node = File() if record.kind is Kind.CREATE else Folder()
                self._inodes[record.inode] = node
                self._rename(self._act(), (record.first, node))
            case Kind.UNLINK | Kind.RMDIR:
                self._rename(self._act(), (record.first, None))
            case Kind.RENAME:
                folder, name = self._at(record.first)
                self._rename(self._act(), (record.second, folder.live[name]), (record.first, None))
            case Kind.LINK:
                folder, name = self._at(record.first)
                self._rename(self._act(), (record.second, folder.live[name]))
            case Kind.MAP_SHARED_WRITABLE:
                self._file(record).mapped = True
            case Kind.MARK:
                pass
            case _:
                raise Unmodelled(f"{record.kind.name} {record.first!r}")

    def _file(self, record: Record) -> File:
        node = self._inodes.get(record.inode)
        if not isinstance(node, File):
            raise Unmodelled(f"{record.kind.name} to inode {record.inode}, which is no file here")
        return node

    def _act(self) -> int:
        self._acts += 1
        return self._acts

    def _rename(self, act: int, *names: tuple[bytes, "File | Folder | None"]) -> None:
        for path, node in names:
            folder, name = self._at(path)
            naming = Naming(name, node, act)
            folder.pending.append(naming)
            _name(folder.live, naming)

    def _at(self, path: bytes) -> tuple[Folder, str]:
        if not path.startswith(self._prefix):
            raise Unmodelled(f"{path!r} is outside the folder")
        *way, name = path[len(self._prefix) :].decode().split("/")
        folder = self._top
        for step in way:
            below = folder.live.get(step)
            if not isinstance(below, Folder):
                raise Unmodelled(f"{path!r}: {step} is no folder")
            folder = below
        return folder, name

    # --- the folder as it was, and as it is found ---

    def _take(self, path: Path) -> Folder:
        folder = Folder()
        self._inodes[path.stat().st_ino] = folder
        for entry in path.iterdir():
            if entry.is_dir():
                folder.durable[entry.name] = self._take(entry)
            elif entry.is_file():
                known = self._inodes.get(entry.stat().st_ino)  # two names for one file
                node = known if isinstance(known, File) else File(bytearray(entry.read_bytes()))
                self._inodes[entry.stat().st_ino] = node
                folder.durable[entry.name] = node
        folder.live = dict(folder.durable)
        return folder

    def _folders(self, folder: Folder) -> list[Folder]:
        nodes = [*folder.live.values(), *folder.durable.values(), *(naming.node for naming in folder.pending)]
        below = {id(node): node for node in nodes if isinstance(node, Folder)}
        return [folder, *(deeper for node in below.values() for deeper in self._folders(node))]

    def _lay(self, folder: Folder, target: Path, kept: set[int], chance: Random, share: float, in_order: bool) -> None:
        target.mkdir(mode=0o700)
        names = dict(folder.durable)
        for naming in folder.pending:
            if naming.act in kept:
                _name(names, naming)
        for name, node in names.items():
            if isinstance(node, Folder):
                self._lay(node, target / name, kept, chance, share, in_order)
            elif not node.mapped:
                (target / name).write_bytes(node.survivor(chance, share, in_order=in_order))
                (target / name).chmod(0o600)
            elif not name.endswith(MAPPED):
                raise Unmodelled(f"{name} is mapped into memory and written there")
            elif chance.random() < 0.5:
                (target / name).write_bytes(chance.choice((b"", bytes(GARBAGE_BYTES), chance.randbytes(GARBAGE_BYTES))))


def replace_folder(target: Path, image: Path) -> None:
    """`target` becomes what is in `image`."""
    shutil.rmtree(target)
    image.rename(target)


def _name(names: dict[str, File | Folder], naming: Naming) -> None:
    if naming.node is None:
        names.pop(naming.name, None)
    else:
        names[naming.name] = naming.node


def _apply(content: bytearray, change: Change) -> None:
    if change.data is None:
        del content[change.at :]
        content.extend(bytes(change.at - len(content)))
        return
    end = change.at + len(change.data)
    if end > len(content):
        content.extend(bytes(end - len(content)))
    content[change.at : end] = change.data


def _sectors(change: Change) -> list[Change]:
    """The pieces of a write that reach a card one by one; a truncation is one."""
    if change.data is None:
        return [change]
    pieces, start, end = [], change.at, change.at + len(change.data)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        pieces.append(Change(start, change.data[start - change.at : stop - change.at]))
        start = stop
    return pieces


def _outside(change: Change, start: int, end: int | None) -> list[Change]:
    """What is left of a doubtful write once everything from `start` to `end` (None: for ever) has been decided anew."""
    assert change.data is not None
    pieces = [(change.at, change.data[: max(0, start - change.at)])]
    if end is not None:
        skipped = max(0, end - change.at)
        pieces.append((change.at + skipped, change.data[skipped:]))
    return [Change(at, data, True) for at, data in pieces if data]
