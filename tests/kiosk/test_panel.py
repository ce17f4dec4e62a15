"""Buttons and lamps: the simulated panel and the gpiozero driver pass the same suite, by being pressed physically."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from gpiozero.pins.mock import MockFactory

from kiosk.core.lighting import Lighting, Look, Mood
from kiosk.core.ports import Buttons, Edge, Lamps
from kiosk.core.pressing import Pressing
from kiosk.core.visit import Press
from kiosk.inputs.buttons import GpioButtons, WiringError
from kiosk.inputs.simulated import SimulatedPanel
from kiosk.outputs.lamps import GpioLamps, LampError
from tests.kiosk.exit import Exit, HandClock, HandLoop
from tests.support.waiting import until

BUTTON_PINS = {1: 17, 4: 22, 5: 27}
LAMP_PINS = {1: 5, 4: 6, 5: 13}


class Rig(Protocol):
    """A panel, and hands and eyes for it."""

    buttons: Buttons
    lamps: Lamps

    def move(self, value: int, down: bool) -> None:
        """Moves the contact of a button."""

    def lit(self) -> object:
        """What an eye sees, for the looks given to it."""

    def close(self) -> None: ...


class SimulatedRig:
    def __init__(self, folder: Path, clock: HandClock) -> None:
        self.path = folder / "panel.sock"
        self.panel = SimulatedPanel(self.path, clock)
        self.buttons: Buttons = self.panel
        self.lamps: Lamps = self.panel
        self.eye: socket.socket | None = None

    def connect(self) -> socket.socket:
        if self.eye is None:
            eye = socket.socket(socket.AF_UNIX)
            try:
                eye.connect(str(self.path))
            except OSError:
                eye.close()
                raise
            eye.settimeout(30)
            self.eye, self.seen = eye, eye.makefile("r")
            assert self.seen.readline() == "lamp ready\n"
        return self.eye

    def move(self, value: int, down: bool) -> None:
        self.connect().sendall(f"{'press' if down else 'release'} {value}\n".encode())

    def lit(self) -> object:
        self.connect()
        return self.seen.readline().strip()

    def close(self) -> None:
        if self.eye is not None:
            self.seen.close()
            self.eye.close()


class GpioRig:
    def __init__(self, folder: Path, clock: HandClock) -> None:
        self.factory = MockFactory()
        self.buttons: Buttons = GpioButtons(BUTTON_PINS, pull="up", clock=clock, factory=self.factory)
        self.lamps: Lamps = GpioLamps(LAMP_PINS, factory=self.factory)

    def move(self, value: int, down: bool) -> None:
        pin = self.factory.pin(f"GPIO{BUTTON_PINS[value]}")
        pin.drive_low() if down else pin.drive_high()

    def lit(self) -> object:
        return {value for value, pin in LAMP_PINS.items() if self.factory.pin(f"GPIO{pin}").state}

    def close(self) -> None: ...


RIGS: dict[str, Any] = {"simulated": SimulatedRig, "gpio": GpioRig}
LOOKS = [
    (Look(Mood.PRESSED, 4), "lamp pressed", {4}),
    (Look(Mood.THANKED, 4), "lamp thanked", {4}),
    (Look(Mood.READY), "lamp ready", {1, 4, 5}),
    (Look(Mood.NOT_RECORDED), "lamp not-recorded", set()),
    (Look(Mood.OUT_OF_ORDER), "lamp out-of-order", set()),
]


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    found = RIGS[request.param](tmp_path, HandClock(5_000))
    yield found
    found.close()
    found.lamps.stop()
    found.buttons.stop()


def test_each_movement_of_a_contact_is_heard_once_with_its_time(rig: Rig) -> None:
    heard: list[Edge] = []
    rig.buttons.start(heard.append)
    rig.move(4, True)
    rig.move(4, False)
    rig.move(1, True)
    until(lambda: len(heard) == 3, "three movements are heard")
    assert [(edge.value, edge.down) for edge in heard] == [(4, True), (4, False), (1, True)]
    assert all(4_900 <= edge.stamp.monotonic <= 5_000 for edge in heard)


def test_a_press_travels_to_the_visit_and_its_light_comes_back(rig: Rig) -> None:
    exit_ = Exit()
    exit_.conductor._screens += (Lighting(rig.lamps.light),)
    rig.buttons.start(Pressing(loop=exit_.loop, handle=exit_.conductor.handle, window=0).edge)
    rig.move(4, True)
    until(lambda: exit_.loop.calls, "the edge arrives on the main thread")
    exit_.loop.run()
    assert [row.value for row in exit_.card.rows if hasattr(row, "value")] == [4]
    if isinstance(rig, GpioRig):
        assert rig.lit() == {4}
    else:
        assert [rig.lit(), rig.lit()] == ["lamp pressed", "lamp thanked"]


def test_the_lamps_show_every_look(rig: Rig) -> None:
    rig.buttons.start(lambda edge: None)
    if isinstance(rig, SimulatedRig):
        rig.connect()
    for look, line, lamps in LOOKS:
        rig.lamps.light(look)
        assert rig.lit() == (line if isinstance(rig, SimulatedRig) else lamps)


def test_after_stopping_nothing_is_heard_any_more(rig: Rig) -> None:
    heard: list[Edge] = []
    rig.buttons.start(heard.append)
    rig.buttons.stop()
    try:
        rig.move(4, True)
    except OSError:
        assert isinstance(rig, SimulatedRig)
    assert heard == []


# --- only the simulated one ------------------------------------------------------------------------------------------------


def test_nonsense_on_the_socket_is_answered_and_harms_nobody(tmp_path: Path) -> None:
    heard: list[Edge] = []
    rig = SimulatedRig(tmp_path, HandClock())
    rig.buttons.start(heard.append)
    eye = rig.connect()
    eye.sendall(b"press\npress x\n\xff\xfe\npress 99999999999\nclap 4\n")
    assert [str(rig.lit()).partition(":")[0] for _ in range(5)] == ["error"] * 5
    flood = socket.socket(socket.AF_UNIX)
    flood.connect(str(rig.path))
    flood.sendall(b"x" * 5_000)
    rig.move(5, True)
    until(lambda: heard, "a press is still heard")
    assert heard[0].value == 5
    flood.close()
    rig.close()
    rig.buttons.stop()
    assert not rig.path.exists()


def test_a_listener_that_never_reads_is_let_go_and_the_kiosk_does_not_wait(tmp_path: Path) -> None:
    rig = SimulatedRig(tmp_path, HandClock())
    rig.buttons.start(lambda edge: None)
    rig.connect()
    for number in range(200_000):
        rig.lamps.light(Look(Mood.READY if number % 2 else Mood.OUT_OF_ORDER))
    until(lambda: not rig.panel._peers, "the listener is let go")
    rig.close()
    rig.buttons.stop()


def test_a_socket_left_behind_by_a_killed_kiosk_is_replaced(tmp_path: Path) -> None:
    first = SimulatedPanel(tmp_path / "panel.sock", HandClock())
    second = SimulatedRig(tmp_path, HandClock())
    second.buttons.start(lambda edge: None)
    second.connect()
    second.close()
    second.buttons.stop()
    first.stop()


# --- only the real ones ----------------------------------------------------------------------------------------------------


def test_pins_that_are_taken_or_do_not_exist_are_named(tmp_path: Path) -> None:
    factory = MockFactory()
    with pytest.raises(WiringError, match=r"panel\.buttons"):
        GpioButtons({1: 99}, pull="up", clock=HandClock(), factory=factory).start(lambda edge: None)
    GpioLamps({1: 5}, factory=factory)
    with pytest.raises(LampError, match=r"panel\.lamps"):
        GpioLamps({2: 99}, factory=factory)


@pytest.mark.parametrize(("pull", "still", "pressed"), [("up", True, False), ("down", False, True)])
def test_the_pull_says_which_level_is_a_press(pull: Any, still: bool, pressed: bool) -> None:
    factory = MockFactory()
    heard: list[Edge] = []
    buttons = GpioButtons({3: 4}, pull=pull, clock=HandClock(), factory=factory)
    buttons.start(heard.append)
    pin = factory.pin("GPIO4")
    assert bool(pin.state) is still
    pin.drive_high() if pressed else pin.drive_low()
    assert [(edge.value, edge.down) for edge in heard] == [(3, True)]
    buttons.stop()


# --- chatter ---------------------------------------------------------------------------------------------------------------

# Recorded from a worn 24 mm arcade button (ms, level): a press, held, let go; a quick second one; a slow one.
TRACE = [
    *((0, 1), (1, 0), (2, 1), (4, 0), (5, 1)),
    *((92, 0), (93, 1), (94, 0), (97, 1), (98, 0)),
    *((190, 1), (191, 0), (193, 1)),
    *((260, 0), (262, 1), (263, 0)),
    *((900, 1), (902, 0), (903, 1), (911, 0), (912, 1)),
    *((1600, 0), (1601, 1), (1602, 0)),
]


def presses(trace: list[tuple[int, int]], window: int = 20) -> list[int]:
    clock = HandClock()
    loop = HandLoop(clock)
    heard: list[int] = []

    def handle(event: object) -> None:
        assert isinstance(event, Press)
        heard.append(event.stamp.monotonic)

    pressing = Pressing(loop=loop, handle=handle, window=window)
    for at, level in trace:
        clock.now = at
        pressing.edge(Edge(4, bool(level), clock.stamp()))
    clock.now = 10**9  # the callbacks run whenever the main thread gets round to it
    loop.run()
    return heard


def test_chatter_gives_one_press_each_and_loses_no_fast_second_visitor() -> None:
    assert presses(TRACE) == [0, 190, 900]


def test_without_a_window_every_closing_of_the_contact_counts() -> None:
    assert len(presses(TRACE, window=0)) == sum(level for _, level in TRACE)


def test_two_buttons_pressed_at_once_are_two_presses() -> None:
    clock = HandClock()
    loop = HandLoop(clock)
    heard: list[int] = []
    pressing = Pressing(loop=loop, handle=lambda event: heard.append(event.value), window=20)  # type: ignore[union-attr]
    pressing.edge(Edge(1, True, clock.stamp()))
    pressing.edge(Edge(5, True, clock.stamp()))
    loop.run()
    assert heard == [1, 5]
