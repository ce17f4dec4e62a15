"""A broker that dies every two seconds while visitors rate at several exits: what was thanked is counted once.

Everything is real: the broker with TLS and its access list, gateway and tallies, and devices with ledger, delivery and link.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from kiosk.clock import SystemClock
from kiosk.identity import load
from kiosk.ledger.thread import LedgerThread
from kiosk.links.mqtt import Broker, MqttLink
from kiosk.upkeep.enrolment import enrol
from kiosk.workers.sync import Sync
from sync_server.gateway.broker import find_program
from tests.kiosk.test_ledger_thread import Outcomes
from tests.support.server import Server
from tests.support.waiting import accepts_connections, until
from wire.events import Answer, Input
from workbench.processes import Child

DEVICES: Final = 4
KILLS: Final = 4
EVERY_S: Final = 2.0
TAP_EVERY_S: Final = 0.04
"""Between two ratings at each of the exits."""
SETTLED_S: Final = 180.0
"""A device that has found no broker may wait a minute until it looks again."""


class Device:
    """One enrolled device at its exit."""

    def __init__(self, folder: Path, server: Server, exit: str, name: str) -> None:
        given = server.code(exit, name)
        enrol(server=given.server, fingerprint=given.fingerprint, code=given.code, state_dir=folder)
        who = load(folder)
        self.clock = SystemClock("trusted")
        self.outcomes = Outcomes()
        self.rated = 0
        self.ledger = LedgerThread(folder / "ledger.sqlite3", on_rows=lambda: self.sync.wake())  # noqa: PLW0108 - made below
        self.sync = Sync(
            device=who.device,
            shelf=self.ledger,
            link=MqttLink(Broker("127.0.0.1", who.broker_port, who.ca, who.certificate, who.key), who.device),
            signer=who.signer,
            verifier=who.verifier,
            clock=self.clock,
            draw=random.Random(name).random,
            software="test",
            config_version=0,
            on_config=lambda signed, config: None,
        )
        self.ledger.start()
        self.sync.start()

    def rate(self) -> None:
        """A visitor, who is thanked when the ledger says so."""
        stamp = self.clock.stamp()
        row = (1, "overall", "uk", Input.TOUCH, stamp.boot, stamp.wall_offset, stamp.synchronised, stamp.monotonic, 0)
        answer = Answer(*row, 1 + self.rated % 5)
        self.rated += 1
        self.ledger.append([answer], self.outcomes.of(self.rated))

    def stored(self) -> bool:
        """Whether the server has said that it has everything."""
        progress = self.sync.progress
        return progress is not None and progress.stored_through == self.rated

    def close(self) -> None:
        self.sync.stop()
        self.ledger.stop()


class World:
    """A server whose broker is the test's own process."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder)
        self.exit = self.server.set_up()
        self.broker = self.start_broker()
        self.parts = [self.server.part(name) for name in ("gateway", "tally", "door")]
        until(lambda: accepts_connections(self.server.ports["door"]), "the door is open")

    def start_broker(self) -> Child:
        configuration = self.server.state / "broker" / "mosquitto.conf"
        argv = [find_program("mosquitto"), "-c", str(configuration)]
        broker = Child("The broker", argv, log=self.server.folder / "broker.log").start()
        until(lambda: accepts_connections(self.server.ports["broker"]), "the broker listens")
        return broker

    def kill_broker(self) -> None:
        """And the next one takes its place at once, knowing nothing."""
        self.broker.kill()
        self.broker = self.start_broker()

    def close(self) -> None:
        for child in (*self.parts, self.broker):
            child.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.mark.slow
def test_a_broker_killed_every_two_seconds_under_load_loses_and_doubles_nothing(world: World, tmp_path: Path) -> None:
    devices = [Device(tmp_path / name, world.server, world.exit, name) for name in (f"kiosk-load-{one}" for one in range(DEVICES))]
    try:
        until(lambda: all(device.sync.outlook.up for device in devices), "every device is connected")
        began = time.monotonic()
        for kill in range(1, KILLS + 1):
            while time.monotonic() < began + kill * EVERY_S:
                for device in devices:
                    device.rate()
                time.sleep(TAP_EVERY_S)
            world.kill_broker()
        for device in devices:
            assert all(heard == [True] for heard in device.outcomes.wait(device.rated).values()), "no broker keeps a rating waiting"
        until(lambda: all(device.stored() for device in devices), "everything has arrived", seconds=SETTLED_S)
        rated = sum(device.rated for device in devices)
        until(lambda: world.server.answers() == rated, "and is counted")
        world.server.settle()
        assert world.server.answers() == rated
        assert world.server.query("SELECT count(*), count(DISTINCT boot_id || '/' || visit) FROM ingest_ledger") == [(rated, rated)]
        assert world.server.query("SELECT count(*) FROM ingest_stream WHERE forked_at IS NOT NULL") == [(0,)]
        assert world.server.set_aside() == []
    finally:
        for device in devices:
            device.close()
