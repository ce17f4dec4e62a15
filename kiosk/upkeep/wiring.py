"""The wiring self-test: lights each lamp, asks for each button, key and door sensor, and names what did not come."""

import queue
from collections.abc import Callable, Mapping
from typing import Final

from kiosk.core import contacts as names
from kiosk.core.contacts import ContactWire
from kiosk.core.debounce import Debounce, Turn
from kiosk.core.lighting import Look, Mood
from kiosk.core.ports import Clock, Contacts, Edge, Lamps, Sounds
from kiosk.core.sounding import Sound

STEP_S: Final = 15
"""Seconds for each step: enough to walk to a door sensor."""

Say = Callable[..., str]


class WiringTest:
    """One run of it. `say(sentence, **values)` gives a sentence in the reader's language, `tell` shows a line."""

    def __init__(
        self,
        wires: Mapping[str, ContactWire],
        *,
        contacts: Contacts,
        lamps: Lamps | None,
        buzzer: Sounds | None,
        lit: Mapping[int, object],
        clock: Clock,
        say: Say,
        tell: Callable[[str], None],
        simulated: bool = False,
    ) -> None:
        self._wires = wires
        self._contacts = contacts
        self._lamps = lamps
        self._buzzer = buzzer
        self._lit = {names.face(value): value for value in lit}
        self._clock = clock
        self._say = say
        self._tell = tell
        self._simulated = simulated
        self._states = {contact: Debounce(wire.window) for contact, wire in wires.items()}
        self._edges: queue.SimpleQueue[Edge] = queue.SimpleQueue()

    def run(self, seconds: float = STEP_S) -> list[str]:
        """Asks for everything in turn, `seconds` each. Returns what has to be put right; empty if nothing. Raises `KioskError`."""
        say = self._say
        announcement = "Wiring test: {seconds} s for each step. A press that comes is answered by lamp and buzzer."
        self._tell(say(announcement, seconds=round(seconds)))
        faults = []
        for contact in sorted(self._contacts.start(self._edges.put)):
            self._states[contact].hold(self._clock.stamp())
            closed = say("{contact}: closed though nobody touches it. Check pull and active level.", contact=self._named(contact))
            faults.append(closed)
            self._tell(closed)
        for step, contact in enumerate(self._wires, 1):
            self._tell(self._request(contact, step=step, steps=len(self._wires)))
            faults += self._ask_for(contact, seconds)
        self._show(Look(Mood.READY))
        self._tell(say("To be put right:") if faults else say("Everything came as configured."))
        for fault in faults:
            self._tell(f"  {fault}")
        return faults

    def _request(self, contact: str, **place: int) -> str:
        named = self._named(contact)
        if names.split(contact)[0] == "door":
            return self._say("{step} of {steps}. Walk past the sensor: {contact}.", contact=named, **place)
        if contact in self._lit:
            return self._say("{step} of {steps}. Press the button that is lit: {contact}.", contact=named, **place)
        return self._say("{step} of {steps}. Press: {contact}.", contact=named, **place)

    def _ask_for(self, contact: str, seconds: float) -> list[str]:
        """What is wrong with `contact`: nothing, or one sentence."""
        say = self._say
        self._show(Look(Mood.PRESSED, self._lit.get(contact)))
        until = self._clock.stamp().monotonic + round(seconds * 1000)
        other = ""
        while (came := self._next_press(until)) is not None:
            if came == contact:
                self._show(Look(Mood.READY))
                if self._buzzer is not None:
                    self._buzzer.play(Sound.SAVED)
                self._tell(f"  {say('It came.')}")
                return []
            other = self._named(came)
            self._tell(f"  {say('Something else came: {other}.', other=other)}")
        if not other:
            self._tell(f"  {say('Nothing came.')}")
            return [say("{contact}: nothing came. Check the cable, the lamp and the pin.", contact=self._named(contact))]
        swapped = "{contact}: something else came ({other}). Swap the cables, or the pins in the configuration."
        return [say(swapped, contact=self._named(contact), other=other)]

    def _next_press(self, until: int) -> str | None:
        """The contact pressed next, None when the clock reads `until` (monotonic ms) before."""
        while True:
            now = self._clock.stamp().monotonic
            due = min((due for state in self._states.values() if (due := state.due()) is not None), default=until)
            try:
                edge = self._edges.get(timeout=max(0, min(due, until) - now) / 1000)
            except queue.Empty:
                for contact, state in self._states.items():
                    if state.settle(self._clock.stamp().monotonic) is Turn.PRESSED:
                        return contact
                if now >= until:
                    return None
                continue
            state = self._states[edge.contact]
            before = state.settle(edge.stamp.monotonic)
            state.edge(edge.down, edge.stamp)
            if Turn.PRESSED in (before, state.settle(edge.stamp.monotonic)):
                return edge.contact

    def _show(self, look: Look) -> None:
        if self._lamps is not None:
            self._lamps.light(look)

    def _named(self, contact: str) -> str:
        kind, name = names.split(contact)
        words = {"face": "button {name}", "key": "key {name}", "door": "door {name}"}
        named = self._say(words[kind], name=name)
        if self._simulated:
            return named
        return self._say("{contact} (GPIO {pin})", contact=named, pin=self._wires[contact].pin)
