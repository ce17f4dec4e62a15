"""`./vidhuk docs`: where the documents are, and everything that is drawn or written out of the code."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = {"screens": "workbench.sheets", "assets": "workbench.artwork", "schema": "wire.describe"}
WHAT = {
    "list": "the documents and their titles",
    "screens": "pictures of every screen of the kiosk",
    "assets": "faces and icons, from their drawings",
    "schema": "wire/schema, from the structs",
}


def main(argv: Sequence[str]) -> int:
    """Lists the documents with their titles, or hands over to the program that makes one kind of them."""
    if argv and argv[0] in PROGRAMS:
        return subprocess.call([sys.executable, "-P", "-m", PROGRAMS[argv[0]], *argv[1:]])
    parser = argparse.ArgumentParser(
        prog="./vidhuk docs",
        description="Lists the documents; or makes anew what is made out of the code.",
        epilog="\n".join(f"  {name.ljust(10)}{text}" for name, text in WHAT.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=tuple(WHAT), default="list", help="see below; list is the default")
    parser.parse_args(argv)
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
