"""A damaged ledger file: the kiosk goes on, what can still be read is taken over, and the server counts every rating once."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from kiosk.ledger.keeper import Keeper
from wire.codec import decode_event
from wire.events import Answer
from workbench.processes import Household
from workbench.torture.kiosk import DEVICE, Kiosk
from workbench.torture.ledger_driver import Clock, rating, work_off
from workbench.torture.world import World

SEED = 20261123
ROWS = 900
TOGETHER = 30
"""Rows in one transaction of the log: one that is broken is lost as after a power cut, if it was the last."""
PLACES = 3
"""Of each kind of damage."""
PAGE_ROWS = 80
"""More rows than fit on a page of the file, or of which a page's neighbours know."""


def ledger_of(kiosk: Kiosk, *, in_log: bool) -> None:
    """A ledger of `ROWS` visits, the last of them still in the write-ahead log if `in_log`."""
    clock = Clock()
    keeper = Keeper(kiosk.ledger, now=clock)
    keeper.open()
    assert all(keeper.record([[rating(visit)] for visit in range(1, ROWS + 1)]))
    if in_log:
        work_off(keeper, clock)
        for first in range(ROWS + 1, 2 * ROWS + 1, TOGETHER):
            assert all(keeper.record([[rating(visit)] for visit in range(first, first + TOGETHER)]))
        for part in kiosk.state.glob(f"{kiosk.ledger.name}*"):
            shutil.copy(part, part.with_name(f"kept-{part.name}"))
    keeper.close()
    if in_log:
        for part in kiosk.state.glob("kept-*"):
            part.replace(part.with_name(part.name.removeprefix("kept-")))


def found_in(kiosk: Kiosk) -> list[tuple[int, int]]:
    """(visit, value) of every rating, once the ledger has done all its work."""
    clock = Clock()
    keeper = Keeper(kiosk.ledger, now=clock)
    keeper.open()
    work_off(keeper, clock)
    standing = keeper.standing()
    assert standing.moving == 0
    found: list[tuple[int, int]] = []
    first = standing.oldest
    while first < standing.next:
        rows = keeper.read(standing.stream, first, 250).rows
        found += [(event.visit, event.value) for event in map(decode_event, rows) if isinstance(event, Answer)]
        first += len(rows)
    keeper.close()
    return found


def flip(file: Path, chance: Random) -> None:
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def wipe_a_page(file: Path, chance: Random) -> None:
    content = bytearray(file.read_bytes())
    at = chance.randrange(len(content) // 4096) * 4096
    content[at : at + 4096] = chance.randbytes(4096)
    file.write_bytes(content)


def truncate(file: Path, chance: Random) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: chance.randrange(len(content))])


DAMAGES = [(flip, ""), (flip, "-wal"), (wipe_a_page, ""), (wipe_a_page, "-wal"), (truncate, ""), (truncate, "-wal")]


@pytest.mark.slow
@pytest.mark.parametrize("damage, part", DAMAGES)
def test_whatever_is_damaged_the_kiosk_goes_on_and_keeps_what_can_be_read(
    tmp_path: Path, damage: Callable[[Path, Random], None], part: str
) -> None:
    chance = Random(f"{SEED}/{damage.__name__}/{part}")
    whole = Kiosk(tmp_path / "whole")
    whole.enrol()
    ledger_of(whole, in_log=part == "-wal")
    rows = ROWS * (2 if part else 1)
    recorded = {(visit, 1 + visit % 5) for visit in range(1, rows + 1)}
    for place in range(PLACES):
        kiosk = Kiosk(tmp_path / str(place))
        shutil.copytree(whole.state, kiosk.state)
        file = kiosk.ledger.with_name(kiosk.ledger.name + part)
        length = file.stat().st_size
        damage(file, chance)
        cut_off = (length - file.stat().st_size) / 4096
        kiosk.start()
        visitors = kiosk.visitors()
        assert visitors.press(3) == "thanked"
        visitors.close()
        kiosk.stop()
        found = found_in(kiosk)
        assert len(set(found)) == len(found), "nothing is there twice"
        new = set(found) - recorded
        assert [value for _, value in new] == [3], "nothing is there that nobody said, and the new rating is"
        allowed = round(PAGE_ROWS * (1 + cut_off)) + TOGETHER
        assert len(recorded - set(found)) <= allowed, f"place {place}: what was not hit can be read"


def press(kiosk: Kiosk, times: int) -> int:
    """How many were thanked."""
    visitors = kiosk.visitors()
    try:
        return sum(visitors.press(1 + number % 5) == "thanked" for number in range(times))
    finally:
        visitors.close()


@pytest.mark.slow
def test_the_server_counts_every_rating_once_when_a_damaged_ledger_is_sent_anew(tmp_path: Path) -> None:
    with Household() as household:
        world = World(tmp_path / "server", household)
        world.part("gateway")
        kiosk = Kiosk(tmp_path / "kiosk")
        world.enrol(DEVICE, kiosk.state)
        kiosk.start()
        thanked = press(kiosk, 15)
        world.until(lambda: world.ratings(DEVICE) >= thanked, "the first ratings are stored")
        kiosk.kill()
        with closing(sqlite3.connect(kiosk.ledger)) as database, database:
            database.execute("UPDATE meta SET value = zeroblob(20) WHERE key = 'stream'")
        kiosk.start()
        thanked += press(kiosk, 15)
        distinct = "SELECT count(DISTINCT visit) FROM ingest_ledger WHERE kind = 1"
        world.until(lambda: world.number(distinct) >= thanked, "all ratings are stored")
        again = thanked + thanked // 2
        world.until(lambda: world.ratings(DEVICE) >= again, "what was salvaged has come once more, in a stream of its own")
        kiosk.stop()
        assert thanked == 30
        assert world.settle() == thanked
        world.require_no_alarms()
