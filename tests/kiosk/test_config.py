"""The kiosk's TOML file: what is wrong is said with file, field, reason and fix."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk.config import read
from kiosk.errors import ConfigError
from tests.kiosk.rig import IN_ENGLISH, ROOT

GOOD = 'state_dir = "state"\n[panel]\nsimulated = "panel.sock"\n'


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "kiosk.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_short_file_is_enough_and_folders_start_from_it(tmp_path: Path) -> None:
    found = read(config(tmp_path, GOOD))
    assert found.state_dir == tmp_path / "state"
    assert (found.clock, found.has_window, found.retention_days) == ("system", True, 30)


def test_every_setting_there_is_can_be_written(tmp_path: Path) -> None:
    text = (
        'state_dir = "/var/lib/vidhuk"\nclock = "trusted"\nnumber = "17"\nretention_days = 400\nlog = "json"\n'
        '[screen]\nmode = "window"\nsize = [1024, 600]\n'
        '[panel]\npull = "down"\ndebounce_ms = 15\n[panel.buttons]\n1 = 17\n5 = 27\n[panel.lamps]\n1 = 5\n'
        "[link]\nkeepalive_s = 30\n"
    )
    found = read(config(tmp_path, text))
    assert found.state_dir == Path("/var/lib/vidhuk")
    assert found.panel.buttons == {"1": 17, "5": 27}
    assert found.screen["size"] == [1024, 600]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "state_dir: is missing. Write the folder"),
        ('state_dir = ""', "state_dir: expected the name of a folder"),
        ("state_dir = 5", "state_dir: expected the name of a folder"),
        ('state_dir = "s"\nclok = "system"', "clok: is not a setting. Did you mean clock?"),
        ('state_dir = "s"\nzzz = 1', "zzz: is not a setting. Known are: state_dir"),
        ('state_dir = "s"\nclock = "ntp"', "clock: invalid enum value 'ntp'. Write clock = \"system\""),
        ('state_dir = "s"\nretention_days = 0', "retention_days: expected `int` >= 1. Write a whole number of days"),
        ('state_dir = "s"\n[panel]\nsimulate = "x"', "panel.simulate: is not a setting. Did you mean simulated?"),
        ('state_dir = "s"\n[panel.buttons]\n1 = 17\n2 = 17', "panel: uses pin 17 twice"),
        ('state_dir = "s"\n[panel.buttons]\n1 = 99', "expected `int` <= 27"),
        ('state_dir = "s"\n[panel.buttons]\nsmile = 4', "panel"),
        ('state_dir = "s"\n[panel]\nsimulated = "x"\nbuttons = {1 = 4}', "has simulated buttons and real ones"),
        ('state_dir = "s"\n[screen]\nmode = "tv"', "screen.mode: is 'tv'. Write mode = \"window\""),
        ('state_dir = "s"\n[screen]\nmode = "none"', "panel: has no buttons, and there is no screen"),
        ('state_dir = "s"\n[link]\nkeepalive_s = "20"', "link.keepalive_s: expected `int`, got `str`. Write keepalive_s"),
        ("state_dir = ", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_file_its_field_and_its_fix(tmp_path: Path, text: str, says: str) -> None:
    path = config(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert says in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml does not exist"):
        read(tmp_path / "nowhere.toml")


def kiosk(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "kiosk", *words]
    return subprocess.run(argv, env={**os.environ, **IN_ENGLISH}, capture_output=True, text=True, cwd=ROOT)


def test_a_device_that_was_never_enrolled_says_so_and_how_to_enrol_it(tmp_path: Path) -> None:
    path = config(tmp_path, GOOD)
    for command in (["run", "--headless"], ["status"]):
        done = kiosk(*command, "--config", str(path))
        assert done.returncode == 2
        assert done.stderr.startswith(
            "kiosk: This device is not enrolled yet. Enrol it: ./vidhuk kiosk enrol --config FILE --server"
        )
        assert len(done.stderr.splitlines()) == 1


def test_a_broken_file_ends_in_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    done = kiosk("run", "--config", str(config(tmp_path, "state_dir = 1")))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [[], ["run"], ["enrol"], ["status"]])
def test_help_reads_well(command: list[str]) -> None:
    done = kiosk(*command, "--help")
    assert done.returncode == 0
    assert "usage: ./vidhuk kiosk" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 100
