"""The kiosk's TOML file: what is wrong is said with file, field, reason and fix."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk.config import OutputPin, read
from kiosk.core.access import Keystroke
from kiosk.core.contacts import ContactWire, OutputWire, keypad
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
        '[panel]\npull = "down"\ndebounce_ms = 15\nbuzzer = { pin = 12, active = "low" }\n'
        '[panel.buttons]\n5 = { pin = 27, pull = "up", debounce_ms = 30 }\n1 = 17\n'
        '[panel.lamps]\n1 = 5\n5 = { pin = 6, active = "low" }\n[panel.keys]\naccess = 13\n'
        '[panel.door]\nmain = { pin = 24, pull = "none", active = "low" }\nyard = 25\n'
        '[audio]\nenabled = false\ndevice = "plughw:1"\nlistens = "headset"\nquiet_volume = 0.3\n'
        "[backlight]\nenabled = true\nusual = 90\nclosed = 10\n"
        "[link]\nkeepalive_s = 30\n"
    )
    found = read(config(tmp_path, text))
    assert found.state_dir == Path("/var/lib/vidhuk")
    assert found.panel.contacts == {
        "face:1": ContactWire(17, "down", True, 15),
        "face:5": ContactWire(27, "up", False, 30),
        "key:access": ContactWire(13, "down", True, 15),
        "door:main": ContactWire(24, "none", False, 300),
        "door:yard": ContactWire(25, "down", True, 300),
    }
    assert found.panel.lit == {1: OutputWire(5, True), 5: OutputWire(6, False)}
    assert found.panel.buzzer == OutputPin(pin=12, active="low")
    assert found.screen["size"] == [1024, 600]


def test_a_simulated_panel_has_one_of_everything_or_what_the_tables_name(tmp_path: Path) -> None:
    everything = read(config(tmp_path, GOOD)).panel.contacts
    assert {"face:1", "face:5", "key:access", "key:louder", "door:main"} <= everything.keys()
    assert {wire.window for wire in everything.values()} == {0}
    some = read(config(tmp_path, GOOD + "[panel.buttons]\n2 = 0\n4 = 0\n")).panel.contacts
    assert list(some) == ["face:2", "face:4"]


def test_face_buttons_work_the_accessible_mode_where_no_tactile_keys_do() -> None:
    two = ["face:2", "face:4", "key:access"]
    assert keypad(two) == ((2, Keystroke.NEXT), (4, Keystroke.CHOOSE))
    assert keypad([*two, "face:5"])[0] == (2, Keystroke.PREVIOUS)
    assert keypad([*two, "key:next", "key:choose"]) == ()
    assert keypad(["key:access"]) == ()


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
        ('state_dir = "s"\n[panel.buttons]\n1 = 17\n2 = 17', "panel.buttons.2: uses pin 17, as panel.buttons.1 does. Give each"),
        ('state_dir = "s"\n[panel]\nbuzzer = 4\nbuttons = {1 = 4, 5 = 5}', "panel.buzzer: uses pin 4, as panel.buttons.1 does."),
        (
            'state_dir = "s"\n[panel.buttons]\n1 = 99\n2 = 4',
            "panel.buttons.1: expected `int` <= 27. Write face = pin, for instance 1 = 17",
        ),
        ('state_dir = "s"\n[panel.buttons]\n1 = "17"', "panel.buttons.1: expected `int`, got `str`. Write face = pin"),
        ('state_dir = "s"\n[panel.buttons]\n1 = {pull = "up"}', "panel.buttons.1.pin: is missing. Write face = pin"),
        (
            'state_dir = "s"\n[panel.buttons]\n1 = {pin = 4, pul = "up"}',
            "panel.buttons.1.pul: is not a setting. Did you mean pull?",
        ),
        (
            'state_dir = "s"\n[panel.buttons]\n1 = {pin = 4, active = "on"}',
            "panel.buttons.1.active: invalid enum value 'on'. Write face",
        ),
        (
            'state_dir = "s"\n[panel.buttons]\nsmile = 4\n1 = 5',
            "panel.buttons.smile: is not a face. Faces are 1 (worst) to 5 (best).",
        ),
        ('state_dir = "s"\n[panel.buttons]\n6 = 4\n1 = 5', "panel.buttons.6: is not a face."),
        ('state_dir = "s"\n[panel]\nbuttons = 4', "panel.buttons: expected `object`, got `int`. Write face = pin"),
        (
            'state_dir = "s"\n[panel.buttons]\n1 = 4',
            "panel.buttons: has one button, so there is nothing to choose. Wire two to five.",
        ),
        ('state_dir = "s"\n[panel.lamps]\n1 = 4', "panel.lamps.1: is a lamp without a button. Give the button too"),
        ('state_dir = "s"\n[panel.keys]\nnxt = 4', "panel.keys.nxt: is not a key. Did you mean next?"),
        ('state_dir = "s"\n[panel.keys]\nnext = 4', "panel.keys: has no choose key. The keys next and choose work only together."),
        ('state_dir = "s"\n[panel.door]\n"Main door" = 4', "panel.door.Main door: cannot be the name of a door."),
        (
            'state_dir = "s"\n[panel.door]\nmain = {pin = 4, pull = "none"}',
            "panel.door.main: has no pull, so it must say which level",
        ),
        ('state_dir = "s"\n[panel]\npull = "sideways"', "panel.pull: invalid enum value 'sideways'. Write pull = \"up\""),
        ('state_dir = "s"\n[panel]\nbuzzer = "loud"', "panel.buzzer: expected `int`, got `str`. Write buzzer = 12"),
        ('state_dir = "s"\n[backlight]\nclosed = 0', "backlight.closed: expected `int` >= 1. Write enabled = true"),
        ('state_dir = "s"\n[audio]\nlistens = "all"', 'Write listens = "speaker" if others can hear it'),
        ('state_dir = "s"\n[audio]\ndevise = "hw"', "audio.devise: is not a setting. Did you mean device?"),
        (
            'state_dir = "s"\n[screen]\nmode = "none"\n[panel]\nsimulated = "x"\nkeys = {access = 4}',
            "panel: has no buttons, and there",
        ),
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
