"""The visitor's state machine: what a tap, an undo, a walk-away or a failed commit lead to.

`step(rules, state, event)` returns the next state and the rows to append. It reads no clock and touches no screen; whoever calls it
shows `scene(rules, state)`, appends the rows and reports the commit back as `Committed` or `Failed`. Nobody is thanked before that.

The order of a visit: pressed look at once, commit, thank-you, and only then the network.
"""

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, NamedTuple

import msgspec

from kiosk.core.access import Aid, Keystroke
from kiosk.core.hours import Opening
from kiosk.core.timekeeping import Stamp
from wire.envelopes import Item, Misuse, Questionnaire, Timings
from wire.events import DAY_MS, Answer, Event, Flag, Input, Left, Millis, Retract

COMMIT_PATIENCE: Final = Millis(5_000)
"""How long a visitor waits for the card. A commit that comes later is taken back, because by then we have said "not recorded"."""
NOT_RECORDED_SHOWN: Final = Millis(6_000)
"""Long enough to read two short sentences."""
LONGEST_VISIT: Final = Millis(7 * DAY_MS)
"""A row says how far it lies from its visit's start, at most this far; only a device that slept could come near."""


class Phase(Enum):
    """What the visitor sees."""

    WELCOME = "welcome"
    FOLLOW_UP = "follow-up"
    THANKS = "thanks"
    NOT_RECORDED = "not-recorded"
    OUT_OF_ORDER = "out-of-order"
    CLOSED = "closed"
    CLEANING = "cleaning"


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


# --- events: what can happen -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tap:
    """An option of the item on screen was tapped."""

    value: int
    input: Input
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Press:
    """A physical face button was pressed. It always rates the visit: pressed after a rating, it is the next person's."""

    value: int
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Skip:
    """The visitor does not want to answer the item on screen."""

    stamp: Stamp
    input: Input = Input.TOUCH


@dataclass(frozen=True, slots=True)
class Undo:
    """Not what the visitor meant: everything this visit has answered is taken back."""

    stamp: Stamp
    input: Input = Input.TOUCH


@dataclass(frozen=True, slots=True)
class Done:
    """The thank-you was touched away; the next person may begin."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Speak:
    """Another language was chosen; it holds until the visit ends."""

    language: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Tick:
    """The moment is now `stamp`. Sent when a deadline falls due; sent too early it does nothing."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Committed:
    """The rows of append number `token` are on the card."""

    token: int
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Failed:
    """The rows of append number `token` are not on the card."""

    token: int
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Broken:
    """Nothing can be recorded until somebody mends the device."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Mended:
    """Recording works again."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Stay:
    """A touch or key that means nothing but that somebody is there. It wakes a closed device."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Access:
    """The accessibility control: the accessible mode begins, or ends."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Key:
    """A tactile key. Any of them begins the accessible mode; in it they move through everything that can be chosen."""

    key: Keystroke
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Stuck:
    """The face button `value`, pressed last at `since` (monotonic ms), has not come up: its rating is doubtful."""

    value: int
    since: int
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Close:
    """The court has closed; it opens again at `opens`, if that is known. A visitor in front is not sent away."""

    opens: Opening | None
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Open:
    """The court has opened."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Clean:
    """Staff want to wipe the screen: it is locked for `timings.cleaning`."""

    stamp: Stamp


Acted = Tap | Press | Skip | Undo | Done | Speak | Stay | Access | Key
"""What a visitor does."""
VisitEvent = Acted | Stuck | Close | Open | Clean | Tick | Committed | Failed | Broken | Mended


# --- state and what comes out of it ------------------------------------------------------------------------------------------


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
    """One person's minute: `start` names it, `input` opened it, `answered` are the items with a standing answer, in order."""

    start: Stamp
    input: Input
    answered: tuple[str, ...] = ()
    rating: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """Everything the machine remembers. `since` and `deadline` are monotonic ms; without a deadline nothing is awaited.

    `given_up` are commits that the visitor was told had failed and that may still succeed; `owed` the retractions of those that
    did and are not on the card yet, `settling` those on their way to it. `last_visit` names the latest visit, so that two never
    share a millisecond, which is their name.
    """

    phase: Phase
    language: str
    item: int = 0
    visit: Visit | None = None
    pending: Pending | None = None
    since: int = 0
    deadline: int | None = None
    tokens: int = 0
    given_up: tuple[Append, ...] = ()
    settling: tuple[Append, ...] = ()
    owed: tuple[Retract, ...] = ()
    thanked_at: int | None = None
    last_visit: int = -1


class Scene(NamedTuple):
    """What the screen has to show. `pressed` is the option whose commit is under way; the bar of undo drains to `undo_until`.

    `leaving_at` (monotonic ms) is set once the visitor is asked "Still there?": then the screen resets unless something is touched.
    `aid` is the accessible mode, None outside it; `opens` is when a closed court opens again.
    """

    phase: Phase
    language: str
    item: Item | None
    rating: int | None
    pressed: int | None
    busy: Action | None
    can_undo: bool
    since: int
    deadline: int | None
    undo_until: int | None = None
    leaving_at: int | None = None
    aid: Aid | None = None
    opens: Opening | None = None


Step = tuple[State, tuple[Append, ...]]


def begin(rules: Rules) -> State:
    """A device that waits for its first visitor."""
    return State(phase=Phase.WELCOME, language=rules.language)


def adopt(rules: Rules, state: State) -> State:
    """The same waiting device under new rules."""
    return replace(state, language=rules.language, item=0, deadline=None)


def at_rest(state: State) -> bool:
    """Nobody is in the middle of anything, so a new configuration may take effect."""
    return state.phase in (Phase.WELCOME, Phase.OUT_OF_ORDER) and state.visit is None and state.deadline is None


def scene(rules: Rules, state: State) -> Scene:
    """What `state` looks like."""
    items = rules.questionnaire.items
    asks = state.phase in (Phase.WELCOME, Phase.FOLLOW_UP)
    pending = state.pending
    return Scene(
        phase=state.phase,
        language=state.language,
        item=items[state.item] if asks else None,
        rating=state.visit.rating if state.visit else None,
        pressed=pending.value if pending else None,
        busy=pending.action if pending else None,
        can_undo=bool(state.visit and state.visit.answered) and state.phase in (Phase.FOLLOW_UP, Phase.THANKS),
        since=state.since,
        deadline=state.deadline,
    )


def step(rules: Rules, state: State, event: VisitEvent) -> Step:
    """What `event` makes of `state`: the next state, and the rows to append."""
    match event:
        case Committed():
            return _committed(rules, state, event)
        case Failed():
            return _failed(rules, state, event)
        case Tick():
            return _tick(rules, state, event.stamp)
        case Broken():
            return _rest(rules, _give_up(state), event.stamp, Phase.OUT_OF_ORDER), ()
        case Mended() if state.phase is Phase.OUT_OF_ORDER:
            return _rest(rules, state, event.stamp), ()
    if state.pending or state.phase is Phase.OUT_OF_ORDER:
        return state, ()
    match event:
        case Tap():
            return _tap(rules, state, event)
        case Press():
            return _press(rules, state, event)
        case Skip() if state.phase is Phase.FOLLOW_UP:
            left = _left(rules, state, event.stamp, event.input)
            return _append(_show(rules, state, event.stamp, state.item + 1), left)
        case Undo():
            return _undo(rules, state, event)
        case Done() if state.phase in (Phase.THANKS, Phase.NOT_RECORDED):
            return _rest(rules, state, event.stamp), ()
        case Speak() if event.language in rules.languages:
            return replace(_wait(state, event.stamp, _patience(rules, state)), language=event.language), ()
    return state, ()


# --- the visitor acts --------------------------------------------------------------------------------------------------------


def _tap(rules: Rules, state: State, tap: Tap) -> Step:
    if state.phase not in (Phase.WELCOME, Phase.FOLLOW_UP):
        return state, ()
    item = rules.questionnaire.items[state.item]
    if not _offers(item, tap.value):
        return state, ()
    visit = state.visit or Visit(_start(state, tap.stamp), tap.input)
    common = _common(rules, state, visit, item.key, tap.stamp, tap.input)
    rows: list[Event] = [Answer(*common, tap.value)]
    if state.visit is None and _is_rapid(rules, state, tap.stamp):
        rows.append(Flag(*common, "rapid"))
    opened = replace(state, visit=visit, last_visit=visit.start.monotonic)
    return _await(opened, tuple(rows), Action.ANSWER, tap.value, state.item + 1, tap.stamp)


def _press(rules: Rules, state: State, press: Press) -> Step:
    """A face button has no second meaning printed on it, so past the first question it opens the next person's visit."""
    before: tuple[Append, ...] = ()
    if not _offers(rules.questionnaire.items[0], press.value):
        return state, ()
    if state.phase is not Phase.WELCOME:
        if state.phase is Phase.FOLLOW_UP:
            state, before = _append(state, _left(rules, state, press.stamp))
        state = _rest(rules, state, press.stamp)
    state, appends = _tap(rules, state, Tap(press.value, Input.BUTTON, press.stamp))
    return state, before + appends


def _undo(rules: Rules, state: State, undo: Undo) -> Step:
    visit = state.visit
    if visit is None or not visit.answered or state.phase not in (Phase.FOLLOW_UP, Phase.THANKS):
        return state, ()
    rows = tuple(Retract(*_common(rules, state, visit, item, undo.stamp, undo.input)) for item in visit.answered)
    return _await(state, rows, Action.UNDO, None, 0, undo.stamp)


# --- the ledger answers ------------------------------------------------------------------------------------------------------


def _committed(rules: Rules, state: State, event: Committed) -> Step:
    state = replace(state, settling=tuple(entry for entry in state.settling if entry.token != event.token))
    for late in state.given_up:
        if late.token == event.token:
            return _take_back(state, late)
    pending = state.pending
    if pending is None or pending.token != event.token or state.visit is None:
        return state, ()
    visit = state.visit
    if pending.action is Action.UNDO:
        visit = replace(visit, answered=(), rating=None)
    else:
        visit = replace(
            visit,
            answered=(*visit.answered, rules.questionnaire.items[state.item].key),
            rating=pending.value if state.item == 0 else visit.rating,
        )
    return _show(rules, replace(state, visit=visit, pending=None), event.stamp, pending.then), ()


def _failed(rules: Rules, state: State, event: Failed) -> Step:
    unsettled = tuple(row for entry in state.settling if entry.token == event.token for row in entry.rows)
    state = replace(
        state,
        given_up=tuple(entry for entry in state.given_up if entry.token != event.token),
        settling=tuple(entry for entry in state.settling if entry.token != event.token),
        owed=(*state.owed, *(row for row in unsettled if isinstance(row, Retract))),
    )
    if state.pending is None or state.pending.token != event.token:
        return state, ()
    return _not_recorded(rules, state, event.stamp), ()


def _not_recorded(rules: Rules, state: State, now: Stamp) -> State:
    failed = _rest(rules, state, now, Phase.NOT_RECORDED, keep_language=True)
    return _wait(failed, now, NOT_RECORDED_SHOWN)


def _give_up(state: State) -> State:
    """The visitor hears that the commit under way has failed, whatever becomes of it."""
    pending = state.pending
    if pending is None:
        return state
    return replace(state, pending=None, given_up=(*state.given_up, Append(pending.token, pending.rows)))


def _take_back(state: State, late: Append) -> Step:
    """Rows that reached the card after we had said "not recorded" must not count, or trying again would count twice."""
    state = replace(state, given_up=tuple(entry for entry in state.given_up if entry.token != late.token))
    answers = [row for row in late.rows if isinstance(row, Answer)]
    if not answers:
        return state, ()
    owed = tuple(Retract(*msgspec.structs.astuple(row)[:-1]) for row in answers)
    return _append(replace(state, owed=(*state.owed, *owed)), ())


# --- time passes -------------------------------------------------------------------------------------------------------------


def _tick(rules: Rules, state: State, now: Stamp) -> Step:
    if state.deadline is None or now.monotonic < state.deadline:
        return state, ()
    if state.pending is not None:
        return _not_recorded(rules, _give_up(state), now), ()
    if state.visit is not None and state.phase in (Phase.WELCOME, Phase.FOLLOW_UP):
        state, appends = _append(state, _left(rules, state, now))
        return _rest(rules, state, now), appends
    return _rest(rules, state, now), ()


def _is_rapid(rules: Rules, state: State, now: Stamp) -> bool:
    return state.thanked_at is not None and now.monotonic - state.thanked_at < rules.timings.cooldown


# --- small moves -------------------------------------------------------------------------------------------------------------


def _show(rules: Rules, state: State, now: Stamp, item: int) -> State:
    """The next item, or the thank-you behind the last."""
    timings = rules.timings
    if item >= len(rules.questionnaire.items):
        return _wait(replace(state, phase=Phase.THANKS, thanked_at=now.monotonic), now, timings.thanks)
    phase = Phase.WELCOME if item == 0 else Phase.FOLLOW_UP
    thanked_at = now.monotonic if item == 1 else state.thanked_at
    return _wait(replace(state, phase=phase, item=item, thanked_at=thanked_at), now, timings.question)


def _rest(rules: Rules, state: State, now: Stamp, phase: Phase = Phase.WELCOME, *, keep_language: bool = False) -> State:
    """Back to the question, in the court's own language, with nobody in front."""
    return replace(
        state,
        phase=phase,
        language=state.language if keep_language else rules.language,
        item=0,
        visit=None,
        pending=None,
        since=now.monotonic,
        deadline=None,
    )


def _wait(state: State, now: Stamp, patience: int) -> State:
    return replace(state, since=now.monotonic, deadline=now.monotonic + patience)


def _patience(rules: Rules, state: State) -> int:
    """How long the screen of `state` waits for its visitor."""
    if state.phase is Phase.NOT_RECORDED:
        return NOT_RECORDED_SHOWN
    return rules.timings.thanks if state.phase is Phase.THANKS else rules.timings.question


def _offers(item: Item, value: int) -> bool:
    return any(option.value == value for option in item.options)


def _start(state: State, now: Stamp) -> Stamp:
    """When a visit begins. Its millisecond is its name, so a second visit in the same one starts in the next."""
    return now._replace(monotonic=Millis(max(now.monotonic, state.last_visit + 1)))


def _append(state: State, rows: tuple[Event, ...]) -> Step:
    """Rows whose commit nobody waits for, with the retractions that are owed."""
    token = state.tokens + 1
    settling = (*state.settling, Append(token, state.owed)) if state.owed else state.settling
    return replace(state, tokens=token, owed=(), settling=settling), (Append(token, (*state.owed, *rows)),)


def _await(state: State, rows: tuple[Event, ...], action: Action, value: int | None, then: int, now: Stamp) -> Step:
    """Rows whose commit the visitor waits for."""
    state, appends = _append(state, rows)
    pending = Pending(state.tokens, action, value, then, rows)
    return _wait(replace(state, pending=pending), now, COMMIT_PATIENCE), appends


def _left(rules: Rules, state: State, now: Stamp, by: Input | None = None) -> tuple[Event, ...]:
    """The item on screen got no answer: it was skipped by `by`, or its visitor has gone."""
    if state.visit is None:
        return ()
    item = rules.questionnaire.items[state.item].key
    return (Left(*_common(rules, state, state.visit, item, now, by or state.visit.input)),)


Common = tuple[int, str, str, int, bytes, int, bool, int, int]


def _common(rules: Rules, state: State, visit: Visit, item: str, now: Stamp, by: Input) -> Common:
    """The fields every row of a visit has, in the order of `wire.events.Row`."""
    start = visit.start
    return (
        rules.questionnaire.version,
        item,
        state.language,
        int(by),
        start.boot,
        now.wall_offset,
        now.synchronised,
        start.monotonic,
        min(max(0, now.monotonic - start.monotonic), LONGEST_VISIT),
    )
