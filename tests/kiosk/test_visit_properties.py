"""Whatever visitors, staff, clock and card do, in whatever order: nobody is thanked for nothing, and nothing is lost."""

from collections import Counter
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import structs

from kiosk.core import visit
from kiosk.core.access import KEYPADS, Keystroke
from kiosk.core.hours import Opening
from kiosk.core.visit import Phase
from kiosk.core.visit.state import asked
from tests.kiosk.exit import BANK, QUESTIONNAIRE, RULES, Exit, only_the_first_item, rotating, standing, with_faces
from wire.envelopes import Misuse
from wire.events import Answer, Event, Flag, Input, Left, Retract

THANKED = (Phase.FOLLOW_UP, Phase.THANKS)
MISUSE = Misuse(burst_count=3, burst_within=5_000, run_count=3, run_gap=5_000)
KEYPAD = tuple(zip((1, 2), KEYPADS[2], strict=True))
RULE_SETS = [
    replace(RULES, misuse=MISUSE),
    replace(only_the_first_item(), misuse=MISUSE),
    replace(rotating(), misuse=MISUSE, languages=("uk", "en", "pl"), keypad=KEYPAD),
    replace(rotating(only_the_first_item(), BANK[:2]), misuse=MISUSE),
    replace(rotating(bank=[with_faces("faces"), *BANK[:1]]), misuse=MISUSE, accessible=False),
]


class Visitors(RuleBasedStateMachine):
    """An exit with everything at once."""

    @initialize(rules=st.sampled_from(RULE_SETS))
    def begin(self, rules: visit.Rules) -> None:
        self.exit = Exit(rules)
        self.exit.card.by_itself = False
        self.thanked: set[int] = set()
        self.pressed_at: dict[int, int] = {}
        self.exit.conductor._screens += (self,)

    def show(self, scene: visit.Scene) -> None:
        """As a screen: whose visit is being thanked."""
        state = self.exit.conductor._state
        if scene.phase in THANKED and state.visit is not None:
            self.thanked.add(state.visit.start.monotonic)

    # --- visitors ---

    @rule(value=st.integers(-2, 6))
    def tap(self, value: int) -> None:
        self.exit.tap(value)

    @rule(value=st.integers(0, 6))
    def press(self, value: int) -> None:
        self.pressed_at[value] = self.exit.clock.now
        self.exit.press(value)

    @rule(value=st.integers(0, 6))
    def find_it_stuck(self, value: int) -> None:
        self.exit.stuck(value, self.pressed_at.get(value, 0))

    @rule()
    def skip(self) -> None:
        self.exit.skip()

    @rule()
    def undo(self) -> None:
        self.exit.undo()

    @rule()
    def touch_away(self) -> None:
        self.exit.done()

    @rule()
    def touch_nothing(self) -> None:
        self.exit.stay()

    @rule(language=st.sampled_from(["uk", "en", "pl", "de"]))
    def speak(self, language: str) -> None:
        self.exit.speak(language)

    @rule()
    def want_access(self) -> None:
        self.exit.access()

    @rule(key=st.sampled_from(Keystroke))
    def key(self, key: Keystroke) -> None:
        self.exit.keys(key)

    @rule(steps=st.integers(1, 10))
    def choose(self, steps: int) -> None:
        self.exit.keys(*[Keystroke.NEXT] * steps, Keystroke.CHOOSE)

    @rule(value=st.integers(1, 5))
    def answer_in_peace(self, value: int) -> None:
        self.exit.tap(value)
        self.settle_all()

    @rule()
    def undo_in_peace(self) -> None:
        self.exit.undo()
        self.settle_all()

    # --- staff, time, and the card ---

    def settle_all(self) -> None:
        while self.exit.card.waiting:
            self.exit.settle(True)

    @rule(ms=st.one_of(st.integers(0, 100), st.integers(0, 40_000)))
    def wait(self, ms: int) -> None:
        self.exit.wait(ms)

    @rule(opens=st.none() | st.just(Opening(0, 1, 540)))
    def close(self, opens: Opening | None) -> None:
        self.exit.close(opens)

    @rule()
    def open(self) -> None:
        self.exit.open()

    @rule()
    def clean(self) -> None:
        self.exit.clean()

    @rule()
    def break_down(self) -> None:
        self.exit.break_()

    @rule()
    def mend(self) -> None:
        self.exit.mend()

    @rule(rules=st.sampled_from(RULE_SETS))
    def configure(self, rules: visit.Rules) -> None:
        self.exit.conductor.configure(rules)
        self.exit.loop.run()

    @precondition(lambda self: self.exit.card.waiting)
    @rule(stored=st.booleans())
    def settle(self, stored: bool) -> None:
        self.exit.settle(stored)

    @precondition(lambda self: self.exit.card.waiting)
    @rule()
    def settle_well(self) -> None:
        self.exit.settle(True)

    # --- what always holds ---

    @invariant()
    def whoever_was_thanked_is_on_the_card(self) -> None:
        """The rows behind every thank-you on screen are on the card at that moment."""
        scene, state = self.exit.scene, self.exit.conductor._state
        if scene.phase in THANKED:
            assert state.visit is not None
            assert (state.visit.start.monotonic, "overall", scene.rating) in standing(self.exit.card.rows)

    @invariant()
    def every_commit_the_machine_asks_for_reaches_the_card(self) -> None:
        assert self.exit.card.taken == self.exit.conductor._state.tokens

    @invariant()
    def the_scene_shown_is_the_scene_that_is(self) -> None:
        conductor = self.exit.conductor
        assert self.exit.scene == visit.scene(conductor._rules, conductor._state)

    @invariant()
    def focus_is_a_control_of_the_ring(self) -> None:
        aid = self.exit.scene.aid
        if aid is not None:
            assert len(set(aid.ring)) == len(aid.ring)
            assert aid.focus is None or 0 <= aid.focus < len(aid.ring)
            assert "access" in aid.ring

    @invariant()
    def at_rest_nothing_of_the_last_visitor_is_left(self) -> None:
        state, scene = self.exit.conductor._state, self.exit.scene
        if visit.at_rest(state):
            assert (scene.aid, scene.language, scene.rating) == (None, self.exit.conductor._rules.language, None)
            assert (scene.busy, scene.can_undo, scene.leaving_at, visit.due(state)) == (None, False, None, None)

    @invariant()
    def whatever_is_not_at_rest_will_be(self) -> None:
        """Every other screen has an end, and its alarm is set."""
        state = self.exit.conductor._state
        due = visit.due(state)
        if not visit.at_rest(state):
            assert state.deadline is not None
            assert due is not None
            assert due <= state.deadline
        assert (self.exit.loop.alarm and self.exit.loop.alarm[0]) == due

    @invariant()
    def what_is_awaited_lies_ahead(self) -> None:
        """Also for who had to wait: nobody is given up at once."""
        due = visit.due(self.exit.conductor._state)
        assert due is None or due > self.exit.clock.now

    @invariant()
    def announcements_and_offers_stand_only_where_they_belong(self) -> None:
        scene = self.exit.scene
        if scene.leaving_at is not None:
            assert scene.phase in (Phase.WELCOME, Phase.FOLLOW_UP)
            assert scene.busy is None
            assert scene.leaving_at == scene.deadline
        assert scene.undo_until is None or scene.phase is Phase.THANKS
        assert not scene.can_undo or scene.phase in THANKED
        assert scene.opens is None or scene.phase is Phase.CLOSED

    @invariant()
    def nothing_is_awaited_under_the_cloth_or_behind_the_door(self) -> None:
        scene = self.exit.scene
        if scene.phase in (Phase.CLEANING, Phase.CLOSED, Phase.OUT_OF_ORDER):
            assert (scene.busy, scene.item, scene.rating) == (None, None, None)

    @invariant()
    def the_bank_is_shown_evenly(self) -> None:
        """A court that changes its bank apart: then only what the banks have in common can be even."""
        counts = self.exit.conductor._state.exposures.values()
        assert not counts or max(counts) - min(counts) <= 1

    @invariant()
    def nobody_waits_where_nothing_is_under_way(self) -> None:
        assert not self.exit.conductor._held or self.exit.conductor._state.pending is not None

    @invariant()
    def what_is_on_screen_was_asked(self) -> None:
        rules, state = self.exit.conductor._rules, self.exit.conductor._state
        assert 0 <= state.item < len(asked(rules, state))

    def teardown(self) -> None:
        """When all is quiet, the ratings of visits that were thanked and not undone stand, each once, and no others."""
        if not hasattr(self, "exit"):
            return
        exit_ = self.exit
        exit_.mend()
        exit_.open()
        for _ in range(100):
            self.settle_all()
            exit_.wait(300_000)
            if not exit_.card.waiting and visit.at_rest(exit_.conductor._state):
                break
        assert exit_.screen.phase is Phase.WELCOME
        exit_.press(3)  # carries what is still owed
        self.settle_all()
        answers = [(start, item) for start, item, _ in standing(exit_.card.rows)]
        assert len(answers) == len(set(answers))
        rated = {start for start, item in answers if item == "overall"}
        undone = {row.visit for row in exit_.rows(Retract) if row.item == "overall"}
        assert rated <= self.thanked
        assert self.thanked - undone <= rated
        self.each_doubt_is_said_once_and_beside_an_answer()
        self.each_draw_is_recorded()

    def each_doubt_is_said_once_and_beside_an_answer(self) -> None:
        flags = Counter((row.visit, row.reason) for row in self.exit.rows(Flag) if isinstance(row, Flag) and row.reason != "stuck")
        assert all(count == 1 for count in flags.values())
        answered = {row.visit for row in self.exit.rows(Answer)}
        assert {start for start, _ in flags} <= answered

    def each_draw_is_recorded(self) -> None:
        """No visit has answers or blanks for two items of the bank."""
        drawn = {(row.visit, row.item) for row in self.exit.card.rows if row.item.startswith("bank")}
        assert len({start for start, _ in drawn}) == len(drawn)


Visitors.TestCase.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
TestVisitors = Visitors.TestCase


class Reader(RuleBasedStateMachine):
    """Somebody who has two keys, NEXT and CHOOSE, and an ear: everything a finger can do is within their reach."""

    @initialize()
    def begin(self) -> None:
        self.exit = Exit(replace(rotating(), languages=("uk", "en", "pl")))
        self.exit.keys(Keystroke.NEXT)

    @rule(which=st.integers(0, 30))
    def choose_any_control(self, which: int) -> None:
        exit_ = self.exit
        if exit_.scene.aid is None:
            exit_.keys(Keystroke.NEXT)
        assert exit_.scene.aid is not None
        wanted = exit_.scene.aid.ring[which % len(exit_.scene.aid.ring)]
        for _ in exit_.scene.aid.ring:
            exit_.keys(Keystroke.NEXT)
            if exit_.scene.aid.focused == wanted:
                break
        assert exit_.scene.aid.focused == wanted
        before, rows = exit_.scene, len(exit_.card.rows)
        exit_.keys(Keystroke.CHOOSE)
        self.it_did_what_it_says(wanted, before, exit_.scene, exit_.card.rows[rows:])

    def it_did_what_it_says(self, control: str, before: visit.Scene, after: visit.Scene, rows: list[Event]) -> None:
        name, _, value = control.partition(":")
        assert before.aid is not None
        match name:
            case "answer":
                assert [row.value for row in rows if isinstance(row, Answer)] == [int(value)]
            case "skip":
                assert [type(row) for row in rows] == [Left]
            case "undo":
                assert [row for row in rows if isinstance(row, Retract)]
                assert after.phase is Phase.WELCOME
            case "done":
                assert (after.phase, after.aid) == (Phase.WELCOME, None)
            case "language":
                assert after.language == value
            case "access":
                assert after.aid is None
            case "repeat":
                assert after.aid is not None
                assert after.aid.reads == before.aid.reads + 1
            case _:
                assert after.aid is not None
                assert (control, after.aid.volume) != ("louder", before.aid.volume)


Reader.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestReader = Reader.TestCase


def test_the_machine_is_pure_and_leaves_what_it_was_given_alone() -> None:
    rules = rotating()
    state = visit.begin(rules, {"bank-0": 3})
    stamp = Exit().clock.stamp()
    events: list[visit.VisitEvent] = [visit.Tap(4, Input.TOUCH, stamp), visit.Committed(1, stamp), visit.Skip(stamp)]
    seen = []
    for _ in range(2):
        walked = state
        for event in events:
            walked, _ = visit.step(rules, walked, event)
        seen.append(walked)
    assert seen[0] == seen[1]
    assert state == visit.begin(rules, {"bank-0": 3})
    assert rules.questionnaire == structs.replace(QUESTIONNAIRE, rotation=list(BANK))
