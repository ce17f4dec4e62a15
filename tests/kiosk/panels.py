"""Panels for tests, each with hands, eyes and ears: the simulated one, and the GPIO drivers on mock pins that the hands drive."""

import socket
from pathlib import Path
from typing import Any, Protocol

from gpiozero.pins.mock import MockFactory

from kiosk.core.contacts import ContactWire, OutputWire, split
from kiosk.core.ports import Clock, Contacts, Lamps, Sounds
from kiosk.inputs.gpio import GpioContacts
from kiosk.inputs.simulated import SimulatedPanel
from kiosk.outputs.buzzer import GpioBuzzer
from kiosk.outputs.lamps import GpioLamps

WIRES = {
    "face:1": ContactWire(17, "up", False, 20),
    "face:4": ContactWire(22, "up", False, 20),
    "face:5": ContactWire(27, "down", True, 20),
    "key:next": ContactWire(23, "none", True, 20),
    "door:main": ContactWire(24, "none", False, 300),
}
LAMPS = {1: OutputWire(5, True), 4: OutputWire(6, True), 5: OutputWire(13, False)}
BUZZER = OutputWire(12, True)


class Rig(Protocol):
    """A panel with contacts as in `WIRES` and lamps as in `LAMPS`."""

    contacts: Contacts
    lamps: Lamps
    buzzer: Sounds
    reports: list[str]

    def move(self, contact: str, down: bool) -> None:
        """Moves a contact."""

    def lit(self) -> object:
        """What an eye sees, for the looks given to it."""

    def close(self) -> None:
        """Hands, eyes and ears off; the panel is stopped."""


class SimulatedRig:
    """The simulated panel, and a connection to it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.path = folder / "panel.sock"
        self.panel = SimulatedPanel(self.path, WIRES, clock=clock)
        self.contacts: Contacts = self.panel
        self.lamps: Lamps = self.panel
        self.buzzer: Sounds = self.panel
        self.reports: list[str] = []
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

    def say(self, line: str) -> None:
        self.connect().sendall(f"{line}\n".encode())

    def move(self, contact: str, down: bool) -> None:
        kind, name = split(contact)
        self.say(f"{'press' if down else 'release'} {name if kind == 'face' else contact}")

    def lit(self) -> object:
        self.connect()
        return self.seen.readline().strip()

    def close(self) -> None:
        if self.eye is not None:
            self.seen.close()
            self.eye.close()
        self.panel.stop()


class GpioRig:
    """The GPIO drivers on mock pins."""

    def __init__(self, folder: Path, clock: Clock, factory: Any = None) -> None:
        self.factory = factory or MockFactory()
        self.reports: list[str] = []
        contacts = GpioContacts(WIRES, clock=clock, report=self.reports.append, factory=self.factory)
        lamps = GpioLamps(LAMPS, report=self.reports.append, factory=self.factory)
        buzzer = GpioBuzzer(BUZZER, report=self.reports.append, factory=self.factory)
        self.contacts: Contacts = contacts
        self.lamps: Lamps = lamps
        self.buzzer: Sounds = buzzer
        self._parts = (contacts, lamps, buzzer)
        self.factory.pin("GPIO24").drive_high()  # this door's own resistor keeps it open

    def move(self, contact: str, down: bool) -> None:
        wire = WIRES[contact]
        pin = self.factory.pin(f"GPIO{wire.pin}")
        pin.drive_high() if down is wire.active_high else pin.drive_low()

    def lit(self) -> object:
        return {value for value, wire in LAMPS.items() if self.factory.pin(f"GPIO{wire.pin}").state == wire.active_high}

    def close(self) -> None:
        for part in self._parts:
            part.stop()


RIGS: dict[str, Any] = {"simulated": SimulatedRig, "gpio": GpioRig}
