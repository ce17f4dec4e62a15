"""A touch panel that is missing, unplugged or none at all: that is said once, and it works as soon as it is there."""

import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk.screen import panels
from kiosk.screen.panels import ALARM, Keeper, kept
from kiosk.screen.settings import ScreenSettings
from kiosk.screen.toolkit import prepare
from kiosk.screen.waiting import ThreadWaiter

DEADLINE_S = 30


class Staff:
    """Hears alarms. `told` is set with each."""

    def __init__(self) -> None:
        self.standing: dict[str, str] = {}
        self.heard: list[str] = []
        self.told = threading.Event()
        self.over = threading.Event()

    def alarm(self, name: str, sentence: str) -> None:
        self.standing[name] = sentence
        self.heard.append(sentence)
        self.told.set()

    def clear(self, name: str) -> None:
        del self.standing[name]
        self.over.set()


class Panel:
    """Kivy's provider, as far as it is used: a thread reads the file into a queue, a line a touch, until the file is unplugged."""

    unplug = threading.Event()

    def __init__(self, device: str, path: str) -> None:
        self.path = Path(path)
        self.queue: Any = deque()
        self.reads = 0

    def start(self) -> None:
        self.thread = threading.Thread(target=self._thread_run, kwargs={"queue": self.queue}, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        pass

    def _thread_run(self, **options: Any) -> None:
        self.reads += 1
        for line in self.path.read_text().splitlines():
            options["queue"].append(("begin", line))
        assert self.unplug.wait(DEADLINE_S)
        self.unplug.clear()
        raise OSError(19, "No such device")


@pytest.fixture
def staff() -> Staff:
    return Staff()


@pytest.fixture
def made() -> Iterator[list[Any]]:
    """Providers, stopped in the end."""
    providers: list[Any] = []
    yield providers
    for one in providers:
        one.stop()
        Panel.unplug.set()
        one.thread.join(DEADLINE_S)
        assert not one.thread.is_alive(), "it does not stop"
        Panel.unplug.clear()


def start(path: Path, staff: Staff, made: list[Any], waiter: Any = None) -> Any:
    keeper = Keeper(str(path), alarm=staff.alarm, clear=staff.clear, retry_s=0.01)
    made.append(kept(Panel, keeper, waiter or ThreadWaiter())("panel", str(path)))
    made[-1].start()
    return made[-1]


def test_a_panel_that_is_missing_is_named_once_and_works_when_it_is_plugged_in(
    tmp_path: Path, staff: Staff, made: list[Any]
) -> None:
    path = tmp_path / "event0"
    waiter = ThreadWaiter()
    panel = start(path, staff, made, waiter)
    assert staff.told.wait(DEADLINE_S)
    assert str(path) in staff.standing[ALARM]
    assert "No such file" in staff.standing[ALARM]
    path.write_text("finger")
    assert staff.over.wait(DEADLINE_S)
    waiter.wait(DEADLINE_S)  # the loop was woken
    assert panel.queue.popleft() == ("begin", "finger")
    assert staff.standing == {}
    assert len(staff.heard) == 1, "it was said more than once"


def test_a_panel_that_is_unplugged_is_named_and_read_again(tmp_path: Path, staff: Staff, made: list[Any]) -> None:
    path = tmp_path / "event0"
    path.write_text("")
    panel = start(path, staff, made)
    path.write_text("finger")
    Panel.unplug.set()
    assert staff.told.wait(DEADLINE_S)
    assert "No such device" in staff.heard[0]
    assert staff.over.wait(DEADLINE_S)
    assert panel.reads >= 2


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the toolkit leaves the file to the garbage collector
def test_what_is_no_panel_is_said_and_the_kiosk_s_own_reader_survives_it(tmp_path: Path) -> None:
    """With the toolkit's own reader, on a file that answers no question of a panel's."""
    prepare(ScreenSettings(state_dir=tmp_path / "state"))
    from kivy.input.providers.hidinput import HIDInputMotionEventProvider

    path = tmp_path / "event0"
    path.write_bytes(bytes(24))
    staff = Staff()
    keeper = Keeper(str(path), alarm=staff.alarm, clear=staff.clear, retry_s=0.01)

    def read() -> None:
        reader = HIDInputMotionEventProvider.__new__(HIDInputMotionEventProvider)
        reader.queue, reader.dispatch_queue = deque(), []
        reader._thread_run(input_fn=str(path), device="panel", default_ranges={}, queue=reader.queue)

    thread = threading.Thread(target=keeper.run, args=(read,), daemon=True)
    thread.start()
    assert staff.told.wait(DEADLINE_S)
    assert "ioctl" in staff.standing[ALARM]
    keeper.stop()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


def test_without_its_library_the_other_reader_is_used_and_that_is_said(
    tmp_path: Path, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(ScreenSettings(state_dir=tmp_path / "state"))
    import builtins

    real = builtins.__import__

    def without_mtdev(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "kivy.input.providers" and "mtdev" in args[2]:
            raise OSError("libmtdev.so.1: cannot open shared object file")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_mtdev)
    assert panels._reader("mtdev", complaints.append).__name__ == "HIDInputMotionEventProvider"
    assert "libmtdev" in complaints[0]
