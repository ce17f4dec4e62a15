"""The table [screen]: every mistake is named with its field and its fix."""

from pathlib import Path
from typing import Any

import pytest

from kiosk.errors import ConfigError
from kiosk.screen.settings import ScreenSettings


def test_an_empty_table_is_a_small_window(state: Path) -> None:
    settings = ScreenSettings.parse({}, state_dir=state)
    assert settings == ScreenSettings(state_dir=state)
    assert settings.size == (800, 480)
    assert settings.touch_grace_ms == 2_000
    assert settings.diagonal == 7.0
    assert settings.hold_to_clean


def test_everything_can_be_set(state: Path) -> None:
    table: dict[str, Any] = {
        "mode": "window",
        "size": [1080, 1920],
        "fullscreen": True,
        "borderless": True,
        "position": [0, 10],
        "input": "mtdev",
        "device": "/dev/input/event3",
        "show_pointer": True,
        "appearance": "dark",
        "theme": "own.toml",
        "accent": "#1A5490",
        "reduced_motion": True,
        "trace": "trace.jsonl",
        "touch_grace_ms": 0,
        "diagonal": 21.5,
        "mounting_mm": 800,
        "crest": "crest.png",
        "hold_to_clean": False,
    }
    settings = ScreenSettings.parse(table, state_dir=state)
    assert settings.size == (1080, 1920)
    assert settings.position == (0, 10)
    assert settings.trace == state / "trace.jsonl"
    assert settings.theme == state / "own.toml"
    assert (settings.diagonal, settings.mounting_mm, settings.hold_to_clean) == (21.5, 800, False)
    assert settings.crest == state / "crest.png"
    assert (settings.input, settings.appearance, settings.touch_grace_ms) == ("mtdev", "dark", 0)


@pytest.mark.parametrize(
    "table, field",
    [
        ({"sizes": [800, 480]}, "screen.sizes"),
        ({"size": [800]}, "screen.size"),
        ({"size": [80, 48]}, "screen.size"),
        ({"size": "800x480"}, "screen.size"),
        ({"position": [1.5, 2]}, "screen.position"),
        ({"fullscreen": 1}, "screen.fullscreen"),
        ({"input": "sdl"}, "screen.input"),
        ({"appearance": "blue"}, "screen.appearance"),
        ({"theme": 3}, "screen.theme"),
        ({"touch_grace_ms": -1}, "screen.touch_grace_ms"),
        ({"touch_grace_ms": True}, "screen.touch_grace_ms"),
        ({"diagonal": 5}, "screen.diagonal"),
        ({"diagonal": "7 inches"}, "screen.diagonal"),
        ({"mounting_mm": -1}, "screen.mounting_mm"),
        ({"mounting_mm": 90.5}, "screen.mounting_mm"),
        ({"crest": 1}, "screen.crest"),
        ({"hold_to_clean": "no"}, "screen.hold_to_clean"),
    ],
)
def test_a_mistake_is_named(state: Path, table: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ScreenSettings.parse(table, state_dir=state)
    assert refused.value.field == field
    assert refused.value.reason.endswith(".")
    assert refused.value.fix.endswith(".")
