"""What ends the main loop's sleep when a panel is read by a thread."""

import threading
from collections import deque

from kiosk.screen.waiting import ThreadWaiter, WakingQueue


def test_a_touch_that_a_thread_reads_wakes_the_loop_and_is_there_when_it_looks() -> None:
    waiter = ThreadWaiter()
    touches: deque[str] = deque()
    queue = WakingQueue(touches, waiter.wake)
    seen: list[list[str]] = []

    def sleep() -> None:
        waiter.wait(60)
        seen.append(list(touches))

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    queue.append("begin")
    sleeper.join(30)
    assert not sleeper.is_alive()
    assert seen == [["begin"]]


def test_a_wake_before_the_sleep_is_not_lost() -> None:
    waiter = ThreadWaiter()
    waiter.wake()
    done = threading.Event()
    threading.Thread(target=lambda: (waiter.wait(60), done.set()), daemon=True).start()
    assert done.wait(30)
