"""People at an exit: they tap, hesitate, skip, take back, walk away, and remember what the screen told them."""

from collections.abc import Sequence
from typing import Final

from kiosk.core import visit
from kiosk.core.conductor import Conductor
from kiosk.core.ports import Clock
from kiosk.core.visit import Phase, Rules, Scene
from wire.envelopes import Item, Misuse, Option, Questionnaire, Timings
from wire.events import DONT_KNOW, NOT_APPLICABLE, Answer, DeviceId, Event, Input
from workbench.simulation.agenda import Agenda
from workbench.simulation.clocks import SECOND
from workbench.simulation.truth import Failure, Told, Truth, Visit


def _item(key: str, *values: int, faces: bool = False) -> Item:
    options = [Option(value, {"uk": str(value)}, f"face-{value}" if faces and value > 0 else None) for value in values]
    return Item(key, "scale", "faces5", {"uk": key}, options)


QUESTIONNAIRE: Final = Questionnaire(
    7,
    "exit",
    [_item("overall", 1, 2, 3, 4, 5, faces=True), _item("reason", 1, 2, 3, DONT_KNOW)],
    [_item("clarity", 0, 5, 10), _item("respect", 1, 2, NOT_APPLICABLE)],
)
RULES: Final = Rules(
    QUESTIONNAIRE, ("uk", "en"), "uk", Timings(question=15_000, thanks=4_000, cooldown=1_000), Misuse(burst_count=3)
)


class Person:
    """Whoever stands in front. Looks at the screen, does something a while later, and keeps in mind what they were told."""

    def __init__(self, agenda: Agenda, clock: Clock, conductor: Conductor, truth: Truth, device: DeviceId) -> None:
        self._agenda = agenda
        self._clock = clock
        self._conductor = conductor
        self._truth = truth
        self._device = device
        self._scene: Scene | None = None
        self._name: tuple[bytes, int] | None = None
        self._doing: tuple[str, int] | None = None
        self._acting = False
        self._rows: Sequence[Event] = ()
        self._answered: list[str] = []
        self._patience = agenda.random.randrange(2, 9)
        self.gone = False

    def see(self, scene: Scene) -> None:
        """The screen has changed. What was being done is settled once the card has answered."""
        before, self._scene = self._scene, scene
        if before is not None and before.busy is not None and scene.busy is None and self._doing is not None:
            self._learn(refused=scene.phase is Phase.NOT_RECORDED)

    def caused(self, rows: Sequence[Event]) -> None:
        """While they do something, `rows` go to the card; an answer among them says what their visit is called."""
        if not self._acting:
            return  # what an earlier visit still owes
        self._rows = rows
        for row in rows:
            if isinstance(row, Answer):
                self._name = (row.boot, row.visit)

    def _learn(self, *, refused: bool) -> None:
        item, value = self._doing or ("", 0)
        self._doing = None
        said = "not recorded" if refused else "thanked" if item else "taken back"
        self._agenda.note(self._device, f"visitor {self._name[1] if self._name else '?'} is told: {said} {item} {value}")
        if self._name is None:
            return
        if not refused and not self._truth.kept(self._device, self._rows):
            raise Failure(f"{self._device} visit {self._name[1]}: was told {said} {item} before it was on the card")
        if not item:  # everything taken back
            for told in self._answered:
                self._truth.promises[Visit(self._device, *self._name, told)] = Told.UNKNOWN if refused else Told.TAKEN_BACK
            self._answered = []
        elif not refused:
            self._truth.promises[Visit(self._device, *self._name, item)] = value
            self._answered.append(item)
        else:
            self._truth.promises[Visit(self._device, *self._name, item)] = Told.NOT_RECORDED
            self._name = None
            self._answered = []

    def interrupted(self) -> None:
        """The device has gone dark in front of them."""
        self.gone = True

    def act(self) -> float:
        """Does the next thing. Returns the ms until the one after it; 0 when they have walked away."""
        scene, random = self._scene, self._agenda.random
        self._patience -= 1
        if scene is None or self.gone or self._patience < 0 or scene.phase is Phase.OUT_OF_ORDER:
            self.gone = True
            return 0
        think = random.randrange(300, 6 * SECOND)
        if scene.busy is not None:
            return think
        stamp = self._clock.stamp()
        match scene.phase:
            case Phase.FOLLOW_UP | Phase.THANKS if self._name is None:
                self._press(QUESTIONNAIRE.items[0])  # the one before has not quite gone: their own rating, by a button
            case Phase.WELCOME if scene.item is not None:
                if self._name is not None and not scene.taken_back:
                    self.gone = True  # the screen has gone back by itself: this visit is over
                    return 0
                (self._press if random.random() < 0.3 else self._tap)(scene.item)
            case Phase.FOLLOW_UP if scene.item is not None:
                choice = random.random()
                if choice < 0.6:
                    self._tap(scene.item)
                elif choice < 0.8:
                    self._conductor.handle(visit.Skip(stamp))
                elif choice < 0.9:
                    self._undo()
                else:
                    self.gone = True
            case Phase.THANKS:
                if random.random() < 0.15 and scene.can_undo:
                    self._undo()
                else:
                    if random.random() < 0.6:
                        self._conductor.handle(visit.Done(stamp))
                    self.gone = True
            case Phase.NOT_RECORDED:
                if random.random() < 0.5:
                    self.gone = True
                else:
                    self._conductor.handle(visit.Done(stamp))
            case _:
                self.gone = True
        return 0 if self.gone else think

    def _tap(self, item: Item) -> None:
        option = self._agenda.random.choice(item.options)
        self._begin(item.key, option.value)
        self._do(visit.Tap(option.value, Input.TOUCH, self._clock.stamp()))

    def _press(self, item: Item) -> None:
        value = self._agenda.random.randrange(1, 6)
        self._begin(item.key, value)
        self._do(visit.Press(value, self._clock.stamp()))

    def _undo(self) -> None:
        self._begin("", 0)
        self._do(visit.Undo(self._clock.stamp()))

    def _do(self, event: visit.VisitEvent) -> None:
        self._acting = True
        self._rows = list[Event]()
        try:
            self._conductor.handle(event)
        finally:
            self._acting = False
        if self._rows and self._doing is not None and self._scene is not None and self._scene.busy is None:
            self._learn(refused=self._scene.phase is Phase.NOT_RECORDED)  # told at once, and never that it is under way

    def _begin(self, item: str, value: int) -> None:
        """Until they are told, and they may not wait for it, nothing of what they said holds for sure."""
        self._doing = (item, value)
        if self._name is not None:
            for doubted in (item,) if item else self._answered:
                self._truth.promises[Visit(self._device, *self._name, doubted)] = Told.UNKNOWN
