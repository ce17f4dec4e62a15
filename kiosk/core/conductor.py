"""Carries a visit: events in, scenes and rows out. The only holder of the visit's state, on the main thread only."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from kiosk.core import visit
from kiosk.core.ports import Clock, Loop, Recorder, Screen

PRESSES_HELD: Final = 16
"""Presses kept while a slow card is busy with one: more than a queue of people, less than a child's minute."""


class Conductor:
    """Feeds `visit.step`, appends the rows it asks for, and shows every scene that differs from the last.

    The scene is shown before the rows go to the ledger: the pressed look never waits for the card.
    """

    def __init__(self, rules: visit.Rules, *, clock: Clock, loop: Loop, recorder: Recorder, screens: Sequence[Screen]) -> None:
        self._rules = rules
        self._clock = clock
        self._loop = loop
        self._recorder = recorder
        self._screens = tuple(screens)
        self._state = visit.begin(rules)
        self._scene: visit.Scene | None = None
        self._next_rules: visit.Rules | None = None
        self._presses: deque[visit.Press] = deque(maxlen=PRESSES_HELD)

    def start(self) -> None:
        """Show the first scene."""
        self._show()

    def configure(self, rules: visit.Rules) -> None:
        """New rules take effect as soon as nobody is in front of the device."""
        self._next_rules = rules
        self._settle()

    def handle(self, event: visit.VisitEvent) -> None:
        """Something happened. Main thread only.

        A button pressed while the commit before it is under way is the next person's: it waits for its turn.
        """
        if isinstance(event, visit.Press) and self._state.pending is not None:
            self._presses.append(event)
            return
        self._state, appends = visit.step(self._rules, self._state, event)
        try:
            self._settle()
        finally:
            for append in appends:
                self._recorder.append(append.rows, self._reporter(append.token))
        if self._presses and self._state.pending is None:
            press = self._presses.popleft()
            self._loop.post(lambda: self.handle(press))

    def _settle(self) -> None:
        if self._next_rules is not None and visit.at_rest(self._state):
            self._rules, self._next_rules = self._next_rules, None
            self._state = visit.adopt(self._rules, self._state)
        self._show()

    def _show(self) -> None:
        scene = visit.scene(self._rules, self._state)
        if scene == self._scene:
            return
        self._scene = scene
        for screen in self._screens:
            screen.show(scene)
        self._loop.at(scene.deadline, self._tick)

    def _tick(self) -> None:
        self.handle(visit.Tick(self._clock.stamp()))
        if self._state.deadline is not None:
            self._loop.at(self._state.deadline, self._tick)  # a loop that called early has forgotten what is still awaited

    def _reporter(self, token: int) -> Callable[[bool], None]:
        def report(stored: bool) -> None:
            self._loop.post(lambda: self._settled(token, stored))

        return report

    def _settled(self, token: int, stored: bool) -> None:
        outcome = visit.Committed if stored else visit.Failed
        self.handle(outcome(token, self._clock.stamp()))
