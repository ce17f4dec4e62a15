"""Carries a visit: events in, scenes and rows out. The only holder of the visit's state, on the main thread only."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from kiosk.core import visit
from kiosk.core.alarms import Alarms
from kiosk.core.ports import Clock, Loop, Memory, Recorder, Screen

PRESSES_HELD: Final = 64
"""Presses kept while a slow card is busy with one: a child manages ten a second for as long as we wait for a card."""
LOST: Final = "presses lost"
"""The alarm that says how many could not be kept; it stands until the device starts anew."""
IN_TURN: Final = (visit.Press, visit.Stuck, visit.Clean, visit.Close, visit.Open)
"""What keeps its place behind held presses: it would make them doubtful or shut them out."""


class Conductor:
    """Feeds `visit.step`, appends the rows it asks for, and shows every scene that differs from the last.

    The scene is shown before the rows go to the ledger: the pressed look never waits for the card. What `memory` keeps is how
    often each item of the rotation bank was shown; without one a restart forgets it. `alarm` hears how many presses were lost.
    """

    def __init__(
        self,
        rules: visit.Rules,
        *,
        clock: Clock,
        loop: Loop,
        alarms: Alarms,
        recorder: Recorder,
        screens: Sequence[Screen],
        memory: Memory | None = None,
        alarm: Callable[[str, str], None],
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._loop = loop
        self._alarms = alarms
        self._recorder = recorder
        self._screens = tuple(screens)
        self._memory = memory
        self._alarm = alarm
        self._state = visit.begin(rules, memory.load() if memory else {})
        self._kept = self._state.exposures
        self._scene: visit.Scene | None = None
        self._next_rules: visit.Rules | None = None
        self._held: deque[visit.VisitEvent] = deque()
        self._lost = 0
        self._losing = False

    def start(self) -> None:
        """Show the first scene."""
        self._settle()

    def configure(self, rules: visit.Rules) -> None:
        """New rules take effect as soon as nobody is in front of the device."""
        self._next_rules = rules
        self._settle()

    def handle(self, event: visit.VisitEvent) -> None:
        """Something happened. Main thread only.

        A button pressed while the commit before it is under way is the next person's: it waits for its turn.
        """
        follows = bool(self._held) and isinstance(event, IN_TURN)
        try:
            if not follows and not visit.must_wait(self._rules, self._state, event):
                self._take(event)
            elif len(self._held) < PRESSES_HELD or not isinstance(event, visit.Press):
                self._held.append(event)
            else:
                self._lose()
        finally:
            self._go_on()

    def _take(self, event: visit.VisitEvent) -> None:
        self._state, appends = visit.step(self._rules, self._state, event)
        try:
            self._settle()
        finally:
            for append in appends:
                self._recorder.append(append.rows, self._reporter(append.token))

    def _lose(self) -> None:
        """One press more than can be kept. The first of a jam is told at once, and how many it was when the jam is over."""
        self._lost += 1
        if not self._losing:
            self._losing = True
            self._tell_losses()

    def _tell_losses(self) -> None:
        self._alarm(LOST, f"presses lost since the start, because they came faster than the card takes them: {self._lost}")

    def _go_on(self) -> None:
        """Whoever has waited comes next, in a turn of the loop of their own."""
        if self._held and self._state.pending is None:
            self._loop.post(self._next)

    def _next(self) -> None:
        if self._held and self._state.pending is None:
            try:
                self._take(self._held.popleft())
            finally:
                if self._losing and not self._held:
                    self._losing = False
                    self._tell_losses()
                self._go_on()

    def _settle(self) -> None:
        if visit.at_rest(self._state):
            if self._next_rules is not None:
                self._rules, self._next_rules = self._next_rules, None
                self._state = visit.adopt(self._rules, self._state)
            if self._memory is not None and self._state.exposures != self._kept:
                self._kept = self._state.exposures
                self._memory.keep(self._kept)
        self._alarms.at("visit", visit.due(self._state), self._tick)
        self._show()

    def _show(self) -> None:
        """A screen that fails takes no scene from the others."""
        scene = visit.scene(self._rules, self._state)
        if scene == self._scene:
            return
        self._scene = scene
        faults = []
        for screen in self._screens:
            try:
                screen.show(scene)
            except Exception as fault:
                faults.append(fault)
        if faults:
            raise faults[0]

    def _tick(self) -> None:
        self.handle(visit.Tick(self._clock.stamp()))

    def _reporter(self, token: int) -> Callable[[bool], None]:
        def report(stored: bool) -> None:
            self._loop.post(lambda: self._settled(token, stored))

        return report

    def _settled(self, token: int, stored: bool) -> None:
        outcome = visit.Committed if stored else visit.Failed
        self.handle(outcome(token, self._clock.stamp()))
