"""Broker and server come and go while people press buttons: what was thanked arrives, each once."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kiosk.authority import Authority
from tests.kiosk.rig import Kiosk, running
from tests.kiosk.small_server import SmallServer
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import until
from workbench.ports import free_port

DEVICE = "kiosk-network"
PATIENCE_S = 180.0
"""Two pauses of the delivery at their longest so early in an outage, and paho's own."""


@dataclass
class Installation:
    """A broker with TLS for devices, a small server behind it, a kiosk."""

    broker: Mosquitto
    extra: str
    server: SmallServer
    kiosk: Kiosk

    def start_broker(self) -> None:
        self.broker.start(self.extra)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    folder = tmp_path / "broker"
    folder.mkdir()
    authority = Authority.make()
    ca, certificate, key = authority.server_files(folder)
    port = free_port()
    extra = (
        f"set_tcp_nodelay true\nlistener {port} 127.0.0.1\ncafile {ca}\ncertfile {certificate}\nkeyfile {key}\n"
        "require_certificate true\nuse_identity_as_username true\n"
    )
    kiosk = Kiosk(tmp_path)
    public_key = authority.give_identity(kiosk.state, DEVICE, port=port)
    broker = Mosquitto(folder)
    server = SmallServer(broker.port, {DEVICE: public_key})
    broker.start(extra)
    server.start()
    assert server.ready.wait(30)
    try:
        yield Installation(broker, extra, server, kiosk)
    finally:
        server.stop()
        broker.stop()


def arrived(server: SmallServer, thanked: list[int]) -> bool:
    return server.ratings() == thanked


def test_ratings_arrive_signed_chained_and_in_order(installation: Installation) -> None:
    server = installation.server
    with running(installation.kiosk):
        hand = installation.kiosk.hand()
        thanked = [value for value in (5, 1, 3, 3, 2) if hand.press(value)]
        assert thanked == [5, 1, 3, 3, 2]
        until(lambda: arrived(server, thanked), "the server has all five", seconds=PATIENCE_S)
        hand.close()
    until(lambda: server.presence[-1:] == [b"offline"], "the kiosk's farewell is heard")
    assert server.presence[0] == b"online"
    assert server.healths[0].config == 1
    assert server.faults == []


@pytest.mark.slow
def test_a_broker_killed_again_and_again_loses_nothing(installation: Installation) -> None:
    chance = random.Random(4)
    server = installation.server
    thanked: list[int] = []
    with running(installation.kiosk):
        hand = installation.kiosk.hand()
        for _ in range(3):
            for _ in range(chance.randint(5, 40)):
                value = chance.randint(1, 5)
                assert hand.press(value), "the network is none of the visitor's business"
                thanked.append(value)
            installation.broker.kill()
            for _ in range(10):
                value = chance.randint(1, 5)
                assert hand.press(value)
                thanked.append(value)
            installation.start_broker()
        until(lambda: arrived(server, thanked), "every thanked rating is on the server, once", seconds=PATIENCE_S)
        hand.close()
    assert server.faults == []


@pytest.mark.slow
def test_a_server_that_is_away_while_the_broker_is_there_gets_everything_later(installation: Installation) -> None:
    """The broker says "no matching subscribers", or takes what nobody will read: neither counts as delivered."""
    server = installation.server
    server.stop()
    thanked: list[int] = []
    with running(installation.kiosk):
        hand = installation.kiosk.hand()
        for value in (1, 2, 3, 4, 5) * 4:
            assert hand.press(value)
            thanked.append(value)
        time.sleep(1)  # long enough to be refused at least once
        server.start()
        until(lambda: arrived(server, thanked), "the server has caught up", seconds=PATIENCE_S)
        hand.close()
    assert server.faults == []


@pytest.mark.slow
def test_a_kiosk_killed_with_rows_under_way_sends_them_in_its_next_life(installation: Installation) -> None:
    server, kiosk = installation.server, installation.kiosk
    server.silent = True  # takes note of nothing and acknowledges nothing
    thanked: list[int] = []
    with running(kiosk):
        hand = kiosk.hand()
        for value in (4, 4, 2, 5):
            assert hand.press(value)
            thanked.append(value)
        kiosk.kill()
        hand.close()
    server.silent = False
    with running(kiosk):
        until(lambda: arrived(server, thanked), "what the first life had thanked has arrived", seconds=PATIENCE_S)
    assert server.faults == []


@pytest.mark.slow
def test_a_backlog_of_thousands_drains_through_the_window(installation: Installation) -> None:
    server, kiosk = installation.server, installation.kiosk
    server.stop()
    with running(kiosk):
        hand = kiosk.hand()
        for number in range(1500):
            assert hand.press(number % 5 + 1)
        hand.close()
    server.start()
    with running(kiosk):
        until(lambda: len(server.ratings()) == 1500, "all 1500 have arrived", seconds=PATIENCE_S)
    assert server.ratings() == [number % 5 + 1 for number in range(1500)]
    assert server.faults == []


def test_a_kiosk_with_a_foreign_certificate_is_kept_out_and_goes_on_recording(installation: Installation) -> None:
    kiosk, server = installation.kiosk, installation.server
    port = int(installation.extra.split("listener ")[1].split()[0])
    Authority.make("another CA").give_identity(kiosk.state, DEVICE, port=port)
    with running(kiosk):
        hand = kiosk.hand()
        assert [hand.press(value) for value in (1, 2, 3)] == [True, True, True]
        until(lambda: "OpenSSL" in broker_log(installation) or "ssl" in broker_log(installation).lower(), "the broker refused it")
        hand.close()
    assert server.hellos == []
    assert server.ratings() == []


def broker_log(installation: Installation) -> str:
    return (installation.broker.folder / "mosquitto.log").read_text()


def test_the_ledger_is_held_by_one_kiosk_at_a_time(installation: Installation) -> None:
    kiosk = installation.kiosk
    with running(kiosk):
        kiosk.hand().close()
        second = Kiosk(installation.broker.folder)
        second.config.write_text(
            kiosk.config.read_text().replace('"state"', f'"{kiosk.state}"').replace("panel.sock", "second.sock")
        )
        second.start()
        assert second.child is not None
        assert second.child.process is not None
        assert second.child.process.wait(60) == 2
        assert "Another kiosk is running" in (second.folder / "kiosk.log").read_text()


def test_a_device_enrolled_anew_does_not_send_its_former_rows_under_its_new_name(
    tmp_path: Path, installation: Installation
) -> None:
    kiosk, server = installation.kiosk, installation.server
    with running(kiosk):
        hand = kiosk.hand()
        assert hand.press(1)
        until(lambda: arrived(server, [1]), "the first rating arrives", seconds=PATIENCE_S)
        hand.close()
    former = {stream for stream, _ in server.rows}
    port = int(installation.extra.split("listener ")[1].split()[0])
    authority = Authority.make()
    server.stop()
    installation.broker.stop()
    ca, certificate, key = authority.server_files(tmp_path)
    server.keys["kiosk-anew-1"] = authority.give_identity(kiosk.state, "kiosk-anew-1", port=port)
    installation.broker.start(
        f"listener {port} 127.0.0.1\ncafile {ca}\ncertfile {certificate}\nkeyfile {key}\n"
        "require_certificate true\nuse_identity_as_username true\n"
    )
    server.start()
    assert server.ready.wait(30)
    with running(kiosk):
        hand = kiosk.hand()
        assert hand.press(2)
        until(lambda: len(server.rows) > 1, "the rating under the new name arrives", seconds=PATIENCE_S)
        until(lambda: any(health.notes for health in server.healths), "staff are told what is left")
        hand.close()
    new = {stream for stream, _ in server.rows} - former
    assert len(new) == 1
    assert [seq for stream, seq in server.rows if stream in new] == [1]
    assert any("earlier identity" in note for health in server.healths for note in health.notes)
