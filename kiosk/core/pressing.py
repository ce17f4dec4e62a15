"""From a panel's edges to the visit's presses, on the main thread."""

from collections.abc import Callable

from kiosk.core.debounce import CHATTER, Contact
from kiosk.core.ports import Edge, Loop
from kiosk.core.visit import Press, VisitEvent


class Pressing:
    """Debounces each button by the time of its edges and hands presses to the visit in the order they happened."""

    def __init__(self, *, loop: Loop, handle: Callable[[VisitEvent], None], window: int = CHATTER) -> None:
        self._loop = loop
        self._handle = handle
        self._window = window
        self._contacts: dict[int, Contact] = {}

    def edge(self, edge: Edge) -> None:
        """A contact moved. From any thread."""
        self._loop.post(lambda: self._moved(edge))

    def _moved(self, edge: Edge) -> None:
        contact = self._contacts.setdefault(edge.value, Contact(self._window))
        if contact.edge(edge.down, edge.stamp.monotonic):
            self._handle(Press(edge.value, edge.stamp))
