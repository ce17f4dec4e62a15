"""The kiosk's own ruler and theme, without a window."""

from pathlib import Path
from typing import Any

import pytest

from kiosk.screen import theme as themes
from kiosk.screen.settings import ScreenSettings
from kiosk.screen.toolkit import prepare


@pytest.fixture(scope="session")
def theme() -> themes.Theme:
    """The shipped theme."""
    return themes.load(themes.ASSETS / "theme.toml")


@pytest.fixture(scope="session")
def ruler(theme: themes.Theme, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Measures with the fonts and the library that the screen is drawn with."""
    prepare(ScreenSettings(state_dir=tmp_path_factory.mktemp("state")))
    from kiosk.screen.ruler import Ruler

    return Ruler(theme, print)


@pytest.fixture
def complaints() -> list[str]:
    """What was reported."""
    return []


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory."""
    return tmp_path
