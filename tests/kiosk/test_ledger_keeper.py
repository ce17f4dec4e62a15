"""The keeper: a new stream takes every row over once, whenever it is cut, and nobody waits for it."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk.core.progress import Progress
from kiosk.errors import LedgerError, LedgerTooNew
from kiosk.ledger import store as stores
from kiosk.ledger.pasts import BITE
from kiosk.ledger.store import Store
from tests.kiosk.ledgers import EPOCH, Bench, anew, cutting, encoded, forked, rating


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger-device.sqlite3"


def test_a_new_stream_begins_empty_and_takes_over_every_row_that_is_not_backed_up(path: Path) -> None:
    bench = Bench(path)
    bench.rate(*range(1, 21))
    before = bench.keeper.standing()
    after = bench.keeper.begin_anew(before.stream, Progress(EPOCH, 14, 6, (b"o" * 16,)))
    assert after.stream != before.stream
    assert (after.oldest, after.next, after.moving, after.undelivered) == (1, 1, 20, 20)
    assert after.progress == Progress(EPOCH, 0, 0, (b"o" * 16,), None), (
        "the server's state of being is known, its rows are not ours"
    )
    bench.settle()
    assert bench.visits() == list(range(7, 21))
    assert bench.keeper.standing().moving == 0


def test_after_a_fork_all_rows_are_taken_over_because_the_backups_may_hold_the_rows_of_the_other_device(path: Path) -> None:
    bench = Bench(path)
    bench.rate(*range(1, 11))
    forked(bench, at=7, backed=6)
    bench.settle()
    assert bench.visits() == list(range(1, 11))


def test_what_stays_behind_with_former_streams_is_counted_on_across_restarts(path: Path) -> None:
    bench = Bench(path)
    assert bench.keeper.standing().behind is None, "the first stream has nothing before it"
    bench.rate(*range(10))
    anew(bench, backed=6)
    assert bench.keeper.standing().behind == 6
    bench.settle()
    stream = bench.keeper.standing().stream
    bench.keeper.remember(stream, Progress(EPOCH, 3, 3), now=True)
    assert bench.keeper.prune(older_than=2**52) == 3
    forked(bench, at=1, backed=3)
    bench.keeper.close()
    again = Bench(path)
    again.settle()
    standing = again.keeper.standing()
    assert (standing.behind, len(again.visits())) == (9, 1), "all ten are accounted for"


def test_ratings_go_in_while_rows_are_taken_over(path: Path) -> None:
    bench = Bench(path)
    bench.rate(*range(3 * BITE))
    forked(bench, at=1)
    late = []
    for number in range(10_000, 10_006):
        assert bench.rate(number)
        late.append(number)
        bench.bite()
    bench.settle()
    visits = bench.visits()
    assert visits[0] == 10_000, "the visitor did not wait for the rows of others"
    assert sorted(visits) == [*range(3 * BITE), *late]


def test_a_stream_that_is_not_the_present_one_is_not_ended(path: Path) -> None:
    bench = Bench(path)
    bench.rate(1)
    first = bench.keeper.standing().stream
    second = bench.keeper.begin_anew(first, Progress())
    assert bench.keeper.begin_anew(first, Progress()) == second, "asked twice, done once"


def test_a_device_that_is_forked_again_while_it_takes_rows_over_still_takes_each_over_once(path: Path) -> None:
    bench = Bench(path)
    bench.rate(*range(2 * BITE))
    forked(bench, at=1)
    bench.bite()
    bench.rate(5_000)
    forked(bench, at=1)
    bench.rate(5_001)
    forked(bench, at=1)
    bench.settle()
    assert sorted(bench.visits()) == [*range(2 * BITE), 5_000, 5_001]
    tables = {name for (name,) in sqlite_tables(bench)}
    assert not {name for name in tables if name.startswith("past")}, "emptied tables are dropped"


def sqlite_tables(bench: Bench) -> list[tuple[str]]:
    bench.keeper.close()
    with sqlite3.connect(bench.path) as connection:
        return connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()


def test_a_cut_before_any_statement_of_taking_over_loses_no_row_and_doubles_none(path: Path) -> None:
    count = BITE + 40
    first = Bench(path)
    first.rate(*range(count))
    first.keeper.close()
    images: list[Path] = []
    bench = Bench(path, connect=cutting(path, images))
    anew(bench, backed=5)
    bench.settle()
    bench.keeper.close()
    assert len(images) > 4
    for image in images:
        again = Bench(image / path.name)
        if again.keeper.standing().next == count + 1 and not again.keeper.standing().moving:
            assert again.visits() == list(range(count)), "the stream had not been ended yet"
            anew(again, backed=5)
        again.settle()
        assert again.visits() == list(range(5, count))
        again.keeper.close()


def test_a_cut_before_any_statement_of_a_birth_leaves_a_ledger_that_works(path: Path) -> None:
    images: list[Path] = []
    bench = Bench(path, connect=cutting(path, images))
    bench.keeper.close()
    assert len(images) > 2
    for image in images:
        again = Bench(image / path.name)
        assert again.keeper.quarantined == []
        assert again.rate(1, 2)
        assert again.visits() == [1, 2]
        again.keeper.close()


OLD = """
CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT, applied_at TEXT);
CREATE UNIQUE INDEX idx ON _sqlite_migrations (migration_set, name);
INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('ledger', 'm001_rows_and_meta', '2026-11-01');
CREATE TABLE rows (
    seq INTEGER PRIMARY KEY CHECK (seq >= 1), row BLOB NOT NULL, link BLOB NOT NULL CHECK (length(link) = 32)
);
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


def test_a_ledger_of_the_first_version_is_brought_up_to_date_whatever_statement_is_cut(path: Path) -> None:
    from wire import chain
    from wire.events import StreamId

    stream = StreamId(b"s" * 16)
    rows = encoded(range(1, 6))
    with sqlite3.connect(path) as old:
        old.executescript("PRAGMA journal_mode = WAL;" + OLD)
        old.execute("INSERT INTO meta VALUES ('stream', ?)", (stream,))
        links = chain.links(chain.origin(stream), rows)
        old.executemany("INSERT INTO rows VALUES (?, ?, ?)", zip(range(1, 6), rows, links, strict=True))
    old.close()
    images: list[Path] = []
    Bench(path, connect=cutting(path, images)).keeper.close()
    assert len(images) > 2
    for image in images:
        again = Bench(image / path.name)
        assert (again.keeper.quarantined, again.keeper.standing().stream, again.held()) == ([], stream, rows)
        again.keeper.close()


def test_a_ledger_that_a_newer_program_wrote_is_left_as_it_is(path: Path) -> None:
    bench = Bench(path)
    bench.rate(1)
    bench.keeper.close()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('ledger', 'm999_beyond_us', '2030-01-01')"
        )
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LedgerTooNew, match="m999_beyond_us"):
        Bench(path)
    assert path.read_bytes() == before
    assert not (path.parent / "quarantine").exists()


def test_a_flipped_bit_in_what_the_ledger_knows_of_itself_is_noticed(path: Path) -> None:
    bench = Bench(path)
    bench.rate(*range(1, 11))
    bench.keeper.remember(bench.keeper.standing().stream, Progress(EPOCH, 4, 2), now=True)
    bench.keeper.close()
    data = bytearray(path.read_bytes())
    place = data.index(EPOCH) + len(EPOCH)
    assert data[place : place + 2] == b"\x04\x02"
    data[place + 1] = 9  # "backed up through 9": what has not even been sent would be pruned
    path.write_bytes(data)
    again = Bench(path)
    assert len(again.keeper.quarantined) == 1
    again.settle()
    assert again.visits() == list(range(1, 11)), "and nothing is left out because of it"


def test_a_commit_that_failed_after_all_is_cut_off_only_where_a_visitor_was_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fsync says EIO, and yet everything has reached the card: the visitor's row goes, rows that were being taken over stay."""
    bench = Bench(path)
    bench.rate(*range(20))
    forked(bench, at=1)
    honest = Store.move

    def torn(store: Store) -> int:
        honest(store)
        fault = sqlite3.OperationalError("disk I/O error")
        fault.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise fault

    monkeypatch.setattr(Store, "move", torn)
    bench.bite()
    monkeypatch.undo()
    bench.settle()
    assert bench.visits() == list(range(20))


def test_an_altered_row_is_found_without_being_asked_for_and_the_others_are_saved(path: Path) -> None:
    bench = Bench(path)
    bench.rate(*range(1, 101))
    bench.keeper.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE rows SET row = ? WHERE seq = 50", (encoded([777])[0],))
    connection.close()
    again = Bench(path)
    assert again.keeper.quarantined == []
    again.settle()
    assert len(again.keeper.quarantined) == 1
    assert again.visits() == [number for number in range(1, 101) if number != 50]


def test_a_large_ledger_is_not_read_through_at_the_start_but_a_gap_in_it_is_found_soon(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "CHECKED_AT_ONCE_BYTES", 0)
    bench = Bench(path)
    bench.rate(*range(5_000))
    bench.keeper.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM rows WHERE seq = 2500")
    connection.close()
    again = Bench(path)
    assert again.keeper.quarantined == []
    again.settle()
    assert len(again.keeper.quarantined) == 1
    assert again.visits() == [number for number in range(5_000) if number != 2_499]


def test_nobody_is_told_rows_that_are_not_what_was_written(path: Path) -> None:
    bench = Bench(path)
    bench.rate(1, 2, 3)
    bench.keeper.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE rows SET row = ? WHERE seq = 2", (encoded([9])[0],))
    connection.close()
    again = Bench(path)
    with pytest.raises(LedgerError, match="chain of rows 1 to 3 is broken"):
        again.keeper.read(again.keeper.standing().stream, 1, 3)
    assert len(again.keeper.quarantined) == 1


@given(
    acts=st.lists(
        st.sampled_from(["rate", "anew", "bite", "back", "reopen", "prune"]),
        max_size=40,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_through_any_number_of_new_streams_every_row_is_kept_exactly_once_until_it_is_backed_up(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("ledger") / "ledger-device.sqlite3")
    rated = 0
    safe: set[bytes] = set()
    """Rows that the server's backups hold, so that they may be missing here."""
    for act in acts:
        standing = bench.keeper.standing()
        if act == "rate":
            assert bench.rate(*range(rated, rated + 5))
            rated += 5
        elif act == "anew":
            bench.keeper.begin_anew(standing.stream, standing.progress)
        elif act == "bite" and bench.keeper.due is not None:
            bench.bite()
        elif act == "back":
            stored = (standing.oldest + standing.next) // 2
            safe |= set(bench.keeper.read(standing.stream, standing.oldest, stored + 1 - standing.oldest).rows)
            stored = min(stored, standing.next - 1)
            bench.keeper.remember(standing.stream, Progress(EPOCH, stored, stored), now=True)
        elif act == "prune":
            bench.keeper.prune(older_than=10**15)
        elif act == "reopen":
            bench.keeper.close()
            bench = Bench(bench.path)
    bench.settle()
    held = bench.held()
    assert len(set(held)) == len(held), "a row stands twice"
    assert set(encoded(range(rated))) - set(held) <= safe, "a row is lost"
    bench.keeper.close()


def test_a_rating_is_encoded_as_it_was_given(path: Path) -> None:
    bench = Bench(path)
    assert bench.keeper.record([[rating(1)], [rating(2, value=99)], [rating(3)]]) == [True, False, True]
    assert bench.visits() == [1, 3]
