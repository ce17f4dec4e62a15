"""What a ledger says of the order of its rows: which of them stand as they were recorded, after all that it has taken over."""

import sqlite3
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk.core.progress import Progress
from kiosk.ledger import pasts
from kiosk.ledger.pasts import BITE
from tests.kiosk.ledgers import EPOCH, Bench, anew, forked, spoil, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger-device.sqlite3"


def forget(path: Path) -> Bench:
    """The ledger as one wrote it that knew nothing of this account."""
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM meta WHERE key = 'moved'")
    connection.close()
    return Bench(path)


def test_in_the_first_stream_all_rows_stand_as_they_were_recorded(path: Path) -> None:
    bench = Bench(path)
    assert bench.keeper.standing().moved == 0
    bench.rate(1, 2, 3)
    bench.keeper.close()
    assert Bench(path).keeper.standing().moved == 0


def test_while_rows_are_taken_over_nothing_is_said_and_then_how_far_they_reach(path: Path) -> None:
    bench = Bench(path)
    bench.rate(*range(BITE + 10))
    forked(bench, at=1)
    assert bench.keeper.standing().moved is None
    bench.bite()
    bench.rate(5_000)
    assert bench.keeper.standing().moved is None
    bench.settle()
    bench.rate(5_001)
    assert bench.keeper.standing().moved == BITE + 11
    bench.keeper.close()
    again = Bench(path)
    assert again.keeper.standing().moved == BITE + 11
    assert again.visits()[BITE + 11 :] == [5_001]


def test_where_nothing_was_left_to_take_over_the_new_stream_is_in_order_from_the_first(path: Path) -> None:
    bench = Bench(path)
    bench.rate(*range(5))
    anew(bench, backed=5)
    bench.settle()
    bench.rate(7)
    assert bench.keeper.standing().moved == 0


def test_rows_of_a_damaged_file_are_taken_over_too(path: Path) -> None:
    written(path, 300)
    spoil(path, 0, b"\0" * 100)
    bench = Bench(path)
    assert bench.keeper.standing().moved is None
    bench.rate(5_000)
    bench.settle()
    bench.rate(5_001)
    assert bench.keeper.standing().moved == 301
    assert bench.visits()[301:] == [5_001]


def test_a_ledger_from_before_says_so_only_where_it_can_be_known(path: Path) -> None:
    written(path, 5)
    bench = forget(path)
    assert bench.keeper.standing().moved == 0, "nothing can have been taken over into the first stream"
    forked(bench, at=1)
    bench.settle()
    bench.keeper.close()
    bench = forget(path)
    assert bench.keeper.standing().moved is None
    bench.rate(8)
    forked(bench, at=1)
    bench.settle()
    assert bench.keeper.standing().moved == 6


def test_a_ledger_from_before_that_is_taking_over_knows_it_in_the_end(path: Path) -> None:
    bench = written(path, BITE + 10, closed=False)
    forked(bench, at=1)
    bench.bite()
    bench.keeper.close()
    bench = forget(path)
    assert bench.keeper.standing().moved is None
    bench.settle()
    assert bench.keeper.standing().moved == BITE + 10


ACTS = st.lists(st.sampled_from(("rate", "rate", "bite", "bite", "settle", "fork", "anew", "prune", "open", "damage")), max_size=25)


@given(acts=ACTS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_rows_after_that_place_were_recorded_in_their_order_and_after_all_others(acts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, patch.object(pasts, "BITE", 3):
        path = Path(folder) / "ledger-device.sqlite3"
        bench = Bench(path)
        number = 0
        own: set[int] = set()  # recorded into the present stream
        stream = bench.keeper.standing().stream
        for act in (*acts, "settle"):
            if act == "rate":
                assert bench.rate(number, number + 1)
                own |= {number, number + 1}
                number += 2
            elif act == "bite":
                if bench.keeper.due is not None:
                    bench.bite()
            elif act == "settle":
                bench.settle()
            elif act == "fork":
                forked(bench, at=1)
            elif act == "anew":
                anew(bench, backed=max(0, bench.keeper.standing().next - 3))
            elif act == "prune":
                standing = bench.keeper.standing()
                bench.keeper.remember(standing.stream, Progress(EPOCH, standing.next - 1, standing.next - 1), now=True)
                bench.keeper.prune(older_than=2**52)
            else:
                bench.keeper.close()
                if act == "damage":
                    spoil(path, 0, b"\0" * 100)
                bench = Bench(path)
            standing = bench.keeper.standing()
            if standing.stream != stream:
                stream, own = standing.stream, set()
            if standing.moved is None:
                assert bench.keeper.due is not None, "it is being worked at"
                continue
            visits = dict(enumerate(bench.visits(), standing.oldest))
            live = [visit for seq, visit in visits.items() if seq > standing.moved]
            assert live == sorted(live)
            assert set(live) <= own
            assert all(visit < live[0] for seq, visit in visits.items() if seq <= standing.moved and live)
            assert visits.get(standing.moved) not in own, "no farther than it must"
        assert bench.keeper.standing().moved is not None
        bench.keeper.close()
