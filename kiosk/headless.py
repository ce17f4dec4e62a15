"""The main loop of a device without a screen: a queue and one alarm. It sleeps until something comes or falls due."""

import queue
from collections.abc import Callable

import structlog

from kiosk.core.ports import Clock

log = structlog.get_logger("loop")


class QueueLoop:
    """As `kiosk.core.ports.Loop`; `run` is the main thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._alarm: tuple[int, Callable[[], None]] | None = None

    def post(self, call: Callable[[], None]) -> None:
        """Runs `call` on the main thread soon. From any thread, and from a signal handler."""
        self._calls.put(call)

    def at(self, deadline_ms: int | None, call: Callable[[], None]) -> None:
        """Runs `call` once the monotonic clock reads `deadline_ms`. Main thread only."""
        self._alarm = None if deadline_ms is None else (deadline_ms, call)

    def stop(self) -> None:
        """Ends `run` after what was posted before. From any thread, and from a signal handler."""
        self._calls.put(None)

    def run(self) -> None:
        """Runs what is posted and what falls due until `stop`."""
        while True:
            timeout = None
            if self._alarm is not None:
                timeout = (self._alarm[0] - self._clock.stamp().monotonic) / 1000
            call = self._due() if timeout is not None and timeout <= 0 else None
            if call is None:
                try:
                    call = self._calls.get(timeout=timeout)
                except queue.Empty:
                    continue
                if call is None:
                    return
            try:
                call()
            except Exception:
                log.exception("main-loop-call-failed")  # whoever comes next must still be able to rate

    def _due(self) -> Callable[[], None] | None:
        alarm, self._alarm = self._alarm, None
        return alarm[1] if alarm else None
