"""What the card's answer leads to. Nobody is thanked before it, and what it says too late is taken back."""

from dataclasses import replace

import msgspec

from kiosk.core.timekeeping import Stamp
from kiosk.core.visit.events import Committed, Failed
from kiosk.core.visit.misuse import rated
from kiosk.core.visit.moves import LONGEST_VISIT, append, show, turn_to
from kiosk.core.visit.state import Action, Append, Phase, Rating, Rules, State, Step, asked
from wire.events import Answer, Retract


def committed(rules: Rules, state: State, event: Committed) -> Step:
    """Rows are on the card: their visitor is thanked, or, told otherwise before, does not count."""
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
        visit = replace(visit, answered=(*visit.answered, asked(rules, state)[state.item].key))
        if state.item == 0 and pending.value is not None:
            visit = replace(visit, rating=pending.value)
            state = rated(rules, state, Rating(visit.start.monotonic, pending.value))
    return show(rules, replace(state, visit=visit, pending=None), event.stamp, pending.then), ()


def failed(rules: Rules, state: State, event: Failed) -> Step:
    """Rows are not on the card. Retractions among them are still owed."""
    unsettled = tuple(row for entry in state.settling if entry.token == event.token for row in entry.rows)
    state = replace(
        state,
        given_up=tuple(entry for entry in state.given_up if entry.token != event.token),
        settling=tuple(entry for entry in state.settling if entry.token != event.token),
        owed=(*state.owed, *(row for row in unsettled if isinstance(row, Retract))),
    )
    if state.pending is None or state.pending.token != event.token:
        return state, ()
    return not_recorded(rules, state, event.stamp), ()


def not_recorded(rules: Rules, state: State, now: Stamp) -> State:
    """The visitor hears that it did not work."""
    return turn_to(rules, state, now, Phase.NOT_RECORDED)


def give_up(state: State) -> State:
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
    owed = tuple(_retraction(row) for row in answers)
    return append(replace(state, owed=(*state.owed, *owed)), ())


def _retraction(answer: Answer) -> Retract:
    """It says that it came behind `answer`. Their places cannot say it: a row that is taken over into another stream may come to
    stand behind one that was recorded after it, and of two at the same moment the later place would hold."""
    retraction = Retract(*msgspec.structs.astuple(answer)[:-1])
    return msgspec.structs.replace(retraction, dt=min(answer.dt + 1, LONGEST_VISIT))
