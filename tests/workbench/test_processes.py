"""Children end with their parent, however that ends, and take their own children along."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import until
from workbench.processes import Child, ChildFailed, Household, descendants, wait_for_exit

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
def household() -> Iterator["subprocess.Popen[str]"]:
    started = subprocess.Popen(
        [sys.executable, "-c", HOUSEHOLD],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stdout
    assert started.stdout.readline() == "ready\n"
    until(lambda: len(descendants(started.pid)) == 3, "two children and a grandchild")
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def test_ctrl_c_leaves_nothing_running(household: "subprocess.Popen[str]") -> None:
    family = descendants(household.pid)
    os.killpg(household.pid, signal.SIGINT)
    assert household.wait(60) == 0
    assert wait_for_exit(family, 30) == []


def test_a_killed_parent_takes_its_children_along(household: "subprocess.Popen[str]") -> None:
    children = [pid for pid in descendants(household.pid) if b"1001" not in Path(f"/proc/{pid}/cmdline").read_bytes()]
    orphan = [pid for pid in descendants(household.pid) if pid not in children]
    household.kill()
    household.wait()
    assert wait_for_exit(children, 30) == []
    for pid in orphan:  # nobody can help this one any more: it left its group and its last ancestor was killed
        os.kill(pid, signal.SIGKILL)


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
