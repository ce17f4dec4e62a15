"""How `./vidhuk test` shares a run out between workers."""

from collections.abc import Sequence

import pytest

from workbench.testing import FEWEST_WORKERS, MOST_WORKERS, sharing


@pytest.mark.parametrize("words", [[], ["-q", "-x"], ["-m", "not slow"], ["tests/kiosk", "-k", "visit"]])
def test_a_run_is_shared_out_file_by_file(words: Sequence[str]) -> None:
    assert sharing(words, cores=3) == ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]


@pytest.mark.parametrize("cores, workers", [(1, FEWEST_WORKERS), (64, MOST_WORKERS)])
def test_a_small_machine_has_two_workers_and_a_large_one_not_more_than_it_can_feed(cores: int, workers: int) -> None:
    assert sharing([], cores=cores)[1] == str(workers)


@pytest.mark.parametrize(
    "words",
    [["tests/wire/test_chain.py"], ["tests/wire/test_chain.py::test_x"], ["-n0"], ["-n", "8"], ["--pdb"], ["-s"], ["--dist=no"]],
)
def test_one_file_needs_no_workers_and_who_speaks_of_them_is_heard(words: Sequence[str]) -> None:
    assert sharing(words, cores=2) == []
