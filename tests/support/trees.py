"""Copies of the checkout, for tests that put a fault into the code and see that it is found."""

import shutil
from pathlib import Path

from workbench.installation import ROOT


def tree_with(folder: Path, *rooms: str) -> Path:
    """A copy of `rooms` below `folder`, to be changed and run."""
    tree = folder / "tree"
    for room in rooms:
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    return tree
