"""Importing opens nothing: no window, and for most of it not even the toolkit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NEEDS_TOOLKIT = {f"kiosk.screen.{name}" for name in ("painter", "textures", "ruler", "plainface", "plainicon")}
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "kiosk" / "screen").rglob("*.py")
    if path.stem != "__init__"
)


def modules_after(code: str, home: Path, **env: str) -> list[str]:
    """The names of all modules that a new interpreter has loaded after `code`."""
    script = f"{code}\nimport sys\nprint(*sys.modules, sep='\\n')"
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("KIVY", "DISPLAY", "WAYLAND"))}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**clean, "HOME": str(home), **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("module", [name for name in MODULES if name not in NEEDS_TOOLKIT])
def test_a_module_loads_without_the_toolkit(module: str, tmp_path: Path) -> None:
    loaded = modules_after(f"import {module}", tmp_path)
    assert module in loaded
    assert "kivy" not in loaded


def test_the_painter_loads_without_a_window_and_leaves_no_traces(tmp_path: Path) -> None:
    state = tmp_path / "state"
    home = tmp_path / "home"
    home.mkdir()
    code = f"""
from pathlib import Path
from kiosk.screen.settings import ScreenSettings
from kiosk.screen.toolkit import prepare
prepare(ScreenSettings(state_dir=Path({str(state)!r})))
import kiosk.screen.painter
from kivy.clock import Clock
assert Clock._max_fps == 0, "the clock would hold frames back"
from kivy.lang import Builder
assert not Builder.rules, "style rules were loaded"
"""
    loaded = modules_after(code, home)
    assert "kivy.core.window" not in loaded
    assert "PIL" not in loaded
    assert list(home.iterdir()) == []
    assert list((state / "kivy").iterdir()) == []


def test_no_window_where_there_is_no_display(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from kiosk.screen.app import TouchScreen
from kiosk.screen.settings import ScreenSettings
from kiosk.texts import Texts
from workbench.sheets import StillClock
try:
    TouchScreen(ScreenSettings(state_dir=Path({str(tmp_path)!r})), clock=StillClock(), texts=Texts((), print), report=print)
except RuntimeError as refused:
    assert "display" in str(refused), refused
else:
    raise AssertionError("it opened a window nowhere")
"""
    assert modules_after(code, tmp_path, SDL_VIDEODRIVER="offscreen")
