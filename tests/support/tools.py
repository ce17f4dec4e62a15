"""Finding the real tools that tests stand on."""

import shutil
from pathlib import Path


class ToolMissing(Exception):
    """A tool that the tests need is not installed; the message names the Debian package."""


def find_tool(name: str, package: str, *folders: str) -> str:
    """The path of a program, looked for in PATH, the system folders and `folders`; ToolMissing when it is nowhere."""
    found = shutil.which(name)
    for folder in ("/usr/sbin", "/usr/local/sbin", *folders):
        found = found or shutil.which(name, path=folder)
    if found is None:
        raise ToolMissing(f"{name} is not installed; the Debian package is {package} (./vidhuk test installs it)")
    return found


def postgresql_folder() -> str:
    """Debian's folder of PostgreSQL server programs, the newest version there is."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not versions:
        raise ToolMissing("initdb is not installed; the Debian package is postgresql (./vidhuk test installs it)")
    return str(versions[-1].parent)
