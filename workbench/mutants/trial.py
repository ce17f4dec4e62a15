"""Tries faults out: a copy of the project for each worker, one fault at a time, and the one test that must notice it."""

import os
import queue
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from workbench.mutants.fault import Fault, FaultTrouble

KEPT_OUT: Final = shutil.ignore_patterns(".*", "var", "build", "__pycache__", "*.pyc")
"""What is made, fetched or remembered. A stale *.pyc would hide a fault."""
OTHERS: Final = ("DJANGO_", "VIDHUK_", "DATABASE_URL", "PYTEST_")
"""Variables, by their beginnings, that a run of tests sets for itself: they would lead its copy's run elsewhere."""
PATIENCE_S: Final = 90.0
"""A test that takes longer than this has not noticed anything."""
IN_FULL: Final = ("-o", "verbosity_assertions=2")
"""What was found is told to its end, because it says why a test fails."""
NOTICED: Final = 1
"""pytest's exit code when tests failed; 2 to 5 say that they could not be run."""


class Verdict(NamedTuple):
    """Whether the fault's test has failed, and if not, the end of what pytest said."""

    fault: Fault
    caught: bool
    said: str = ""


@contextmanager
def trees(root: Path, folder: Path, count: int) -> Iterator["queue.SimpleQueue[Path]"]:
    """`count` copies of the project below `folder`, to be taken and put back."""
    copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for number in range(count):
        copy = folder / f"tree-{number}"
        shutil.copytree(root, copy, ignore=KEPT_OUT, symlinks=True)
        copies.put(copy)
    yield copies


def require_sound(tree: Path, faults: Iterable[Fault]) -> None:
    """Raises `FaultTrouble` unless every test that is named passes while nothing is wrong: what fails anyway notices nothing."""
    done = _pytest(tree, sorted({fault.test for fault in faults}), first_only=False)
    if done.returncode != 0:
        raise FaultTrouble(f"Some tests fail without any fault:\n{_tail(done.stdout)}")


def try_all(
    copies: "queue.SimpleQueue[Path]", faults: Sequence[Fault], jobs: int, heard: Callable[[Verdict], None]
) -> list[Verdict]:
    """Tries `faults`, `jobs` at a time; `heard` hears of each as it is known, on one thread after the other."""

    def one(fault: Fault) -> Verdict:
        tree = copies.get()
        try:
            verdict = try_one(tree, fault)
        finally:
            copies.put(tree)
        heard(verdict)
        return verdict

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, faults))


def try_one(tree: Path, fault: Fault) -> Verdict:
    """Brings `fault` into `tree`, runs its test, and takes it out again."""
    faulty = fault.changed(tree)
    sound = {file: (tree / file).read_text() for file in faulty}
    _write(tree, faulty)
    try:
        done = _pytest(tree, [fault.test], first_only=True)
    except subprocess.TimeoutExpired:
        return Verdict(fault, False, f"  the test had not ended after {PATIENCE_S:.0f} s")
    finally:
        _write(tree, sound)
    caught = done.returncode == NOTICED and f"FAILED {fault.test}" in done.stdout and fault.said in done.stdout
    return Verdict(fault, caught, "" if caught else _tail(done.stdout))


def _write(tree: Path, files: Mapping[str, str]) -> None:
    for file, source in files.items():
        (tree / file).write_text(source)


def _pytest(tree: Path, tests: Sequence[str], *, first_only: bool) -> "subprocess.CompletedProcess[str]":
    ours = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
    environment = {**ours, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    # One database is enough: the faults are in what both have in common.
    words = [
        "-q",
        "-rf",
        "--tb=line",
        *IN_FULL,
        "-p",
        "no:cacheprovider",
        "-k",
        "not postgresql",
        *(["-x"] if first_only else []),
        *tests,
    ]
    return subprocess.run(
        [sys.executable, "-P", "-m", "pytest", *words],
        cwd=tree,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S * (1 if first_only else 10),
        check=False,
    )


def _tail(said: str) -> str:
    return "\n".join(f"  {line}" for line in said.strip().splitlines()[-12:])
