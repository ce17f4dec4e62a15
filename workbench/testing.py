"""`./vidhuk test`: lint, then every suite. pytest's closing line is the last thing printed.

Most tests wait for real processes, so that whole runs are shared out between workers, a file to one worker at a time: fixtures of
a module (a running server, a browser) are made once as ever. Nothing that two workers use may then have a fixed name or port.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from workbench import lint

ROOT = Path(__file__).resolve().parent.parent
FEWEST_WORKERS: Final = 2
MOST_WORKERS: Final = 4
"""Each has a PostgreSQL and a Chromium of its own."""
SPEAKS_OF_WORKERS: Final = ("-n", "--numprocesses", "--dist", "--pdb", "--trace", "-s", "--capture=no", "--help", "-h")


def main(argv: Sequence[str]) -> int:
    """Runs lint and pytest; lint's findings never hide the tests' own. Returns 0 only when both are clean."""
    parser = argparse.ArgumentParser(
        prog="./vidhuk test",
        description="Runs lint and every test. Whatever else is given goes to pytest: a path, -k, -m, -x, --lf …",
        allow_abbrev=False,
    )
    parser.add_argument("--no-lint", action="store_true", help="only pytest")
    options, for_pytest = parser.parse_known_args(argv)
    linted = 0 if options.no_lint else lint.main([])
    if linted:
        print("The tests run all the same; this run counts as failed.", flush=True)
    tested = subprocess.call(
        [sys.executable, "-m", "pytest", *sharing(for_pytest, cores=len(os.sched_getaffinity(0))), *for_pytest],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return tested or linted


def sharing(for_pytest: Sequence[str], *, cores: int) -> list[str]:
    """pytest's words for workers: none where single files are asked for, or whoever asks has said something about workers."""
    if any(word.startswith(SPEAKS_OF_WORKERS) or (ROOT / word.partition("::")[0]).is_file() for word in for_pytest):
        return []
    workers = max(FEWEST_WORKERS, min(MOST_WORKERS, cores))
    return ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]
