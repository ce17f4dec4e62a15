"""The small moves of which every step of a visit is made: from screen to screen, and rows towards the card."""

from dataclasses import replace
from typing import Final

from kiosk.core import rotation
from kiosk.core.timekeeping import Stamp
from kiosk.core.visit.state import QUESTIONS, Action, Append, Pending, Phase, Rules, State, Step, Visit, asked
from wire.events import DAY_MS, Event, Input, Left, Millis

COMMIT_PATIENCE: Final = Millis(5_000)
"""How long a visitor waits for the card. A commit that comes later is taken back, because by then we have said "not recorded"."""
NOT_RECORDED_SHOWN: Final = Millis(6_000)
"""Long enough to read two short sentences."""
LONGEST_VISIT: Final = Millis(7 * DAY_MS)
"""A row says how far it lies from its visit's start, at most this far; only a device that slept could come near."""


# --- from screen to screen ---------------------------------------------------------------------------------------------------


def show(rules: Rules, state: State, now: Stamp, item: int) -> State:
    """The item at place `item` of those asked; behind the last the thank-you."""
    if item >= len(rules.questionnaire.items):
        state = _draw(rules, state)
    thanked_at = now.monotonic if item == 1 else state.thanked_at
    if item >= len(asked(rules, state)):
        thanks = replace(state, phase=Phase.THANKS, thanked_at=now.monotonic, undo_until=state.since)  # until when, `wait` says
        return wait(rules, _unfocused(thanks), now)
    phase = Phase.WELCOME if item == 0 else Phase.FOLLOW_UP
    return wait(rules, _unfocused(replace(state, phase=phase, item=item, thanked_at=thanked_at, undo_until=None)), now)


def rest(rules: Rules, state: State, now: Stamp, phase: Phase | None = None) -> State:
    """Nobody is in front any more: the court's own language and the usual look, at `phase` or wherever the device waits now."""
    return replace(
        state,
        phase=phase or (Phase.OUT_OF_ORDER if state.phase is Phase.OUT_OF_ORDER else in_service(state)),
        language=rules.language,
        item=0,
        visit=None,
        pending=None,
        since=_shown_at(state, now),
        deadline=None,
        warn_at=None,
        leaving=False,
        undo_until=None,
        aided=None,
    )


def in_service(state: State) -> Phase:
    """Where a device that works waits for visitors."""
    return Phase.CLOSED if state.after_hours else Phase.WELCOME


def turn_to(rules: Rules, state: State, now: Stamp, phase: Phase) -> State:
    """Another screen for whoever is in front: the visit is over, their language and mode stay."""
    return wait(rules, _unfocused(replace(state, phase=phase, item=0, visit=None, pending=None, undo_until=None)), now)


def wait(rules: Rules, state: State, now: Stamp) -> State:
    """The screen's time begins anew: its end, when the visitor is asked whether they are still there, how long undo is offered."""
    timings = rules.timings
    slowly = timings.aided if _needs_time(rules, state) else 1
    patience = _patience(rules, state)
    since = _shown_at(state, now)
    deadline = warn_at = undo_until = None
    if patience is not None:
        deadline = since + patience * slowly
        if state.phase in QUESTIONS:
            warn_at = deadline - min(timings.warning, patience // 2) * slowly
        if state.undo_until is not None:
            undo_until = min(since + timings.undo * slowly, deadline)
    return replace(state, since=since, deadline=deadline, warn_at=warn_at, leaving=False, undo_until=undo_until)


def _needs_time(rules: Rules, state: State) -> bool:
    """Whether every wait is longer. A mode whose keys are the face buttons keeps the next person from rating, so it must be used
    before it may last."""
    return state.aided is not None and (state.aided.used or not rules.keypad)


def _shown_at(state: State, now: Stamp) -> int:
    """When what follows from an event of `now` is shown. A press that had to wait for the card happened before the screen it meets,
    and must not be given up for the time it has waited."""
    return max(state.since, now.monotonic)


def _patience(rules: Rules, state: State) -> int | None:
    """How long the screen waits for a visitor in no special mode, in ms. A question that nobody has changed anything about waits
    for nothing."""
    match state.phase:
        case Phase.THANKS:
            return rules.timings.thanks
        case Phase.NOT_RECORDED:
            return NOT_RECORDED_SHOWN
        case Phase.CLEANING:
            return rules.timings.cleaning
        case Phase.CLOSED:
            return None
        case Phase.FOLLOW_UP:
            return rules.timings.question
    woken = state.phase is Phase.WELCOME and state.after_hours
    return rules.timings.question if woken or is_touched(rules, state) else None


def is_touched(rules: Rules, state: State) -> bool:
    """Whether somebody in front has changed or begun anything."""
    return state.visit is not None or state.aided is not None or state.language != rules.language


def _draw(rules: Rules, state: State) -> State:
    """Behind the questionnaire comes one item of the bank, the same for the whole visit. That it is shown is counted here."""
    bank = rules.questionnaire.rotation
    if not bank or state.visit is None or state.visit.drawn is not None:
        return state
    drawn = rotation.draw(bank, state.exposures)
    visit = replace(state.visit, drawn=drawn)
    return replace(state, visit=visit, exposures=rotation.shown(bank[drawn], state.exposures))


def _unfocused(state: State) -> State:
    """On a new screen no control is in focus yet."""
    return state if state.aided is None else replace(state, aided=replace(state.aided, focus=None))


# --- rows towards the card ---------------------------------------------------------------------------------------------------


def append(state: State, rows: tuple[Event, ...]) -> Step:
    """Rows whose commit nobody waits for, with the retractions that are owed."""
    token = state.tokens + 1
    settling = (*state.settling, Append(token, state.owed)) if state.owed else state.settling
    return replace(state, tokens=token, owed=(), settling=settling), (Append(token, (*state.owed, *rows)),)


def await_commit(state: State, rows: tuple[Event, ...], action: Action, value: int | None, then: int, now: Stamp) -> Step:
    """Rows whose commit the visitor waits for."""
    state, appends = append(state, rows)
    pending = Pending(state.tokens, action, value, then, rows)
    since = _shown_at(state, now)
    deadline = since + COMMIT_PATIENCE
    return replace(state, pending=pending, since=since, deadline=deadline, warn_at=None, leaving=False), appends


def leave(rules: Rules, state: State, now: Stamp, by: Input | None = None) -> Step:
    """The item on screen got no answer: it was skipped by `by`, or its visitor has gone."""
    rows = unanswered(rules, state, now, by)
    return append(state, rows) if rows else (state, ())


def unanswered(rules: Rules, state: State, now: Stamp, by: Input | None = None) -> tuple[Event, ...]:
    """The row that says that the item on screen was shown within the visit and got no answer. No visit, no row."""
    if state.visit is None or state.phase not in QUESTIONS:
        return ()
    item = asked(rules, state)[state.item].key
    return (Left(*common(rules, state, state.visit, item, now, by or state.visit.input)),)


Common = tuple[int, str, str, int, bytes, int, bool, int, int]


def common(rules: Rules, state: State, visit: Visit, item: str, now: Stamp, by: Input) -> Common:
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
        since_start(start.monotonic, now),
    )


def since_start(start: int, now: Stamp) -> int:
    """Milliseconds from a visit's start to `now`, as a row may say it."""
    return min(max(0, now.monotonic - start), LONGEST_VISIT)
