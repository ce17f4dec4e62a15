"""What running programs take: memory, processor time, threads and open files, as the kernel counts them. Linux only."""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

PROC: Final = Path("/proc")


class Usage(NamedTuple):
    """What a program takes, all its processes. What several have mapped: `pss_mib` shares it out, `rss_mib` counts it to each."""

    pss_mib: float
    rss_mib: float
    threads: int
    files: int


def family(pid: int) -> list[int]:
    """The process, what descends from it, and what still shares its session: a program that has split itself into many."""
    parents: dict[int, int] = {}
    found = {pid}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                _, parent, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                parents[int(entry.name)] = int(parent)
                if int(session) == pid:
                    found.add(int(entry.name))
    grown = True
    while grown:
        more = {child for child, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return sorted(found)


def usage(pids: Sequence[int]) -> Usage:
    """What they take now. One that ends meanwhile counts for nothing."""
    pss = rss = threads = files = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            counted = dict(_fields(PROC / str(pid) / "smaps_rollup"))
            threads += dict(_fields(PROC / str(pid) / "status"))["Threads"]
            files += sum(1 for _ in (PROC / str(pid) / "fd").iterdir())
            pss += counted["Pss"]
            rss += counted["Rss"]
    return Usage(pss / 1024, rss / 1024, threads, files)


def others_running(pid: int) -> list[int]:
    """Processes outside the family of `pid` that run the same program: what they have mapped too counts less as anybody's PSS."""
    program = _program(pid)
    ours = set(family(pid))
    every = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return sorted(other for other in every if other not in ours and program is not None and _program(other) == program)


def processor_s(pids: Sequence[int]) -> float:
    """Seconds of processor time they have had, by the kernel's clock of each: /proc counts in hundredths, too coarse here."""
    taken = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            taken += time.clock_gettime((~pid << 3) | 2)  # CPUCLOCK_SCHED of that process, as clock_getcpuclockid(3) makes it
    return taken


def _program(pid: int) -> tuple[int, int] | None:
    """The file that a process runs, by device and inode; None for one that has ended, and for one of the kernel's."""
    with contextlib.suppress(OSError):
        found = (PROC / str(pid) / "exe").stat()
        return found.st_dev, found.st_ino
    return None


def _fields(file: Path) -> list[tuple[str, int]]:
    """The lines `Name:  123 kB` of one of the kernel's files."""
    found = []
    for line in file.read_text().splitlines():
        name, _, rest = line.partition(":")
        value = rest.split()[:1]
        if value and value[0].isdigit():
            found.append((name, int(value[0])))
    return found
