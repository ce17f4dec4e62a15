"""Who passes the doors is counted by the hour of the court's clock, and a power cut costs at most a minute of it."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from kiosk.core.alarms import Alarms
from kiosk.core.passing import HOUR, NO_LANGUAGE, Passing
from kiosk.core.timekeeping import Stamp
from tests.kiosk.exit import BOOT, HandCard, HandClock, HandLoop
from wire.events import BootId, Input, Millis, Passage, at

START = datetime(2026, 11, 23, 10, 20, tzinfo=UTC)
MINUTE = 60_000


class WallClock(HandClock):
    """A clock whose wall can be set."""

    def __init__(self, start: datetime = START) -> None:
        super().__init__()
        self.offset = round(start.timestamp() * 1000) - self.now

    def stamp(self) -> Stamp:
        return Stamp(BOOT, Millis(self.now), self.offset, True)


class Door:
    """A counter at the doors `main` and `yard`, with its clock, loop, ledger and note in the test's hands."""

    def __init__(self, clock: WallClock | None = None, kept: Mapping[str, int] | None = None, card: HandCard | None = None) -> None:
        self.clock = clock or WallClock()
        self.loop = HandLoop(self.clock)
        self.card = card or HandCard()
        self.note: dict[str, int] = dict(kept or {})
        self.notes = 0
        self.passing = Passing(
            ["main", "yard"],
            clock=self.clock,
            loop=self.loop,
            alarms=Alarms(self.loop),
            recorder=self.card,
            keep=self.keep,
            kept=self.note,
        )
        self.passing.start()
        self.loop.run()

    def keep(self, note: Mapping[str, int]) -> None:
        self.note = dict(note)
        self.notes += 1

    def walk(self, count: int, door: str = "main") -> None:
        for _ in range(count):
            self.passing.passed(door, self.clock.stamp())
        self.loop.run()

    def wait(self, ms: int) -> None:
        end = self.clock.now + ms
        while self.loop.alarm and self.loop.alarm[0] <= end:
            self.clock.now = max(self.clock.now, self.loop.alarm[0])
            self.loop.run()
        self.clock.now = end

    @property
    def told(self) -> list[tuple[str, str, str, int]]:
        """Door, from, to, count of each row on the card; the times of day in UTC."""
        found = []
        for row in self.card.rows:
            assert isinstance(row, Passage)
            end = datetime.fromtimestamp(at(row) / 1000, UTC)
            start = datetime.fromtimestamp((at(row) - row.dt) / 1000, UTC)
            found.append((row.item, f"{start:%H:%M:%S}", f"{end:%H:%M:%S}", row.count))
        return found


def test_each_hour_of_each_door_is_one_row_that_ends_within_its_hour() -> None:
    door = Door()
    door.walk(3)
    door.walk(1, "yard")
    door.wait(40 * MINUTE)
    door.walk(2)
    door.wait(HOUR)
    assert door.told == [
        ("main", "10:20:00", "10:59:59", 3),
        ("yard", "10:20:00", "10:59:59", 1),
        ("main", "11:00:00", "11:59:59", 2),
        ("yard", "11:00:00", "11:59:59", 0),
    ]
    row = door.card.rows[0]
    assert (row.input, row.language, row.questionnaire, row.boot) == (Input.SENSOR, NO_LANGUAGE, 0, BOOT)


@pytest.mark.parametrize(
    ("zone", "ends"), [("Europe/Kyiv", "10:59:59"), ("Asia/Kolkata", "10:29:59"), ("Mars/Olympus", "10:59:59"), (None, "10:59:59")]
)
def test_hours_are_those_of_the_courts_clock(zone: str | None, ends: str) -> None:
    door = Door()
    door.passing.configure(zone)
    door.walk(1)
    door.wait(HOUR)
    assert door.told[0] == ("main", "10:20:00", ends, 1)


def test_at_the_stop_what_was_counted_is_recorded_and_nothing_is_kept() -> None:
    door = Door()
    door.walk(5)
    door.wait(10 * MINUTE)
    door.passing.stop()
    assert door.told == [("main", "10:20:00", "10:29:59", 5), ("yard", "10:20:00", "10:29:59", 0)]
    assert door.note == {}


def test_a_start_and_stop_at_once_says_nothing() -> None:
    door = Door()
    door.wait(1_000)
    door.passing.stop()
    assert door.told == []


def test_after_a_power_cut_all_but_the_last_minute_is_there_under_the_boot_it_happened_in() -> None:
    door = Door()
    door.walk(3)
    door.wait(MINUTE)
    door.walk(4)
    door.wait(59_000)
    lost = 4
    again = Door(WallClock(datetime(2026, 11, 23, 11, 40, tzinfo=UTC)), door.note)
    assert again.told == [("main", "10:20:00", "10:20:59", 7 - lost)]
    assert again.note == {}
    again.passing.stop()
    assert sum(count for *_, count in again.told) == 3


def test_the_note_is_written_once_a_minute_however_many_come() -> None:
    door = Door()
    before = door.notes
    for _ in range(260):
        door.walk(1)
        door.wait(500)
    assert door.notes - before == 2
    door.wait(MINUTE)
    assert door.notes - before == 3
    door.wait(5 * MINUTE)
    assert door.notes - before == 3


def test_rows_that_the_card_did_not_take_are_tried_again_and_survive_a_power_cut() -> None:
    door = Door()
    door.card.by_itself = False
    door.walk(2)
    door.wait(HOUR)
    door.card.settle(False)
    door.loop.run()
    again = Door(WallClock(datetime(2026, 11, 23, 13, 0, tzinfo=UTC)), door.note)
    assert [row for row in again.told if row[3]] == [("main", "10:20:00", "10:59:59", 2)]
    door.wait(HOUR)
    door.card.settle(True)
    door.loop.run()
    assert [row for row in door.told if row[3]] == [("main", "10:20:00", "10:59:59", 2)]
    assert len(door.told) == 4


def test_a_commit_that_is_reported_only_after_the_stop_leaves_nothing_to_tell_twice() -> None:
    door = Door()
    door.card.by_itself = False
    door.walk(2)
    door.wait(45 * MINUTE)
    door.card.settle(True)  # its report waits in a loop that turns no more
    door.passing.stop()
    while door.card.waiting:
        door.card.settle(True)
    assert door.note == {}
    assert sum(count for *_, count in door.told) == 2


def test_a_clock_that_is_set_begins_its_own_hours() -> None:
    clock = WallClock(datetime(1970, 1, 1, 0, 10, tzinfo=UTC))
    door = Door(clock)
    door.walk(1)
    door.wait(5 * MINUTE)
    clock.offset += round(START.timestamp() * 1000) - clock.stamp().wall  # a time server answers: it is 10:20
    door.walk(1)
    door.wait(HOUR)
    assert door.told[0] == ("main", "10:15:00", "10:59:59", 2)


def test_a_device_that_slept_counts_no_hours_it_did_not_see() -> None:
    door = Door()
    door.walk(1)
    door.clock.now += 5 * HOUR
    door.loop.run()
    door.walk(1)
    door.passing.stop()
    assert door.told == [
        ("main", "10:20:00", "10:59:59", 1),
        ("yard", "10:20:00", "10:59:59", 0),
        ("main", "15:20:00", "15:20:00", 1),
        ("yard", "15:20:00", "15:20:00", 0),
    ]


def test_a_note_that_makes_no_sense_is_left_out() -> None:
    good = f"main {BootId(b'7' * 16).hex()} 1000 2000 0 1"
    door = Door(kept={"": 1, "main": 2, "main zz 1 2 3 1": 4, f"{good} x": 1, good.replace("2000", "-5"): 1, good: 6})
    assert [(row.item, row.visit, row.dt, row.count) for row in door.card.rows if isinstance(row, Passage)] == [
        ("main", 1000, 2000, 6)
    ]
