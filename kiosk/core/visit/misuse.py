"""What makes a rating doubtful. Doubt is a row of its own beside the answer: nothing is dropped, and nobody sees it on screen."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from kiosk.core.timekeeping import Stamp
from kiosk.core.visit.events import Stuck
from kiosk.core.visit.moves import append, since_start
from kiosk.core.visit.state import Pressed, Rating, Rules, State, Step
from wire.envelopes import Misuse
from wire.events import Answer, Flag


def doubts(rules: Rules, state: State, value: int, now: Stamp) -> list[str]:
    """Reasons to doubt a visit that begins now with the rating `value`: `rapid`, `burst`, `run`, `closed`."""
    misuse = rules.misuse
    rapid = state.thanked_at is not None and now.monotonic - state.thanked_at < rules.timings.cooldown
    ratings = (*state.recent, Rating(now.monotonic, value))
    said = {
        "rapid": rapid,
        "burst": _is_burst(misuse, ratings),
        "run": _is_run(misuse, ratings),
        "closed": state.after_hours,
    }
    return [reason for reason, so in said.items() if so]


def rated(rules: Rules, state: State, rating: Rating) -> State:
    """`rating` is on the card. A visit that rates anew after an undo counts once."""
    kept = max(rules.misuse.burst_count, rules.misuse.run_count)
    others = tuple(each for each in state.recent if each.begun != rating.begun)
    return replace(state, recent=(*others, rating)[-kept:])


def pressed(state: State, since: int, answer: Answer) -> State:
    """The face button of `answer` was pressed at `since` (monotonic ms)."""
    others = tuple(each for each in state.pressed if each.answer.value != answer.value)
    return replace(state, pressed=(*others, Pressed(since, answer)))


def stuck(state: State, event: Stuck) -> Step:
    """The press that gave an answer has not ended: no finger holds a button that long. A press that gave none needs no row."""
    now = event.stamp
    for press in state.pressed:
        answer = press.answer
        if (answer.value, press.since) == (event.value, event.since):
            seen = answer.questionnaire, answer.item, answer.language, answer.input, answer.boot
            dt = since_start(answer.visit, now)
            flag = Flag(*seen, now.wall_offset, now.synchronised, answer.visit, dt, "stuck")
            return append(replace(state, pressed=tuple(each for each in state.pressed if each is not press)), (flag,))
    return state, ()


def _is_burst(misuse: Misuse, ratings: Sequence[Rating]) -> bool:
    """Whether the last ratings are more than honest people can give in the time."""
    last = ratings[-misuse.burst_count :]
    return len(last) == misuse.burst_count and last[-1].begun - last[0].begun < misuse.burst_within


def _is_run(misuse: Misuse, ratings: Sequence[Rating]) -> bool:
    """Whether the last ratings are the same one again and again."""
    last = ratings[-misuse.run_count :]
    if len(last) < misuse.run_count or len({rating.value for rating in last}) > 1:
        return False
    return all(after.begun - before.begun <= misuse.run_gap for before, after in pairwise(last))
