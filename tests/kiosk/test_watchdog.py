"""systemd hears that the kiosk is ready, that its main loop turns, and nothing while it hangs."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.workers.watchdog import Watchdog
from tests.kiosk.exit import HandClock, HandLoop
from tests.support.waiting import until

# sdnotify leaves the closing of its socket to the end of the process.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.settimeout(30)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "60000")
    yield listener
    listener.close()


def test_a_turning_loop_gives_signs_of_life_and_a_hanging_one_none(systemd: socket.socket) -> None:
    loop = HandLoop(HandClock())
    watchdog = Watchdog(loop)
    watchdog.start()
    loop.run()
    assert systemd.recv(100) == b"READY=1"
    until(lambda: len(loop.calls) >= 3, "signs of life are asked of the loop")
    systemd.settimeout(0)
    with pytest.raises(BlockingIOError):
        systemd.recv(100)  # it hangs: the calls wait, and nobody claims otherwise
    systemd.settimeout(30)
    loop.run()
    assert systemd.recv(100) == b"WATCHDOG=1"
    watchdog.stop()
    said = [systemd.recv(100)]
    while said[-1] != b"STOPPING=1":
        said.append(systemd.recv(100))
    assert set(said) <= {b"WATCHDOG=1", b"STOPPING=1"}


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    loop = HandLoop(HandClock())
    watchdog = Watchdog(loop)
    watchdog.start()
    loop.run()
    watchdog.stop()
