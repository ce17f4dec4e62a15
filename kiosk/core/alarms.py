"""Many alarms over a loop that has one."""

from collections.abc import Callable

from kiosk.core.ports import Loop


class Alarms:
    """Gives everybody on the main thread alarms of their own, by name. Who uses it leaves `Loop.at` alone.

    Each call happens in a turn of the loop of its own, so one that fails takes nobody's turn away.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._set: dict[str, tuple[int, Callable[[], None]]] = {}
        self._armed: int | None = None

    def at(self, name: str, deadline_ms: int | None, call: Callable[[], None]) -> None:
        """Runs `call` once the monotonic clock reads `deadline_ms`, in place of what `name` had set before; None sets nothing."""
        self._set.pop(name, None)
        if deadline_ms is not None:
            self._set[name] = (deadline_ms, call)
        self._arm()

    def _arm(self) -> None:
        """Asks the loop for the earliest, if that is news: asking wakes it."""
        earliest = min((deadline for deadline, _ in self._set.values()), default=None)
        if earliest != self._armed:
            self._armed = earliest
            self._loop.at(earliest, self._ring)

    def _ring(self) -> None:
        self._armed = None  # a loop forgets what it has called
        if self._set:
            name = min(self._set, key=lambda name: self._set[name][0])
            _, call = self._set.pop(name)
            self._arm()
            call()
