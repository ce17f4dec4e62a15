"""Kiosk and server as real processes, killed at random moments: every rating that was thanked is counted, and counted once."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kiosk.upkeep.enrolment import enrol
from tests.kiosk.rig import Hand, Kiosk
from tests.support.server import PASSWORD, Server
from tests.support.waiting import until
from workbench.pages import Reader

SEED = 20261123
PATIENCE_S = 90.0


class World:
    """One server, one enrolled kiosk, one finger, and what it was thanked for."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder / "server")
        self.kiosk = Kiosk(folder / "kiosk")
        self.hand: Hand | None = None
        self.thanked = 0
        self.unthanked = 0

    def open(self) -> None:
        exit = self.server.set_up()
        self.server.administrator()
        self.server.start()
        given = self.server.code(exit, "kiosk-whole-1")
        enrol(server=given.server, fingerprint=given.fingerprint, code=given.code, state_dir=self.kiosk.state)
        self.start_kiosk()

    def close(self) -> None:
        if self.hand is not None:
            self.hand.close()
        self.kiosk.stop()
        self.server.stop()

    def start_kiosk(self) -> None:
        self.kiosk.start()
        self.hand = self.kiosk.hand()

    def kill_kiosk(self) -> None:
        self.kiosk.kill()
        assert self.hand is not None
        self.hand.close()

    def tap(self, times: int, chance: random.Random) -> None:
        """Visitors, one after another. A kiosk that is killed under a finger thanks nobody, and may have stored that one tap."""
        assert self.hand is not None
        for _ in range(times):
            if self.hand.press(chance.randint(1, 5)):
                self.thanked += 1
            else:
                self.unthanked += 1
                return
            time.sleep(chance.uniform(0.0, 0.05))

    def settle(self) -> None:
        """Waits until everything that was thanked is counted and the tallies have nothing left to do."""
        until(lambda: self.server.answers() >= self.thanked, f"{self.thanked} ratings are counted", seconds=PATIENCE_S)
        self.server.settle()

    def assert_all_counted_once(self) -> None:
        """By the tallies, by the ledger and by the signed-in page."""
        self.settle()
        counted = self.server.answers()
        assert self.thanked <= counted <= self.thanked + self.unthanked
        visits = self.server.query("SELECT count(*), count(DISTINCT boot_id || '/' || visit) FROM ingest_ledger WHERE kind = 1")
        assert visits == [(counted, counted)]
        assert self.server.query("SELECT count(*) FROM ingest_stream WHERE forked_at IS NOT NULL") == [(0,)], "no false alarm"
        assert self.server.set_aside() == []
        reader = Reader(f"http://127.0.0.1:{self.server.ports['web']}")
        reader.sign_in("admin", PASSWORD)
        assert reader.court("court").month == counted


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    for name in ("server", "kiosk"):
        (tmp_path / name).mkdir()
    made = World(tmp_path)
    try:
        made.open()
        yield made
    finally:
        made.close()


@pytest.mark.slow
@pytest.mark.parametrize("part", ["gateway", "broker", "tally", "web", "door"])
def test_a_part_of_the_server_killed_again_and_again_loses_and_doubles_nothing(world: World, part: str) -> None:
    chance = random.Random(f"{SEED}/{part}")
    for _ in range(2):
        world.tap(chance.randint(3, 12), chance)
        former = until(lambda: world.server.pids_of(part), f"{part} runs")
        world.server.kill_part(part, only_first=chance.random() < 0.5)
        world.tap(chance.randint(3, 12), chance)
        until(lambda former=former: set(world.server.pids_of(part)) - set(former), f"{part} is started again")
    world.tap(3, chance)
    world.server.wait()
    world.assert_all_counted_once()
    assert world.unthanked == 0, "the kiosk thanks people whatever becomes of the server"


@pytest.mark.slow
def test_everything_killed_at_random_moments_and_brought_back_shows_every_thanked_rating_once(world: World) -> None:
    chance = random.Random(SEED)

    def whole_server() -> None:
        world.server.kill()
        world.tap(chance.randint(2, 8), chance)
        world.server.start()

    def the_kiosk() -> None:
        world.kill_kiosk()
        world.start_kiosk()

    def part(name: str) -> Callable[[], None]:
        return lambda: world.server.kill_part(name)

    faults = [whole_server, the_kiosk, part("gateway"), part("broker"), part("tally"), the_kiosk]
    chance.shuffle(faults)
    for fault in faults:
        world.tap(chance.randint(2, 10), chance)
        time.sleep(chance.uniform(0.0, 0.3))
        fault()
    world.tap(5, chance)
    world.server.wait()
    world.assert_all_counted_once()


@pytest.mark.slow
def test_a_server_that_was_away_for_long_gets_everything_that_was_thanked_meanwhile(world: World) -> None:
    chance = random.Random(SEED)
    world.tap(5, chance)
    world.server.stop()
    world.tap(40, chance)
    world.kill_kiosk()
    world.start_kiosk()
    world.tap(10, chance)
    world.server.start()
    world.tap(2, chance)
    world.assert_all_counted_once()
    assert world.unthanked == 0


@pytest.mark.slow
def test_a_kiosk_killed_while_its_rows_are_on_the_way_sends_them_again_and_they_count_once(world: World) -> None:
    chance = random.Random(SEED)
    for _ in range(4):
        world.tap(chance.randint(1, 6), chance)
        world.kill_kiosk()
        world.start_kiosk()
    world.tap(2, chance)
    world.assert_all_counted_once()
