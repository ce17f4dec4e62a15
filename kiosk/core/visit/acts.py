"""What a visitor's touch, press or key does."""

from dataclasses import replace
from typing import Final

from kiosk.core.access import LOUDEST, QUIETEST, Aid, Keystroke, Volume
from kiosk.core.timekeeping import Stamp
from kiosk.core.visit.events import Access, Acted, Done, Key, Press, Skip, Speak, Stay, Tap, Undo
from kiosk.core.visit.misuse import doubts, pressed
from kiosk.core.visit.moves import await_commit, common, leave, rest, show, turn_to, unanswered, wait
from kiosk.core.visit.scenes import aid
from kiosk.core.visit.state import QUESTIONS, Action, Aided, Phase, Rules, State, Step, Visit, asked, can_undo, has_face, offers
from wire.events import Answer, Event, Flag, Input, Millis, Retract

STEPS: Final = (Keystroke.NEXT, Keystroke.PREVIOUS)
"""Keys that show that a row of face buttons is used as keys: the best faces, which are pressed most, are no such keys."""


def act(rules: Rules, state: State, event: Acted) -> Step:
    """What `event` makes of `state`. Whatever it means otherwise, it says that somebody is there."""
    if state.phase is Phase.CLEANING:
        return state, ()  # a wet cloth presses everything
    if isinstance(event, Access | Key) and not rules.accessible:
        return state, ()
    if isinstance(event, Press) and is_keypad(rules, state):
        keystroke = dict(rules.keypad).get(event.value)
        event = Stay(event.stamp) if keystroke is None else Key(keystroke, event.stamp)
        uses = keystroke in STEPS
    else:
        uses = not isinstance(event, Press | Access)
    if state.pending is not None:
        return _while_committing(state, event), ()
    if uses and state.aided is not None:
        state = replace(state, aided=replace(state.aided, used=True))
    if isinstance(event, Press):
        return _press(rules, state, event)
    if state.phase is Phase.CLOSED:
        state = turn_to(rules, state, event.stamp, Phase.WELCOME)
        if isinstance(event, Tap):
            return state, ()  # the question was not on screen yet
    match event:
        case Tap() if state.phase in QUESTIONS and offers(asked(rules, state)[state.item], event.value):
            return _answer(rules, state, event)
        case Skip() if state.phase is Phase.FOLLOW_UP:
            after, left = leave(rules, state, event.stamp, event.input)
            return show(rules, after, event.stamp, state.item + 1), left
        case Undo() if can_undo(state):
            return _undo(rules, state, event)
        case Done() if state.phase is Phase.THANKS:
            return rest(rules, state, event.stamp), ()
        case Done() if state.phase is Phase.NOT_RECORDED:
            return turn_to(rules, state, event.stamp, Phase.WELCOME), ()
        case Speak() if event.language in rules.languages:
            return wait(rules, replace(state, language=event.language), event.stamp), ()
        case Access():
            return wait(rules, _switched(state), event.stamp), ()
        case Key():
            return _key(rules, state, event)
    return _stay(rules, state, event.stamp), ()


def is_keypad(rules: Rules, state: State) -> bool:
    """Whether the face buttons are the keys of the accessible mode now."""
    return state.aided is not None and bool(rules.keypad)


def _while_committing(state: State, event: Acted) -> State:
    """One commit at a time. The accessible mode needs none, and asking for it twice is what a slow card must not demand."""
    begins = isinstance(event, Access) or (isinstance(event, Key) and (state.aided is None or event.key is Keystroke.ACCESS))
    return _switched(state) if begins else state


def _stay(rules: Rules, state: State, now: Stamp) -> State:
    """Somebody is there, so the screen's time begins anew, if it has any."""
    return state if state.deadline is None else wait(rules, state, now)


def _press(rules: Rules, state: State, press: Press) -> Step:
    """A face button answers the question with that face on screen. Past the first one it has no other meaning printed on it, so on
    every other screen it opens the next person's visit."""
    if _answers(rules, state, press):
        return _answer(rules, state, Tap(press.value, Input.BUTTON, press.stamp))
    if state.phase is Phase.OUT_OF_ORDER or not offers(rules.questionnaire.items[0], press.value):
        return _stay(rules, state, press.stamp), ()
    before: Step = state, ()
    if state.phase is not Phase.WELCOME:
        before = leave(rules, state, press.stamp)
        state = rest(rules, before[0], press.stamp, Phase.WELCOME)
    state, appends = _answer(rules, state, Tap(press.value, Input.BUTTON, press.stamp))
    return state, before[1] + appends


def _answers(rules: Rules, state: State, press: Press) -> bool:
    """Whether its question, past the first, was on screen when the button was pressed."""
    return (
        state.phase is Phase.FOLLOW_UP
        and press.stamp.monotonic >= state.since
        and has_face(asked(rules, state)[state.item], press.value)
    )


def _answer(rules: Rules, state: State, tap: Tap) -> Step:
    """The first answer opens the visit, with whatever makes it doubtful beside it."""
    visit = state.visit or Visit(_start(state, tap.stamp), tap.input)
    fields = common(rules, state, visit, asked(rules, state)[state.item].key, tap.stamp, tap.input)
    answer = Answer(*fields, tap.value)
    rows: list[Event] = [answer]
    if state.visit is None:
        rows += [Flag(*fields, reason) for reason in doubts(rules, state, tap.value, tap.stamp)]
    if tap.input is Input.BUTTON:
        state = pressed(state, tap.stamp.monotonic, answer)
    opened = replace(state, visit=visit, last_visit=visit.start.monotonic)
    return await_commit(opened, tuple(rows), Action.ANSWER, tap.value, state.item + 1, tap.stamp)


def _start(state: State, now: Stamp) -> Stamp:
    """When a visit begins. Its millisecond is its name, so a second visit in the same one starts in the next."""
    return now._replace(monotonic=Millis(max(now.monotonic, state.last_visit + 1)))


def _undo(rules: Rules, state: State, undo: Undo) -> Step:
    """What was answered is taken back; what is on screen was shown, and has got no answer so far."""
    visit = state.visit
    if visit is None:
        return state, ()
    retracts = (Retract(*common(rules, state, visit, item, undo.stamp, undo.input)) for item in visit.answered)
    rows = (*retracts, *unanswered(rules, state, undo.stamp, undo.input))
    return await_commit(state, rows, Action.UNDO, None, 0, undo.stamp)


# --- the accessible mode -----------------------------------------------------------------------------------------------------


def _switched(state: State) -> State:
    return replace(state, aided=Aided() if state.aided is None else None)


def _key(rules: Rules, state: State, event: Key) -> Step:
    """The first key only begins the mode: whoever found it by touch must hear what it does before it does anything."""
    shown = aid(rules, state)
    if state.aided is None or shown is None or event.key is Keystroke.ACCESS:
        return wait(rules, _switched(state), event.stamp), ()
    if event.key is Keystroke.CHOOSE and shown.focused is not None:
        return act(rules, state, _chosen(shown.focused, event.stamp))
    return wait(rules, replace(state, aided=_worked(state.aided, shown, event.key)), event.stamp), ()


def _worked(aided: Aided, shown: Aid, key: Keystroke) -> Aided:
    """The mode after a key that only works the mode itself."""
    match key:
        case Keystroke.NEXT:
            return replace(aided, focus=_moved(shown.ring, shown.focus, 1))
        case Keystroke.PREVIOUS:
            return replace(aided, focus=_moved(shown.ring, shown.focus, -1))
        case Keystroke.LOUDER:
            return replace(aided, volume=QUIETEST if aided.volume >= LOUDEST else Volume(aided.volume + 1))
    return replace(aided, reads=aided.reads + 1)


def _moved(ring: tuple[str, ...], focus: int | None, by: int) -> str:
    """The neighbour in the ring; the first move goes to its first or to its last control."""
    if focus is None:
        return ring[0 if by > 0 else -1]
    return ring[(focus + by) % len(ring)]


def _chosen(control: str, now: Stamp) -> Acted:
    """What a finger on `control` would have meant."""
    name, _, value = control.partition(":")
    match name:
        case "answer":
            return Tap(int(value), Input.SPEECH, now)
        case "skip":
            return Skip(now, Input.SPEECH)
        case "undo":
            return Undo(now, Input.SPEECH)
        case "done":
            return Done(now)
        case "language":
            return Speak(value, now)
        case "repeat":
            return Key(Keystroke.REPEAT, now)
        case "louder":
            return Key(Keystroke.LOUDER, now)
    return Access(now)
