"""Contacts, lamps and buzzer: the simulated panel and the gpiozero drivers pass the same suite, by being moved physically."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from kiosk.core.alarms import Alarms
from kiosk.core.contacts import ContactWire, OutputWire
from kiosk.core.lighting import Lighting, Look, Mood
from kiosk.core.ports import Edge
from kiosk.core.pressing import Pressing
from kiosk.core.sounding import Sound
from kiosk.inputs.gpio import GpioContacts, WiringError, pin_factory
from kiosk.inputs.simulated import SimulatedPanel
from kiosk.outputs.buzzer import PATTERNS, GpioBuzzer
from kiosk.outputs.lamps import GpioLamps
from tests.kiosk.exit import Exit, HandClock
from tests.kiosk.panels import BUZZER, RIGS, WIRES, GpioRig, Rig, SimulatedRig
from tests.support.waiting import until

LOOKS = [
    (Look(Mood.PRESSED, 4), "lamp pressed", {4}),
    (Look(Mood.THANKED, 4), "lamp thanked", {4}),
    (Look(Mood.READY), "lamp ready", {1, 4, 5}),
    (Look(Mood.KEYS, 4), "lamp keys", {4}),
    (Look(Mood.KEYS, 3), "lamp keys", set()),
    (Look(Mood.NOT_RECORDED), "lamp not-recorded", set()),
    (Look(Mood.OUT_OF_ORDER), "lamp out-of-order", set()),
]


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    found = RIGS[request.param](tmp_path, HandClock(5_000))
    yield found
    found.close()
    assert found.reports == []


def test_each_movement_of_a_contact_is_heard_once_with_its_time(rig: Rig) -> None:
    heard: list[Edge] = []
    assert rig.contacts.start(heard.append) == frozenset()
    moves = [("face:4", True), ("face:4", False), ("face:5", True), ("key:next", True), ("door:main", True), ("key:next", False)]
    for contact, down in moves:
        rig.move(contact, down)
    until(lambda: len(heard) == len(moves), "every movement is heard")
    assert [(edge.contact, edge.down) for edge in heard] == moves
    assert all(4_900 <= edge.stamp.monotonic <= 5_000 for edge in heard)


def test_a_press_travels_to_the_visit_and_its_light_comes_back(rig: Rig) -> None:
    exit_ = Exit()
    exit_.conductor._screens += (Lighting(rig.lamps.light),)
    pressing = Pressing(
        {"face:4": 0},
        clock=exit_.clock,
        loop=exit_.loop,
        alarms=Alarms(exit_.loop),
        handle=exit_.conductor.handle,
        passed=lambda door, stamp: None,
        alarm=lambda name, sentence: None,
        clear=lambda name: None,
    )
    rig.contacts.start(pressing.edge)
    rig.move("face:4", True)
    until(lambda: exit_.loop.calls, "the edge arrives on the main thread")
    exit_.loop.run()
    assert [row.value for row in exit_.card.rows if hasattr(row, "value")] == [4]
    if isinstance(rig, GpioRig):
        assert rig.lit() == {4}
    else:
        assert [rig.lit(), rig.lit()] == ["lamp pressed", "lamp thanked"]


def test_the_lamps_show_every_look(rig: Rig) -> None:
    rig.contacts.start(lambda edge: None)
    if isinstance(rig, SimulatedRig):
        rig.connect()
    for look, line, lamps in LOOKS:
        rig.lamps.light(look)
        assert rig.lit() == (line if isinstance(rig, SimulatedRig) else lamps)


def test_every_sign_is_heard_and_the_newest_one_last(rig: Rig) -> None:
    rig.contacts.start(lambda edge: None)
    if isinstance(rig, SimulatedRig):
        rig.connect()
        for sound in Sound:
            rig.buzzer.play(sound)
        assert [rig.lit() for _ in Sound] == [f"buzz {sound.value}" for sound in Sound]
        return
    assert isinstance(rig, GpioRig)
    pin = rig.factory.pin(f"GPIO{BUZZER.pin}")
    for sound in Sound:
        tones = (len(PATTERNS[sound]) + 1) // 2
        pin.clear_states()
        rig.buzzer.play(sound)
        until(lambda count=1 + 2 * tones: len(pin.states) == count, f"{sound} is over")
        assert not pin.state


def test_after_stopping_nothing_is_heard_any_more(rig: Rig) -> None:
    heard: list[Edge] = []
    rig.contacts.start(heard.append)
    rig.contacts.stop()
    try:
        rig.move("face:4", True)
    except OSError:
        assert isinstance(rig, SimulatedRig)
    assert heard == []


# --- only the simulated one ------------------------------------------------------------------------------------------------


def test_somebody_who_passes_breaks_the_beam_and_lets_it_go(tmp_path: Path) -> None:
    heard: list[Edge] = []
    rig = SimulatedRig(tmp_path, HandClock())
    rig.contacts.start(heard.append)
    rig.say("pass door:main")
    until(lambda: len(heard) == 2, "both edges are heard")
    assert [(edge.contact, edge.down) for edge in heard] == [("door:main", True), ("door:main", False)]
    rig.close()


def test_nonsense_on_the_socket_is_answered_and_harms_nobody(tmp_path: Path) -> None:
    heard: list[Edge] = []
    rig = SimulatedRig(tmp_path, HandClock())
    rig.contacts.start(heard.append)
    eye = rig.connect()
    eye.sendall(b"press\npress x\n\xff\xfe\npress 99999999999\nclap 4\npress key:louder\n")
    assert [str(rig.lit()).partition(":")[0] for _ in range(6)] == ["error"] * 6
    flood = socket.socket(socket.AF_UNIX)
    flood.connect(str(rig.path))
    flood.sendall(b"x" * 5_000)
    rig.move("face:5", True)
    until(lambda: heard, "a press is still heard")
    assert heard[0].contact == "face:5"
    flood.close()
    rig.close()
    assert not rig.path.exists()


def test_a_listener_that_never_reads_is_let_go_and_the_kiosk_does_not_wait(tmp_path: Path) -> None:
    rig = SimulatedRig(tmp_path, HandClock())
    rig.contacts.start(lambda edge: None)
    rig.connect()
    for number in range(200_000):
        rig.lamps.light(Look(Mood.READY if number % 2 else Mood.OUT_OF_ORDER))
    until(lambda: not rig.panel._peers, "the listener is let go")
    rig.close()


def test_a_socket_left_behind_by_a_killed_kiosk_is_replaced(tmp_path: Path) -> None:
    first = SimulatedPanel(tmp_path / "panel.sock", WIRES, clock=HandClock())
    second = SimulatedRig(tmp_path, HandClock())
    second.contacts.start(lambda edge: None)
    second.connect()
    second.close()
    first.stop()


# --- only the real ones ----------------------------------------------------------------------------------------------------


def test_a_wire_that_cannot_be_used_is_named_and_the_rest_goes_on() -> None:
    factory = MockFactory()
    reports: list[str] = []
    heard: list[Edge] = []
    wires = {"face:1": ContactWire(99, "up", False, 20), "face:2": ContactWire(2, "down", True, 20), "face:3": WIRES["face:4"]}
    contacts = GpioContacts(wires, clock=HandClock(), report=reports.append, factory=factory, needed=["face:1", "face:3"])
    contacts.start(heard.append)
    lamps = GpioLamps({1: OutputWire(22, True), 3: OutputWire(5, True)}, report=reports.append, factory=factory)
    lamps.light(Look(Mood.READY))
    buzzer = GpioBuzzer(OutputWire(5, True), report=reports.append, factory=factory)
    buzzer.play(Sound.SAVED)
    factory.pin("GPIO22").drive_low()
    assert [edge.contact for edge in heard] == ["face:3"]
    assert factory.pin("GPIO5").state
    assert [report.partition(" cannot be used: ")[0] for report in reports] == [
        "face:1 on GPIO 99",
        "face:2 on GPIO 2",
        "the lamp of face 1 on GPIO 22",
        "the buzzer on GPIO 5",
    ]
    for part in (buzzer, lamps, contacts):
        part.stop()


def test_a_lamp_that_breaks_while_it_is_in_use_is_reported_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    factory = MockFactory()
    reports: list[str] = []
    lamps = GpioLamps({1: OutputWire(5, True), 2: OutputWire(6, True)}, report=reports.append, factory=factory)

    def broken(*_: object) -> None:
        raise RuntimeError("bus error")

    monkeypatch.setattr(lamps._lamps[1], "on", broken)
    for _ in range(3):
        lamps.light(Look(Mood.READY))
    assert factory.pin("GPIO6").state
    assert reports == ["the lamp of face 1 does not obey: bus error"]
    lamps.stop()


def test_buttons_that_nobody_could_do_without_are_an_error() -> None:
    wires = {"face:1": ContactWire(99, "up", False, 20), "key:next": WIRES["key:next"]}
    contacts = GpioContacts(wires, clock=HandClock(), report=lambda text: None, factory=MockFactory(), needed=["face:1"])
    with pytest.raises(WiringError, match=r"face:1 on GPIO 99.*panel\.buttons"):
        contacts.start(lambda edge: None)


def test_a_machine_without_pins_says_so_and_falls_back_on_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    monkeypatch.setattr("kiosk.inputs.gpio.Device.pin_factory", None)
    with pytest.raises(WiringError, match="The GPIO pins cannot be used"):
        pin_factory()


@pytest.mark.parametrize(
    ("wire", "opens", "closes"),
    [
        (ContactWire(4, "up", False, 20), True, False),
        (ContactWire(4, "down", True, 20), False, True),
        (ContactWire(4, "up", True, 20), False, True),
        (ContactWire(4, "none", True, 20), False, True),
    ],
)
def test_pull_and_active_level_say_what_a_press_is(wire: ContactWire, opens: bool, closes: bool) -> None:
    factory = MockFactory()
    heard: list[Edge] = []
    contacts = GpioContacts({"face:3": wire}, clock=HandClock(), report=pytest.fail, factory=factory)
    contacts.start(heard.append)
    pin = factory.pin("GPIO4")
    for high in (opens, closes, opens):
        pin.drive_high() if high else pin.drive_low()
    assert [(edge.contact, edge.down) for edge in heard][-2:] == [("face:3", True), ("face:3", False)]
    contacts.stop()


def test_what_is_held_down_at_the_start_is_said_at_the_start() -> None:
    factory = MockFactory()
    factory.pin("GPIO24").drive_low()
    contacts = GpioContacts({"door:main": WIRES["door:main"]}, clock=HandClock(), report=pytest.fail, factory=factory)
    assert contacts.start(lambda edge: None) == {"door:main"}
    contacts.stop()
