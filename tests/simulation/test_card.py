"""The simulator's card: what was synced survives a cut, what was not survives by chance only, and names behave like that too."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from kiosk.durable import sync_folder
from workbench.simulation.card import NOW, Card

CUTS = 60


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    made = Card(tmp_path / "card")
    yield made
    made.eject()


def opened(card: Card, *, synchronous: str) -> sqlite3.Connection:
    database = card.connect(card.folder / "file.sqlite3")
    for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", f"synchronous = {synchronous}"):
        database.execute(f"PRAGMA {pragma}").fetchall()
    database.execute("CREATE TABLE IF NOT EXISTS numbers (number INTEGER PRIMARY KEY, data BLOB)")
    sync_folder(card.folder)
    return database


def losses(card: Card, *, synchronous: str) -> int:
    """After how many of `CUTS` cuts a row is gone whose commit had returned."""
    random = Random(7)
    lost = committed = 0
    for _ in range(CUTS):
        database = opened(card, synchronous=synchronous)
        try:
            (found,) = database.execute("SELECT count(*) FROM numbers").fetchone()
            lost += found < committed
            committed = found
            card.cut(random.randrange(1, 80))
            while True:
                with database:
                    database.execute("INSERT INTO numbers (data) VALUES (?)", (random.randbytes(random.randrange(300)),))
                committed += 1
        except sqlite3.OperationalError:
            assert card.dead
        finally:
            database.close()
        card.restart(lossy=True, seed=random.getrandbits(64))
    return lost


def test_a_synced_commit_survives_every_cut(card: Card) -> None:
    assert losses(card, synchronous="FULL") == 0


def test_a_commit_that_was_not_synced_is_lost_by_some_cuts(card: Card) -> None:
    assert losses(card, synchronous="NORMAL") > CUTS // 10


def test_a_kernel_that_ends_in_good_order_loses_nothing(card: Card) -> None:
    database = opened(card, synchronous="OFF")
    with database:
        database.execute("INSERT INTO numbers (data) VALUES (x'01')")
    card.cut(NOW)
    database.close()
    card.restart(lossy=False, seed=1)
    again = opened(card, synchronous="FULL")
    assert again.execute("SELECT count(*) FROM numbers").fetchone() == (1,)
    again.close()


def test_a_name_whose_folder_was_not_synced_may_be_as_it_was(card: Card) -> None:
    before, after = card.folder / "before", card.folder / "after"
    found = set()
    for seed in range(20):
        for path in (before, after):
            path.unlink(missing_ok=True)
        before.write_bytes(b"x")
        sync_folder(card.folder)
        before.rename(after)
        card.cut(NOW)
        card.restart(lossy=True, seed=seed)
        found.add((before.exists(), after.exists()))
    assert found == {(True, False), (False, True)}


def test_a_name_whose_folder_was_synced_stays(card: Card) -> None:
    for seed in range(20):
        made = card.folder / f"made-{seed}"
        made.write_bytes(b"x")
        sync_folder(card.folder)
        card.cut(NOW)
        card.restart(lossy=True, seed=seed)
        assert made.exists()


def test_nothing_can_be_renamed_without_power(card: Card) -> None:
    path = card.folder / "file"
    path.write_bytes(b"x")
    card.cut(NOW)
    with pytest.raises(OSError, match="power"):
        path.rename(card.folder / "other")


def test_a_full_card_refuses_what_would_grow(card: Card) -> None:
    database = opened(card, synchronous="FULL")
    card.fill(True)
    with pytest.raises(sqlite3.OperationalError, match="full"), database:
        database.execute("INSERT INTO numbers (data) VALUES (zeroblob(100000))")
    card.fill(False)
    with database:
        database.execute("INSERT INTO numbers (data) VALUES (x'01')")
    assert database.execute("SELECT count(*) FROM numbers").fetchone() == (1,)
    database.close()


def test_a_sync_that_fails_says_so_and_its_writes_are_gone_after_the_next_cut(card: Card) -> None:
    database = opened(card, synchronous="FULL")
    card.fail_syncs(1, 1)
    with pytest.raises(sqlite3.OperationalError, match="I/O"), database:
        database.execute("INSERT INTO numbers (data) VALUES (x'01')")
    card.cut(NOW)
    database.close()
    card.restart(lossy=True, seed=3)
    again = opened(card, synchronous="FULL")
    assert again.execute("SELECT count(*) FROM numbers").fetchone() == (0,)
    again.close()
