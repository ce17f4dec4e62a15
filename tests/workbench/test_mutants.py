"""The check that the tests bite: every deliberate fault fits the project, and one that is not noticed is not called caught."""

from dataclasses import replace
from pathlib import Path

import pytest

from workbench.mutants.catalogue import FAULTS
from workbench.mutants.fault import Change, Fault, FaultTrouble
from workbench.mutants.trial import Verdict, require_sound, trees, try_all, try_one

ROOT = Path(__file__).resolve().parents[2]
PROMISED = 25
SOUND = "def add(one: int, other: int) -> int:\n    return one + other\n"
TESTS = """
from small import add

def test_it_adds():
    assert add(2, 3) == 5

def test_it_does_nothing():
    assert add is not None

def test_it_fails_anyway():
    assert False
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one function."""
    root = tmp_path / "project"
    (root / "tests").mkdir(parents=True)
    (root / "small.py").write_text(SOUND)
    (root / "tests" / "test_small.py").write_text(TESTS)
    return root


def fault(test: str, *, old: str = "one + other", new: str = "one - other") -> Fault:
    return Fault("it subtracts", "small.py", old, new, f"tests/test_small.py::{test}")


@pytest.mark.parametrize("known", FAULTS, ids=lambda known: known.name.replace(" ", "-"))
def test_every_fault_fits_the_project_and_names_a_test_that_exists(known: Fault) -> None:
    known.require(ROOT)


def test_there_are_as_many_faults_as_promised_and_none_stands_twice() -> None:
    assert len(FAULTS) >= PROMISED
    assert len({known.name for known in FAULTS}) == len(FAULTS)
    assert len({known.changes for known in FAULTS}) == len(FAULTS)


def test_some_of_them_are_caught_here_and_now(tmp_path: Path) -> None:
    quick = [known for known in FAULTS if known.test.startswith(("tests/kiosk/test_delivery", "tests/kiosk/test_ledger_store"))]
    heard: list[Verdict] = []
    with trees(ROOT, tmp_path, 2) as copies:
        verdicts = try_all(copies, quick[:: len(quick) // 3], 2, heard.append)
    assert [verdict.said for verdict in verdicts if not verdict.caught] == []
    assert len(heard) == len(verdicts) >= 3


def test_a_fault_that_its_test_notices_is_caught_and_leaves_no_trace(project: Path) -> None:
    assert try_one(project, fault("test_it_adds")).caught
    assert (project / "small.py").read_text() == SOUND


def test_a_fault_may_need_two_changes_and_is_brought_in_and_taken_out_as_a_whole(project: Path) -> None:
    (project / "large.py").write_text("LARGE = True\n")
    both = replace(
        fault("test_it_adds"), also=(Change("small.py", "def add", "LARGE = 1\n\ndef add"), Change("large.py", "True", "1"))
    )
    assert both.changed(project) == {
        "small.py": SOUND.replace("+", "-").replace("def add", "LARGE = 1\n\ndef add"),
        "large.py": "LARGE = 1\n",
    }
    assert try_one(project, both).caught
    assert (project / "small.py").read_text() == SOUND
    assert (project / "large.py").read_text() == "LARGE = True\n"


def test_a_test_that_fails_and_does_not_say_what_is_wrong_has_not_noticed_it(project: Path) -> None:
    assert try_one(project, replace(fault("test_it_adds"), said="assert -1 == 5")).caught
    assert not try_one(project, replace(fault("test_it_adds"), said="is gone")).caught


def test_a_fault_that_its_test_does_not_notice_is_not_caught(project: Path) -> None:
    verdict = try_one(project, fault("test_it_does_nothing"))
    assert not verdict.caught
    assert "1 passed" in verdict.said
    assert (project / "small.py").read_text() == SOUND


def test_a_fault_that_keeps_the_tests_from_being_read_is_not_caught(project: Path) -> None:
    assert not try_one(project, fault("test_it_adds", old="def add", new="def subtract")).caught


def test_a_test_that_fails_without_any_fault_notices_nothing(project: Path) -> None:
    require_sound(project, [fault("test_it_adds")])
    with pytest.raises(FaultTrouble, match="without any fault"):
        require_sound(project, [fault("test_it_adds"), fault("test_it_fails_anyway")])


@pytest.mark.parametrize(
    ("stale", "why"),
    [
        (fault("test_it_adds", old="one * other"), "stands 0 times"),
        (fault("test_it_adds", old="one"), "stands 2 times"),
        (fault("test_it_adds", new="one +"), "would not be Python"),
        (fault("test_it_multiplies"), "there is no test test_it_multiplies"),
        (Fault("it subtracts", "small.py", "one + other", "one - other", "tests/test_large.py::test_it_adds"), "no file of tests"),
    ],
)
def test_a_fault_that_no_longer_fits_is_said_to_be_so(project: Path, stale: Fault, why: str) -> None:
    with pytest.raises(FaultTrouble, match=why):
        stale.require(project)
