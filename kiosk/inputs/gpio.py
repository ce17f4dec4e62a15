"""Contacts on GPIO pins, by gpiozero. Edges are passed on raw, with the time the pin itself gives: debouncing is the core's."""

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from gpiozero import Device

from kiosk.core.contacts import ContactWire
from kiosk.core.ports import Clock, Edge
from kiosk.errors import KioskError
from wire.events import Millis

OLDEST_EDGE_S: Final = 10.0
"""An edge that seems older than this has been stamped by another clock than the factory's; it happened just now."""


class WiringError(KioskError):
    """The pins are not what the configuration says."""


class GpioContacts:
    """As `kiosk.core.ports.Contacts`. `report` hears of each wire that cannot be used."""

    def __init__(
        self,
        wires: Mapping[str, ContactWire],
        *,
        clock: Clock,
        report: Callable[[str], None],
        factory: Any,
        needed: Collection[str] = (),
    ) -> None:
        """`factory` is a gpiozero pin factory. Of the contacts in `needed` one at least must be usable."""
        self._wires = dict(wires)
        self._clock = clock
        self._report = report
        self._factory = factory
        self._needed = frozenset(needed)
        self._taken: dict[str, tuple[str, Any, object]] = {}

    def start(self, heard: Callable[[Edge], None]) -> frozenset[str]:
        """Watches the pins. Raises `WiringError` if nothing of what is needed can be used."""
        closed = set()
        why = ""
        for contact, wire in self._wires.items():
            try:
                if self._watch(contact, wire, heard):
                    closed.add(contact)
            except Exception as fault:  # lgpio's errors have no ancestor in common with gpiozero's
                why = f"{contact} on GPIO {wire.pin} cannot be used: {fault}"
                self._report(why)
        if self._needed and not self._needed & self._taken.keys():
            self.stop()
            raise WiringError("No face button can be used: {fault}.", "Compare [panel.buttons] with the wiring.", fault=why)
        return frozenset(closed)

    def stop(self) -> None:
        """Lets go of the pins."""
        for contact, (name, pin, _) in self._taken.items():
            try:
                pin.when_changed = None
                self._factory.release_pins(self, name)
                pin.close()
            except Exception as fault:
                self._report(f"{contact} cannot be let go: {fault}")
        self._taken.clear()

    def _watch(self, contact: str, wire: ContactWire, heard: Callable[[Edge], None]) -> bool:
        """Whether it is closed now."""
        name = f"GPIO{wire.pin}"
        pin = self._factory.pin(name)
        self._factory.reserve_pins(self, name)
        listener = self._listener(contact, wire, heard)
        self._taken[contact] = (name, pin, listener)  # gpiozero itself holds the listener weakly
        try:
            pin.function = "input"
            pin.pull = "floating" if wire.pull == "none" else wire.pull
            pin.bounce = None
            pin.edges = "both"
            closed = bool(pin.state) is wire.active_high
            pin.when_changed = listener
        except Exception:
            del self._taken[contact]
            self._factory.release_pins(self, name)
            raise
        return closed

    def _conflicts_with(self, other: object) -> bool:
        """gpiozero asks whoever reserves a pin: nobody shares one with us."""
        return other is not self

    def _listener(self, contact: str, wire: ContactWire, heard: Callable[[Edge], None]) -> Callable[[float, int], None]:
        def changed(ticks: float, state: int) -> None:
            age = self._factory.ticks_diff(self._factory.ticks(), ticks)
            now = self._clock.stamp()
            if 0 < age < OLDEST_EDGE_S:
                now = now._replace(monotonic=Millis(now.monotonic - round(age * 1000)))
            heard(Edge(contact, bool(state) is wire.active_high, now))

        return changed


def pin_factory() -> Any:
    """The pin factory that GPIOZERO_PIN_FACTORY names, lgpio where it names none. Raises `WiringError`.

    gpiozero by itself would fall back to others, which lose edges or fail later.
    """
    os.environ.setdefault("GPIOZERO_PIN_FACTORY", "lgpio")
    try:
        Device.ensure_pin_factory()
    except Exception as fault:  # each factory raises what its own library raises
        said = str(fault) or type(fault).__name__
        fix = "Run it on a Raspberry Pi, as a user of the group gpio."
        raise WiringError("The GPIO pins cannot be used: {fault}.", fix, fault=said) from None
    return Device.pin_factory
