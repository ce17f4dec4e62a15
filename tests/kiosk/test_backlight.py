"""The screen is dim while the court is closed, and bright for whoever touches it."""

from pathlib import Path

import pytest

from kiosk.core.visit import Phase, Scene
from kiosk.outputs.backlight import Dimmer


def scene(phase: Phase) -> Scene:
    nothing = {"item": None, "rating": None, "pressed": None, "busy": None, "deadline": None}
    return Scene(phase=phase, language="uk", can_undo=False, since=0, **nothing)


def light(folder: Path, name: str = "10-0045", most: str = "255\n") -> Path:
    device = folder / name
    device.mkdir(parents=True)
    (device / "max_brightness").write_text(most)
    (device / "brightness").write_text("17\n")
    return device / "brightness"


def test_it_is_dim_while_closed_and_bright_otherwise(tmp_path: Path) -> None:
    first, second = light(tmp_path, "10-0045"), light(tmp_path, "rpi_backlight", "31\n")
    dimmer = Dimmer(usual=100, closed=20, report=pytest.fail, folder=tmp_path)
    seen = []
    for phase in (Phase.WELCOME, Phase.CLOSED, Phase.WELCOME, Phase.OUT_OF_ORDER, Phase.CLOSED):
        dimmer.show(scene(phase))
        seen.append((int(first.read_text()), int(second.read_text())))
    assert seen == [(255, 31), (51, 6), (255, 31), (255, 31), (51, 6)]
    dimmer.stop()
    assert int(first.read_text()) == 255


def test_the_light_never_goes_out_altogether(tmp_path: Path) -> None:
    brightness = light(tmp_path, most="7\n")
    Dimmer(usual=100, closed=1, report=pytest.fail, folder=tmp_path).show(scene(Phase.CLOSED))
    assert int(brightness.read_text()) == 1


def test_a_light_that_cannot_be_set_is_reported_once_and_the_others_go_on(tmp_path: Path) -> None:
    broken, good = light(tmp_path, "a", "much\n"), light(tmp_path, "b")
    reports: list[str] = []
    dimmer = Dimmer(usual=100, closed=20, report=reports.append, folder=tmp_path)
    for phase in (Phase.WELCOME, Phase.CLOSED, Phase.WELCOME):
        dimmer.show(scene(phase))
    assert [report.partition(":")[0] for report in reports] == ["the backlight a cannot be set"]
    assert (int(broken.read_text()), int(good.read_text())) == (17, 255)


def test_a_screen_without_such_a_light_is_reported_once_when_it_is_missed(tmp_path: Path) -> None:
    reports: list[str] = []
    dimmer = Dimmer(usual=100, closed=20, report=reports.append, folder=tmp_path / "none")
    dimmer.show(scene(Phase.WELCOME))
    assert reports == []
    for phase in (Phase.CLOSED, Phase.WELCOME, Phase.CLOSED):
        dimmer.show(scene(phase))
    dimmer.stop()
    assert len(reports) == 1
