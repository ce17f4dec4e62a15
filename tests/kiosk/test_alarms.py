"""Many alarms over a loop that keeps one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.core.alarms import Alarms
from tests.kiosk.exit import HandClock, HandLoop


class Bell:
    """Alarms over a clock in the test's hands, and what has rung when."""

    def __init__(self) -> None:
        self.clock = HandClock(0)
        self.loop = HandLoop(self.clock)
        self.alarms = Alarms(self.loop)
        self.rung: list[tuple[str, int]] = []

    def set(self, name: str, deadline: int | None) -> None:
        self.alarms.at(name, deadline, lambda: self.rung.append((name, self.clock.now)))

    def wait(self, until: int) -> None:
        while self.loop.alarm and self.loop.alarm[0] <= until:
            self.clock.now = max(self.clock.now, self.loop.alarm[0])
            self.loop.run()
        self.clock.now = until


def test_each_rings_at_its_own_moment_and_once() -> None:
    bell = Bell()
    bell.set("late", 300)
    bell.set("early", 100)
    bell.set("middle", 200)
    bell.wait(1_000)
    assert bell.rung == [("early", 100), ("middle", 200), ("late", 300)]


def test_a_name_has_one_alarm_and_none_cancels_it() -> None:
    bell = Bell()
    bell.set("visit", 100)
    bell.set("visit", 250)
    bell.set("button", 150)
    bell.set("button", None)
    bell.set("unheard-of", None)
    bell.wait(1_000)
    assert bell.rung == [("visit", 250)]
    assert bell.loop.alarm is None


def test_an_alarm_may_set_others_and_itself() -> None:
    bell = Bell()
    bell.alarms.at("minute", 60, lambda: bell.set("minute", 120))
    bell.set("other", 90)
    bell.wait(1_000)
    assert bell.rung == [("other", 90), ("minute", 120)]


def test_two_of_the_same_moment_both_ring() -> None:
    bell = Bell()
    bell.set("one", 100)
    bell.set("other", 100)
    bell.wait(100)
    assert sorted(bell.rung) == [("one", 100), ("other", 100)]


def test_one_that_fails_leaves_the_others_set() -> None:
    def fail() -> None:
        raise RuntimeError("a screen is gone")

    bell = Bell()
    bell.alarms.at("bad", 100, fail)
    bell.set("good", 200)
    with pytest.raises(RuntimeError):
        bell.wait(1_000)
    bell.wait(1_000)
    assert [name for name, _ in bell.rung] == ["good"]


def test_the_loop_is_asked_only_when_the_earliest_changes() -> None:
    class CountingLoop(HandLoop):
        asked = 0

        def at(self, deadline_ms, call) -> None:  # type: ignore[no-untyped-def]
            self.asked += 1
            super().at(deadline_ms, call)

    bell = Bell()
    loop = CountingLoop(bell.clock)
    bell.alarms = Alarms(loop)
    bell.set("visit", 100)
    for deadline in range(200, 300):
        bell.set("button", deadline)
    assert loop.asked == 1


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.none() | st.integers(0, 50), st.integers(0, 20)), max_size=30))
def test_whatever_is_set_rings_no_earlier_than_due_and_is_never_forgotten(acts: list[tuple[str, int | None, int]]) -> None:
    bell = Bell()
    due: dict[str, int] = {}
    expected: list[tuple[str, int]] = []
    for name, delay, pause in acts:
        now = bell.clock.now
        due.pop(name, None)
        if delay is not None:
            due[name] = now + delay
        bell.set(name, None if delay is None else now + delay)
        bell.wait(now + pause)
        over = {name: deadline for name, deadline in due.items() if deadline <= now + pause}
        expected += over.items()
        due = {name: deadline for name, deadline in due.items() if name not in over}
    bell.wait(bell.clock.now + 100)
    assert sorted(bell.rung) == sorted([*expected, *due.items()])
