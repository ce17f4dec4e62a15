"""Carries a visit: events in, scenes and rows out. The only holder of the visit's state, on the main thread only."""

from collections.abc import Callable, Sequence

from kiosk.core import visit
from kiosk.core.ports import Clock, Loop, Recorder, Screen


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

    def start(self) -> None:
        """Show the first scene."""
        self._show()

    def configure(self, rules: visit.Rules) -> None:
        """New rules take effect as soon as nobody is in front of the device."""
        self._next_rules = rules
        self._settle()

    def handle(self, event: visit.VisitEvent) -> None:
        """Something happened. Main thread only."""
        self._state, appends = visit.step(self._rules, self._state, event)
        self._settle()
        for append in appends:
            self._recorder.append(append.rows, self._reporter(append.token))

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

    def _reporter(self, token: int) -> Callable[[bool], None]:
        def report(stored: bool) -> None:
            self._loop.post(lambda: self._settled(token, stored))

        return report

    def _settled(self, token: int, stored: bool) -> None:
        outcome = visit.Committed if stored else visit.Failed
        self.handle(outcome(token, self._clock.stamp()))
