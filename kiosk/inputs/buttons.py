"""Face buttons on GPIO pins, by gpiozero. Edges are passed on raw, with the time the pin itself gives: debouncing is the core's."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from gpiozero import Device, GPIOZeroError

from kiosk.core.ports import Clock, Edge
from kiosk.errors import KioskError
from wire.events import Millis


class WiringError(KioskError):
    """The pins are not what the configuration says."""


class GpioButtons:
    """As `kiosk.core.ports.Buttons`. `pins` are BCM numbers by face value; a pressed button pulls its pin against `pull`."""

    def __init__(self, pins: Mapping[int, int], *, pull: Literal["up", "down"], clock: Clock, factory: Any = None) -> None:
        """`factory` is a gpiozero pin factory; by default the one that GPIOZERO_PIN_FACTORY names."""
        self._pins = dict(pins)
        self._pull = pull
        self._clock = clock
        self._given = factory
        self._taken: list[Any] = []

    def start(self, heard: Callable[[Edge], None]) -> None:
        """Watches the pins. Raises `WiringError`."""
        try:
            factory = self._given or _machines_own()
            for value, number in self._pins.items():
                name = f"GPIO{number}"
                pin = factory.pin(name)
                factory.reserve_pins(self, name)
                listener = self._listener(factory, value, heard)
                self._taken.append((factory, name, pin, listener))  # gpiozero itself holds the listener weakly
                pin.function = "input"
                pin.pull = self._pull
                pin.bounce = None
                pin.edges = "both"
                pin.when_changed = listener
        except (GPIOZeroError, OSError, ImportError) as fault:
            self.stop()
            raise WiringError(f"The face buttons cannot be used: {fault}.", "Compare [panel.buttons] with the wiring.") from None

    def stop(self) -> None:
        """Lets go of the pins."""
        for factory, name, pin, _ in self._taken:
            pin.when_changed = None
            factory.release_pins(self, name)
            pin.close()
        self._taken.clear()

    def _conflicts_with(self, other: object) -> bool:
        """gpiozero asks whoever reserves a pin: nobody shares one with us."""
        return other is not self

    def _listener(self, factory: Any, value: int, heard: Callable[[Edge], None]) -> Callable[[float, int], None]:
        def changed(ticks: float, state: int) -> None:
            age = max(0.0, factory.ticks_diff(factory.ticks(), ticks))
            now = self._clock.stamp()
            down = bool(state) is (self._pull == "down")
            heard(Edge(value, down, now._replace(monotonic=Millis(now.monotonic - round(age * 1000)))))

        return changed


def _machines_own() -> Any:
    """The pin factory that GPIOZERO_PIN_FACTORY names, or gpiozero's first choice."""
    Device.ensure_pin_factory()
    return Device.pin_factory
