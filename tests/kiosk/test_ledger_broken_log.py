"""A write-ahead log that is damaged: what stands behind the break is not lost."""

import shutil
from pathlib import Path

import pytest

from kiosk.core.progress import Progress
from kiosk.ledger import pages
from kiosk.ledger.sealing import Unreadable
from kiosk.ledger.store import look
from tests.kiosk.ledgers import EPOCH, Bench, crash, salvaged, spoil, written
from tests.support.cutting import cut_before

PAGE = pages.PAGE_BYTES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger-device.sqlite3"


@pytest.mark.parametrize("frame", [1, 3, 8])
def test_rows_behind_a_damaged_frame_of_the_log_are_not_lost(path: Path, frame: int) -> None:
    bench = Bench(path)
    bench.rate(*range(5))
    bench.keeper._store.tidy()  # type: ignore[union-attr]
    for number in range(5, 25):
        bench.rate(number)
    there = crash(bench, path.parent / "crashed")
    log = there.with_name(there.name + "-wal")
    spoil(log, 32 + frame * (24 + PAGE) + 24 + 2_000, b"\x5a")
    again = salvaged(there)
    assert sorted(again.visits()) == list(range(25))
    assert again.rate(30)


def with_a_hole(path: Path, *, into_file: bool = True) -> Path:
    """A ledger of 30 transactions in the log, of 30 rows each, four frames of which are gone: in the middle, behind 20 rows that
    are in the file, or the first ones, with nothing in the file."""
    bench = Bench(path)
    bench.rate(*range(20))
    if into_file:
        bench.keeper._store.tidy()  # type: ignore[union-attr]
    for first in range(20, 920, 30):
        bench.rate(*range(first, first + 30))
    there = crash(bench, path.parent / "crashed")
    bench.keeper.close()
    log = there.with_name(there.name + "-wal")
    frames = (log.stat().st_size - 32) // (24 + PAGE)
    first = frames // 2 if into_file else 0
    spoil(log, 32 + first * (24 + PAGE), bytes(4 * (24 + PAGE)))
    return there


@pytest.mark.parametrize("into_file", [True, False])
def test_rows_behind_a_hole_of_the_log_are_read_although_those_in_it_are_gone(path: Path, into_file: bool) -> None:
    found = salvaged(with_a_hole(path, into_file=into_file)).visits()
    assert len(found) == len(set(found))
    assert set(found) <= set(range(920))
    assert len(found) >= 920 - 100
    assert max(found) == 919


def test_whoever_only_looks_at_a_ledger_leaves_its_broken_log_as_it_is(path: Path) -> None:
    there = with_a_hole(path)
    log = there.with_name(there.name + "-wal")
    before = log.read_bytes()
    with pytest.raises(Unreadable):
        look(there.parent, "device")
    assert log.read_bytes() == before


def test_a_ledger_that_is_empty_or_gone_is_read_from_its_log(path: Path) -> None:
    bench = written(path, 60, closed=False)
    there = crash(bench, path.parent / "crashed")
    gone = crash(bench, path.parent / "gone")
    there.write_bytes(b"")
    gone.unlink()
    assert sorted(salvaged(there).visits()) == list(range(60))
    assert sorted(salvaged(gone).visits()) == list(range(60))


def test_a_process_killed_at_any_step_of_putting_a_broken_log_aside_loses_no_more(path: Path) -> None:
    there = with_a_hole(path)
    whole = path.parent / "whole"
    shutil.copytree(there.parent, whole)
    sound = set(salvaged(whole / there.name).visits())
    assert max(sound) == 919
    step = 1
    while True:
        folder = path.parent / f"step-{step}"
        shutil.copytree(there.parent, folder)
        cut = cut_before(step, lambda folder=folder: Bench(folder / there.name), folder)
        visits = salvaged(folder / there.name).visits()
        assert sorted(visits) == sorted(sound), step
        if not cut:
            break
        step += 1
    assert step > 8


def test_a_torn_last_transaction_is_no_damage(path: Path) -> None:
    bench = Bench(path)
    for number in range(10):
        bench.rate(number)
    there = crash(bench, path.parent / "crashed")
    log = there.with_name(there.name + "-wal")
    last = (log.stat().st_size - 32) // (24 + PAGE) - 1
    spoil(log, 32 + last * (24 + PAGE) + 24 + 8, b"\0" * 4_000)
    again = salvaged(there)
    assert again.keeper.quarantined == []
    assert again.visits() == list(range(9))


def frames(log: Path) -> int:
    return (log.stat().st_size - 32) // (24 + PAGE)


def test_two_power_cuts_in_a_row_are_no_damage_either(path: Path) -> None:
    """The second tears what was written over the beginning of what the first had torn, whose end still stands behind it."""
    bench = Bench(path)
    for number in range(10):
        bench.rate(number)
    log = path.with_name(path.name + "-wal")
    first = frames(log)
    bench.rate(*range(10, 200))
    torn = frames(log) - 1 - first
    assert torn > 1
    there = crash(bench, path.parent / "crashed")
    spoil(there.with_name(there.name + "-wal"), 32 + first * (24 + PAGE), bytes(torn * (24 + PAGE)))
    second = Bench(there)
    assert second.visits() == list(range(10))
    assert second.rate(200)
    there = crash(second, path.parent / "crashed-again")
    spoil(there.with_name(there.name + "-wal"), 32 + first * (24 + PAGE) + 24 + 8, bytes(4_000))
    third = salvaged(there)
    assert third.keeper.quarantined == []
    assert third.visits() == list(range(10))
    assert third.rate(300)


@pytest.mark.parametrize("kept", [1, 3])
def test_a_log_cut_short_after_its_rows_went_into_the_file_gives_no_new_row_the_number_of_an_old_one(path: Path, kept: int) -> None:
    """Its first frames hold pages that the file has newer: SQLite lays them over those, and the last rows are not seen any more."""
    bench = Bench(path)
    bench.keeper._store.tidy()  # type: ignore[union-attr]
    for number in range(12):
        bench.rate(number)
    standing = bench.keeper.standing()
    bench.keeper.remember(standing.stream, Progress(EPOCH, 12, 0), now=True)
    bench.keeper._store.tidy()  # type: ignore[union-attr]
    there = crash(bench, path.parent / "crashed")
    with there.with_name(there.name + "-wal").open("r+b") as log:
        log.truncate(32 + kept * (24 + PAGE))
    again = salvaged(there)
    assert again.keeper.standing().stream != standing.stream
    assert set(again.visits()) <= set(range(12))
    assert again.rate(30)
    assert again.visits()[-1] == 30
