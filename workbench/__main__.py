"""`python -m workbench COMMAND …`: what the launcher starts once everything is installed. It only passes on."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The two sides and the benchmarks are programs of their own; the launcher's process becomes them.
PROGRAMS = {"kiosk": "kiosk", "server": "sync_server", "bench": "workbench.bench"}


def main(argv: list[str]) -> int:
    """Runs one command and returns its exit code."""
    command, arguments = argv[0], argv[1:]
    if command in PROGRAMS:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-P", "-m", PROGRAMS[command], *arguments])
    # Imported late: help for one command must not wait for what another one needs.
    if command == "demo":
        from workbench import demo

        return demo.main(arguments)
    if command == "lint":
        from workbench import lint

        return lint.main(arguments)
    if command == "test":
        from workbench import testing

        return testing.main(arguments)
    if command == "docs":
        from workbench import docs

        return docs.main(arguments)
    sys.stderr.write(f"There is no command {command!r}. `./vidhuk --help` lists them.\n")
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
