"""Sets Kivy up the way a kiosk needs it, before anything of Kivy is imported. Kivy reads all of this from the environment."""

import importlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from kiosk.screen.desktop import bare_display_size
from kiosk.screen.settings import ScreenSettings

HERE: Final = Path(__file__).resolve().parent


def prepare(settings: ScreenSettings) -> None:
    """Only SDL2, no command line of Kivy's own, no file outside the state directory, one frame only when something has changed.

    Raises RuntimeError when Kivy was imported before with other settings: it cannot be set up twice.
    """
    if "kivy" in sys.modules:
        if os.environ.get("KIVY_NO_CONFIG") != "1":
            raise RuntimeError("Kivy was imported before the screen could set it up")
    else:
        home = settings.state_dir / "kivy"
        home.mkdir(parents=True, exist_ok=True)
        os.environ.update(
            KIVY_NO_ARGS="1",
            KIVY_NO_CONFIG="1",  # it neither reads nor writes a configuration file
            KIVY_NO_FILELOG="1",
            KIVY_LOG_MODE="PYTHON",  # otherwise it takes standard error away from everybody
            KIVY_HOME=str(home),
            KIVY_WINDOW="sdl2",
            KIVY_IMAGE="sdl2",
            KIVY_TEXT="sdl2",
            KIVY_CLIPBOARD="dummy",
            KIVY_METRICS_DENSITY="1",
            KIVY_DPI="96",
        )
    from kivy.config import Config

    if settings.fullscreen and (whole := bare_display_size()) is not None:
        settings = replace(settings, fullscreen=False, borderless=True, position=(0, 0), size=whole)
    width, height = settings.size
    graphics = {
        "width": width,
        "height": height,
        "fullscreen": "auto" if settings.fullscreen else 0,
        "borderless": int(settings.borderless),
        "position": "auto" if settings.position is None else "custom",
        "left": 0 if settings.position is None else settings.position[0],
        "top": 0 if settings.position is None else settings.position[1],
        "resizable": 0,
        "show_cursor": int(settings.show_pointer),
        "multisamples": 0,  # every shape smooths its own edge
        "maxfps": 0,  # the loop waits for events, never for a frame's turn
        "allow_screensaver": 0,
    }
    for name, value in graphics.items():
        Config.set("graphics", name, str(value))
    for name, value in {"exit_on_escape": 0, "pause_on_minimize": 0, "desktop": 1}.items():
        Config.set("kivy", name, str(value))
    Config.remove_section("input")
    Config.add_section("input")
    _skip_style_rules()  # only now: it imports Kivy's clock, which reads `maxfps` once and would hold every frame back by 16 ms


def _skip_style_rules() -> None:
    """Kivy's builder loads `style.kv` from the data folder while it is imported: for that moment the folder is ours."""
    if "kivy.lang.builder" in sys.modules:
        return
    kivy: Any = importlib.import_module("kivy")
    importlib.import_module("kivy.resources")  # reads the folder too, and must get the real one
    kept = kivy.kivy_data_dir
    kivy.kivy_data_dir = str(HERE)
    try:
        importlib.import_module("kivy.lang.builder")
    finally:
        kivy.kivy_data_dir = kept
