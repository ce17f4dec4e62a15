"""What a state of the visit looks like to whoever shows it."""

from typing import NamedTuple

from kiosk.core.access import Aid, Keystroke
from kiosk.core.hours import Opening
from kiosk.core.visit.state import QUESTIONS, Action, Phase, Rules, State, asked, can_undo
from wire.envelopes import Item


class Scene(NamedTuple):
    """What the screen has to show. `pressed` is the option whose commit is under way; the bar of undo drains to `undo_until`.

    `leaving_at` (monotonic ms) is set once the visitor is asked "Still there?": then the screen resets unless something is touched.
    `aid` is the accessible mode, None outside it; `opens` is when a closed court opens again; `taken_back` says that the question
    is on screen again because its visitor has taken their answers back.
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
    taken_back: bool = False


def scene(rules: Rules, state: State) -> Scene:
    """What `state` looks like."""
    pending = state.pending
    return Scene(
        phase=state.phase,
        language=state.language,
        item=asked(rules, state)[state.item] if state.phase in QUESTIONS else None,
        rating=state.visit.rating if state.visit else None,
        pressed=pending.value if pending else None,
        busy=pending.action if pending else None,
        can_undo=can_undo(state),
        since=state.since,
        deadline=state.deadline,
        undo_until=state.undo_until,
        leaving_at=state.deadline if state.leaving else None,
        aid=aid(rules, state),
        opens=state.opens if state.phase is Phase.CLOSED else None,
        taken_back=state.phase is Phase.WELCOME and state.visit is not None and pending is None,
    )


def aid(rules: Rules, state: State) -> Aid | None:
    """The accessible mode as it is shown, None outside it."""
    if state.aided is None:
        return None
    controls = ring(rules, state)
    focus = controls.index(state.aided.focus) if state.aided.focus in controls else None
    choosing = next((value for value, key in rules.keypad if key is Keystroke.CHOOSE), None)
    return Aid(controls, focus, state.aided.volume, state.aided.reads, choosing)


def ring(rules: Rules, state: State) -> tuple[str, ...]:
    """Everything that can be chosen now, in reading order."""
    controls = []
    if state.phase in QUESTIONS:
        controls += [f"answer:{option.value}" for option in asked(rules, state)[state.item].options]
    if state.phase is Phase.FOLLOW_UP:
        controls.append("skip")
    if can_undo(state):
        controls.append("undo")
    if state.phase in (Phase.THANKS, Phase.NOT_RECORDED):
        controls.append("done")
    languages = (f"language:{language}" for language in rules.languages if language != state.language)
    return (*controls, "repeat", "louder", *languages, "access")
