"""The main thread's loop. It sleeps until there is something to do and draws only when something has changed.

Kivy's own loop wakes sixty times a second. This one waits in SDL's queue, bounded by the next moment anything is due, in place of
`Clock.idle`: idle it costs next to nothing, and a touch is answered at once instead of at the next frame.
"""

import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from kiosk.screen.waiting import LONGEST_S, Waiter

Call = Callable[[], None]
SLACK_MS: Final = 1
"""SDL counts its wait in whole milliseconds; waking one later costs nobody anything, one early costs a second wait."""


class MainLoop:
    """Runs Kivy's window and everything that is posted. `now` reads the monotonic clock in ms, `report` hears what went wrong.

    As `kiosk.core.ports.Loop`. The hooks of Kivy (`turn` for one frame, `next_event` for the seconds until its clock is due) are
    given by whoever opens the window, so that the loop itself can be tested without one.
    """

    def __init__(
        self,
        *,
        now: Callable[[], int],
        waiter: Waiter,
        turn: Callable[[], bool],
        next_event: Callable[[], float],
        report: Callable[[str], None],
    ) -> None:
        self._now = now
        self._waiter = waiter
        self._turn = turn
        self._next_event = next_event
        self._report = report
        self._posted: deque[Call] = deque()
        self._idle: deque[Call] = deque()
        self._due: tuple[int, Call] | None = None
        self._stopping = False

    def post(self, call: Call) -> None:
        """Runs `call` on the main thread soon. From any thread."""
        self._posted.append(call)
        self._waiter.wake()

    def at(self, deadline_ms: int | None, call: Call) -> None:
        """Runs `call` once the clock reads `deadline_ms`, in place of what was set before; None sets nothing."""
        self._due = None if deadline_ms is None else (deadline_ms, call)
        self._waiter.wake()

    def when_idle(self, call: Call) -> None:
        """Runs `call` when nothing else is to be done, one such call a turn. Main thread only."""
        self._idle.append(call)

    def run(self) -> None:
        """Runs until `stop`, or until the window is closed. The first picture is shown before anything that can wait is done."""
        going = self._turn_round()
        while going and not self._stopping:
            self._sleep()
            going = self._turn_round()
        self._run_posted()

    def stop(self) -> None:
        """Ends `run`. From any thread, and from a signal handler."""
        self._stopping = True
        self._waiter.wake()

    def _turn_round(self) -> bool:
        """Does what was asked and what is due, and shows what has changed. False once the window is closed."""
        self._run_posted()
        self._run_due()
        return self._guard(self._turn) is not False

    def _sleep(self) -> None:
        """Waits for something to do; does what can be done meanwhile."""
        if self._posted:
            return
        if self._idle:
            self._guard(self._idle.popleft())
            return
        self._waiter.wait(self._patience())

    def _patience(self) -> float:
        """Seconds until something is due."""
        seconds = min(LONGEST_S, self._next_event())
        if self._due is not None:
            seconds = min(seconds, (self._due[0] - self._now() + SLACK_MS) / 1000)
        return max(0.0, seconds)

    def _run_posted(self) -> None:
        for _ in range(len(self._posted)):  # what these post in turn waits for the next round, so that frames go on
            self._guard(self._posted.popleft())

    def _run_due(self) -> None:
        if self._due is not None and self._now() >= self._due[0]:
            _, call = self._due
            self._due = None
            self._guard(call)

    def _guard(self, call: Callable[[], Any]) -> Any:
        """One fault must not take the screen away from everybody after."""
        try:
            return call()
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._report(f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})")
            return None
