"""What a kiosk has installed, and what only this checkout has: libraries take up what they find, at the price of a slower start."""

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

from workbench.installation import ROOT

LOCK: Final = ROOT / "deploy" / "locks" / "kiosk.txt"
OURS: Final = "vidhuk"

_pinned = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==", re.MULTILINE)


def foreign_modules() -> list[str]:
    """Top-level modules that this environment has and no kiosk: of distributions that are not in the kiosk's lock."""
    locked = {_canonical(name) for name in _pinned.findall(LOCK.read_text(encoding="utf-8"))} | {OURS}
    return sorted(
        module
        for module, distributions in packages_distributions().items()
        if module not in sys.stdlib_module_names and not any(_canonical(name) in locked for name in distributions)
    )


def hide_foreign(folder: Path) -> Path:
    """Makes in `folder` what, first on PYTHONPATH, leaves a Python with the modules that a kiosk has. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    hidden = f"import sys\n\nsys.modules.update(dict.fromkeys({foreign_modules()!r}))\n"
    (folder / "sitecustomize.py").write_text(hidden, encoding="utf-8")
    return folder


def _canonical(name: str) -> str:
    """A distribution's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()
