"""The demo and its smoke, for real: every process, every socket, the rendered page; and nothing left running afterwards."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import until
from workbench.installation import free_ports
from workbench.pages import Reader
from workbench.processes import carrying

ROOT = Path(__file__).resolve().parents[2]
MARK = "VIDHUK_TEST_RUN"
pytestmark = pytest.mark.slow


class Family:
    """Every process that has inherited this run's mark, whoever its parent is now."""

    def __init__(self) -> None:
        self.mark = uuid.uuid4().hex
        self.env = {**os.environ, "PYTHONPATH": str(ROOT), MARK: self.mark}
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            self.env.pop(name, None)

    def living(self) -> list[int]:
        return carrying(f"{MARK}={self.mark}")


@pytest.fixture
def family() -> Iterator[Family]:
    run = Family()
    yield run
    for pid in run.living():
        os.kill(pid, signal.SIGKILL)


class Demo:
    """A started demo and what it has said so far."""

    def __init__(self, family: Family, state: Path, ports: dict[str, int]) -> None:
        self.said = state.parent / f"said-{uuid.uuid4().hex}"
        self.ports = ports
        words = [f"--{name}-port={port}" for name, port in ports.items()]
        with self.said.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "workbench", "demo", "--state", str(state), *words],
                env=family.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def until_it_runs(self) -> "Demo":
        until(self.runs, "the demo runs", seconds=180)
        return self

    def text(self) -> str:
        return self.said.read_text()

    def runs(self) -> bool:
        assert self.process.poll() is None, self.text()
        return "Ctrl-C stops everything." in self.text()

    def reader(self) -> tuple[Reader, str]:
        words = self.text().split()
        court = next(word for word in words if "/courts/" in word).rstrip("/").rpartition("/")[2]
        reader = Reader(f"http://127.0.0.1:{self.ports['web']}")
        reader.sign_in(words[words.index("Sign-in") + 1], words[words.index("password") + 1])
        return reader, court


def test_the_smoke_shows_every_tap_and_ends_with_one_json_line(family: Family) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "workbench", "demo", "--smoke", "12"],
        env=family.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert list(result) == ["tapped", "stored", "shown", "tap_to_page_ms"]
    assert (result["tapped"], result["stored"], result["shown"]) == (12, 12, 12)
    assert 0 < result["tap_to_page_ms"]["p50"] <= result["tap_to_page_ms"]["p95"]
    assert family.living() == []


def test_ctrl_c_leaves_nothing_running_and_the_next_start_keeps_the_data(family: Family, tmp_path: Path) -> None:
    ports = free_ports()
    first = Demo(family, tmp_path / "state", ports).until_it_runs()
    reader, court = first.reader()
    before = reader.court(court)
    assert before.month > 500
    assert "simulated visitors" in first.text()
    os.killpg(first.process.pid, signal.SIGINT)
    assert first.process.wait(120) == 0
    assert family.living() == []

    second = Demo(family, tmp_path / "state", ports).until_it_runs()
    assert "First start" not in second.text()
    assert "Enrolling" not in second.text()
    reader, _ = second.reader()
    now = reader.court(court)
    assert now.month > 500
    until(lambda: reader.court(court).month > now.month, "a simulated visitor reaches the page", seconds=120)
    second.process.kill()
    second.process.wait()
    until(lambda: family.living() == [], "a killed demo's processes end too", seconds=60)


def test_a_first_start_that_is_interrupted_stops_quietly_and_begins_again(family: Family, tmp_path: Path) -> None:
    ports = free_ports()
    first = Demo(family, tmp_path / "state", ports)
    until(lambda: "sample results:" in first.text(), "the samples are being sent", seconds=120)
    os.killpg(first.process.pid, signal.SIGINT)
    assert first.process.wait(60) == 0
    assert "Traceback" not in first.text()
    assert family.living() == []

    second = Demo(family, tmp_path / "state", ports).until_it_runs()
    assert "First start" in second.text()
    reader, court = second.reader()
    assert reader.court(court).month > 500
    os.killpg(second.process.pid, signal.SIGTERM)
    assert second.process.wait(60) == 0
    assert family.living() == []
