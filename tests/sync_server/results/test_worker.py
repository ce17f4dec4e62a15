"""The tally worker leaves SQLite's one writer to the ratings for as long as it has had it itself."""

import time

import pytest

from sync_server.results import tallies
from sync_server.results.worker import PAUSE_S, REST_S, TallyWorker


class Pauses:
    """In place of the worker's event: notes each rest, and ends the work after the last of `steps`."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.taken: list[float] = []

    def is_set(self) -> bool:
        return len(self.taken) == self.steps

    def wait(self, seconds: float) -> None:
        self.taken.append(seconds)


@pytest.mark.parametrize(("worked_s", "least", "most"), [(0.0, PAUSE_S, PAUSE_S), (0.4, 0.4, REST_S), (100.0, REST_S, REST_S)])
def test_after_each_step_it_rests_as_long_as_it_has_worked(
    monkeypatch: pytest.MonkeyPatch, worked_s: float, least: float, most: float
) -> None:
    clock = [0.0]

    def step() -> int:
        clock[0] += worked_s
        return 1

    monkeypatch.setattr(tallies, "step", step)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    worker = TallyWorker()
    worker._stopping = pauses = Pauses(3)  # type: ignore[assignment]
    worker.run()
    assert len(pauses.taken) == 3
    assert all(least <= rest <= most for rest in pauses.taken)


def test_a_step_that_fails_for_whatever_reason_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def step() -> int:
        tries.append(1)
        raise ValueError("year -69330 is out of range")

    monkeypatch.setattr(tallies, "step", step)
    worker = TallyWorker()
    worker._stopping = Pauses(2)  # type: ignore[assignment]
    worker.run()
    assert len(tries) == 2
