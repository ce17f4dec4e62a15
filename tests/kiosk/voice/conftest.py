"""An ear to hear the kiosk with."""

from pathlib import Path

import pytest

from tests.support.ear import Ear


@pytest.fixture
def ear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ear:
    """Hears what `aplay` plays in this test."""
    ear = Ear(tmp_path / "ear")
    for name, value in ear.environment.items():
        monkeypatch.setenv(name, value)
    return ear
