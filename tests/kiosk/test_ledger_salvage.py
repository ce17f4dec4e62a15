"""A damaged ledger: a new stream at once, and every row that can be read and believed is taken over, each once."""

import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.core.progress import Progress
from kiosk.ledger import pages
from kiosk.ledger.store import Store
from tests.kiosk.ledgers import EPOCH, Bench, anew, encoded, forked, salvaged, spoil, written

PAGE = pages.PAGE_BYTES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger-device.sqlite3"


def test_a_ledger_whose_beginning_is_gone_begins_anew_at_once_and_takes_over_every_row(path: Path) -> None:
    written(path, 900)
    spoil(path, 0, b"\0" * 100)
    began = time.monotonic()
    bench = Bench(path)
    assert bench.rate(5_000)
    assert time.monotonic() - began < 5, "somebody waits before the screen"
    assert bench.keeper.standing().moving > 0, "from the first moment on it is known that there is more"
    bench.settle()
    assert bench.visits()[0] == 5_000
    assert sorted(bench.visits()) == [*range(900), 5_000]
    assert bench.keeper.standing().moving == 0
    (kept,) = (path.parent / "quarantine").glob("*.sqlite3*")
    assert kept.name == "ledger-device-1.sqlite3.salvaged", "what was read is kept, and says so"


def test_what_is_backed_up_and_what_was_refused_stay_where_they_are(path: Path) -> None:
    bench = written(path, 100, backed=30, closed=False)
    bench.keeper._known_next = 91
    bench.keeper._put_aside("a test says so")
    bench.keeper.open()
    bench.settle()
    assert bench.visits() == list(range(30, 90))


def test_what_the_damaged_file_had_left_behind_is_counted_from_the_first_moment_and_once(path: Path) -> None:
    bench = written(path, 900, backed=300)
    bench = Bench(path)
    assert bench.keeper.prune(older_than=2**52) == 300
    anew(bench, backed=300)
    bench.settle()
    bench.keeper.remember(bench.keeper.standing().stream, Progress(EPOCH, 50, 50), now=True)
    bench.keeper.close()
    spoil(path, 0, b"\0" * 100)
    again = Bench(path)
    assert again.keeper.standing().behind == 350
    again.settle()
    assert (again.keeper.standing().behind, len(again.visits())) == (350, 550), "all nine hundred are accounted for"
    again.keeper.close()
    assert Bench(path).keeper.standing().behind == 350


def test_a_damaged_file_that_knows_nothing_of_itself_leaves_nothing_behind_that_could_be_counted(path: Path) -> None:
    written(path, 100, backed=30)
    data = path.read_bytes()
    values = next(page for page in range(1, len(data) // PAGE) if pages._values_on(data[page * PAGE :][:PAGE]))
    spoil(path, values * PAGE, b"\0" * PAGE)
    bench = salvaged(path)
    assert (bench.keeper.standing().behind, len(bench.visits())) == (0, 100)


def test_rows_that_stand_in_the_log_only_are_taken_over_too(path: Path) -> None:
    source = written(path, 300, closed=False)
    crashed = path.parent / "crashed"
    crashed.mkdir()
    for part in path.parent.glob(f"{path.name}*"):
        shutil.copy(part, crashed)
    source.keeper.close()
    there = crashed / path.name
    there.write_bytes(b"\xff" * there.stat().st_size)
    assert sorted(salvaged(there).visits()) == list(range(300))


@pytest.mark.parametrize("kind", ["zero", "flip", "kind", "cut"])
def test_a_page_that_is_lost_takes_no_other_with_it(path: Path, kind: str) -> None:
    written(path, 2_000)
    count = path.stat().st_size // PAGE
    victims = {
        page
        for page in range(1, count)
        if (found := pages.rows_on(path.read_bytes()[page * PAGE : (page + 1) * PAGE], first_page=False)) and len(found) > 10
    }
    victim = sorted(victims)[len(victims) // 2]
    lost = pages.rows_on(path.read_bytes()[victim * PAGE : (victim + 1) * PAGE], first_page=False)
    match kind:
        case "zero":
            spoil(path, victim * PAGE, b"\0" * PAGE)
        case "flip":  # in the page's list of its rows: SQLite gives the page up, its rows are found by their looks
            spoil(path, victim * PAGE + 8, b"\xff\xff" * 8)
            lost = []
        case "kind":
            spoil(path, victim * PAGE, b"\x05")
            lost = []
        case "cut":
            with path.open("r+b") as file:
                file.truncate(victim * PAGE)
            data = path.read_bytes()
            kept = [row for page in range(1, victim) for row in pages.rows_on(data[page * PAGE :][:PAGE], first_page=False)]
            lost = [pages.Row(seq, b"", b"") for seq in set(range(1, 2_001)) - {row.seq for row in kept}]
    bench = salvaged(path)
    assert len(bench.keeper.quarantined) == 1
    assert sorted(bench.visits()) == sorted(set(range(2_000)) - {row.seq - 1 for row in lost})


def test_an_altered_row_is_left_out_and_a_row_with_an_altered_link_is_not(path: Path) -> None:
    written(path, 400)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE rows SET row = ? WHERE seq = 200", encoded([9_999]))
        connection.execute("UPDATE rows SET link = zeroblob(32) WHERE seq = 300")
    connection.close()
    assert sorted(salvaged(path).visits()) == [number for number in range(400) if number != 199]


def test_behind_a_hole_a_row_is_believed_by_its_checksum_and_an_altered_one_is_not(path: Path) -> None:
    written(path, 400)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM rows WHERE seq IN (100, 200, 300)")
        connection.execute("UPDATE rows SET row = ? WHERE seq = 201", encoded([9_999]))
        connection.execute("UPDATE rows SET link = zeroblob(32) WHERE seq = 299")
    connection.close()
    assert sorted(salvaged(path).visits()) == [number for number in range(400) if number + 1 not in (100, 200, 201, 300)]


def as_before_checksums(path: Path) -> None:
    """Makes the ledger what an earlier version of this program would have written."""
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE name = 'rows' OR name GLOB 'past_*'").fetchall()
        for (table,) in tables:
            connection.execute(f"ALTER TABLE {table} DROP COLUMN seal")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'm003_sealed_rows'")
    connection.close()


def test_rows_from_before_they_had_checksums_are_read_behind_a_hole_too(path: Path) -> None:
    written(path, 400)
    as_before_checksums(path)
    bench = Bench(path)
    bench.rate(5_000)
    bench.keeper.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM rows WHERE seq = 200")
    connection.close()
    assert sorted(salvaged(path).visits()) == [*(number for number in range(400) if number != 199), 5_000]


@pytest.mark.parametrize("damaged", [True, False])
def test_checksums_come_to_a_ledger_that_is_taking_rows_over(path: Path, damaged: bool) -> None:
    bench = written(path, 700, closed=damaged)
    if damaged:
        spoil(path, 0, b"\0" * 100)
        bench = Bench(path)
        while bench.keeper._store.salvage is not None:  # type: ignore[union-attr]
            bench.bite()
    else:
        forked(bench, at=1)
    assert bench.keeper.standing().moving > 0
    bench.keeper.close()
    as_before_checksums(path)
    again = salvaged(path)
    assert again.keeper.quarantined == []
    assert sorted(again.visits()) == list(range(700))


def test_a_flipped_byte_anywhere_costs_what_it_hit_and_never_more_than_a_page(path: Path) -> None:
    """At many places, by a seeded draw: nothing is told that was not written, and nothing twice."""
    written(path, 700, backed=100)
    data = path.read_bytes()
    draw = random.Random(4)
    for number in range(25):
        place = draw.randrange(len(data))
        folder = path.parent / f"flip-{number}"
        folder.mkdir()
        there = folder / path.name
        there.write_bytes(data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1 :])
        bench = salvaged(there)
        found = bench.visits()
        mine = [visit for visit in found if visit >= 100]
        assert len(mine) == len(set(mine)), place
        assert set(mine) <= set(range(700)), place
        assert len(mine) >= 600 - 1, (place, len(mine))
        bench.keeper.close()


@pytest.mark.parametrize(
    ("where", "altered"),
    [
        (b"m002_sealed_meta", b"m002_sealed_oeta"),
        (b"CREATE TABLE rows", b"CREATE TABLE ro\xffs"),
        (b"applied_at", b"applied_\xff\xff"),
    ],
)
def test_names_that_were_altered_are_damage_and_neither_a_newer_program_nor_a_reason_to_wait(
    path: Path, where: bytes, altered: bytes
) -> None:
    written(path, 60)
    data = path.read_bytes()
    path.write_bytes(data.replace(where, altered))
    assert path.read_bytes() != data
    bench = salvaged(path)
    assert len(bench.keeper.quarantined) == 1
    assert sorted(bench.visits()) == list(range(60))


def test_what_is_looked_at_from_outside_counts_what_is_still_to_be_taken_over(path: Path) -> None:
    written(path, 50)
    spoil(path, 0, b"\0" * 100)
    Bench(path).keeper.close()
    store = Store(path)
    assert store.standing.undelivered > 0, "or a device would be enrolled anew over the heads of these visitors"
    store.close()


def test_gathered_rows_are_found_by_their_looks_too(path: Path) -> None:
    written(path, 300)
    spoil(path, 0, b"\0" * 100)
    bench = Bench(path)
    while bench.keeper._store.salvage is not None:  # type: ignore[union-attr]
        bench.bite()
    bench.keeper.close()
    data = path.read_bytes()
    for page in range(1, len(data) // PAGE):
        if data[page * PAGE] == 0x0A and len(pages.rows_on(data[page * PAGE :][:PAGE], first_page=False)) > 5:
            spoil(path, page * PAGE + 8, b"\xff\xff" * 8)
    again = salvaged(path)
    assert len(again.keeper.quarantined) == 1
    assert set(again.visits()) == set(range(300))


def test_the_table_of_an_ended_stream_is_read_like_the_other(path: Path) -> None:
    bench = written(path, 700, closed=False)
    forked(bench, at=1)
    bench.rate(5_000)
    bench.keeper.close()
    spoil(path, 0, b"\0" * 100)
    assert set(salvaged(path).visits()) == {*range(700), 5_000}


def test_a_damaged_file_stays_until_the_rows_taken_over_from_it_are_pruned_and_then_goes_with_its_log(path: Path) -> None:
    written(path, 60)
    spoil(path, 0, b"\0" * 100)
    bench = salvaged(path)
    folder = path.parent / "quarantine"
    (folder / "ledger-device-1.sqlite3.salvaged-wal").write_bytes(b"a log")
    (folder / "ledger-another-1.sqlite3.salvaged").write_bytes(b"another device's")
    bench.rate(*range(60, 100))
    stream = bench.keeper.standing().stream

    def prune() -> list[str]:
        while bench.keeper.prune(older_than=2**52):
            pass
        return sorted(file.name for file in folder.iterdir())

    kept = prune()
    assert len(kept) == 3, "the server has nothing of it"
    bench.rate(*range(100, 110))
    bench.keeper.remember(stream, Progress(EPOCH, 110, 60), now=True)
    assert prune() == kept, "no row that came after it is pruned yet"
    bench.keeper.close()
    bench = Bench(path)
    bench.keeper.remember(stream, Progress(EPOCH, 110, 105), now=True)
    assert prune() == ["ledger-another-1.sqlite3.salvaged"]
    assert bench.visits() == list(range(105, 110))


def test_a_damaged_file_stays_while_its_rows_are_on_their_way_into_a_new_stream(path: Path) -> None:
    written(path, 60)
    spoil(path, 0, b"\0" * 100)
    bench = salvaged(path)
    assert bench.keeper.prune(older_than=2**52) == 0
    anew(bench, backed=0)
    bench.settle()
    stream = bench.keeper.standing().stream
    bench.rate(*range(60, 70))
    assert bench.keeper.prune(older_than=2**52) == 0
    bench.keeper.remember(stream, Progress(EPOCH, 65, 65), now=True)
    while bench.keeper.prune(older_than=2**52):
        pass
    assert [file.name for file in (path.parent / "quarantine").iterdir()] == ["ledger-device-1.sqlite3.salvaged"]


@pytest.mark.parametrize("bit", [0x80, 0x01])
def test_a_flipped_bit_in_how_a_table_is_declared_is_found_at_once_and_not_by_a_later_row(path: Path, bit: int) -> None:
    """SQLite reads past many of them. One made a device that met its copy unable to begin a new stream for good."""
    written(path, 5)
    whole = path.read_bytes()
    declared = whole.index(b"CREATE TABLE rows")
    length = whole[declared:].index(b"seal BLOB)") + len(b"seal BLOB)")
    for place in range(declared, declared + length, 3):
        path.write_bytes(whole)
        spoil(path, place, bytes([whole[place] ^ bit]))
        bench = Bench(path)
        assert bench.rate(5)
        anew(bench, backed=0)
        bench.settle()
        assert sorted(bench.visits()) == [0, 1, 2, 3, 4, 5], f"byte {place - declared} of {length}"
        bench.keeper.close()


def test_a_past_keeps_its_declaration_through_renaming_and_adding(path: Path) -> None:
    """Each form of it is opened as it is: what was read out of a damaged file, and what was a stream."""
    written(path, 600)
    spoil(path, 0, b"\0" * 100)
    bench = Bench(path)
    bench.settle(until=lambda: bench.keeper._store is not None and bench.keeper._store.moves)
    assert bench.rate(5_000)
    anew(bench, backed=0)
    bench.keeper.close()
    with closing(sqlite3.connect(path)) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE name GLOB 'past_*'")}
    assert len(names) == 2
    again = Bench(path)
    assert not (path.parent / "quarantine" / "ledger-device-2.sqlite3").exists(), "it was not put aside for its declarations"
    again.settle()
    assert sorted(again.visits()) == [*range(600), 5_000]
