"""One further item at a time from a bank, so that over weeks every factor is covered."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.core import rotation
from kiosk.core.visit import Phase
from tests.kiosk.exit import BANK, Exit, item, only_the_first_item, rotating, with_faces
from wire.events import Answer, Input, Left, Retract

KEYS = [each.key for each in BANK]


def asked(exit_: Exit) -> str:
    """The key of the item on screen."""
    assert exit_.scene.item is not None
    return exit_.scene.item.key


def to_the_bank(exit_: Exit) -> str:
    """Rates, gives no reason, and says which item of the bank is shown then."""
    exit_.tap(4)
    exit_.skip()
    return asked(exit_)


def test_after_the_questionnaire_comes_one_item_of_the_bank_and_then_the_thanks() -> None:
    exit_ = Exit(rotating())
    assert to_the_bank(exit_) == "bank-0"
    assert (exit_.scene.phase, exit_.scene.can_undo) == (Phase.FOLLOW_UP, True)
    exit_.tap(-2)
    assert exit_.scene.phase is Phase.THANKS
    answer = exit_.card.rows[-1]
    assert isinstance(answer, Answer)
    assert (answer.item, answer.value) == ("bank-0", -2)


def test_a_face_button_answers_the_question_with_its_face_on_screen() -> None:
    exit_ = Exit(rotating(bank=[with_faces("faces")]))
    to_the_bank(exit_)
    exit_.press(2)
    assert exit_.scene.phase is Phase.THANKS
    assert [(row.item, row.value, row.input) for row in exit_.rows(Answer) if isinstance(row, Answer)] == [
        ("overall", 4, Input.TOUCH),
        ("faces", 2, Input.BUTTON),
    ]
    assert len({row.visit for row in exit_.card.rows}) == 1
    exit_.press(5)
    assert len({row.visit for row in exit_.card.rows}) == 2, "the thank-you has no faces to choose from: the next person's"


def test_on_tiles_a_face_button_is_the_next_persons_as_ever() -> None:
    exit_ = Exit(rotating(bank=[with_faces("faces")]))
    exit_.tap(4)
    exit_.press(2)
    assert [(row.item, row.value) for row in exit_.rows(Answer) if isinstance(row, Answer)] == [("overall", 4), ("overall", 2)]


def test_who_pressed_before_the_faces_were_on_screen_has_not_answered_them() -> None:
    exit_ = Exit(rotating(only_the_first_item(), [with_faces("faces")]))
    exit_.card.by_itself = False
    exit_.press(4)
    exit_.wait(10)
    exit_.press(1)
    exit_.wait(10)
    while exit_.card.waiting:
        exit_.settle(True)
    assert [(row.item, row.value) for row in exit_.rows(Answer) if isinstance(row, Answer)] == [("overall", 4), ("overall", 1)]
    assert [row.item for row in exit_.rows(Left)] == ["faces"]


def test_without_a_bank_the_thanks_come_at_once() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.skip()
    assert exit_.scene.phase is Phase.THANKS


def test_a_bank_may_follow_the_first_question_directly() -> None:
    exit_ = Exit(rotating(only_the_first_item()))
    exit_.tap(4)
    assert asked(exit_) == "bank-0"


def test_each_visitor_is_shown_the_item_shown_least_in_the_banks_order() -> None:
    exit_ = Exit(rotating())
    seen = []
    for _ in range(6):
        seen.append(to_the_bank(exit_))
        exit_.skip()
        exit_.done()
    assert seen == ["bank-0", "bank-1", "bank-2", "bank-3", "bank-0", "bank-1"]


def test_skipping_and_walking_away_record_that_the_item_was_shown() -> None:
    exit_ = Exit(rotating())
    to_the_bank(exit_)
    exit_.skip()
    exit_.done()
    to_the_bank(exit_)
    exit_.wait(30_000)
    assert [row.item for row in exit_.rows(Left) if row.item in KEYS] == ["bank-0", "bank-1"]


def test_undo_shows_the_same_item_again_and_counts_it_once() -> None:
    exit_ = Exit(rotating())
    first = to_the_bank(exit_)
    exit_.undo()
    assert to_the_bank(exit_) == first
    exit_.tap(3)
    exit_.undo()
    assert to_the_bank(exit_) == first
    exit_.wait(60_000)
    assert exit_.memory.kept == {"bank-0": 1, "bank-1": 0, "bank-2": 0, "bank-3": 0}
    assert [row.item for row in exit_.rows(Retract)] == ["overall", "overall", first]


def test_an_item_undone_on_screen_still_leaves_its_record() -> None:
    exit_ = Exit(rotating())
    to_the_bank(exit_)
    exit_.undo()
    assert "bank-0" in [row.item for row in exit_.rows(Left)]


def test_exposures_survive_a_restart() -> None:
    before = Exit(rotating())
    for _ in range(2):
        to_the_bank(before)
        before.wait(60_000)
    after = Exit(rotating(), before.memory.kept)
    assert to_the_bank(after) == "bank-2"


def test_exposures_are_kept_when_nobody_is_in_front() -> None:
    exit_ = Exit(rotating())
    to_the_bank(exit_)
    assert exit_.memory.kept == {}
    exit_.skip()
    assert exit_.memory.kept == {}
    exit_.done()
    assert exit_.memory.kept["bank-0"] == 1


def test_what_memory_says_about_items_of_another_bank_is_forgotten() -> None:
    exit_ = Exit(rotating(), {"elsewhere": 7, "bank-0": 2, "bank-1": 1, "bank-2": 2, "bank-3": 2})
    assert to_the_bank(exit_) == "bank-1"
    exit_.wait(60_000)
    assert exit_.memory.kept == {"bank-0": 2, "bank-1": 2, "bank-2": 2, "bank-3": 2}


def test_an_item_new_to_the_bank_joins_in_and_does_not_push_the_others_out() -> None:
    exit_ = Exit(rotating(), dict.fromkeys(KEYS, 1_000))
    exit_.conductor.configure(rotating(bank=[*BANK, item("bank-new", 1, 2, 3)]))
    seen = Counter[str]()
    for _ in range(50):
        seen[to_the_bank(exit_)] += 1
        exit_.wait(60_000)
    assert set(seen.values()) == {10}


@pytest.mark.parametrize("seed", range(3))
def test_over_thousands_of_visits_every_item_is_shown_as_often_as_the_others(seed: int) -> None:
    """Whatever visitors answer, undo or leave, and however often the device restarts."""
    random = Random(seed)
    exit_ = Exit(rotating())
    seen = Counter[str]()
    for _ in range(1_500):
        exit_.tap(random.randint(1, 5))
        if random.random() < 0.2:
            exit_.undo()
            exit_.tap(random.randint(1, 5))
        exit_.tap(random.randint(1, 5)) if random.random() < 0.5 else exit_.skip()
        shown = asked(exit_)
        seen[shown] += 1
        if random.random() < 0.2:
            exit_.undo()
            exit_.tap(5)
            exit_.skip()
            assert asked(exit_) == shown
        exit_.tap(3) if random.random() < 0.5 else exit_.wait(60_000)
        if exit_.scene.phase is Phase.THANKS:
            exit_.wait(60_000)
        if random.random() < 0.01:
            exit_ = Exit(rotating(), exit_.memory.kept)
    assert sum(seen.values()) == 1_500
    assert max(seen.values()) - min(seen.values()) <= 1
    assert exit_.memory.kept == dict(seen)


@given(
    st.dictionaries(st.sampled_from([*KEYS, "other"]), st.integers(0, 1_000)),
    st.lists(st.sampled_from(BANK), unique_by=id, min_size=1),
)
def test_a_settled_bank_keeps_every_count_and_newcomers_begin_with_the_least_shown(exposures, bank) -> None:  # type: ignore[no-untyped-def]
    settled = rotation.settled(bank, exposures)
    assert list(settled) == [each.key for each in bank]
    known = {key: exposures[key] for key in settled if key in exposures}
    assert all(settled[key] == (exposures[key] if key in known else min(known.values(), default=0)) for key in settled)
    assert settled[bank[rotation.draw(bank, settled)].key] == min(settled.values())
