"""The preloaded card and clock (shim.c): built when it is first needed, told what to fail, asked what it counted."""

import mmap
import os
import struct
import subprocess
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from workbench.installation import ROOT

SOURCE: Final = Path(__file__).with_name("shim.c")
BUILT: Final = ROOT / "var" / "torture"
PAGE: Final = 4096
FOR_EVER: Final = 2**63

# Offsets within `struct control`, in 64-bit words.
SYNCS: Final = 0
WRITES: Final = 1
SYNC_RULE: Final = 2
WRITE_RULE: Final = 5
OPEN_RULE: Final = 8
FAILED: Final = 11
REAL_SYNCS: Final = 12
WALL_SHIFT: Final = 13
VOUCHED: Final = 14


class NoCompiler(Exception):
    """One sentence: why the shim could not be built, and what to do."""


def library() -> Path:
    """The shim, compiled unless it is there already. Raises `NoCompiler`."""
    source = SOURCE.read_bytes()
    target = BUILT / f"shim-{sha256(source).hexdigest()[:12]}.so"
    if target.exists():
        return target
    BUILT.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(f".{os.getpid()}")
    command = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(draft), str(SOURCE), "-ldl", "-lpthread"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NoCompiler("There is no gcc to build the card that forgets. On Debian: apt-get install gcc libc6-dev") from None
    if done.returncode != 0:
        raise NoCompiler(f"gcc could not build {SOURCE.name}: {done.stderr.strip()}")
    draft.replace(target)
    return target


class Shim:
    """One program's card: everything below `root` that it does is noted in `journal`; calls fail as they are told to."""

    def __init__(self, root: Path, folder: Path, *, real_syncs: bool = False) -> None:
        """`folder` is for the shim's own files, outside `root`. Raises `NoCompiler`."""
        self.root = root
        self.journal = folder / "journal"
        self._library = library()
        self._control = folder / "control"
        self.journal.write_bytes(b"")
        self._control.write_bytes(bytes(PAGE))
        with self._control.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), PAGE)
        self._set(REAL_SYNCS, int(real_syncs))

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes a program use this card."""
        return {
            "LD_PRELOAD": str(self._library),
            "TORTURE_ROOT": str(self.root),
            "TORTURE_JOURNAL": str(self.journal),
            "TORTURE_CONTROL": str(self._control),
        }

    @property
    def syncs(self) -> int:
        """How often a file or folder has been synced, or was to be."""
        return self._get(SYNCS)

    @property
    def writes(self) -> int:
        """How often something has been written, or was to be."""
        return self._get(WRITES)

    @property
    def failed(self) -> int:
        """How many calls were made to fail."""
        return self._get(FAILED)

    def fail_sync(self, first: int, count: int, number: int) -> None:
        """Syncs `first` (from 1, as `syncs` counts) … `first + count - 1` fail with errno `number`."""
        self._rule(SYNC_RULE, first, count, number)

    def fail_writes(self, first: int, count: int, number: int) -> None:
        """As `fail_sync`, for writes and truncations."""
        self._rule(WRITE_RULE, first, count, number)

    def fail_names(self, number: int) -> None:
        """From now on no file can be opened for writing, made, renamed or removed: errno `number`."""
        self._rule(OPEN_RULE, 1, 1, number)

    def heal(self) -> None:
        """Nothing fails any more."""
        for rule in (SYNC_RULE, WRITE_RULE, OPEN_RULE):
            self._rule(rule, 0, 0, 0)

    def set_clock(self, shift: int, *, vouched: bool) -> None:
        """From now on the program's wall clock is wrong by `shift` seconds, and the kernel vouches for it or doesn't."""
        struct.pack_into("=q", self._shared, 8 * WALL_SHIFT, shift)
        self._set(VOUCHED, 1 if vouched else 2)

    def close(self) -> None:
        """Lets go of the shared file."""
        self._shared.close()

    def _rule(self, place: int, first: int, count: int, number: int) -> None:
        self._set(place, 0)  # the call that reads it meanwhile sees no rule
        self._set(place + 1, count)
        self._set(place + 2, number)
        self._set(place, first)

    def _get(self, place: int) -> int:
        return int(struct.unpack_from("=Q", self._shared, 8 * place)[0])

    def _set(self, place: int, value: int) -> None:
        struct.pack_into("=Q", self._shared, 8 * place, value)
