"""A network that lets no MQTT through: what was thanked arrives by HTTPS, and the device comes back when MQTT works again."""

import random
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from kiosk.core.ports import Link
from kiosk.core.ways import HOLD_LEAST, Way
from kiosk.identity import load
from kiosk.ledger.thread import LedgerThread
from kiosk.links.https import HttpsLink
from kiosk.links.mqtt import Broker, MqttLink
from kiosk.upkeep.enrolment import enrol
from kiosk.workers.health import HealthWorker
from kiosk.workers.sync import Sync
from tests.kiosk.exit import HandClock
from tests.kiosk.test_ledger_thread import Outcomes, rating
from tests.support.server import Server
from tests.support.waiting import until
from wire.envelopes import Config, SignedConfig
from workbench.proxy import FaultProxy

NUMBERS: Final = count(1)
FAST: Final = 20
"""How many times faster than the wall this device's clock goes: its patience is the real one, and the test is short."""


class FastClock(HandClock):
    """Runs ahead of the wall."""

    def stamp(self):  # type: ignore[no-untyped-def]
        self.now = int(time.monotonic() * 1000 * FAST)
        return super().stamp()


class Device:
    """One enrolled device between a real broker and a real door, each behind a wire that can be cut."""

    def __init__(
        self, folder: Path, server: Server, exit: str, *, keepalive_s: int = 5, chance: random.Random | None = None
    ) -> None:
        given = server.code(exit, f"kiosk-blocked-{next(NUMBERS)}")
        enrol(server=given.server, fingerprint=given.fingerprint, code=given.code, state_dir=folder)
        self.broker_wire = FaultProxy(server.ports["broker"], chance=chance).start()
        self.door_wire = FaultProxy(server.ports["door"], chance=chance).start()
        self.who = load(folder)
        self.clock = FastClock()
        self.configs: list[Config] = []
        self.outcomes = Outcomes()
        self.rated = self.visit = 0
        self.ledger = LedgerThread(folder / "ledger.sqlite3", on_rows=lambda: self.sync.wake())  # noqa: PLW0108 - made below
        self.sync = Sync(
            device=self.who.device,
            shelf=self.ledger,
            link=MqttLink(
                Broker("127.0.0.1", self.broker_wire.port, self.who.ca, self.who.certificate, self.who.key),
                self.who.device,
                keepalive_s=keepalive_s,
            ),
            fallback=self.https,
            signer=self.who.signer,
            verifier=self.who.verifier,
            clock=self.clock,
            draw=random.Random(1).random,
            software="test",
            config_version=0,
            on_config=self.on_config,
        )
        self.health = HealthWorker(
            shelf=self.ledger,
            clock=self.clock,
            state_dir=folder,
            software="test",
            retention_days=30,
            config_version=lambda: self.sync.config_version,
            outlook=lambda: self.sync.outlook,
            notes=list,
            send=self.sync.report,
            keep=lambda health: None,
        )
        step = self.sync.step
        self.sync.step = lambda news=None: step(news) / FAST  # type: ignore[method-assign]  # its sleeps go by the wall
        self.ledger.start()
        self.sync.start()

    def https(self) -> Link:
        return HttpsLink(f"https://127.0.0.1:{self.door_wire.port}", self.who.device, signer=self.who.signer, ca=self.who.ca)

    def on_config(self, signed: SignedConfig, config: Config) -> None:
        self.configs.append(config)

    def rate(self, times: int = 1) -> None:
        for _ in range(times):
            self.rated += 1
            self.visit = max(self.visit + 1, self.clock.stamp().monotonic)  # as it happens: a late greeting is judged by it
            self.ledger.append([rating(self.visit)], self.outcomes.of(self.rated))
        self.outcomes.wait(self.rated)

    @property
    def way(self) -> Way:
        return self.sync.outlook.way

    def stored(self) -> bool:
        progress = self.sync.progress
        return progress is not None and progress.stored_through == self.rated

    def close(self) -> None:
        self.sync.stop()
        self.ledger.stop()
        self.broker_wire.stop()
        self.door_wire.stop()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    server = Server(tmp_path_factory.mktemp("server"))
    exit = server.set_up()
    server.start()
    yield server, exit
    server.stop()


@pytest.fixture
def device(served: tuple[Server, str], tmp_path: Path) -> Iterator[Device]:
    found = Device(tmp_path, *served)
    yield found
    found.close()


def rows_of(server: Server, device: Device) -> list[tuple[int, int]]:
    """(rows, distinct visits) that the server holds of a device."""
    return server.query(
        "SELECT count(*), count(DISTINCT visit) FROM ingest_ledger JOIN ingest_stream ON ingest_stream.id = stream_id"
        f" JOIN courts_device ON courts_device.id = device_id WHERE name = '{device.who.device}'"
    )


@pytest.mark.slow
@pytest.mark.parametrize("blocked", ["stalled", "refused"])
def test_where_the_broker_is_blocked_https_carries_everything_and_mqtt_is_returned_to(
    served: tuple[Server, str], device: Device, blocked: str
) -> None:
    server, _ = served
    device.rate(3)
    until(device.stored, "the first ratings go by MQTT")
    assert device.way is Way.MQTT
    since = device.clock.stamp().monotonic
    device.broker_wire.stall() if blocked == "stalled" else device.broker_wire.refuse()
    device.rate(2)
    until(lambda: device.way is Way.HTTPS, "it has gone over")
    until(device.stored, "what was rated since has gone by HTTPS")
    device.rate(300)
    until(device.stored, "and so has a backlog")
    assert device.way is Way.HTTPS
    device.health.step()
    until(lambda: device.configs, "the configuration comes down with the answer to the report")
    assert device.sync.config_version == device.configs[-1].version

    device.broker_wire.pass_on()
    until(lambda: device.way is Way.MQTT, "it has come back")
    assert device.clock.stamp().monotonic - since > HOLD_LEAST // 2, "not before the pause was over"
    carried = device.door_wire.carried
    device.rate(4)
    until(device.stored, "and what is rated now goes by MQTT")
    assert device.door_wire.carried == carried
    assert rows_of(server, device) == [(309, 309)]
    assert server.set_aside() == [], (server.folder / "run.log").read_text()[-6000:]


@pytest.mark.slow
def test_where_both_ways_are_blocked_nothing_is_lost_and_whichever_opens_first_is_taken(
    served: tuple[Server, str], device: Device
) -> None:
    server, _ = served
    device.rate(2)
    until(device.stored, "the first ratings go by MQTT")
    device.broker_wire.stall()
    device.door_wire.stall()
    device.rate(5)
    until(lambda: device.way is Way.HTTPS, "it tries HTTPS")
    device.broker_wire.pass_on()
    until(device.stored, "MQTT was there first")
    until(lambda: device.way is Way.MQTT, "and it is used again")
    assert rows_of(server, device) == [(7, 7)]


@pytest.mark.slow
def test_a_half_open_line_is_noticed_by_the_next_report_although_nobody_rates(served: tuple[Server, str], tmp_path: Path) -> None:
    """Reports are made every minute, and each must be taken within 25 s. The broker's own keep-alive is set so that it would take
    five minutes."""
    device = Device(tmp_path, *served, keepalive_s=300)
    try:
        device.rate(1)
        until(device.stored, "the line works")
        device.broker_wire.stall()
        device.health.step()
        until(lambda: not device.sync.outlook.up, "it is noticed")
    finally:
        device.close()


@pytest.mark.slow
def test_lines_that_break_off_in_the_middle_of_messages_lose_and_double_nothing(served: tuple[Server, str], tmp_path: Path) -> None:
    """Both ways, broken off at random bytes again and again."""
    server, exit = served
    device = Device(tmp_path, server, exit, chance=random.Random(20261123))
    try:
        for _ in range(40):
            device.rate(25)
            time.sleep(0.05)  # so that there is something to break off
        until(device.stored, "everything has arrived", seconds=120)
        assert rows_of(server, device) == [(1000, 1000)]
        assert device.broker_wire.connections + device.door_wire.connections > 3, "the lines did break"
    finally:
        device.close()
