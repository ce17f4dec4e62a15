"""A full card, for real: what cannot be recorded is refused, what is backed up makes room, and nothing is lost."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kiosk.core.progress import Progress
from kiosk.errors import LedgerError
from kiosk.ledger import ballast
from tests.kiosk.ledgers import Bench
from tests.kiosk.test_ledger_keeper import EPOCH, forked

ROOM = 20 * 1024 * 1024


@contextmanager
def small_card(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Path]:
    with small_card(tmp_path / "card") as folder:
        yield folder


def fill(folder: Path, *, leave: int = 0) -> Path:
    """Takes all room but `leave` bytes of it."""
    free = os.statvfs(folder)
    block = folder / "somebody-else"
    with block.open("ab") as file:
        os.posix_fallocate(file.fileno(), block.stat().st_size, max(1, free.f_bavail * free.f_frsize - leave))
    return block


def until_full(bench: Bench, first: int) -> int:
    """Rates until nothing is taken any more. Returns the first visit that was refused."""
    for number in range(first, first + 20_000):
        if not bench.rate(number):
            return number
    raise AssertionError("the card never became full")


def test_a_full_card_refuses_says_so_and_records_again_by_itself_when_there_is_room(card: Path) -> None:
    bench = Bench(card / "ledger-device.sqlite3")
    bench.rate(*range(100))
    block = fill(card)
    refused = until_full(bench, 100)
    assert "full" in bench.keeper.trouble
    assert bench.keeper.quarantined == []
    bench.bite()
    assert bench.keeper.trouble, "it looks, and the card is still full"
    block.unlink()
    bench.settle()
    assert bench.keeper.trouble == "", "nobody had to rate in vain to find that out"
    assert bench.rate(refused)
    assert bench.visits() == list(range(refused + 1))


def test_what_the_server_has_is_written_down_once_the_card_takes_it(card: Path) -> None:
    bench = Bench(card / "ledger-device.sqlite3")
    bench.rate(*range(100))
    block = fill(card)
    until_full(bench, 100)
    known = Progress(EPOCH, 50, 50)
    with pytest.raises(LedgerError):
        bench.keeper.remember(bench.keeper.standing().stream, known, now=True)
    block.unlink()
    bench.settle()
    store = bench.keeper._store
    assert store is not None
    assert store.standing.progress == known


def test_on_a_full_card_what_is_backed_up_is_deleted_and_makes_room_for_the_next_visitor(card: Path) -> None:
    bench = Bench(card / "ledger-device.sqlite3")
    bench.rate(*range(3_000))
    bench.settle()
    assert (card / "ledger-device.sqlite3-ballast").stat().st_size == ballast.BYTES
    fill(card)
    refused = until_full(bench, 3_000)
    bench.keeper.remember(bench.keeper.standing().stream, Progress(EPOCH, refused, 2_900))
    while bench.keeper.prune(older_than=2**52):
        pass
    assert bench.keeper.standing().oldest == 2_901
    assert not (card / "ledger-device.sqlite3-ballast").exists()
    assert bench.rate(refused)
    assert bench.visits() == list(range(2_900, refused + 1))
    bench.keeper.close()
    assert Bench(bench.path).visits() == list(range(2_900, refused + 1))


def test_a_full_card_without_anything_backed_up_loses_nothing_and_keeps_its_ballast(card: Path) -> None:
    bench = Bench(card / "ledger-device.sqlite3")
    bench.rate(*range(1_000))
    bench.settle()
    fill(card)
    refused = until_full(bench, 1_000)
    bench.keeper.remember(bench.keeper.standing().stream, Progress(EPOCH, 1_000, 0))
    with pytest.raises(LedgerError, match="full"):
        bench.keeper.prune(older_than=2**52)
    assert (card / "ledger-device.sqlite3-ballast").exists()
    assert bench.visits() == list(range(refused))


def test_taking_rows_over_waits_for_room_and_goes_on(card: Path) -> None:
    bench = Bench(card / "ledger-device.sqlite3")
    bench.rate(*range(3_000))
    forked(bench, at=1)
    block = fill(card)
    for _ in range(20):
        bench.bite()
    assert bench.keeper.standing().moving > 0
    block.unlink()
    bench.settle()
    assert bench.visits() == list(range(3_000))


def test_a_card_that_becomes_read_only_refuses_and_records_again_when_it_takes_writes(card: Path) -> None:
    bench = Bench(card / "ledger-device.sqlite3")
    assert bench.rate(1)
    bench.keeper.close()
    subprocess.run(["mount", "-o", "remount,ro", str(card)], check=True)
    again = Bench(bench.path)
    assert not again.rate(2)
    assert again.keeper.trouble
    subprocess.run(["mount", "-o", "remount,rw", str(card)], check=True)
    again.bite()
    assert again.rate(3)
    assert again.visits() == [1, 3]
    assert again.health == [False, True]
    assert again.keeper.quarantined == []
    again.keeper.close()
