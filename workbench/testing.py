"""`./vidhuk test`: lint, then every suite. pytest's closing line is the last thing printed."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from workbench import lint

ROOT = Path(__file__).resolve().parent.parent


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
        [sys.executable, "-m", "pytest", *for_pytest],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return tested or linted
