"""`./vidhuk docs`: where the documents are, pictures of every screen, and the drawings that the kiosk shows."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = {"screens": "workbench.sheets", "assets": "workbench.artwork"}


def main(argv: Sequence[str]) -> int:
    """Lists the documents with their titles, or draws the screens."""
    parser = argparse.ArgumentParser(
        prog="./vidhuk docs", description="Lists the documents; or draws every screen of the kiosk, or its faces and icons."
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=("list", *PROGRAMS),
        default="list",
        help="list (the default); screens: pictures of every screen; assets: faces and icons anew from their drawings",
    )
    options, rest = parser.parse_known_args(argv)
    if options.what in PROGRAMS:
        return subprocess.call([sys.executable, "-P", "-m", PROGRAMS[options.what], *rest])
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    for document in documents(ROOT):
        print(f"{document.relative_to(ROOT)}: {title(document)}")
    return 0


def documents(root: Path) -> list[Path]:
    """Every document a person is meant to read: those at the top and those in docs/."""
    return sorted(root.glob("*.md")) + sorted((root / "docs").rglob("*.md"))


def title(document: Path) -> str:
    """A document's first heading; its file's name where it has none."""
    with document.open(encoding="utf-8") as lines:
        return next((line.lstrip("# ").strip() for line in lines if line.startswith("#")), document.stem)
