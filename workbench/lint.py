"""`./vidhuk lint`: ruff, mypy --strict and the import contracts. Each check says one line; a failing one shows what it found."""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Check:
    """One linter: its plain name, the module that runs it, its arguments and those that let it mend what it can."""

    name: str
    argv: tuple[str, ...]
    fixing: tuple[str, ...] = ()


# lint-imports has no `-m` form.
IMPORT_LINTER = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"

CHECKS = (
    Check("ruff check", ("-m", "ruff", "check", "."), ("--fix",)),
    Check("ruff format", ("-m", "ruff", "format", "."), ()),
    Check("mypy --strict (wire, kiosk, workbench)", ("-m", "mypy")),
    Check("mypy --strict (server)", ("-m", "mypy", "--config-file", "sync_server/mypy.ini")),
    Check("import contracts", ("-c", IMPORT_LINTER)),
)


def main(argv: Sequence[str]) -> int:
    """Runs every check, however many fail, and returns 0 only when all are clean."""
    parser = argparse.ArgumentParser(
        prog="./vidhuk lint", description="Runs ruff, mypy --strict and the import contracts of pyproject.toml."
    )
    parser.add_argument("--fix", action="store_true", help="let ruff mend and format what it can first")
    options = parser.parse_args(argv)
    failed = [check.name for check in CHECKS if not passes(check, fix=options.fix)]
    if failed:
        print(f"lint: {len(failed)} of {len(CHECKS)} checks found something: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def passes(check: Check, *, fix: bool) -> bool:
    """Runs one check; prints its verdict, and its findings when there are any."""
    extra = check.fixing if fix else ()
    if check.name == "ruff format" and not fix:
        extra = ("--check",)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, *check.argv, *extra],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    clean = done.returncode == 0
    print(f"lint: {check.name}: {'clean' if clean else 'found something'} ({time.monotonic() - began:.1f} s)", flush=True)
    if not clean:
        print(done.stdout.rstrip(), flush=True)
    return clean
