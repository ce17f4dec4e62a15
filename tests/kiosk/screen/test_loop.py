"""The main loop, without a window: what wakes it, what runs, and that one fault does not end it."""

import threading
from collections.abc import Callable

from kiosk.screen.loop import MainLoop
from kiosk.screen.waiting import LONGEST_S, ThreadWaiter


class Rig:
    """A loop on a clock that the test turns. `naps` are the lengths of its sleeps, in seconds."""

    def __init__(self) -> None:
        self.now = 1_000
        self.kivy_due = LONGEST_S * 10
        self.naps: list[float] = []
        self.turns = 0
        self.complaints: list[str] = []
        self.asleep: Callable[[], None] = lambda: None
        self.turn: Callable[[], bool] = lambda: True
        self.loop = MainLoop(
            now=lambda: self.now,
            waiter=self,
            turn=self._turn,
            next_event=lambda: self.kivy_due,
            report=self.complaints.append,
        )

    def wait(self, seconds: float) -> None:
        self.naps.append(seconds)
        if len(self.naps) > 20:
            self.loop.stop()
        self.asleep()

    def wake(self) -> None:
        pass

    def _turn(self) -> bool:
        self.turns += 1
        return self.turn()


def test_with_nothing_to_do_it_sleeps_long_and_draws_nothing_in_between() -> None:
    rig = Rig()
    rig.asleep = rig.loop.stop
    rig.loop.run()
    assert rig.naps == [LONGEST_S]


def test_it_sleeps_until_the_toolkit_s_next_event() -> None:
    rig = Rig()
    rig.kivy_due = 0.25
    rig.asleep = rig.loop.stop
    rig.loop.run()
    assert rig.naps == [0.25]


def test_a_deadline_bounds_the_sleep_and_runs_once() -> None:
    rig = Rig()
    ran: list[int] = []

    def asleep() -> None:
        rig.now += 500
        if ran:
            rig.loop.stop()

    rig.asleep = asleep
    rig.loop.at(1_400, lambda: ran.append(rig.now))
    rig.loop.run()
    assert 0.4 <= rig.naps[0] < 0.41
    assert ran == [1_500]


def test_a_new_deadline_takes_the_old_one_s_place() -> None:
    rig = Rig()
    ran: list[str] = []

    def asleep() -> None:
        rig.now += 1_000
        if rig.now > 5_000:
            rig.loop.stop()

    rig.asleep = asleep
    rig.loop.at(1_500, lambda: ran.append("old"))
    rig.loop.at(3_000, lambda: ran.append("new"))
    rig.loop.run()
    assert ran == ["new"]
    rig.loop.at(None, lambda: ran.append("never"))
    assert ran == ["new"]


def test_what_is_posted_runs_before_the_frame_and_without_a_sleep() -> None:
    rig = Rig()
    order: list[str] = []
    rig.loop.post(lambda: order.append("posted"))

    def turn() -> bool:
        order.append("frame")
        return False

    rig.turn = turn
    rig.loop.run()
    assert order == ["posted", "frame"]
    assert rig.naps == []


def test_what_is_posted_while_posting_waits_for_the_next_frame() -> None:
    rig = Rig()
    order: list[str] = []
    rig.loop.post(lambda: (order.append("first"), rig.loop.post(lambda: order.append("second")))[0])

    def turn() -> bool:
        order.append("frame")
        return order.count("frame") < 2

    rig.turn = turn
    rig.loop.run()
    assert order == ["first", "frame", "second", "frame"]


def test_idle_work_runs_one_piece_a_turn_and_never_before_what_is_posted() -> None:
    rig = Rig()
    order: list[str] = []
    rig.loop.when_idle(lambda: order.append("idle"))
    rig.loop.post(lambda: order.append("posted"))
    rig.asleep = rig.loop.stop
    rig.loop.run()
    assert order == ["posted", "idle"]


def test_a_fault_is_reported_and_the_next_visitor_is_served() -> None:
    rig = Rig()
    ran: list[str] = []

    def broken() -> None:
        raise LookupError("no such face")

    rig.loop.post(broken)
    rig.loop.post(lambda: ran.append("after"))
    rig.asleep = rig.loop.stop
    rig.loop.run()
    assert ran == ["after"]
    assert len(rig.complaints) == 1
    assert "no such face" in rig.complaints[0]
    assert "test_loop.py" in rig.complaints[0]


def test_what_was_posted_before_the_stop_still_runs() -> None:
    rig = Rig()
    ran: list[str] = []

    def turn() -> bool:
        rig.loop.post(lambda: ran.append("last"))
        rig.loop.stop()
        return True

    rig.turn = turn
    rig.loop.run()
    assert ran == ["last"]


def test_the_first_picture_is_shown_before_what_can_wait_and_a_stop_before_that_leaves_it_undone() -> None:
    rig = Rig()
    order: list[str] = []
    rig.loop.when_idle(lambda: order.append("what can wait"))
    rig.turn = lambda: bool(order.append("picture")) or len(order) < 3
    rig.loop.run()
    assert order == ["picture", "what can wait", "picture"]
    stopped = Rig()
    stopped.loop.when_idle(lambda: order.append("undone"))
    stopped.turn = lambda: bool(stopped.loop.stop()) or True
    stopped.loop.run()
    assert "undone" not in order


def test_another_thread_wakes_a_real_sleep() -> None:
    waiter = ThreadWaiter()
    ran: list[str] = []
    loop = MainLoop(now=lambda: 0, waiter=waiter, turn=lambda: True, next_event=lambda: LONGEST_S, report=ran.append)

    def visit() -> None:
        loop.post(lambda: ran.append("posted"))
        loop.stop()

    thread = threading.Timer(0.05, visit)
    thread.start()
    loop.run()
    thread.join()
    assert ran == ["posted"]
