"""Salvaging that is cut off, and ledgers damaged again meanwhile: no row is lost and none is doubled."""

import shutil
from pathlib import Path

import pytest

from kiosk.ledger import pages
from kiosk.ledger.keeper import Keeper
from tests.kiosk.ledgers import Bench, anew, crash, cutting, salvaged, spoil, written
from tests.support.cutting import cut_before

PAGE = pages.PAGE_BYTES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger-device.sqlite3"


def test_a_cut_before_any_statement_of_salvaging_loses_no_row_and_doubles_none(path: Path) -> None:
    written(path, 150, backed=10)
    spoil(path, 0, b"\0" * 100)
    images: list[Path] = []
    bench = Bench(path, connect=cutting(path, images))
    bench.settle()
    bench.keeper.close()
    quarantined = [image for image in images if (image / "quarantine").exists()]
    assert len(quarantined) > 6
    for image in quarantined:
        again = salvaged(image / path.name)
        assert again.visits() == list(range(10, 150))
        again.keeper.close()


def test_a_process_killed_at_any_step_of_putting_aside_and_salvaging_loses_no_row_and_doubles_none(tmp_path: Path) -> None:
    source = tmp_path / "source" / "ledger-device.sqlite3"
    source.parent.mkdir()
    bench = written(source, 60)
    bench = Bench(source)
    bench.rate(*range(60, 80))
    there = crash(bench, tmp_path / "crashed")
    bench.keeper.close()
    spoil(there, 0, b"\0" * 100)
    step = 1
    while True:
        folder = tmp_path / f"step-{step}"
        shutil.copytree(there.parent, folder)
        cut = cut_before(step, lambda folder=folder: salvaged(folder / there.name), folder)
        again = salvaged(folder / there.name)
        assert again.visits() == list(range(80)), step
        again.keeper.close()
        if not cut:
            break
        step += 1
    assert step > 8


def test_a_move_aside_that_was_broken_off_is_finished_before_anything_else(path: Path) -> None:
    written(path, 40)
    for part in ("", "-wal"):
        path.with_name(path.name + part).touch()
    spoil(path, 0, b"\0" * 100)
    folder = path.parent / "quarantine"
    folder.mkdir()
    path.with_name(f"{path.name}-aside-1").touch()
    path.with_name(path.name + "-wal").rename(folder / "ledger-device-1.sqlite3-wal")
    bench = salvaged(path)
    assert sorted(bench.visits()) == list(range(40))
    assert not list(path.parent.glob("*-aside-*"))


def test_a_note_that_comes_back_after_its_service_takes_no_earlier_file_away(path: Path) -> None:
    """The card forgot that the note was deleted, and a ledger has been written since."""
    written(path, 40)
    spoil(path, 0, b"\0" * 100)
    bench = Bench(path)
    bench.rate(5_000)
    bench.keeper.close()
    path.with_name(f"{path.name}-aside-1").touch()
    assert set(salvaged(path).visits()) == {*range(40), 5_000}


def test_a_ledger_damaged_while_it_takes_rows_over_from_another_stream_loses_neither(path: Path) -> None:
    bench = written(path, 1_300, backed=200, closed=False)
    anew(bench, backed=200)
    bench.bite()
    while bench.keeper.standing().next == 1:
        bench.bite()
    bench.rate(*range(5_000, 5_020))
    assert bench.keeper.standing().moving > 0
    bench.keeper.close()
    spoil(path, 0, b"\0" * 100)
    visits = salvaged(path).visits()
    assert set(visits) >= {*range(200, 1_300), *range(5_000, 5_020)}


def test_the_ledger_of_another_device_is_not_taken_over(path: Path) -> None:
    other = path.with_name("ledger-device-7.sqlite3")
    written(other, 10)
    spoil(other, 0, b"\0" * 100)
    theirs = Keeper(other, now=lambda: 0.0)
    theirs.open()
    theirs.close()
    assert Bench(path).keeper.standing().moving == 0


def test_a_ledger_damaged_again_while_it_is_salvaging_loses_nothing(path: Path) -> None:
    written(path, 800)
    spoil(path, 0, b"\0" * 100)
    bench = Bench(path)
    while bench.keeper.standing().next < 2:
        bench.bite()
    left = bench.keeper.standing().moving
    assert 0 < left < 800, "some are in the stream, some were gathered, and the first file says that it was read"
    bench.keeper.close()
    spoil(path, 0, b"\0" * 100)
    again = salvaged(path)
    assert set(again.visits()) == set(range(800))


def test_a_ledger_damaged_again_while_the_first_file_is_read_takes_no_row_over_twice(path: Path) -> None:
    written(path, 1_500)
    spoil(path, 0, b"\0" * 100)
    bench = Bench(path)
    while bench.keeper._store.salvage.found == 0:  # type: ignore[union-attr]
        bench.bite()
    assert bench.rate(5_000)
    bench.keeper.close()
    spoil(path, 0, b"\0" * 100)
    again = salvaged(path)
    assert sorted(again.visits()) == [*range(1_500), 5_000]
