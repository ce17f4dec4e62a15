"""A damaged ledger: a new stream at once, and every row that can be read and believed is taken over, each once."""

import random
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from kiosk.core.progress import Progress
from kiosk.ledger import pages
from kiosk.ledger.keeper import Keeper
from kiosk.ledger.sealing import Unreadable
from kiosk.ledger.store import Store, look
from tests.kiosk.ledgers import Bench, encoded
from tests.kiosk.test_ledger_keeper import EPOCH, anew, cutting, forked
from tests.support.cutting import cut_before

PAGE = pages.PAGE_BYTES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger-device.sqlite3"


def written(path: Path, count: int, *, backed: int = 0, closed: bool = True) -> Bench:
    """A ledger of `count` visits; not closed, its rows stand in the log."""
    bench = Bench(path)
    for first in range(0, count, 20):
        assert bench.rate(*range(first, min(first + 20, count)))
    if backed:
        bench.keeper.remember(bench.keeper.standing().stream, Progress(EPOCH, backed, backed), now=True)
    if closed:
        bench.keeper.close()
    return bench


def salvaged(path: Path) -> Bench:
    """The ledger after its damage was noticed and all was taken over."""
    bench = Bench(path)
    bench.settle()
    return bench


def spoil(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


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


def crash(bench: Bench, folder: Path) -> Path:
    """What the card held if the power went now."""
    folder.mkdir()
    for part in bench.path.parent.glob(f"{bench.path.name}*"):
        shutil.copy(part, folder)
    return folder / bench.path.name


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


def test_what_is_looked_at_from_outside_counts_what_is_still_to_be_taken_over(path: Path) -> None:
    written(path, 50)
    spoil(path, 0, b"\0" * 100)
    Bench(path).keeper.close()
    store = Store(path)
    assert store.standing.undelivered > 0, "or a device would be enrolled anew over the heads of these visitors"
    store.close()


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
