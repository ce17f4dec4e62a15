"""The accessible mode: by keys alone, without sight, everything that a finger can do."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.core import visit
from kiosk.core.access import KEYPADS, LOUDEST, QUIETEST, USUAL, Keystroke
from kiosk.core.visit import Phase
from tests.kiosk.exit import RULES, Exit, rotating
from wire.events import Answer, Input, Left, Retract

NEXT, PREVIOUS, CHOOSE = Keystroke.NEXT, Keystroke.PREVIOUS, Keystroke.CHOOSE
REPEAT, LOUDER, ACCESS = Keystroke.REPEAT, Keystroke.LOUDER, Keystroke.ACCESS
LANGUAGES = replace(RULES, languages=("uk", "en", "pl"))


def choose(exit_: Exit, control: str) -> None:
    """Walks the ring to `control` by NEXT alone, and chooses it."""
    assert exit_.scene.aid is not None
    for _ in range(len(exit_.scene.aid.ring) + 1):
        if exit_.scene.aid.focused == control:
            break
        exit_.keys(NEXT)
    assert exit_.scene.aid.focused == control
    exit_.keys(CHOOSE)


@pytest.mark.parametrize("key", list(Keystroke))
def test_any_key_begins_the_mode_and_does_nothing_else(key: Keystroke) -> None:
    exit_ = Exit()
    exit_.keys(key)
    aid = exit_.scene.aid
    assert aid is not None
    assert (aid.focused, aid.volume, aid.reads) == (None, USUAL, 0)
    assert exit_.card.rows == []


def test_the_ring_reads_answers_then_what_else_the_screen_offers_then_the_modes_own() -> None:
    exit_ = Exit(LANGUAGES)
    exit_.access()
    own = ("repeat", "louder", "language:en", "language:pl", "access")
    answers = tuple(f"answer:{value}" for value in range(1, 6))
    assert exit_.scene.aid is not None
    assert exit_.scene.aid.ring == answers + own
    choose(exit_, "answer:4")
    assert exit_.scene.aid.ring == (*answers, "skip", "undo", *own)
    choose(exit_, "skip")
    assert exit_.scene.aid.ring == ("undo", "done", *own)


def test_a_whole_visit_by_next_and_choose_alone() -> None:
    exit_ = Exit(LANGUAGES)
    exit_.keys(NEXT)
    choose(exit_, "language:pl")
    choose(exit_, "answer:2")
    choose(exit_, "undo")
    choose(exit_, "answer:5")
    choose(exit_, "skip")
    choose(exit_, "done")
    assert [type(row) for row in exit_.card.rows] == [Answer, Retract, Left, Answer, Left]
    assert {row.input for row in exit_.card.rows} == {Input.SPEECH}
    assert {row.language for row in exit_.card.rows} == {"pl"}
    assert (exit_.scene.phase, exit_.scene.aid, exit_.scene.language) == (Phase.WELCOME, None, "uk")


def test_focus_moves_round_both_ways() -> None:
    exit_ = Exit()
    exit_.access()
    exit_.keys(PREVIOUS)
    assert exit_.scene.aid is not None
    assert exit_.scene.aid.focused == "access"
    exit_.keys(NEXT)
    assert exit_.scene.aid.focused == "answer:1"
    exit_.keys(PREVIOUS, PREVIOUS)
    assert exit_.scene.aid.focused == "language:en"


def test_on_a_new_screen_nothing_is_in_focus_so_that_it_is_heard_first() -> None:
    exit_ = Exit()
    exit_.access()
    choose(exit_, "answer:3")
    assert exit_.scene.aid is not None
    assert (exit_.scene.phase, exit_.scene.aid.focus) == (Phase.FOLLOW_UP, None)
    exit_.keys(CHOOSE)
    assert exit_.scene.aid.reads == 1
    assert len(exit_.card.rows) == 1


def test_repeat_is_heard_again_and_focus_stays() -> None:
    exit_ = Exit()
    exit_.access()
    exit_.keys(NEXT, NEXT, REPEAT, REPEAT)
    assert exit_.scene.aid is not None
    assert (exit_.scene.aid.focused, exit_.scene.aid.reads) == ("answer:2", 2)
    choose(exit_, "repeat")
    assert exit_.scene.aid.reads == 3


def test_louder_goes_up_to_the_loudest_and_begins_again_at_the_quietest() -> None:
    exit_ = Exit()
    exit_.access()
    heard = []
    for _ in range(6):
        exit_.keys(LOUDER)
        assert exit_.scene.aid is not None
        heard.append(exit_.scene.aid.volume)
    assert heard == [4, LOUDEST, QUIETEST, 2, USUAL, 4]


def test_volume_language_and_mode_end_with_the_visit() -> None:
    exit_ = Exit()
    exit_.keys(ACCESS, LOUDER)
    exit_.speak("en")
    choose(exit_, "answer:4")
    exit_.wait(120_000)
    assert (exit_.scene.phase, exit_.scene.language, exit_.scene.aid) == (Phase.WELCOME, "uk", None)
    exit_.access()
    assert exit_.scene.aid is not None
    assert exit_.scene.aid.volume == USUAL


@pytest.mark.parametrize("leave", ["access-event", "access-key", "ring"])
def test_the_mode_is_left_as_it_is_entered(leave: str) -> None:
    exit_ = Exit()
    exit_.access()
    choose(exit_, "answer:4")
    if leave == "access-event":
        exit_.access()
    elif leave == "access-key":
        exit_.keys(ACCESS)
    else:
        choose(exit_, "access")
    assert (exit_.scene.phase, exit_.scene.aid) == (Phase.FOLLOW_UP, None)
    assert exit_.scene.deadline == exit_.clock.now + 30_000


def test_every_screen_waits_four_times_as_long() -> None:
    exit_ = Exit()
    exit_.access()
    exit_.wait(79_999)
    assert exit_.scene.leaving_at is None
    exit_.wait(1)
    assert exit_.scene.leaving_at == exit_.clock.now + 40_000
    exit_.keys(NEXT)
    assert exit_.scene.leaving_at is None
    choose(exit_, "answer:5")
    choose(exit_, "skip")
    assert exit_.scene.undo_until == exit_.clock.now + 20_000
    assert exit_.scene.deadline == exit_.clock.now + 28_000


def test_undo_that_is_withdrawn_takes_only_its_own_focus_away() -> None:
    exit_ = Exit()
    exit_.access()
    choose(exit_, "answer:5")
    choose(exit_, "skip")
    exit_.keys(NEXT, NEXT)
    assert exit_.scene.aid is not None
    assert exit_.scene.aid.focused == "done"
    exit_.wait(20_000)
    assert (exit_.scene.can_undo, exit_.scene.aid.focused) == (False, "done")


def test_each_key_gives_undo_its_time_again() -> None:
    exit_ = Exit()
    exit_.access()
    choose(exit_, "answer:5")
    choose(exit_, "skip")
    exit_.wait(19_000)
    exit_.keys(NEXT)
    exit_.wait(19_000)
    exit_.keys(CHOOSE)
    assert exit_.rows(Retract)


def test_touch_works_in_the_mode_and_is_told_from_keys() -> None:
    exit_ = Exit()
    exit_.access()
    exit_.tap(4)
    assert exit_.scene.aid is not None
    exit_.keys(NEXT, CHOOSE)
    assert [row.input for row in exit_.card.rows] == [Input.TOUCH, Input.SPEECH]


def test_trying_again_keeps_the_mode() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.access()
    choose(exit_, "answer:4")
    exit_.settle(False)
    assert exit_.scene.phase is Phase.NOT_RECORDED
    choose(exit_, "done")
    assert exit_.scene.phase is Phase.WELCOME
    choose(exit_, "answer:4")
    exit_.settle(True)
    assert [row.input for row in exit_.card.rows] == [Input.SPEECH]


def test_a_broken_device_can_still_be_heard_and_heard_in_another_language() -> None:
    exit_ = Exit()
    exit_.break_()
    exit_.keys(NEXT)
    assert exit_.scene.aid is not None
    assert exit_.scene.aid.ring == ("repeat", "louder", "language:en", "access")
    choose(exit_, "language:en")
    assert (exit_.scene.phase, exit_.scene.language) == (Phase.OUT_OF_ORDER, "en")
    exit_.mend()
    assert (exit_.scene.phase, exit_.scene.language) == (Phase.WELCOME, "en")
    assert exit_.scene.aid is not None


def test_a_broken_device_forgets_who_listened() -> None:
    exit_ = Exit()
    exit_.break_()
    exit_.access()
    exit_.wait(120_000)
    assert (exit_.scene.phase, exit_.scene.aid, exit_.scene.deadline) == (Phase.OUT_OF_ORDER, None, None)


def test_the_mode_begins_while_a_slow_card_is_busy_but_nothing_else_does() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.tap(4)
    exit_.keys(CHOOSE, NEXT, CHOOSE)
    assert exit_.scene.aid is not None
    assert (exit_.scene.busy, exit_.scene.aid.focus, len(exit_.card.waiting)) == (visit.Action.ANSWER, None, 1)
    exit_.settle(True)
    assert exit_.scene.phase is Phase.FOLLOW_UP
    assert exit_.scene.deadline == exit_.clock.now + 120_000


# --- a row of face buttons as the keypad -------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", sorted(KEYPADS))
def test_two_to_five_face_buttons_reach_everything(count: int) -> None:
    keypad = tuple(zip(range(1, count + 1), KEYPADS[count], strict=True))
    button = {keystroke: value for value, keystroke in keypad}
    exit_ = Exit(replace(LANGUAGES, keypad=keypad))
    exit_.access()
    assert exit_.scene.aid is not None
    reached = set()
    for _ in exit_.scene.aid.ring:
        exit_.press(button[NEXT])
        reached.add(exit_.scene.aid.focused)
    assert reached == set(exit_.scene.aid.ring)
    exit_.press(button[NEXT])
    exit_.press(button[CHOOSE])
    assert [(row.value, row.input) for row in exit_.rows(Answer) if isinstance(row, Answer)] == [(1, Input.SPEECH)]


def test_outside_the_mode_face_buttons_rate_as_always() -> None:
    exit_ = Exit(replace(RULES, keypad=((1, NEXT), (5, CHOOSE))))
    exit_.press(5)
    assert [row.input for row in exit_.card.rows] == [Input.BUTTON]


def test_with_keys_of_their_own_face_buttons_rate_in_the_mode_too() -> None:
    exit_ = Exit()
    exit_.keys(ACCESS)
    exit_.press(5)
    assert exit_.scene.phase is Phase.FOLLOW_UP
    assert exit_.scene.aid is not None


def test_a_keypad_button_without_a_meaning_says_only_that_somebody_is_there() -> None:
    exit_ = Exit(replace(RULES, keypad=((1, NEXT), (5, CHOOSE))))
    exit_.access()
    exit_.wait(25_000)
    assert exit_.scene.leaving_at is not None
    exit_.press(3)
    assert exit_.card.rows == []
    assert exit_.scene.aid is not None
    assert (exit_.scene.leaving_at, exit_.scene.aid.focus, exit_.scene.aid.reads) == (None, None, 0)


def test_what_a_keypad_does_while_the_card_is_busy_is_neither_the_next_persons_rating_nor_done_later() -> None:
    exit_ = Exit(replace(RULES, keypad=((1, NEXT), (5, CHOOSE))))
    exit_.card.by_itself = False
    exit_.access()
    exit_.press(1)
    exit_.press(5)
    exit_.press(5)
    exit_.press(1)
    exit_.settle(True)
    assert [row.value for row in exit_.rows(Answer) if isinstance(row, Answer)] == [1]
    assert exit_.card.waiting == []
    assert exit_.scene.aid is not None
    assert (exit_.scene.phase, exit_.scene.aid.focus, exit_.scene.aid.reads) == (Phase.FOLLOW_UP, None, 0)


ROW = tuple(zip(range(1, 6), KEYPADS[5], strict=True))


def test_a_mode_that_nobody_uses_gives_the_face_buttons_back_soon() -> None:
    exit_ = Exit(replace(RULES, keypad=ROW))
    exit_.keys(ACCESS)
    exit_.wait(20_000)
    assert exit_.scene.leaving_at == exit_.clock.now + 10_000
    exit_.wait(10_000)
    assert exit_.scene.aid is None
    exit_.press(5)
    assert [(row.value, row.input) for row in exit_.rows(Answer) if isinstance(row, Answer)] == [(5, Input.BUTTON)]


def test_passers_by_who_press_what_they_like_do_not_keep_a_mode_alive_for_minutes() -> None:
    exit_ = Exit(replace(RULES, keypad=ROW))
    exit_.keys(ACCESS)
    for value in (5, 4, 5):  # louder, repeat, louder
        exit_.press(value)
        assert exit_.scene.deadline == exit_.clock.now + 30_000


@pytest.mark.parametrize("used", ["step", "touch", "key"])
def test_who_uses_the_mode_has_four_times_as_long_on_a_row_of_face_buttons_too(used: str) -> None:
    exit_ = Exit(replace(RULES, keypad=ROW))
    exit_.keys(ACCESS)
    match used:
        case "step":
            exit_.press(2)
        case "touch":
            exit_.stay()
        case "key":
            exit_.keys(REPEAT)
    assert exit_.scene.deadline == exit_.clock.now + 120_000
    exit_.press(5)
    assert exit_.scene.deadline == exit_.clock.now + 120_000


def test_a_mode_that_could_be_neither_seen_nor_heard_does_not_begin() -> None:
    exit_ = Exit(replace(RULES, accessible=False))
    exit_.keys(*Keystroke)
    exit_.access()
    assert len(exit_.screen.scenes) == 1
    for value in (5, 5, 4, 1):
        exit_.press(value)
    assert [(row.value, row.input) for row in exit_.rows(Answer) if isinstance(row, Answer)] == [
        (value, Input.BUTTON) for value in (5, 5, 4, 1)
    ]


STROKES = st.sampled_from([NEXT, CHOOSE])


@given(st.lists(STROKES, max_size=60))
@settings(max_examples=100, deadline=None)
def test_whatever_is_keyed_focus_is_in_the_ring_and_the_mode_ends_at_rest(strokes: list[Keystroke]) -> None:
    exit_ = Exit(rotating(LANGUAGES))
    for stroke in strokes:
        exit_.keys(stroke)
        aid = exit_.scene.aid
        assert aid is None or aid.focus is None or 0 <= aid.focus < len(aid.ring)
    exit_.wait(1_000_000)
    assert visit.at_rest(exit_.conductor._state)
    assert exit_.scene.aid is None
