"""Which way a device speaks by, as time passes and links come and go."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.core.ways import HOLD_LEAST, HOLD_MOST, PATIENCE, PROBE_PATIENCE, PROVEN, Probe, Stay, Switch, Way, Ways


class Road:
    """The ways of one device, with a clock that the test turns. Switches are carried out and counted."""

    def __init__(self, *, draw: float = 0.0, door: bool = True) -> None:
        self.ways = Ways(draw=lambda: draw)
        self.door = door
        self.now = 0
        self.probes: list[int] = []
        self.switches: list[tuple[int, Way]] = []

    def settle(self, *, wanting: bool = True) -> int | None:
        """Does what is to be done now. Returns when to look again."""
        while True:
            match self.ways.step(self.now, wanting=wanting):
                case Switch(way):
                    if way is Way.HTTPS and not self.door:
                        self.ways.unavailable(self.now)
                    else:
                        self.ways.switched(way, self.now)
                        self.switches.append((self.now, way))
                case Probe():
                    self.ways.probed(self.now)
                    self.probes.append(self.now)
                case Stay(until):
                    return until

    def wait(self, ms: int, *, wanting: bool = True) -> None:
        """Time passes; whatever falls due on the way happens at its own moment."""
        end = self.now + ms
        until = self.settle(wanting=wanting)
        while until is not None and until <= end:
            self.now = max(self.now + 1, until)
            until = self.settle(wanting=wanting)
        self.now = end
        self.settle(wanting=wanting)

    def block(self) -> None:
        """The broker is not reached until the device has gone over."""
        self.ways.mqtt_down()
        self.wait(PATIENCE)
        assert self.ways.way is Way.HTTPS

    def come_back(self) -> None:
        """The broker is there again, and answers the next probe."""
        self.ways.mqtt_up(self.now)
        known = len(self.probes)
        while len(self.probes) == known:
            self.wait(1_000)
        self.ways.heard(Way.MQTT)
        self.settle()
        assert self.ways.way is Way.MQTT


@pytest.fixture
def road() -> Road:
    return Road()


def test_mqtt_is_the_usual_way(road: Road) -> None:
    road.ways.mqtt_up(0)
    road.wait(24 * 3600_000, wanting=False)
    assert road.ways.way is Way.MQTT
    assert road.switches == []


def test_a_minute_without_word_while_there_is_something_to_say_is_enough(road: Road) -> None:
    road.wait(500_000, wanting=False)
    road.wait(PATIENCE - 1)
    assert road.switches == []
    road.wait(1)
    assert road.switches == [(500_000 + PATIENCE, Way.HTTPS)]


def test_each_word_from_the_server_begins_the_minute_anew(road: Road) -> None:
    for _ in range(20):
        road.wait(PATIENCE - 1)
        road.ways.heard(Way.MQTT)
    assert road.switches == []


def test_time_outs_in_a_row_are_not_waited_out(road: Road) -> None:
    road.settle()
    road.ways.suspect()
    road.settle()
    assert road.switches == [(0, Way.HTTPS)]


def test_without_a_door_it_stays_and_looks_again_after_a_while(road: Road) -> None:
    road.door = False
    road.wait(10 * PATIENCE)
    road.ways.suspect()
    road.wait(PATIENCE // 2)
    assert road.switches == []
    road.door = True
    road.wait(PATIENCE)
    assert road.ways.way is Way.HTTPS


def test_a_probe_that_is_answered_brings_it_back(road: Road) -> None:
    road.block()
    road.ways.heard(Way.HTTPS)
    road.ways.mqtt_up(road.now)
    road.wait(HOLD_LEAST - 1, wanting=False)
    assert road.probes == []
    road.wait(1, wanting=False)
    assert len(road.probes) == 1
    assert road.ways.way is Way.HTTPS, "a link that is up has promised nothing yet"
    road.ways.heard(Way.HTTPS)
    assert road.settle() is not None
    road.ways.heard(Way.MQTT)
    road.settle()
    assert road.ways.way is Way.MQTT


def test_a_word_that_nobody_asked_for_over_mqtt_is_no_proof(road: Road) -> None:
    """The way down may be open where the way up is not."""
    road.block()
    road.ways.heard(Way.HTTPS)
    road.ways.mqtt_up(road.now)
    road.ways.heard(Way.MQTT)
    road.settle()
    assert road.ways.way is Way.HTTPS


def test_where_neither_way_leads_anywhere_mqtt_is_tried_as_soon_as_it_is_there(road: Road) -> None:
    road.block()
    road.wait(3600_000)
    assert road.probes == []
    road.ways.mqtt_up(road.now)
    road.settle()
    assert road.probes == [road.now]
    road.wait(4 * PROBE_PATIENCE)
    assert len(road.probes) == 3, "and again, each time after the patience for an answer and a pause as long"


def test_a_door_that_serves_no_longer_is_not_held_to(road: Road) -> None:
    road.block()
    road.ways.heard(Way.HTTPS)
    for _ in range(8):
        road.ways.mqtt_up(road.now)
        road.wait(HOLD_MOST)  # the probes fail, and the hold grows
        road.ways.heard(Way.HTTPS)
    road.probes.clear()
    road.wait(PATIENCE + 3 * PROBE_PATIENCE)
    assert road.probes, "not after half an hour"


def holds(road: Road, failures: int, *, apart: int) -> list[int]:
    """How long HTTPS was kept each time that MQTT failed, `apart` ms after the return."""
    found = []
    for _ in range(failures):
        road.block()
        road.ways.heard(Way.HTTPS)
        began = road.now
        road.ways.mqtt_up(road.now)
        known = len(road.probes)
        while len(road.probes) == known:
            road.wait(1_000)
            road.ways.heard(Way.HTTPS)
        found.append(round((road.probes[-1] - began) / 60_000))
        road.ways.heard(Way.MQTT)
        road.settle()
        road.wait(apart, wanting=False)
    return found


def test_an_mqtt_that_fails_soon_after_each_return_is_left_alone_longer_and_longer(road: Road) -> None:
    assert holds(road, 7, apart=1_000) == [2, 4, 8, 16, 30, 30, 30]


def test_an_mqtt_that_has_served_for_long_is_forgiven(road: Road) -> None:
    assert holds(road, 3, apart=PROVEN) == [2, 2, 2]


def test_devices_do_not_come_back_in_step() -> None:
    assert holds(Road(draw=0.999_999), 5, apart=1_000) == [1, 2, 4, 8, 15]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_it_always_ends_at_mqtt_once_that_works_again(seed: int) -> None:
    chance = random.Random(seed)
    road = Road(draw=chance.random())
    for _ in range(60):
        match chance.choice(["up", "down", "mqtt", "https", "suspect", "wait", "wait", "idle"]):
            case "up":
                road.ways.mqtt_up(road.now)
            case "down":
                road.ways.mqtt_down()
            case "mqtt":
                road.ways.heard(Way.MQTT)
            case "https":
                road.ways.heard(Way.HTTPS)
            case "suspect":
                road.ways.suspect()
            case "wait":
                road.wait(chance.choice([10, 5_000, 70_000, 1_000_000]))
            case "idle":
                road.wait(chance.choice([10, 70_000]), wanting=False)
    road.ways.mqtt_up(road.now)
    began = road.now
    while road.ways.way is not Way.MQTT:
        assert road.now - began <= HOLD_MOST + 2 * PROBE_PATIENCE
        known = len(road.probes)
        road.wait(1_000)
        road.ways.heard(Way.HTTPS)
        if len(road.probes) > known:
            road.ways.heard(Way.MQTT)
            road.settle()
