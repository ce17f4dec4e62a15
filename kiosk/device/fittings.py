"""Builds what is fitted to a device besides its screen: contacts, lamps and a buzzer, simulated, real, or none.

gpiozero is imported only for real ones.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from kiosk.config import KioskConfig, output
from kiosk.core import contacts as names
from kiosk.core.access import Keystroke
from kiosk.core.ports import Clock, Contacts, Lamps, Sounds
from kiosk.errors import ConfigError, KioskError


@dataclass(frozen=True, slots=True)
class Fittings:
    """What there is of them. `stop` lets go of all of it."""

    contacts: Contacts | None = None
    lamps: Lamps | None = None
    buzzer: Sounds | None = None
    stop: Callable[[], None] = lambda: None


def build(config: KioskConfig, clock: Clock, report: Callable[[str], None]) -> Fittings:
    """The panel of `config`. Raises `KioskError` if the device could not be used without what is broken; the rest is reported."""
    panel = config.panel
    if _leads_nowhere(panel.contacts):
        report("panel.keys: without next and choose keys nobody can answer without sight. Wire both, or two face buttons at least.")
    if panel.simulated:
        return _simulated(config, clock)
    if not (panel.contacts or panel.lamps or panel.buzzer):
        return Fittings()
    from kiosk.inputs.gpio import pin_factory

    try:
        factory = pin_factory()
    except KioskError as fault:
        if not config.has_window:
            raise
        report(str(fault))  # people can still touch the screen
        return Fittings()
    return _real(config, clock, report, factory)


def _leads_nowhere(wired: Collection[str]) -> bool:
    """Whether there are keys that begin the accessible mode, and none to answer with in it."""
    keys = any(names.split(name)[0] == "key" for name in wired)
    return keys and names.key(Keystroke.CHOOSE) not in wired and not names.keypad(wired)


def _simulated(config: KioskConfig, clock: Clock) -> Fittings:
    from kiosk.inputs.simulated import SimulatedPanel

    path = config.state_dir / (config.panel.simulated or "")
    try:
        panel = SimulatedPanel(path, config.panel.contacts, clock=clock)
    except OSError as fault:
        raise ConfigError("panel.simulated", f"{path.name} cannot be made: {fault}.", "Name another socket.") from None
    return Fittings(panel, panel, panel, panel.stop)


def _real(config: KioskConfig, clock: Clock, report: Callable[[str], None], factory: Any) -> Fittings:
    from kiosk.inputs.gpio import GpioContacts
    from kiosk.outputs.buzzer import GpioBuzzer
    from kiosk.outputs.lamps import GpioLamps

    panel = config.panel
    wires = panel.contacts
    needed = () if config.has_window else [name for name in wires if names.split(name)[0] == "face"]
    contacts = GpioContacts(wires, clock=clock, report=report, factory=factory, needed=needed) if wires else None
    lamps = GpioLamps(panel.lit, report=report, factory=factory) if panel.lamps else None
    buzzer = GpioBuzzer(output(panel.buzzer), report=report, factory=factory) if panel.buzzer else None

    def stop() -> None:
        for part in (contacts, lamps, buzzer):
            if part is not None:
                part.stop()

    return Fittings(contacts, lamps, buzzer, stop)
