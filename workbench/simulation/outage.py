"""A card that comes out of a long outage: thousands of rows that nobody has fetched, written by the ledger itself."""

from collections.abc import Sequence
from random import Random
from typing import Final

from wire.events import Answer, DeviceId, Event, Input
from workbench.simulation.clocks import HOUR, Boot, Habit, boot
from workbench.simulation.truth import Truth, Visit
from workbench.simulation.visitors import QUESTIONNAIRE

LASTED: Final = 6 * HOUR
LEAST, MOST = 2_400, 4_000
"""Visits: so many that the delivery takes the newest in between, and that taking them over is the work of many bites."""
QUIET: Final = 5 * 60_000
"""Between the last of these visits and the moment at which a run begins."""


def visits(random: Random, now: int) -> tuple[Boot, list[Sequence[Event]]]:
    """A start of a device that ended before `now`, and what its visitors said, each visit one answer."""
    start = boot(random, now - LASTED - QUIET, Habit.HONEST)
    item = QUESTIONNAIRE.items[0]
    moments = sorted(random.sample(range(now - LASTED - QUIET, now - QUIET), random.randrange(LEAST, MOST)))
    made: list[Sequence[Event]] = []
    for moment in moments:
        spell, reading = start.spell(moment), start.monotonic(moment)
        value = random.choice(item.options).value
        stamp = (start.id, moment + spell.error - reading, spell.synchronised, reading, 0)
        made.append([Answer(QUESTIONNAIRE.version, item.key, "uk", Input.TOUCH, *stamp, value)])
    return start, made


def promised(truth: Truth, device: DeviceId, commits: Sequence[Sequence[Event]]) -> None:
    """Their visitors were thanked."""
    for rows in commits:
        for row in rows:
            if isinstance(row, Answer):
                truth.promises[Visit(device, row.boot, row.visit, row.item)] = row.value
