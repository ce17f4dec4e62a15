"""An exit as the pure core sees it: its questionnaire, a clock that the test turns, a card that the test lets succeed or fail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from kiosk.core import visit
from kiosk.core.access import Keystroke
from kiosk.core.alarms import Alarms
from kiosk.core.conductor import Conductor
from kiosk.core.hours import Opening
from kiosk.core.timekeeping import Stamp
from kiosk.core.visit import Phase, Rules, Scene
from wire.codec import encode_event
from wire.envelopes import Item, Option, Questionnaire, Timings
from wire.events import Answer, BootId, Event, Input, Millis, Retract

BOOT = BootId(b"\x01" * 16)
WALL_OFFSET = 1_795_000_000_000


def item(key: str, *values: int) -> Item:
    options = [Option(value, {"uk": f"варіант {value}", "en": f"option {value}"}) for value in values]
    return Item(key, "scale", "faces5", {"uk": key, "en": key}, options)


QUESTIONNAIRE = Questionnaire(7, "exit", [item("overall", 1, 2, 3, 4, 5), item("reason", 1, 2, 3, 4, 5)])
RULES = Rules(QUESTIONNAIRE, ("uk", "en"), "uk", Timings(question=30_000, thanks=7_000, cooldown=3_000))


class HandClock:
    """A monotonic clock that goes only when it is told to."""

    def __init__(self, now: int = 1_000_000) -> None:
        self.now = now
        self.synchronised = True

    def stamp(self) -> Stamp:
        return Stamp(BOOT, Millis(self.now), WALL_OFFSET, self.synchronised)


class HandLoop:
    """A main loop that runs when the test says so."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.calls: list[Callable[[], None]] = []
        self.alarm: tuple[int, Callable[[], None]] | None = None

    def post(self, call: Callable[[], None]) -> None:
        self.calls.append(call)

    def at(self, deadline_ms: int | None, call: Callable[[], None]) -> None:
        self.alarm = None if deadline_ms is None else (deadline_ms, call)

    def run(self) -> None:
        """Everything posted, and the alarm if its time has come."""
        while self.calls or (self.alarm and self.alarm[0] <= self.clock.now):
            if self.calls:
                self.calls.pop(0)()
            elif self.alarm:
                call = self.alarm[1]
                self.alarm = None
                call()


@dataclass
class Writing:
    """Rows on their way to the card."""

    rows: tuple[Event, ...]
    done: Callable[[bool], None]


@dataclass
class HandCard:
    """A ledger whose commits end when and how the test says."""

    rows: list[Event] = field(default_factory=list)
    waiting: list[Writing] = field(default_factory=list)
    by_itself: bool = True
    taken: int = 0

    def append(self, rows: Sequence[Event], done: Callable[[bool], None]) -> None:
        self.taken += 1
        for row in rows:
            encode_event(row)  # a row nobody would accept fails here
        self.waiting.append(Writing(tuple(rows), done))
        if self.by_itself:
            self.settle(True)

    def settle(self, stored: bool, which: int = 0) -> None:
        writing = self.waiting.pop(which)
        if stored:
            self.rows.extend(writing.rows)
        writing.done(stored)


@dataclass
class HandScreen:
    """Remembers what it was shown."""

    scenes: list[Scene] = field(default_factory=list)

    def show(self, scene: Scene) -> None:
        self.scenes.append(scene)

    @property
    def phase(self) -> Phase:
        return self.scenes[-1].phase


@dataclass
class HandMemory:
    """What would survive a restart."""

    kept: dict[str, int] = field(default_factory=dict)

    def load(self) -> Mapping[str, int]:
        return self.kept

    def keep(self, exposures: Mapping[str, int]) -> None:
        self.kept = dict(exposures)


class Exit:
    """A conductor with everything around it in the test's hands."""

    def __init__(self, rules: Rules = RULES, exposures: Mapping[str, int] | None = None) -> None:
        self.clock = HandClock()
        self.loop = HandLoop(self.clock)
        self.alarms = Alarms(self.loop)
        self.card = HandCard()
        self.screen = HandScreen()
        self.memory = HandMemory(dict(exposures or {}))
        self.raised: list[tuple[str, str]] = []
        self.conductor = Conductor(
            rules,
            clock=self.clock,
            loop=self.loop,
            alarms=self.alarms,
            recorder=self.card,
            screens=[self.screen],
            memory=self.memory,
            alarm=lambda name, sentence: self.raised.append((name, sentence)),
        )
        self.conductor.start()

    @property
    def scene(self) -> Scene:
        return self.screen.scenes[-1]

    def do(self, event: visit.VisitEvent) -> None:
        self.conductor.handle(event)
        self.loop.run()

    def tap(self, value: int, by: Input = Input.TOUCH) -> None:
        self.do(visit.Tap(value, by, self.clock.stamp()))

    def press(self, value: int) -> None:
        self.do(visit.Press(value, self.clock.stamp()))

    def skip(self) -> None:
        self.do(visit.Skip(self.clock.stamp()))

    def undo(self) -> None:
        self.do(visit.Undo(self.clock.stamp()))

    def done(self) -> None:
        self.do(visit.Done(self.clock.stamp()))

    def speak(self, language: str) -> None:
        self.do(visit.Speak(language, self.clock.stamp()))

    def stay(self) -> None:
        self.do(visit.Stay(self.clock.stamp()))

    def access(self) -> None:
        self.do(visit.Access(self.clock.stamp()))

    def keys(self, *keystrokes: Keystroke) -> None:
        for keystroke in keystrokes:
            self.do(visit.Key(keystroke, self.clock.stamp()))

    def close(self, opens: Opening | None = None) -> None:
        self.do(visit.Close(opens, self.clock.stamp()))

    def open(self) -> None:
        self.do(visit.Open(self.clock.stamp()))

    def clean(self) -> None:
        self.do(visit.Clean(self.clock.stamp()))

    def stuck(self, value: int, since: int) -> None:
        self.do(visit.Stuck(value, since, self.clock.stamp()))

    def break_(self) -> None:
        self.do(visit.Broken(self.clock.stamp()))

    def mend(self) -> None:
        self.do(visit.Mended(self.clock.stamp()))

    def wait(self, ms: int) -> None:
        """Time passes; whatever falls due on the way happens at its own moment."""
        end = self.clock.now + ms
        while self.loop.alarm and self.loop.alarm[0] <= end:
            self.clock.now = max(self.clock.now, self.loop.alarm[0])
            self.loop.run()
        self.clock.now = end

    def settle(self, stored: bool, which: int = 0) -> None:
        self.card.settle(stored, which)
        self.loop.run()

    def rows(self, kind: type[Event]) -> list[Event]:
        return [row for row in self.card.rows if isinstance(row, kind)]


BANK = [item(f"bank-{number}", -2, 1, 2, 3, 4, 5) for number in range(4)]


def with_faces(key: str) -> Item:
    """An item whose points are the faces that are on the buttons, and one that is on none."""
    plain = item(key, 1, 2, 3, 4, 5, -2)
    icons = {value: f"face-{value}" for value in range(1, 6)} | {-2: "not-mine"}
    return structs.replace(plain, options=[structs.replace(option, icon=icons[option.value]) for option in plain.options])


def rotating(rules: Rules = RULES, bank: Sequence[Item] = BANK) -> Rules:
    """The same rules, with a bank of further items behind the questionnaire."""
    return replace(rules, questionnaire=structs.replace(rules.questionnaire, rotation=list(bank)))


def only_the_first_item(rules: Rules = RULES) -> Rules:
    questionnaire = rules.questionnaire
    return replace(rules, questionnaire=Questionnaire(questionnaire.version, questionnaire.key, questionnaire.items[:1]))


def standing(rows: list[Event]) -> list[tuple[int, str, int]]:
    """(visit, item, value) of the answers that nobody took back, as a server would read the rows."""
    answers: dict[tuple[int, str], list[int]] = {}
    for row in rows:
        if isinstance(row, Answer):
            answers.setdefault((row.visit, row.item), []).append(row.value)
        elif isinstance(row, Retract):
            answers.pop((row.visit, row.item), None)
    return [(start, item, value) for (start, item), values in answers.items() for value in values]
