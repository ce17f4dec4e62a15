"""The ledger's thread: it answers every append once, commits together what waits together, and outlives a failing card."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk.core.progress import Progress
from kiosk.errors import LedgerError, LedgerInUse
from kiosk.ledger.store import Store
from kiosk.ledger.thread import ASK_PATIENCE_S, LedgerThread
from tests.kiosk.exit import BOOT, WALL_OFFSET
from tests.support.waiting import until
from wire.events import Answer, Input, StreamId


def rating(number: int, value: int = 4) -> Answer:
    return Answer(7, "overall", "uk", Input.BUTTON, BOOT, WALL_OFFSET, True, number, 0, value)


class Outcomes:
    """What `done` heard, by append."""

    def __init__(self) -> None:
        self.heard: dict[int, list[bool]] = {}
        self.news = threading.Condition()

    def of(self, number: int) -> "Outcome":
        return Outcome(self, number)

    def wait(self, count: int) -> dict[int, list[bool]]:
        until(lambda: len(self.heard) >= count, f"{count} appends are answered")
        return self.heard


class Outcome:
    def __init__(self, outcomes: Outcomes, number: int) -> None:
        self.outcomes, self.number = outcomes, number

    def __call__(self, stored: bool) -> None:
        self.outcomes.heard.setdefault(self.number, []).append(stored)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[LedgerThread]:
    thread = LedgerThread(path)
    thread.start()
    yield thread
    thread.stop()


def stored_rows(thread: LedgerThread) -> int:
    return thread.standing().next - 1


def test_every_append_is_answered_once_and_everything_answered_yes_is_there(ledger: LedgerThread) -> None:
    outcomes = Outcomes()
    for number in range(300):
        ledger.append([rating(number)], outcomes.of(number))
    assert outcomes.wait(300) == {number: [True] for number in range(300)}
    assert stored_rows(ledger) == 300
    standing = ledger.standing()
    assert len(ledger.read(standing.stream, 1, 500).rows) == 300


def test_what_waits_together_is_committed_together(path: Path) -> None:
    news: list[int] = []
    thread = LedgerThread(path, on_rows=lambda: news.append(1))
    outcomes = Outcomes()
    for number in range(100):  # before the thread runs, so all of them wait
        thread.append([rating(number)], outcomes.of(number))
    thread.start()
    outcomes.wait(100)
    thread.stop()
    assert len(news) == 1


def test_a_row_nobody_would_accept_is_refused_and_its_neighbours_are_kept(ledger: LedgerThread) -> None:
    outcomes = Outcomes()
    ledger.append([rating(1)], outcomes.of(1))
    ledger.append([rating(2, value=99)], outcomes.of(2))
    ledger.append([rating(3)], outcomes.of(3))
    assert outcomes.wait(3) == {1: [True], 2: [False], 3: [True]}
    assert stored_rows(ledger) == 2


def test_a_second_kiosk_on_the_same_ledger_is_told_so(ledger: LedgerThread, path: Path) -> None:
    with pytest.raises(LedgerInUse):
        LedgerThread(path).start()


def test_a_fault_that_nobody_has_foreseen_is_told_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fall_over(*_: object, **__: object) -> Store:
        raise ZeroDivisionError("a fault of our own")

    monkeypatch.setattr(Store, "__init__", fall_over)
    told: list[Exception] = []

    def start() -> None:
        try:
            LedgerThread(path).start()
        except Exception as fault:
            told.append(fault)

    starting = threading.Thread(target=start, daemon=True)
    starting.start()
    starting.join(ASK_PATIENCE_S / 2)
    (fault,) = told
    assert isinstance(fault, LedgerError)
    assert "cannot be opened: ZeroDivisionError: a fault of our own" in str(fault)


def test_a_card_that_does_not_answer_is_said_in_a_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    honest = Store.__init__

    def wait(store: Store, path: Path, **more: Any) -> None:
        answers.wait(60)
        honest(store, path, **more)

    monkeypatch.setattr(Store, "__init__", wait)
    monkeypatch.setattr("kiosk.ledger.thread.ASK_PATIENCE_S", 0.2)
    ledger = LedgerThread(path)
    try:
        with pytest.raises(LedgerError, match=r"The card does not answer: .*ledger\.sqlite3 was not open .* replace the card"):
            ledger.start()
    finally:
        answers.set()
        monkeypatch.setattr("kiosk.ledger.thread.ASK_PATIENCE_S", 30.0)
        ledger.stop()


def test_what_the_server_has_is_known_at_once_and_on_the_card_after_the_end(path: Path) -> None:
    thread = LedgerThread(path)
    thread.start()
    outcomes = Outcomes()
    thread.append([rating(1), rating(2)], outcomes.of(1))
    outcomes.wait(1)
    progress = Progress(b"e" * 16, 2, 1)
    thread.remember(thread.standing().stream, progress)
    assert thread.standing().progress == progress
    thread.stop()
    store = Store(path)
    assert store.standing.progress == progress
    store.close()


def test_knowledge_of_another_stream_is_dropped(ledger: LedgerThread) -> None:
    ledger.remember(StreamId(b"?" * 16), Progress(b"e" * 16, 7, 7))
    assert ledger.standing().progress == Progress()
    with pytest.raises(LedgerError, match="new stream"):
        ledger.read(StreamId(b"?" * 16), 1, 1)


def test_a_damaged_file_is_put_aside_and_a_new_stream_begins(path: Path) -> None:
    path.write_bytes(b"this was a ledger once" * 400)
    thread = LedgerThread(path)
    thread.start()
    outcomes = Outcomes()
    thread.append([rating(1)], outcomes.of(1))
    assert outcomes.wait(1) == {1: [True]}
    assert stored_rows(thread) == 1
    thread.stop()
    (kept,) = (path.parent / "quarantine").iterdir()
    assert kept.name in thread.quarantined
    assert kept.read_bytes().startswith(b"this was a ledger once")


def test_a_file_damaged_while_in_use_is_put_aside_and_the_next_rating_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    thread = LedgerThread(path)
    thread.start()
    outcomes = Outcomes()
    thread.append([rating(number) for number in range(2000)], outcomes.of(1))
    outcomes.wait(1)

    def malformed(store: Store, first: int, count: int) -> None:
        fault = sqlite3.DatabaseError("database disk image is malformed")
        fault.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise fault

    monkeypatch.setattr(Store, "read", malformed)
    stream = thread.standing().stream
    with pytest.raises(LedgerError):
        thread.read(stream, 1, 1)
    monkeypatch.undo()
    thread.append([rating(9)], outcomes.of(2))
    assert outcomes.wait(2)[2] == [True]
    assert stored_rows(thread) == 1
    assert len(thread.quarantined) == 1
    thread.stop()


def test_a_write_that_failed_midway_leaves_no_row_behind_and_the_next_one_is_kept(
    ledger: LedgerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = Outcomes()
    ledger.append([rating(1)], outcomes.of(1))
    outcomes.wait(1)
    honest = Store.append

    def torn(store: Store, rows: list[bytes]) -> range:
        before = store._next, store._head
        honest(store, rows)  # it reached the card after all, but nobody was told so
        store._next, store._head = before
        fault = sqlite3.OperationalError("disk I/O error")
        fault.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise fault

    monkeypatch.setattr(Store, "append", torn)
    ledger.append([rating(2)], outcomes.of(2))
    assert outcomes.wait(2)[2] == [False]
    monkeypatch.undo()
    ledger.append([rating(3)], outcomes.of(3))
    assert outcomes.wait(3)[3] == [True]
    assert stored_rows(ledger) == 2


def test_a_ledger_that_cannot_be_opened_refuses_and_works_once_it_can(tmp_path: Path) -> None:
    health: list[bool] = []
    folder = tmp_path / "card"
    folder.write_text("a file where the folder should be")
    thread = LedgerThread(folder / "ledger.sqlite3", on_health=health.append)
    thread.start()
    outcomes = Outcomes()
    thread.append([rating(1)], outcomes.of(1))
    assert outcomes.wait(1) == {1: [False]}
    with pytest.raises(LedgerError):
        thread.standing()
    folder.unlink()
    folder.mkdir()
    thread.append([rating(2)], outcomes.of(2))
    assert outcomes.wait(2)[2] == [True]
    assert health == [False, True]
    thread.stop()


def test_a_new_stream_tells_of_each_row_it_takes_over_and_a_visitor_does_not_wait_for_them(path: Path) -> None:
    told: list[int] = []
    moving_at_the_tap: list[int] = []
    thread = LedgerThread(path, on_rows=lambda: told.append(thread._keeper.standing().next - 1))
    thread.start()
    outcomes = Outcomes()
    thread.append([rating(number) for number in range(4_000)], outcomes.of(1))
    outcomes.wait(1)
    before = thread.standing()
    after = thread.begin_anew(before.stream, before.progress)
    assert (after.next, after.moving) == (1, 4_000)
    tap = outcomes.of(2)
    thread.append([rating(9_000)], lambda stored: (moving_at_the_tap.append(thread._keeper.standing().moving), tap(stored)))
    assert outcomes.wait(2)[2] == [True]
    assert moving_at_the_tap[0] > 0, "the visitor was thanked before all rows were taken over"
    until(lambda: thread.standing().moving == 0, "all rows are taken over")
    assert told[-1] == 4_001, "whoever delivers hears of the last row too"
    assert stored_rows(thread) == 4_001
    thread.stop()


SMALL_CARD = """
import resource, signal, sys
from pathlib import Path
from kiosk.ledger.thread import LedgerThread
from tests.kiosk.test_ledger_thread import Outcomes, rating
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
thread = LedgerThread(Path(sys.argv[1]))
thread.start()
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, hard))
outcomes = Outcomes()
for number in range(2000):
    thread.append([rating(number)], outcomes.of(number))
    outcomes.wait(number + 1)
    if outcomes.heard[number] == [False]:
        break
else:
    sys.exit("the card never became full")
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
thread.append([rating(5000)], outcomes.of(5000))
outcomes.wait(number + 2)
assert outcomes.heard[5000] == [True], outcomes.heard[5000]
said = sum(heard == [True] for heard in outcomes.heard.values())
held = thread.standing().next - 1
assert said == held, (said, held)
thread.stop()
print("kept", held)
"""


def test_a_card_that_really_runs_out_of_room_refuses_loses_nothing_and_recovers(path: Path) -> None:
    """The kernel refuses the write (a file size limit), not a mock."""
    done = subprocess.run([sys.executable, "-c", SMALL_CARD, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("kept")
