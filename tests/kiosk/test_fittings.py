"""What is fitted to a device comes from its TOML file, and a whole kiosk goes on with whatever of it works."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from gpiozero.pins.mock import MockFactory

from kiosk import config as configuration
from kiosk.config import KioskConfig
from kiosk.core.lighting import Look, Mood
from kiosk.core.ports import Edge
from kiosk.device import fittings
from kiosk.errors import KioskError
from kiosk.ledger.store import LEDGER, Store
from kiosk.upkeep import status
from tests.kiosk.authority import Authority
from tests.kiosk.authority import configuration as configured
from tests.kiosk.exit import HandClock
from tests.kiosk.rig import Kiosk, running
from tests.support.waiting import until
from wire.codec import decode_event
from wire.envelopes import Misuse
from wire.events import Answer, Event, Flag, Input, Passage

PANEL = """
[panel]
buzzer = 12
[panel.buttons]
1 = 17
5 = { pin = 27, pull = "down", debounce_ms = 30 }
[panel.lamps]
1 = 5
[panel.keys]
access = 13
[panel.door]
main = 24
"""


def config(tmp_path: Path, mode: str, panel: str = PANEL) -> KioskConfig:
    path = tmp_path / "kiosk.toml"
    path.write_text(f'state_dir = "."\n[screen]\nmode = "{mode}"\n{panel}')
    return configuration.read(path)


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> MockFactory:
    factory = MockFactory()
    monkeypatch.setattr("kiosk.inputs.gpio.Device.pin_factory", factory)
    return factory


@pytest.mark.parametrize(
    ("panel", "told"),
    [
        ("[panel.keys]\naccess = 13\n", True),
        ("[panel.keys]\naccess = 13\nrepeat = 6\nlouder = 19\n", True),
        ("[panel.keys]\naccess = 13\nnext = 6\nchoose = 19\n", False),
        ("[panel.buttons]\n1 = 17\n5 = 27\n[panel.keys]\naccess = 13\n", False),
        ("[panel.buttons]\n1 = 17\n5 = 27\n", False),
        ("", False),
    ],
)
def test_keys_with_which_nobody_can_answer_without_sight_are_told_at_the_start(
    tmp_path: Path, pins: MockFactory, panel: str, told: bool
) -> None:
    said: list[str] = []
    fittings.build(config(tmp_path, "window", panel), HandClock(), said.append).stop()
    assert [sentence.startswith("panel.keys: without next and choose keys") for sentence in said] == [True] * told


def test_everything_in_the_tables_is_there_on_its_pin(tmp_path: Path, pins: Any) -> None:
    fitted = fittings.build(config(tmp_path, "none"), HandClock(), pytest.fail)
    heard: list[Edge] = []
    assert fitted.contacts is not None
    assert fitted.lamps is not None
    assert fitted.buzzer is not None
    fitted.contacts.start(heard.append)
    pins.pin("GPIO17").drive_low()
    pins.pin("GPIO27").drive_high()
    pins.pin("GPIO13").drive_low()
    pins.pin("GPIO24").drive_low()
    assert [(edge.contact, edge.down) for edge in heard] == [
        ("face:1", True),
        ("face:5", True),
        ("key:access", True),
        ("door:main", True),
    ]
    fitted.lamps.light(Look(Mood.READY))
    assert pins.pin("GPIO5").state
    fitted.stop()
    assert not pins.pin("GPIO5").state
    again = fittings.build(config(tmp_path, "none"), HandClock(), pytest.fail)
    assert again.contacts is not None
    again.contacts.start(heard.append)
    again.stop()


def test_a_device_with_a_touchscreen_goes_on_without_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiosk.inputs.gpio.Device.pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    reports: list[str] = []
    assert fittings.build(config(tmp_path, "window"), HandClock(), reports.append).contacts is None
    assert [report.partition(":")[0] for report in reports] == ["The GPIO pins cannot be used"]


def test_a_device_that_has_nothing_but_buttons_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiosk.inputs.gpio.Device.pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    with pytest.raises(KioskError, match="GPIO pins cannot be used"):
        fittings.build(config(tmp_path, "none"), HandClock(), lambda report: None)


@pytest.mark.parametrize("mode", ["none", "window"])
def test_pins_that_another_process_holds_stop_only_a_device_that_has_nothing_else(tmp_path: Path, pins: Any, mode: str) -> None:
    class Other:
        """Whoever has the buttons' pins."""

        def _conflicts_with(self, other: object) -> bool:
            return True

    holder = Other()
    for name in ("GPIO17", "GPIO27"):
        pins.pin(name)
        pins.reserve_pins(holder, name)
    reports: list[str] = []
    fitted = fittings.build(config(tmp_path, mode), HandClock(), reports.append)
    assert fitted.contacts is not None
    if mode == "none":
        with pytest.raises(KioskError, match="No face button can be used"):
            fitted.contacts.start(lambda edge: None)
    else:
        heard: list[Edge] = []
        fitted.contacts.start(heard.append)
        pins.pin("GPIO13").drive_low()
        assert [edge.contact for edge in heard] == ["key:access"]
    assert [report.partition(" on ")[0] for report in reports] == ["face:1", "face:5"]
    fitted.stop()


def test_a_device_without_a_panel_has_nothing_fitted(tmp_path: Path) -> None:
    assert fittings.build(config(tmp_path, "window", ""), HandClock(), pytest.fail) == fittings.Fittings()


def test_a_simulated_panel_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    panel = '[panel]\nsimulated = "no/such/folder/panel.sock"\n'
    with pytest.raises(KioskError, match=r"panel\.simulated: panel\.sock cannot be made"):
        fittings.build(config(tmp_path, "none", panel), HandClock(), pytest.fail)


def test_a_whole_kiosk_counts_passages_and_records_presses(tmp_path: Path) -> None:
    kiosk = Kiosk(tmp_path)
    Authority.make().give_identity(kiosk.state, "kiosk-panel-1", port=1)
    with running(kiosk):
        hand = kiosk.hand()
        for _ in range(3):
            hand.socket.sendall(b"pass door:main\n")
        assert hand.press(4)
        hand.close()
    rows = recorded(kiosk)
    (passage,) = [row for row in rows if isinstance(row, Passage)]
    assert (passage.item, passage.count, passage.input) == ("main", 3, Input.SENSOR)
    assert [row.value for row in rows if isinstance(row, Answer)] == [4]
    assert '"passages"' not in (kiosk.folder / "kiosk.log").read_text()


def test_a_whole_kiosk_raises_an_alarm_while_a_button_is_held_and_doubts_its_rating(tmp_path: Path) -> None:
    kiosk = Kiosk(tmp_path)
    impatient = msgspec.structs.replace(configured(), misuse=Misuse(stuck_after=2_000))
    Authority.make().give_identity(kiosk.state, "kiosk-panel-1", port=1, config=impatient)

    def alarm() -> bool:
        found = status.last(kiosk.state)
        return found is not None and any("face:4 has been held for 2 s" in note for note in found.notes)

    with running(kiosk):
        hand = kiosk.hand()
        hand.socket.sendall(b"press 4\n")
        until(alarm, "staff are told")
        hand.socket.sendall(b"release 4\n")
        until(lambda: not alarm(), "the alarm is over")
        hand.close()
    rows = recorded(kiosk)
    assert [row.value for row in rows if isinstance(row, Answer)] == [4]
    assert [row.reason for row in rows if isinstance(row, Flag)] == ["stuck"]


def recorded(kiosk: Kiosk) -> list[Event]:
    store = Store(kiosk.state / LEDGER.format(device="kiosk-panel-1"))
    try:
        return [decode_event(row) for row in store.read(1, 250).rows]
    finally:
        store.close()
