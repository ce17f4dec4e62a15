"""Children end with their parent, however that ends, and take their own children along."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import until
from workbench.processes import Child, ChildFailed, Household, carrying

ROOT = Path(__file__).resolve().parents[2]

# A household with one child (sleep) and one grandchild that left its group and outlives its own parent.
HOUSEHOLD = """
import sys, time
from workbench.processes import Child, Household
with Household() as household:
    household.start(Child("sleeper", ["sleep", "1000"]))
    household.start(Child("parent", ["sh", "-c", "setsid sleep 1001 & exec sleep 1002"]))
    print("ready", flush=True)
    try:
        time.sleep(1000)
    except KeyboardInterrupt:
        print("stopping", flush=True)
"""


@pytest.fixture
def mark() -> str:
    return f"VIDHUK_TEST_FAMILY={uuid.uuid4().hex}"


@pytest.fixture
def household(mark: str) -> Iterator["subprocess.Popen[str]"]:
    name, _, value = mark.partition("=")
    started = subprocess.Popen(
        [sys.executable, "-c", HOUSEHOLD],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), name: value},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stdout
    assert started.stdout.readline() == "ready\n"
    until(lambda: len(carrying(mark)) == 4, "the parent, two children and a grandchild")
    try:
        yield started
    finally:
        for pid in carrying(mark):
            os.kill(pid, signal.SIGKILL)
        started.communicate()


def test_ctrl_c_leaves_nothing_running(household: "subprocess.Popen[str]", mark: str) -> None:
    os.killpg(household.pid, signal.SIGINT)
    assert household.wait(60) == 0
    until(lambda: carrying(mark) == [], "all of them end")


def test_a_killed_parent_takes_its_children_along(household: "subprocess.Popen[str]", mark: str) -> None:
    household.kill()
    household.wait()
    # What left its group and lost its last ancestor stays: nobody is there any more who could end it.
    until(lambda: [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in carrying(mark)] == [b"sleep\x001001\0"], "the children end")


def test_a_household_ends_its_own_and_nobody_else(mark: str) -> None:
    name, _, value = mark.partition("=")
    stranger = Child("stranger", ["sleep", "1003"], env={name: value}).start()
    with Household() as household:
        household.start(Child("own", ["sh", "-c", "setsid sleep 1004 & exec sleep 1005"], env={name: value}))
        until(lambda: len(carrying(mark)) == 3, "all three run")
    until(lambda: carrying(mark) == [stranger.pid], "only the stranger is left")
    stranger.stop()


def test_a_child_that_ends_by_itself_is_reported_with_its_last_words(tmp_path: Path) -> None:
    child = Child("the broker", ["sh", "-c", "echo address in use; exit 3"], log=tmp_path / "log").start()
    until(lambda: not child.alive(), "the child ends")
    with pytest.raises(ChildFailed, match=r"the broker stopped by itself \(exit code 3\). It said:\n  address in use"):
        child.check()


def test_a_child_that_ignores_being_asked_is_killed(tmp_path: Path) -> None:
    child = Child("stubborn", ["sh", "-c", "trap '' TERM; echo on; while :; do sleep 0.1; done"], log=tmp_path / "log").start()
    until(lambda: "on" in (tmp_path / "log").read_text(), "it has set its trap")
    assert child.stop(grace_s=0.3) == -signal.SIGKILL
    assert not Path(f"/proc/{child.pid}").exists()


def test_children_stop_in_the_reverse_order_of_their_start(tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    household = Household()
    for name in ("broker", "server", "kiosk"):
        started = tmp_path / name
        script = f"trap 'echo {name} >> {stopped}; exit 0' TERM; touch {started}; while :; do sleep 0.05; done"
        household.start(Child(name, ["sh", "-c", script]))
        until(started.exists, f"{name} runs")
    household.stop()
    assert stopped.read_text().split() == ["kiosk", "server", "broker"]
