"""Cards that lose what was not synced, as Python sees them: `card.c` compiled at first use, and names that change beside SQLite.

SQLite's own writes pass through the VFS. What the ledger does to names with `pathlib` (a damaged file is put aside, a folder is
synced) is heard by an audit hook, which sees each of these before it happens and can refuse it: then the power is gone.
"""

import ctypes
import errno
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from workbench.installation import ROOT

SOURCE: Final = Path(__file__).with_name("card.c")
BUILT: Final = ROOT / "var" / "simulation"
VFS: Final = "vidhuk-card"
NOW: Final = 0
NEVER: Final = -1


class NoCompiler(Exception):
    """One sentence: why there are no cards here, and what to do."""


@cache
def library() -> ctypes.CDLL:
    """The compiled VFS, registered with the SQLite that Python uses. Raises `NoCompiler`."""
    name = f"card-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    path = BUILT / name
    if not path.exists():
        BUILT.mkdir(parents=True, exist_ok=True)
        made = path.with_suffix(f".{os.getpid()}")
        argv = ["gcc", "-O2", "-shared", "-fPIC", "-o", str(made), str(SOURCE), "-lsqlite3"]
        try:
            subprocess.run(argv, check=True, capture_output=True, text=True)
        except FileNotFoundError:
            raise NoCompiler("There is no gcc: apt-get install gcc libc6-dev libsqlite3-dev.") from None
        except subprocess.CalledProcessError as fault:
            raise NoCompiler(f"{SOURCE.name} cannot be compiled (is libsqlite3-dev installed?): {fault.stderr.strip()}") from None
        made.replace(path)
    found = ctypes.CDLL(str(path))
    number, text, long = ctypes.c_int, ctypes.c_char_p, ctypes.c_int64
    for function, arguments in {
        "card_insert": [text],
        "card_eject": [number],
        "card_cut": [number, long],
        "card_fail": [number, long, number],
        "card_fill": [number, number],
        "card_dead": [number],
        "card_full_hits": [number],
        "card_fail_hits": [number],
        "card_rename": [number, text, text],
        "card_folder": [number, text],
        "card_created": [number, text],
        "card_remove": [number, text],
        "card_sync_folder": [number, text],
        "card_restart": [number, number, ctypes.c_uint64],
    }.items():
        getattr(found, function).argtypes = arguments
    found.card_restart.restype = found.card_fill.restype = found.card_fail.restype = found.card_cut.restype = None
    found.card_register()
    try:
        sqlite3.connect(f"file::memory:?vfs={VFS}", uri=True).close()
    except sqlite3.OperationalError:
        raise NoCompiler("This Python carries an SQLite of its own; take one that uses the system's, as Debian's does.") from None
    sys.addaudithook(_heard)
    return found


class Refusals(NamedTuple):
    """Writes that found no room, and syncs that failed."""

    full: int = 0
    syncs: int = 0


class Card:
    """One card, in a folder of its own. `closed` things only: whoever has a file of it open closes it before `restart`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._library = library()
        self._number = self._library.card_insert(str(folder).encode())
        if self._number < 0:
            raise RuntimeError("too many cards at once")
        _cards[str(folder)] = self

    def connect(self, path: Path, timeout: float = 0.0) -> sqlite3.Connection:
        """Opens a database on this card, as the ledger wants it opened."""
        return sqlite3.connect(f"file:{path}?vfs={VFS}", uri=True, timeout=timeout, check_same_thread=False)

    @property
    def dead(self) -> bool:
        """Whether the power is gone."""
        return bool(self._library.card_dead(self._number))

    @property
    def refusals(self) -> Refusals:
        """What it has refused so far."""
        call, number = self._library, self._number
        return Refusals(call.card_full_hits(number), call.card_fail_hits(number))

    def cut(self, after: int = NOW) -> None:
        """The power goes at the `after`-th operation from now on, or never."""
        self._library.card_cut(self._number, after)

    def fail_syncs(self, after: int, count: int) -> None:
        """From the `after`-th sync on, `count` of them fail and what they should have written is lost at the next cut."""
        self._library.card_fail(self._number, after, count)

    def fill(self, full: bool) -> None:
        """Whether files can grow no more."""
        self._library.card_fill(self._number, int(full))

    def restart(self, *, lossy: bool, seed: int) -> None:
        """The power is back. After a cut (`lossy`) only what was synced is there for sure."""
        self._library.card_restart(self._number, int(lossy), seed & (2**64 - 1))

    def copy(self, folder: Path) -> None:
        """What an image of this card holds, taken while it is in no device."""
        with _unheard():
            shutil.copytree(self.folder, folder)

    def write(self, folder: Path) -> None:
        """Puts an image onto this card in place of all it held. It must be in no device."""
        with _unheard():
            shutil.rmtree(self.folder)
            shutil.copytree(folder, self.folder)

    def eject(self) -> None:
        """Nobody uses it any more."""
        _cards.pop(str(self.folder), None)
        self._library.card_eject(self._number)

    def changes(self, event: str, arguments: tuple[Any, ...]) -> None:
        """A name is about to change by other means than SQLite. Raises `OSError` when there is no power for it."""
        call, number = self._library, self._number
        first = os.fsencode(arguments[0])
        if event == "os.rename":
            refused = call.card_rename(number, first, os.fsencode(arguments[1]))
        elif event == "os.remove":
            refused = call.card_remove(number, first)
        elif event == "os.mkdir":
            refused = not os.path.exists(first) and call.card_folder(number, first)
        elif arguments[2] & os.O_DIRECTORY:
            refused = call.card_sync_folder(number, first)  # nobody opens a folder here but to sync it
        elif arguments[2] & (os.O_WRONLY | os.O_RDWR):
            refused = not os.path.exists(first) and call.card_created(number, first)
        else:
            refused = self.dead
        if refused:
            raise OSError(errno.EIO, "the power is gone", os.fsdecode(first))


_cards: Final[dict[str, Card]] = {}
_HEARD: Final = frozenset({"os.rename", "os.remove", "os.mkdir", "open"})
_deaf = [False]


@contextmanager
def _unheard() -> Iterator[None]:
    """What the simulator itself does to cards is as durable as anything."""
    _deaf[0] = True
    try:
        yield
    finally:
        _deaf[0] = False


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _HEARD or not _cards or _deaf[0] or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    path = os.fsdecode(arguments[0])
    for folder, card in _cards.items():
        if path == folder or path.startswith(folder + "/"):
            card.changes(event, arguments)
            return
