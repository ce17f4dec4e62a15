"""A visitor's minute: taps, second thoughts, walking away, and cards that fail."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.core import visit
from kiosk.core.visit import COMMIT_PATIENCE, NOT_RECORDED_SHOWN, Action, Phase
from tests.kiosk.exit import RULES, Exit, HandScreen, only_the_first_item, standing
from wire.events import Answer, Flag, Input, Left, Retract, at

THANKED = (Phase.FOLLOW_UP, Phase.THANKS)


def test_the_pressed_look_comes_before_the_commit_and_the_thanks_after_it() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.tap(4)
    assert (exit_.scene.phase, exit_.scene.pressed, exit_.scene.busy) == (Phase.WELCOME, 4, Action.ANSWER)
    exit_.settle(True)
    assert (exit_.scene.phase, exit_.scene.pressed, exit_.scene.rating) == (Phase.FOLLOW_UP, None, 4)


def test_a_rating_and_its_reason_are_two_rows_of_one_visit() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.wait(2_500)
    exit_.tap(2)
    rating, reason = exit_.card.rows
    assert isinstance(rating, Answer)
    assert isinstance(reason, Answer)
    assert (rating.item, rating.value, rating.dt) == ("overall", 4, 0)
    assert (reason.item, reason.value, reason.dt, reason.visit) == ("reason", 2, 2_500, rating.visit)
    assert at(reason) == exit_.clock.stamp().wall
    assert exit_.screen.phase is Phase.THANKS


def test_thanks_give_way_to_the_question_by_themselves_or_by_a_touch() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.tap(2)
    exit_.wait(6_999)
    assert exit_.screen.phase is Phase.THANKS
    exit_.wait(1)
    assert exit_.screen.phase is Phase.WELCOME
    exit_.tap(5)
    exit_.skip()
    exit_.done()
    assert exit_.screen.phase is Phase.WELCOME


def test_skipping_the_reason_says_that_it_was_shown() -> None:
    exit_ = Exit()
    exit_.tap(3)
    exit_.skip()
    (left,) = exit_.rows(Left)
    assert left.item == "reason"
    assert exit_.screen.phase is Phase.THANKS


def test_walking_away_from_the_reason_leaves_it_unanswered_and_keeps_the_rating() -> None:
    exit_ = Exit()
    exit_.tap(3)
    exit_.wait(29_999)
    assert not exit_.rows(Left)
    exit_.wait(1)
    (left,) = exit_.rows(Left)
    assert (left.item, left.dt, left.input) == ("reason", 30_000, Input.TOUCH)
    assert exit_.screen.phase is Phase.WELCOME
    assert [value for _, _, value in standing(exit_.card.rows)] == [3]


def test_looking_at_the_question_without_touching_is_no_visit() -> None:
    exit_ = Exit()
    exit_.speak("en")
    exit_.wait(120_000)
    assert exit_.card.rows == []
    assert exit_.scene.language == "uk"


def test_undo_takes_back_everything_the_visit_has_answered_and_asks_again() -> None:
    exit_ = Exit()
    exit_.tap(1)
    exit_.tap(4)
    assert exit_.scene.can_undo
    exit_.undo()
    assert [row.item for row in exit_.rows(Retract)] == ["overall", "reason"]
    assert standing(exit_.card.rows) == []
    assert (exit_.scene.phase, exit_.scene.rating, exit_.scene.can_undo) == (Phase.WELCOME, None, False)
    exit_.tap(5)
    assert [(item, value) for _, item, value in standing(exit_.card.rows)] == [("overall", 5)]
    assert len({row.visit for row in exit_.card.rows}) == 1
    assert not exit_.rows(Flag), "a second thought is not a second visitor"


def test_that_the_answer_is_taken_back_is_said_once_it_is_on_the_card_and_until_another_is_given() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.card.by_itself = False
    exit_.undo()
    assert not exit_.scene.taken_back
    exit_.settle(True)
    assert exit_.scene.taken_back
    exit_.speak("en")
    assert exit_.scene.taken_back
    exit_.tap(5)
    exit_.settle(True)
    assert [scene.phase for scene in exit_.screen.scenes if scene.taken_back] == [Phase.WELCOME, Phase.WELCOME]


def test_the_next_visitor_is_not_told_what_was_taken_back() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.undo()
    assert exit_.scene.taken_back
    exit_.wait(60_000)
    assert (exit_.scene.phase, exit_.scene.taken_back) == (Phase.WELCOME, False)


def test_undoing_and_walking_away_leaves_the_question_unanswered() -> None:
    exit_ = Exit()
    exit_.tap(1)
    exit_.undo()
    exit_.wait(30_000)
    assert [row.item for row in exit_.rows(Left)] == ["reason", "overall"]
    assert standing(exit_.card.rows) == []


def test_a_rapid_second_rating_is_recorded_flagged_and_thanked() -> None:
    exit_ = Exit()
    exit_.tap(5)
    exit_.skip()
    exit_.done()
    exit_.wait(2_999)
    exit_.tap(1)
    assert exit_.screen.phase is Phase.FOLLOW_UP
    flag = exit_.rows(Flag)[0]
    assert isinstance(flag, Flag)
    assert flag.reason == "rapid"
    assert [value for _, _, value in standing(exit_.card.rows)] == [5, 1]
    assert len({start for start, _, _ in standing(exit_.card.rows)}) == 2


def test_a_rating_after_the_cooldown_carries_no_flag() -> None:
    exit_ = Exit()
    exit_.tap(5)
    exit_.skip()
    exit_.done()
    exit_.wait(3_000)
    exit_.tap(1)
    assert not exit_.rows(Flag)


def test_a_failed_commit_says_not_recorded_and_never_thanks() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.tap(4)
    exit_.settle(False)
    assert exit_.screen.phase is Phase.NOT_RECORDED
    assert not any(scene.phase in THANKED for scene in exit_.screen.scenes)
    exit_.wait(NOT_RECORDED_SHOWN)
    assert exit_.screen.phase is Phase.WELCOME


def test_a_commit_that_comes_after_we_gave_up_is_taken_back() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.tap(4)
    exit_.wait(COMMIT_PATIENCE)
    assert exit_.screen.phase is Phase.NOT_RECORDED
    exit_.settle(True)
    exit_.settle(True)
    assert [type(row) for row in exit_.card.rows] == [Answer, Retract]
    assert standing(exit_.card.rows) == []


def test_a_retraction_holds_although_its_answer_comes_to_stand_behind_it() -> None:
    """Between the two the card may have begun another stream, into which rows are taken over behind what is recorded meanwhile."""
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.tap(4)
    exit_.wait(COMMIT_PATIENCE)
    exit_.settle(True)
    exit_.settle(True)
    (answer,), (retraction,) = exit_.rows(Answer), exit_.rows(Retract)
    assert retraction.visit == answer.visit
    assert retraction.dt > answer.dt


def test_what_must_be_taken_back_is_tried_again_when_the_card_refuses() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.tap(4)
    exit_.wait(COMMIT_PATIENCE)
    exit_.settle(True)  # late
    exit_.settle(False)  # its retraction
    exit_.wait(NOT_RECORDED_SHOWN)
    exit_.tap(2)
    exit_.settle(True)
    assert [value for _, _, value in standing(exit_.card.rows)] == [2]


def test_a_device_taken_out_of_order_in_the_middle_of_a_commit_takes_the_answer_back() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.tap(4)
    exit_.do(visit.Broken(exit_.clock.stamp()))
    assert exit_.screen.phase is Phase.OUT_OF_ORDER
    exit_.settle(True)
    exit_.settle(True)
    assert standing(exit_.card.rows) == []
    exit_.tap(4)
    assert exit_.card.waiting == []
    exit_.do(visit.Mended(exit_.clock.stamp()))
    assert exit_.screen.phase is Phase.WELCOME


def test_a_press_on_the_reason_screen_is_the_next_persons_rating() -> None:
    exit_ = Exit()
    exit_.press(5)
    assert exit_.screen.phase is Phase.FOLLOW_UP
    exit_.wait(4_000)
    exit_.press(1)
    assert [row.item for row in exit_.rows(Left)] == ["reason"]
    ratings = standing(exit_.card.rows)
    assert [(item, value) for _, item, value in ratings] == [("overall", 5), ("overall", 1)]
    assert len({start for start, _, _ in ratings}) == 2
    assert not exit_.rows(Flag)


def test_a_press_of_a_button_that_means_nothing_here_changes_nothing() -> None:
    exit_ = Exit()
    exit_.tap(5)
    before = exit_.scene
    exit_.press(9)
    assert exit_.scene == before


def test_a_press_while_the_card_is_slow_waits_for_its_turn_and_is_thanked() -> None:
    exit_ = Exit()
    exit_.card.by_itself = False
    exit_.press(5)
    exit_.press(1)
    assert len(exit_.card.waiting) == 1
    exit_.settle(True)
    thanked = [scene for scene in exit_.screen.scenes if scene.phase is Phase.FOLLOW_UP]
    assert [scene.rating for scene in thanked] == [5]
    exit_.settle(True)  # the first visitor's unanswered reason
    exit_.settle(True)
    assert [value for _, _, value in standing(exit_.card.rows)] == [5, 1]
    assert exit_.scene.rating == 1


def test_two_visits_in_one_millisecond_have_different_names() -> None:
    exit_ = Exit(only_the_first_item())
    for value in (1, 2, 3):
        exit_.press(value)
    assert len({row.visit for row in exit_.rows(Answer)}) == 3


def test_a_chosen_language_holds_for_the_visit_and_no_longer() -> None:
    exit_ = Exit()
    exit_.speak("en")
    exit_.tap(4)
    exit_.skip()
    assert {row.language for row in exit_.card.rows} == {"en"}
    assert exit_.scene.language == "en"
    exit_.done()
    assert exit_.scene.language == "uk"


def test_an_unknown_language_is_ignored() -> None:
    exit_ = Exit()
    exit_.speak("de")
    assert exit_.scene.language == "uk"


def test_new_rules_wait_until_nobody_is_in_front() -> None:
    exit_ = Exit()
    exit_.tap(4)
    exit_.conductor.configure(only_the_first_item())
    assert exit_.screen.phase is Phase.FOLLOW_UP
    exit_.wait(30_000)
    exit_.tap(4)
    assert exit_.screen.phase is Phase.THANKS


def test_a_screen_that_fails_does_not_keep_the_rating_from_the_card() -> None:
    class TornScreen(HandScreen):
        def show(self, scene: visit.Scene) -> None:
            if scene.pressed is not None:
                raise RuntimeError("no display")

    exit_ = Exit()
    exit_.conductor._screens = (TornScreen(),)
    with pytest.raises(RuntimeError):
        exit_.tap(4)
    assert [type(row) for row in exit_.card.rows] == [Answer]


@given(
    st.lists(
        st.one_of(
            st.integers(1, 5).map(lambda value: ("press", value)),
            st.integers(0, 20_000).map(lambda ms: ("wait", ms)),
        ),
        max_size=40,
    )
)
@settings(max_examples=100, deadline=None)
def test_every_press_of_a_hammered_button_is_recorded_and_thanked(acts: list[tuple[str, int]]) -> None:
    exit_ = Exit(only_the_first_item(RULES))
    for act, amount in acts:
        exit_.press(amount) if act == "press" else exit_.wait(amount)
    pressed = [amount for act, amount in acts if act == "press"]
    assert [row.value for row in exit_.rows(Answer) if isinstance(row, Answer)] == pressed
    shown = exit_.screen.scenes
    thanked = [after.rating for before, after in pairwise(shown) if before.busy and after.phase is Phase.THANKS]
    assert thanked == pressed
    assert len({row.visit for row in exit_.rows(Answer)}) == len(pressed)
