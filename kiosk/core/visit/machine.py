"""The step of the machine: which part of it an event concerns, and what time, staff and faults lead to."""

from dataclasses import replace

from kiosk.core.timekeeping import Stamp
from kiosk.core.visit.acts import act, is_keypad
from kiosk.core.visit.commits import committed, failed, give_up, not_recorded
from kiosk.core.visit.events import Broken, Clean, Close, Committed, Failed, Mended, Open, Press, Stuck, Tick, VisitEvent
from kiosk.core.visit.misuse import stuck
from kiosk.core.visit.moves import in_service, is_touched, leave, rest, turn_to, wait
from kiosk.core.visit.state import Phase, Rules, State, Step, at_rest


def step(rules: Rules, state: State, event: VisitEvent) -> Step:
    """What `event` makes of `state`: the next state, and the rows to append."""
    match event:
        case Committed():
            return committed(rules, state, event)
        case Failed():
            return failed(rules, state, event)
        case Tick():
            return _tick(rules, state, event.stamp)
        case Broken():
            broken = state.phase is Phase.OUT_OF_ORDER
            return (state if broken else rest(rules, give_up(state), event.stamp, Phase.OUT_OF_ORDER)), ()
        case Mended():
            return _mended(rules, state, event.stamp), ()
        case Stuck():
            return stuck(state, event)
        case Close():
            return _close(rules, state, event), ()
        case Open():
            return _open(rules, state, event.stamp), ()
        case Clean():
            return _clean(rules, state, event.stamp), ()
    return act(rules, state, event)


def must_wait(rules: Rules, state: State, event: VisitEvent) -> bool:
    """Whether `event` is the next person's rating while the commit before it is under way. It keeps its own moment and is handed
    over when the commit is settled."""
    return isinstance(event, Press) and state.pending is not None and not is_keypad(rules, state)


def _tick(rules: Rules, state: State, now: Stamp) -> Step:
    if state.deadline is not None and now.monotonic >= state.deadline:
        if state.pending is not None:
            return not_recorded(rules, give_up(state), now), ()
        state, appends = leave(rules, state, now)
        return rest(rules, state, now), appends
    if state.pending is None:
        warned = state.warn_at is not None and now.monotonic >= state.warn_at
        undoable = state.undo_until is not None and now.monotonic < state.undo_until
        state = replace(state, leaving=warned, undo_until=state.undo_until if undoable else None)
    return state, ()


def _mended(rules: Rules, state: State, now: Stamp) -> State:
    """Whoever has just been told that it does not work keeps their language and mode."""
    if state.phase is not Phase.OUT_OF_ORDER:
        return state
    if state.deadline is None:
        return rest(rules, state, now, in_service(state))
    return turn_to(rules, state, now, Phase.WELCOME)


def _close(rules: Rules, state: State, event: Close) -> State:
    """A device that only waits closes with its court. Whoever is in front is not sent away."""
    closed = replace(state, after_hours=True, opens=event.opens)
    return rest(rules, closed, event.stamp) if at_rest(state) else closed


def _open(rules: Rules, state: State, now: Stamp) -> State:
    """Somebody who has woken a closed device and touched nothing since need not be asked whether they are still there."""
    opened = replace(state, after_hours=False, opens=None)
    waits = state.phase is Phase.CLOSED or (state.phase is Phase.WELCOME and not is_touched(rules, state))
    return rest(rules, opened, now) if waits else opened


def _clean(rules: Rules, state: State, now: Stamp) -> State:
    """The lock begins only where nobody is in front: no visitor, their language or their mode is thrown out by a hand on the
    corner."""
    if state.phase not in (Phase.WELCOME, Phase.CLOSED) or is_touched(rules, state):
        return state
    return wait(rules, rest(rules, state, now, Phase.CLEANING), now)
