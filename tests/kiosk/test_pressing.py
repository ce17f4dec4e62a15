"""From edges to presses: recorded-looking chatter gives exactly one press each, and no fast second visitor is lost."""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory
from hypothesis import given
from hypothesis import strategies as st

from kiosk.core.access import Keystroke
from kiosk.core.alarms import Alarms
from kiosk.core.contacts import ContactWire
from kiosk.core.ports import Edge
from kiosk.core.pressing import BLOCKED, HEARD_WITHIN, Pressing
from kiosk.core.visit import Key, Press, Stuck, VisitEvent
from kiosk.inputs.gpio import GpioContacts
from tests.kiosk.exit import HandClock, HandLoop
from wire.envelopes import Misuse

TRACES = sorted(Path(__file__).with_name("traces").glob("*.csv"))
WINDOWS = {"face:1": 20, "face:4": 20, "key:next": 20, "door:main": 300}


@dataclass
class Bench:
    """Pressing with its clock, its loop and its listeners in the test's hands."""

    windows: dict[str, int] = field(default_factory=lambda: dict(WINDOWS))
    events: list[VisitEvent] = field(default_factory=list)
    passed: list[tuple[str, int]] = field(default_factory=list)
    standing: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = HandClock(0)
        self.loop = HandLoop(self.clock)
        self.pressing = Pressing(
            self.windows,
            clock=self.clock,
            loop=self.loop,
            alarms=Alarms(self.loop),
            handle=self.events.append,
            passed=lambda door, stamp: self.passed.append((door, stamp.monotonic)),
            alarm=self.standing.__setitem__,
            clear=self.standing.pop,
        )

    def wait_until(self, now: int) -> None:
        """Time passes; what falls due on the way happens at its own moment."""
        self.loop.run()
        while self.loop.alarm and self.loop.alarm[0] <= now:
            self.clock.now = max(self.clock.now, self.loop.alarm[0])
            self.loop.run()
        self.clock.now = now

    def move(self, contact: str, down: bool, at: int) -> None:
        self.wait_until(at)
        self.pressing.edge(Edge(contact, down, self.clock.stamp()))
        self.loop.run()

    @property
    def presses(self) -> list[int]:
        return [event.stamp.monotonic for event in self.events if isinstance(event, Press)]

    @property
    def stuck(self) -> list[Stuck]:
        return [event for event in self.events if isinstance(event, Stuck)]


@dataclass(frozen=True)
class Trace:
    """A file of `traces`: edges in microseconds, and in ms when a person pressed and when the button counts as stuck."""

    edges: list[tuple[int, bool]]
    presses: list[float]
    stuck: list[float]

    @classmethod
    def read(cls, path: Path) -> "Trace":
        head = {"presses": "", "stuck": ""}
        edges = []
        for line in path.read_text().splitlines():
            word, _, rest = line.lstrip("# ").partition(" at (ms): ")
            if line.startswith("#"):
                head[word] = rest
            elif line != "us,closed":
                us, closed = line.split(",")
                edges.append((int(us), closed == "1"))
        presses, stuck = ([float(ms) for ms in head[word].split(", ") if ms] for word in ("presses", "stuck"))
        return cls(edges, presses, stuck)


# --- traces ------------------------------------------------------------------------------------------------------------------


def by_hand(trace: Trace, bench: Bench, late: bool) -> None:
    """The edges one after the other; `late` is a main thread that finds time only after all of them."""
    for us, closed in trace.edges:
        if late:
            bench.clock.now = us // 1000
            bench.pressing.edge(Edge("face:4", closed, bench.clock.stamp()))
        else:
            bench.move("face:4", closed, us // 1000)
    bench.wait_until(bench.clock.now + 5_000)


def by_pin(trace: Trace, bench: Bench, late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on a mock pin: each edge is heard 3 ms after it happened, as the pin's own time says."""
    now = 0.0
    monkeypatch.setattr("gpiozero.pins.mock.monotonic", lambda: now)

    class Factory(MockFactory):
        def ticks(self) -> float:
            return now + 0.003

    wires = {"face:4": ContactWire(4, "up", False, 20)}
    contacts = GpioContacts(wires, clock=bench.clock, report=pytest.fail, factory=Factory())
    contacts.start(bench.pressing.edge)
    pin = contacts._factory.pin("GPIO4")
    for us, closed in trace.edges:
        now = us / 1e6
        if late:
            bench.clock.now = us // 1000 + 3
        else:
            bench.wait_until(us // 1000 + 3)
        pin.drive_low() if closed else pin.drive_high()
        if not late:
            bench.loop.run()
    contacts.stop()
    bench.wait_until(bench.clock.now + 5_000)


@pytest.mark.parametrize("late", [False, True], ids=["prompt", "late"])
@pytest.mark.parametrize("way", ["hand", "pin"])
@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_each_press_of_a_trace_counts_once_and_at_its_time(
    path: Path, way: str, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = Trace.read(path)
    bench = Bench()
    if way == "hand":
        by_hand(trace, bench, late)
    else:
        by_pin(trace, bench, late, monkeypatch)
    assert len(bench.presses) == len(trace.presses)
    assert all(abs(found - meant) <= 10 for found, meant in zip(bench.presses, trace.presses, strict=True))
    assert len(bench.stuck) == len(trace.stuck)
    assert bench.standing == {}


def test_the_traces_are_as_bad_as_they_claim() -> None:
    assert len(TRACES) >= 8
    without_debouncing = 0
    for path in TRACES:
        trace = Trace.read(path)
        closings = sum(closed for _, closed in trace.edges)
        assert trace.presses
        assert [us for us, _ in trace.edges] == sorted(us for us, _ in trace.edges)
        assert all(before != after for (_, before), (_, after) in pairwise(trace.edges))
        without_debouncing += closings > len(trace.presses)
    assert without_debouncing >= len(TRACES) - 1
    gaps = [after - before for path in TRACES if "second" in path.stem for before, after in pairwise(Trace.read(path).presses)]
    assert min(gaps) < 121


bounces = st.lists(st.integers(100, 1_900), max_size=8).filter(lambda steps: sum(steps) <= 8_000)
"""Microseconds between the edges of a moving contact."""


@given(st.lists(st.tuples(st.integers(30, 400), bounces, st.integers(30, 400), bounces), min_size=1, max_size=12), st.booleans())
def test_however_a_contact_bounces_each_press_of_a_finger_counts_once(
    moves: list[tuple[int, list[int], int, list[int]]], late: bool
) -> None:
    edges: list[tuple[int, bool]] = []
    meant = []
    now = 1_000_000
    for held, closing, pause, opening in moves:
        meant.append(now / 1000)
        for level, steps, stays in ((True, closing, held), (False, opening, pause)):
            closed = level
            edges.append((now, closed))
            for step in steps[: len(steps) // 2 * 2]:
                now, closed = now + step, not closed
                edges.append((now, closed))
            now += stays * 1_000
    bench = Bench()
    by_hand(Trace(edges, meant, []), bench, late)
    assert len(bench.presses) == len(meant)
    assert all(abs(found - pressed) <= 10 for found, pressed in zip(bench.presses, meant, strict=True))


@given(st.lists(st.tuples(st.integers(1_500, 200_000), st.integers(20, 990)), min_size=1, max_size=60), st.booleans())
def test_interference_alone_never_counts(spikes: list[tuple[int, int]], late: bool) -> None:
    edges: list[tuple[int, bool]] = []
    now = 0
    for pause, length in spikes:
        now += pause
        edges += [(now, True), (now + length, False)]
        now += length
    bench = Bench()
    by_hand(Trace(edges, [], []), bench, late)
    assert bench.events == []


# --- what else a contact can do ----------------------------------------------------------------------------------------------


def test_without_a_window_every_closing_counts_at_once() -> None:
    bench = Bench({"face:4": 0})
    for at in (0, 0, 1, 2):
        bench.move("face:4", True, at)
        bench.move("face:4", False, at)
    assert bench.presses == [0, 0, 1, 2]


def test_a_press_is_told_while_the_finger_is_still_down() -> None:
    bench = Bench()
    bench.move("face:4", True, 100)
    assert bench.events == []
    bench.wait_until(110)
    assert bench.presses == [100]


def test_each_contact_has_a_window_of_its_own() -> None:
    bench = Bench({"face:1": 20, "face:4": 60})
    for contact in bench.windows:
        start = bench.clock.now + 1_000
        for at, down in ((0, True), (30, False), (70, True), (110, False)):
            bench.move(contact, down, start + at)
    assert [event.value for event in bench.events if isinstance(event, Press)] == [1, 1, 4]


@pytest.mark.parametrize("late", [False, True])
def test_presses_of_several_contacts_are_told_in_the_order_they_happened(late: bool) -> None:
    bench = Bench()
    for contact, at in (("face:4", 10), ("face:1", 11), ("key:next", 12)):
        bench.clock.now = at
        bench.pressing.edge(Edge(contact, True, bench.clock.stamp()))
    bench.clock.now = 900 if late else 12
    bench.wait_until(1_000)
    stamps = [event.stamp.monotonic for event in bench.events]
    assert stamps == [10, 11, 12]
    assert [type(event) for event in bench.events] == [Press, Press, Key]
    assert isinstance(bench.events[2], Key)
    assert bench.events[2].key is Keystroke.NEXT


def test_a_contact_that_is_not_wired_is_nobody() -> None:
    bench = Bench()
    bench.move("face:3", True, 10)
    bench.wait_until(50)
    assert bench.events == []


def test_an_edge_that_got_lost_costs_no_more_than_itself() -> None:
    bench = Bench()
    for at, down in ((0, True), (1_000, True), (1_050, False), (2_000, False), (2_100, True), (2_200, False)):
        bench.move("face:4", down, at)
    assert bench.presses == [0, 2_100]


def test_a_held_button_is_an_alarm_until_it_is_let_go_and_its_rating_is_doubted() -> None:
    bench = Bench()
    bench.move("face:4", True, 100)
    bench.wait_until(10_099 + HEARD_WITHIN)
    assert bench.standing == {}
    bench.wait_until(10_100 + HEARD_WITHIN)
    assert bench.standing == {"stuck face:4": "face:4 has been held for 10 s: ignored until it is let go"}
    assert [(stuck.value, stuck.since, stuck.stamp.monotonic) for stuck in bench.stuck] == [(4, 100, 10_100)]
    bench.move("face:4", False, 60_000)
    assert bench.standing
    bench.wait_until(61_000 + HEARD_WITHIN)
    assert bench.standing == {}
    bench.move("face:4", True, 61_100)
    bench.wait_until(61_200)
    assert bench.presses == [100, 61_100]


def test_the_court_says_how_long_is_too_long() -> None:
    bench = Bench()
    bench.move("face:4", True, 0)
    bench.pressing.configure(Misuse(stuck_after=3_000))
    bench.wait_until(3_000 + HEARD_WITHIN)
    assert [stuck.value for stuck in bench.stuck] == [4]


def test_a_held_key_is_an_alarm_and_doubts_no_rating() -> None:
    bench = Bench()
    bench.move("key:next", True, 0)
    bench.wait_until(10_000 + HEARD_WITHIN)
    assert list(bench.standing) == ["stuck key:next"]
    assert bench.stuck == []


def test_what_is_down_at_the_start_rates_nothing_and_is_an_alarm_in_its_time() -> None:
    bench = Bench()
    bench.pressing.begin({"face:4"})
    bench.wait_until(9_999 + HEARD_WITHIN)
    assert (bench.events, bench.standing) == ([], {})
    bench.wait_until(10_000 + HEARD_WITHIN)
    assert list(bench.standing) == ["stuck face:4"]
    bench.move("face:4", False, 20_000)
    bench.wait_until(22_000)
    bench.move("face:4", True, 22_001)
    bench.wait_until(22_010 + HEARD_WITHIN)
    assert bench.presses == [22_001]
    assert bench.stuck == []


def test_a_press_that_comes_between_looking_and_listening_is_a_press() -> None:
    bench = Bench()
    bench.move("face:4", True, 5)
    bench.pressing.begin({"face:4"})
    bench.wait_until(50)
    assert bench.presses == [5]


def test_whoever_walks_past_is_one_passage_arms_and_bags_and_all() -> None:
    bench = Bench()
    moves = [(0, True), (180, False), (240, True), (300, False), (900, True), (1_100, False), (1_101, True), (1_102, False)]
    for at, down in moves:
        bench.move("door:main", down, at)
    bench.wait_until(2_000)
    assert bench.passed == [("main", 0), ("main", 900)]
    assert bench.events == []


def test_a_door_sensor_is_blocked_only_after_an_hour() -> None:
    bench = Bench()
    bench.move("door:main", True, 0)
    bench.wait_until(BLOCKED - 1 + HEARD_WITHIN)
    assert bench.standing == {}
    bench.wait_until(BLOCKED + HEARD_WITHIN)
    assert list(bench.standing) == ["stuck door:main"]


def test_an_alarm_that_rings_before_a_heard_edge_is_seen_to_waits_for_it() -> None:
    bench = Bench()
    bench.move("face:4", True, 0)
    bench.clock.now = 1
    bench.pressing.edge(Edge("face:4", False, bench.clock.stamp()))  # heard, not seen to yet
    bench.clock.now = 10
    assert bench.loop.alarm is not None
    _, ring = bench.loop.alarm
    bench.loop.alarm = None
    ring()
    bench.wait_until(100)
    assert bench.presses == []
