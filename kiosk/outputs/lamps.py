"""Lamps in the face buttons on GPIO pins, by gpiozero. Still light only: nothing blinks at somebody who may have lost a case."""

from collections.abc import Mapping
from typing import Any

import structlog
from gpiozero import LED, GPIOZeroError

from kiosk.core.lighting import Look, Mood
from kiosk.errors import KioskError

log = structlog.get_logger("lamps")


class LampError(KioskError):
    """The lamps' pins are not what the configuration says."""


class GpioLamps:
    """As `kiosk.core.ports.Lamps`. `pins` are BCM numbers by face value.

    Ready: all lit. Pressed and thanked: only the chosen one, so that its light going on alone is the answer. Not recorded and
    out of order: all dark.
    """

    def __init__(self, pins: Mapping[int, int], *, factory: Any = None) -> None:
        """Raises `LampError`. `factory` is a gpiozero pin factory."""
        self._lamps: dict[int, Any] = {}
        try:
            for value, pin in pins.items():
                self._lamps[value] = LED(pin, pin_factory=factory)
        except (GPIOZeroError, OSError, ImportError) as fault:
            self.stop()
            raise LampError(f"The lamps cannot be used: {fault}.", "Compare [panel.lamps] with the wiring.") from None

    def light(self, look: Look) -> None:
        """Shows `look`. A lamp that fails is reported and the rest goes on."""
        for value, lamp in self._lamps.items():
            try:
                lamp.on() if self._lit(value, look) else lamp.off()
            except (GPIOZeroError, OSError) as fault:
                log.error("lamp-failed", value=value, text=str(fault))

    def stop(self) -> None:
        """Lights out."""
        for lamp in self._lamps.values():
            lamp.close()
        self._lamps.clear()

    def _lit(self, value: int, look: Look) -> bool:
        if look.mood is Mood.READY:
            return True
        return look.mood in (Mood.PRESSED, Mood.THANKED) and look.value == value
