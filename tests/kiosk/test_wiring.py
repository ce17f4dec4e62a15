"""The wiring self-test asks for everything that is wired and names what did not come."""

import functools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.clock import SystemClock
from kiosk.texts import STAFF, STAFF_LANGUAGES, Texts
from kiosk.upkeep.wiring import WiringTest
from tests.kiosk.panels import LAMPS, RIGS, WIRES, GpioRig, Rig
from tests.kiosk.rig import IN_ENGLISH, ROOT, Hand

LONG_ENOUGH_S = 30
SOON_S = 0.3


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    found = RIGS[request.param](tmp_path, SystemClock("trusted"))
    yield found
    found.close()


class Electrician:
    """Does what the test asks for, except for what is wired wrongly: `comes` says what arrives in place of what."""

    def __init__(self, rig: Rig, comes: dict[str, str | None], language: str = "en") -> None:
        self.rig = rig
        self.comes = comes
        self.lines: list[str] = []
        self.missing: list[str] = []
        self.held: str | None = None
        self.test = WiringTest(
            WIRES,
            contacts=rig.contacts,
            lamps=rig.lamps,
            buzzer=rig.buzzer,
            lit=LAMPS,
            clock=SystemClock("trusted"),
            say=functools.partial(Texts(STAFF_LANGUAGES, self.missing.append, domain=STAFF).say, language),
            tell=self.read,
        )

    def read(self, line: str) -> None:
        self.lines.append(line)
        if self.held is not None:
            self.rig.move(self.held, False)
            time.sleep(0.03)  # a hand needs longer than a contact chatters
            self.held = None
        if not re.match(r"\d", line):
            return
        asked = next(name for name, wire in WIRES.items() if line.endswith(f"(GPIO {wire.pin})."))
        if (contact := self.comes.get(asked, asked)) is not None:
            self.rig.move(contact, True)
            self.held = contact


def test_a_panel_that_is_wired_as_configured_passes(rig: Rig) -> None:
    electrician = Electrician(rig, {})
    assert electrician.test.run(LONG_ENOUGH_S) == []
    assert electrician.lines[1::2] == [
        "1 of 5. Press the button that is lit: button 1 (GPIO 17).",
        "2 of 5. Press the button that is lit: button 4 (GPIO 22).",
        "3 of 5. Press the button that is lit: button 5 (GPIO 27).",
        "4 of 5. Press: key next (GPIO 23).",
        "5 of 5. Walk past the sensor: door main (GPIO 24).",
        "Everything came as configured.",
    ]
    assert electrician.lines[2:-1:2] == ["  It came."] * 5


@pytest.mark.parametrize("language", STAFF_LANGUAGES)
def test_every_sentence_of_it_has_its_translation(tmp_path: Path, language: str) -> None:
    rig = GpioRig(tmp_path, SystemClock("trusted"))
    electrician = Electrician(rig, {"face:1": "face:4", "key:next": None}, language)
    electrician.test.run(SOON_S)
    rig.close()
    assert electrician.missing == []


def test_only_the_lamp_of_the_button_that_is_asked_for_is_lit(tmp_path: Path) -> None:
    rig = GpioRig(tmp_path, SystemClock("trusted"))
    electrician = Electrician(rig, {})
    lit: list[object] = []
    light = rig.lamps.light
    rig.lamps.light = lambda look: (light(look), lit.append(rig.lit()))  # type: ignore[method-assign, assignment, return-value]
    electrician.test.run(LONG_ENOUGH_S)
    rig.close()
    assert lit == [{1}, {1, 4, 5}, {4}, {1, 4, 5}, {5}, {1, 4, 5}, set(), {1, 4, 5}, set(), {1, 4, 5}, {1, 4, 5}]


def test_cables_that_are_swapped_and_contacts_that_are_silent_are_named(tmp_path: Path) -> None:
    rig = GpioRig(tmp_path, SystemClock("trusted"))
    electrician = Electrician(rig, {"face:1": "face:4", "key:next": None})
    faults = electrician.test.run(SOON_S)
    rig.close()
    button, key = faults
    assert button.startswith("button 1 (GPIO 17): something else came (button 4 (GPIO 22)).")
    assert key.startswith("key next (GPIO 23): nothing came.")
    assert electrician.lines[-3:] == ["To be put right:", f"  {button}", f"  {key}"]


def test_what_is_closed_before_anybody_touches_it_is_named(tmp_path: Path) -> None:
    rig = GpioRig(tmp_path, SystemClock("trusted"))
    rig.factory.pin("GPIO24").drive_low()
    electrician = Electrician(rig, {"door:main": None})
    faults = electrician.test.run(SOON_S)
    rig.close()
    assert faults[0].startswith("door main (GPIO 24): closed though nobody touches it.")


# --- the command ------------------------------------------------------------------------------------------------------------


def kiosk_toml(folder: Path, panel: str) -> Path:
    path = folder / "kiosk.toml"
    path.write_text(f'state_dir = "."\n[screen]\nmode = "none"\n[panel]\n{panel}\n')
    return path


def wiring(config: Path, *words: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", "kiosk", "wiring", "--config", str(config), *words]
    env = {**os.environ, **IN_ENGLISH}
    return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)


def test_the_command_runs_against_the_simulated_panel(tmp_path: Path) -> None:
    config = kiosk_toml(tmp_path, 'simulated = "panel.sock"\nbuttons = { 1 = 0, 5 = 0 }')
    with wiring(config, "--seconds", "30") as running:
        assert running.stdout is not None
        hand = Hand(tmp_path / "panel.sock")
        for line in running.stdout:
            if found := re.search(r"Press: button (\d)", line):
                hand.socket.sendall(f"press {found[1]}\nrelease {found[1]}\n".encode())
            last = line
        hand.close()
    assert running.returncode == 0
    assert last == "Everything came as configured.\n"


def test_the_command_says_what_is_missing_and_fails(tmp_path: Path) -> None:
    config = kiosk_toml(tmp_path, 'simulated = "panel.sock"\nbuttons = { 1 = 0, 5 = 0 }')
    with wiring(config, "--seconds", "0.1") as running:
        said = running.communicate()[0]
    assert running.returncode == 1
    assert "To be put right:" in said
    assert "button 5: nothing came." in said


def test_the_command_on_a_machine_without_pins_is_one_sentence(tmp_path: Path) -> None:
    config = kiosk_toml(tmp_path, "buttons = { 1 = 4, 5 = 5 }")
    with wiring(config) as running:
        said = running.communicate()[0]
    assert running.returncode == 2
    assert said.startswith("kiosk: The GPIO pins cannot be used: ")
    assert len(said.splitlines()) == 1
