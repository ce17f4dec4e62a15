"""From a panel's edges to what a visitor did, on the main thread."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from kiosk.core import contacts
from kiosk.core.access import Keystroke
from kiosk.core.alarms import Alarms
from kiosk.core.debounce import Debounce, Turn
from kiosk.core.ports import Clock, Edge, Loop
from kiosk.core.timekeeping import Stamp
from kiosk.core.visit import Key, Press, Stuck, VisitEvent
from wire.envelopes import Misuse
from wire.events import Millis

BLOCKED: Final = 3_600_000
"""Milliseconds after which a door sensor that sees somebody without a break is taken for blocked."""


HEARD_WITHIN: Final = 4
"""Milliseconds after which an edge that happened has been heard: until then an alarm may not judge by what is missing."""


class Pressing:
    """Debounces each contact by the time of its edges, each with a window of its own, and tells `handle` and `passed` in the order
    things happened.

    `windows` are ms by contact. A button or key held too long raises an alarm (`alarm(name, sentence)`, `clear(name)`), makes the
    rating it began doubtful, and is ignored until it has been let go.
    """

    def __init__(
        self,
        windows: Mapping[str, int],
        *,
        clock: Clock,
        loop: Loop,
        alarms: Alarms,
        handle: Callable[[VisitEvent], None],
        passed: Callable[[str, Stamp], None],
        alarm: Callable[[str, str], None],
        clear: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._loop = loop
        self._alarms = alarms
        self._handle = handle
        self._passed = passed
        self._alarm = alarm
        self._clear = clear
        self._contacts = {name: Debounce(window) for name, window in windows.items()}
        self.configure(Misuse())

    def configure(self, misuse: Misuse) -> None:
        """How long a button may be held, from now on. Main thread."""
        for name, contact in self._contacts.items():
            contact.stuck_after = BLOCKED if contacts.split(name)[0] == "door" else misuse.stuck_after
        self._arm()

    def begin(self, closed: Collection[str]) -> None:
        """The contacts that were already down when they were first looked at. Main thread."""
        now = self._clock.stamp()
        for name in closed:
            self._contacts[name].hold(now)
        self._arm()

    def edge(self, edge: Edge) -> None:
        """A contact moved. From any thread."""
        self._loop.post(lambda: self._moved(edge))

    def _moved(self, edge: Edge) -> None:
        contact = self._contacts.get(edge.contact)
        if contact is None:
            return
        self._settle(edge.stamp)
        contact.edge(edge.down, edge.stamp)
        self._settle(edge.stamp)
        self._arm()

    def _arm(self) -> None:
        earliest = min((due for contact in self._contacts.values() if (due := contact.due()) is not None), default=None)
        self._alarms.at("contacts", None if earliest is None else earliest + HEARD_WITHIN, self._wait_for_edges)

    def _wait_for_edges(self) -> None:
        """Edges that have been heard but not seen to yet come first."""
        self._loop.post(self._look)

    def _look(self) -> None:
        now = self._clock.stamp()
        self._settle(now._replace(monotonic=Millis(now.monotonic - HEARD_WITHIN)))
        self._arm()

    def _settle(self, now: Stamp) -> None:
        turned = [(contact, name, turn) for name, contact in self._contacts.items() if (turn := contact.settle(now.monotonic))]
        for contact, name, turn in sorted(turned, key=lambda entry: entry[0].began or now):
            self._tell(name, turn, contact, now)

    def _tell(self, name: str, turn: Turn, contact: Debounce, now: Stamp) -> None:
        began = contact.began or now
        kind, what = contacts.split(name)
        match turn, kind:
            case Turn.PRESSED, "face":
                self._handle(Press(int(what), began))
            case Turn.PRESSED, "key":
                self._handle(Key(Keystroke(what), began))
            case Turn.PRESSED, _:
                self._passed(what, began)
            case Turn.STUCK, _:
                held = f"{name} has been held for {contact.stuck_after // 1000} s"
                self._alarm(_alarm_of(name), f"{held}: ignored until it is let go")
                if kind == "face" and contact.counted:
                    self._handle(Stuck(int(what), began.monotonic, now))
            case Turn.FREE, _:
                self._clear(_alarm_of(name))


def _alarm_of(name: str) -> str:
    return f"stuck {name}"
