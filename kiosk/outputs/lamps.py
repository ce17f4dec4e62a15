"""Lamps in the face buttons on GPIO pins, by gpiozero. Still light only: nothing blinks at somebody who may have lost a case."""

from collections.abc import Callable, Mapping
from typing import Any

from gpiozero import OutputDevice

from kiosk.core.contacts import OutputWire
from kiosk.core.lighting import Look, Mood


class GpioLamps:
    """As `kiosk.core.ports.Lamps`, by face value. A lamp that fails is reported, and the rest goes on.

    Ready: all lit. Pressed and thanked: only the chosen one, so that its light going on alone is the answer. Keys: only the one to
    choose with, so that a passer-by sees that the row is not ready for a rating. Otherwise all dark.
    """

    def __init__(self, wires: Mapping[int, OutputWire], *, report: Callable[[str], None], factory: Any) -> None:
        """`factory` is a gpiozero pin factory."""
        self._report = report
        self._lamps: dict[int, Any] = {}
        self._failed: set[int] = set()
        for value, wire in wires.items():
            try:
                self._lamps[value] = OutputDevice(wire.pin, active_high=wire.active_high, pin_factory=factory)
            except Exception as fault:  # lgpio's errors have no ancestor in common with gpiozero's
                self._report(f"the lamp of face {value} on GPIO {wire.pin} cannot be used: {fault}")

    def light(self, look: Look) -> None:
        """Shows `look`."""
        for value, lamp in self._lamps.items():
            try:
                lamp.on() if _lit(value, look) else lamp.off()
            except Exception as fault:
                if value not in self._failed:
                    self._failed.add(value)
                    self._report(f"the lamp of face {value} does not obey: {fault}")

    def stop(self) -> None:
        """Lights out."""
        for value, lamp in self._lamps.items():
            try:
                lamp.off()
                lamp.close()
            except Exception as fault:
                self._report(f"the lamp of face {value} cannot be let go: {fault}")
        self._lamps.clear()


def _lit(value: int, look: Look) -> bool:
    if look.mood is Mood.READY:
        return True
    return look.mood in (Mood.PRESSED, Mood.THANKED, Mood.KEYS) and look.value == value
