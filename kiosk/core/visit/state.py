"""What the visit's state machine remembers, and the small questions that can be asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from kiosk.core import rotation
from kiosk.core.access import USUAL, Keystroke, Volume
from kiosk.core.hours import Opening
from kiosk.core.timekeeping import Stamp
from wire.envelopes import Item, Misuse, Questionnaire, Timings
from wire.events import Answer, Event, Input, Retract


class Phase(Enum):
    """What the visitor sees."""

    WELCOME = "welcome"
    FOLLOW_UP = "follow-up"
    THANKS = "thanks"
    NOT_RECORDED = "not-recorded"
    OUT_OF_ORDER = "out-of-order"
    CLOSED = "closed"
    CLEANING = "cleaning"


QUESTIONS = (Phase.WELCOME, Phase.FOLLOW_UP)
"""Where an item is on screen."""


class Action(Enum):
    """A control that was pressed and whose commit is under way."""

    ANSWER = "answer"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the court has configured, as far as a visit is concerned."""

    questionnaire: Questionnaire
    languages: tuple[str, ...]
    language: str
    timings: Timings = field(default_factory=Timings)
    misuse: Misuse = field(default_factory=Misuse)
    keypad: tuple[tuple[int, Keystroke], ...] = ()
    """What the face buttons mean in the accessible mode; empty where keys of their own are wired for it, or no buttons at all."""
    accessible: bool = True
    """Whether the accessible mode would be noticed: on a screen, or by a voice. Otherwise it never begins."""


class Append(NamedTuple):
    """Rows to write in one transaction. Report `Committed(token)` or `Failed(token)` when it is known."""

    token: int
    rows: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """A commit under way that the screen waits for. `then` is the item index to show after it; past the last means thank-you."""

    token: int
    action: Action
    value: int | None
    then: int
    rows: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """One person's minute: `start` names it, `input` opened it, `answered` are the items with a standing answer, in order.

    `drawn` is the place in the rotation bank of the item that this visit is shown, once it has been drawn.
    """

    start: Stamp
    input: Input
    answered: tuple[str, ...] = ()
    rating: int | None = None
    drawn: int | None = None


@dataclass(frozen=True, slots=True)
class Aided:
    """The accessible mode as it is remembered. `focus` is a control's key: it stays right when the ring around it changes.

    `used` says that its visitor has taken a step or touched the screen: the mode is not merely on.
    """

    focus: str | None = None
    volume: Volume = USUAL
    reads: int = 0
    used: bool = False


class Rating(NamedTuple):
    """A visit's first answer on the card: when the visit began (monotonic ms), and the value."""

    begun: int
    value: int


class Pressed(NamedTuple):
    """The latest press of a face button, at `since` (monotonic ms), and the answer it gave."""

    since: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class State:
    """Everything the machine remembers. `since`, `warn_at`, `undo_until` and `deadline` are monotonic ms.

    Without a deadline nothing is awaited; at `warn_at` the visitor is asked "Still there?", and `leaving` says that this was done.
    `given_up` are commits that the visitor was told had failed and that may still succeed; `owed` the retractions of those that
    did and are not on the card yet, `settling` those on their way to it. `last_visit` names the latest visit, so that two never
    share a millisecond, which is their name. `recent` are the ratings among which misuse is looked for, `pressed` has at most one
    press of each face button. `after_hours` holds from `Close` to `Open`, whatever is on screen.
    """

    phase: Phase
    language: str
    item: int = 0
    visit: Visit | None = None
    pending: Pending | None = None
    since: int = 0
    deadline: int | None = None
    warn_at: int | None = None
    leaving: bool = False
    undo_until: int | None = None
    aided: Aided | None = None
    tokens: int = 0
    given_up: tuple[Append, ...] = ()
    settling: tuple[Append, ...] = ()
    owed: tuple[Retract, ...] = ()
    thanked_at: int | None = None
    last_visit: int = -1
    recent: tuple[Rating, ...] = ()
    pressed: tuple[Pressed, ...] = ()
    exposures: Mapping[str, int] = field(default_factory=dict)
    after_hours: bool = False
    opens: Opening | None = None


Step = tuple[State, tuple[Append, ...]]


def begin(rules: Rules, exposures: Mapping[str, int] | None = None) -> State:
    """A device that waits for its first visitor and has shown its rotation bank as `exposures` say."""
    return State(Phase.WELCOME, rules.language, exposures=rotation.settled(rules.questionnaire.rotation, exposures or {}))


def adopt(rules: Rules, state: State) -> State:
    """The same device at rest, under new rules."""
    return replace(state, language=rules.language, exposures=rotation.settled(rules.questionnaire.rotation, state.exposures))


def at_rest(state: State) -> bool:
    """Nobody is in the middle of anything, so a new configuration may take effect."""
    resting = (Phase.WELCOME, Phase.OUT_OF_ORDER, Phase.CLOSED)
    return state.phase in resting and state.visit is None and state.deadline is None


def due(state: State) -> int | None:
    """When a `Tick` is needed next (monotonic ms), None while nothing can fall due."""
    moments = (state.deadline,) if state.pending else (state.deadline, None if state.leaving else state.warn_at, state.undo_until)
    return min((moment for moment in moments if moment is not None), default=None)


def asked(rules: Rules, state: State) -> tuple[Item, ...]:
    """What the visit in front is asked, in order. The item that rotates is not among them before it has been drawn."""
    items = tuple(rules.questionnaire.items)
    if state.visit is None or state.visit.drawn is None:
        return items
    return (*items, rules.questionnaire.rotation[state.visit.drawn])


def offers(item: Item, value: int) -> bool:
    """Whether `value` is an option of `item`."""
    return any(option.value == value for option in item.options)


def has_face(item: Item, value: int) -> bool:
    """Whether `item` offers the face `value`, the one that is on a button, as one of its scale."""
    faces = (option for option in item.options if option.value == value and option.icon == f"face-{value}")
    return item.kind == "scale" and any(faces)


def can_undo(state: State) -> bool:
    """Whether the screen offers to take back what was answered: on further questions always, on the thank-you for a while."""
    if state.visit is None or not state.visit.answered:
        return False
    return state.phase is Phase.FOLLOW_UP or (state.phase is Phase.THANKS and state.undo_until is not None)
