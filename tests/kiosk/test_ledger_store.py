"""The ledger file: gap-free, chained, durable settings, pruned only below what is backed up, put aside when it is damaged."""

import errno
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk.core.progress import Progress
from kiosk.errors import LedgerError, LedgerInUse
from kiosk.ledger import store as store_module
from kiosk.ledger.faults import is_damage
from kiosk.ledger.sealing import Unreadable
from kiosk.ledger.store import Store
from tests.kiosk.exit import BOOT, WALL_OFFSET
from wire import chain
from wire.codec import encode_event
from wire.events import Answer, Input


def row(number: int, *, wall: int | None = None) -> bytes:
    """An encoded rating; `wall` is when it happened."""
    offset = WALL_OFFSET if wall is None else wall - number
    return encode_event(Answer(7, "overall", "uk", Input.BUTTON, BOOT, offset, True, number, 0, number % 5 + 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


def test_a_folder_that_is_not_synced_keeps_nobody_out_and_is_synced_at_the_next_opening(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def fails_once(folder: Path) -> None:
        asked.append(folder)
        if len(asked) == 1:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(store_module, "sync_folder", fails_once)
    with pytest.raises(LedgerError, match="Input/output error") as refused:
        Store(path)
    store = Store(path)  # while what was raised still holds on to the first one's frames
    assert asked == [path.parent] * 2
    assert list(store.append([row(1)])) == [1]
    assert refused.value.__cause__ is not None


def test_rows_are_numbered_from_one_and_chained_from_the_streams_origin(path: Path) -> None:
    store = Store(path)
    rows = [row(number) for number in range(5)]
    assert list(store.append(rows[:2])) == [1, 2]
    assert list(store.append(rows[2:])) == [3, 4, 5]
    excerpt = store.read(3, 2)
    origin = chain.origin(store.standing.stream)
    assert excerpt.rows == rows[2:4]
    assert excerpt.previous == chain.links(origin, rows[:2])[-1]
    assert excerpt.head == chain.links(origin, rows[:4])[-1]


def test_what_was_appended_is_there_after_opening_again_under_the_same_stream(path: Path) -> None:
    store = Store(path)
    store.append([row(1), row(2)])
    before = store.standing
    store.close()
    again = Store(path)
    assert again.standing == before
    assert list(again.append([row(3)])) == [3]


def test_two_ledgers_are_two_streams(tmp_path: Path) -> None:
    assert Store(tmp_path / "a").standing.stream != Store(tmp_path / "b").standing.stream


def test_the_card_is_synced_at_every_commit_and_nobody_else_gets_in(path: Path) -> None:
    store = Store(path)
    assert store._pragma("journal_mode") == "wal"
    assert store._pragma("synchronous") == 2
    assert store._pragma("locking_mode") == "exclusive"
    with pytest.raises(LedgerInUse, match="Another kiosk is running"):
        Store(path)


def test_reading_past_the_end_gives_nothing_and_before_the_start_an_error(path: Path) -> None:
    store = Store(path)
    store.append([row(1)])
    assert store.read(2, 10).rows == []
    with pytest.raises(LedgerError, match="Row 3 is not in the ledger"):
        store.read(3, 1)


def test_only_backed_up_rows_older_than_asked_are_pruned_and_the_newest_stays(path: Path) -> None:
    store = Store(path)
    store.append([row(number, wall=1_000 * number) for number in range(1, 11)])
    stream = store.standing.stream
    assert store.prune(older_than=10**15) == 0, "nothing is backed up yet"
    store.remember(Progress(b"e" * 16, stored_through=10, backed_through=6))
    assert store.prune(older_than=4_000) == 3
    assert store.standing.oldest == 4
    assert store.prune(older_than=10**15) == 3
    assert (store.standing.oldest, store.standing.next) == (7, 11)
    store.remember(Progress(b"e" * 16, stored_through=10, backed_through=10))
    assert store.prune(older_than=10**15) == 3
    assert (store.standing.oldest, store.standing.next) == (10, 11), "the newest row carries the numbering on"
    store.close()
    again = Store(path)
    assert (again.standing.oldest, again.standing.next, again.standing.stream) == (10, 11, stream)
    assert again.read(10, 1).head == chain.link(again.read(10, 1).previous, again.read(10, 1).rows[0])


def test_nothing_stored_but_not_backed_up_is_ever_pruned(path: Path) -> None:
    store = Store(path)
    store.append([row(number) for number in range(1, 6)])
    store.remember(Progress(b"e" * 16, stored_through=5, backed_through=0))
    assert store.prune(older_than=10**15) == 0


def test_what_is_pruned_is_gone_from_the_file(path: Path) -> None:
    """Else it would come back when a damaged file is read page by page."""
    store = Store(path)
    rows = [row(number) for number in range(600)]
    store.append(rows)
    store.remember(Progress(b"e" * 16, stored_through=600, backed_through=550))
    while store.prune(older_than=10**15):
        pass
    store.close()
    left = path.read_bytes()
    assert [number for number in range(550) if rows[number] in left] == []
    assert all(kept in left for kept in rows[550:])


def test_a_full_card_refuses_the_row_and_takes_it_once_there_is_room(path: Path) -> None:
    store = Store(path)
    store.append([row(1)])
    pages = store._pragma("page_count")
    store._pragma(f"max_page_count({pages})")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.append([row(number) for number in range(5000)])
    held = store.standing.next
    store._pragma("max_page_count(1000000)")
    assert list(store.append([row(5)])) == [held]
    assert store.read(held - 1, 5).rows[-1] == row(5)


def test_rows_that_were_refused_to_their_visitors_do_not_come_back(path: Path) -> None:
    store = Store(path)
    store.append([row(1), row(2), row(3)])
    store.close()
    again = Store(path, known_next=3)
    assert again.standing.next == 3
    assert list(again.append([row(9)])) == [3]


@pytest.mark.parametrize("damage", ["garbage", "header", "torn", "gap", "chain"])
def test_a_damaged_file_is_not_taken_for_a_ledger(path: Path, damage: str) -> None:
    store = Store(path)
    for number in range(400):
        store.append([row(number)])
    store.close()
    data = path.read_bytes()
    if damage == "garbage":
        path.write_bytes(bytes(range(256)) * 64)
    elif damage == "header":
        path.write_bytes(b"\0" * 512 + data[512:])
    elif damage == "torn":
        path.write_bytes(data[: len(data) // 2])
    else:
        with sqlite3.connect(path) as connection:
            connection.execute(
                "DELETE FROM rows WHERE seq = 200" if damage == "gap" else "UPDATE rows SET link = zeroblob(32) WHERE seq = 400"
            )
        connection.close()
    with pytest.raises(Unreadable):
        Store(path)


def test_only_real_damage_counts_as_damage() -> None:
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    torn = sqlite3.DatabaseError("malformed")
    torn.sqlite_errorcode = sqlite3.SQLITE_CORRUPT | (1 << 8)
    assert (is_damage(full), is_damage(torn)) == (False, True)


KILLED = """
import sys
from pathlib import Path
from kiosk.ledger.store import Store
from tests.kiosk.test_ledger_store import row
store = Store(Path(sys.argv[1]))
for number in range(10**9):
    store.append([row(number)] * (number % 3 + 1))
    print(store.standing.next - 1, flush=True)
"""


def test_a_row_whose_commit_returned_survives_a_killed_process(path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = 0
    for line in child.stdout:
        said = int(line)
        if said > 200:
            break
    child.kill()
    said = max([said, *(int(line) for line in child.stdout if line.endswith("\n"))])
    child.stdout.close()
    child.wait()
    store = Store(path)
    assert store.standing.next - 1 >= said
    excerpt = store.read(1, 10**6)
    assert chain.links(excerpt.previous, excerpt.rows)[-1] == excerpt.head


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(1, 4)),
            st.tuples(st.just("ack"), st.integers(0, 40)),
            st.tuples(st.just("back"), st.integers(0, 40)),
            st.tuples(st.just("prune"), st.integers(0, 60)),
            st.tuples(st.just("reopen"), st.just(0)),
        ),
        max_size=30,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_appended_acknowledged_pruned_and_reopened_no_number_is_missing_or_used_twice(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite3"
    store = Store(path)
    written: list[bytes] = []
    for act, amount in steps:
        progress = store.standing.progress
        if act == "append":
            rows = [row(len(written) + number, wall=len(written) + number) for number in range(amount)]
            assert list(store.append(rows)) == list(range(len(written) + 1, len(written) + amount + 1))
            written += rows
        elif act == "ack":
            store.remember(Progress(b"e" * 16, min(amount, len(written)), progress.backed_through))
        elif act == "back":
            store.remember(Progress(b"e" * 16, progress.stored_through, min(amount, len(written))))
        elif act == "prune":
            store.prune(older_than=amount)
        else:
            store.close()
            store = Store(path)
        standing = store.standing
        assert standing.next == len(written) + 1
        held = store.read(standing.oldest, 10**6)
        assert held.rows == written[standing.oldest - 1 :]
        assert chain.links(chain.origin(standing.stream), written)[-1:] == ([held.head] if written else [])
    store.close()
