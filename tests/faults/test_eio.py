"""A card that fails, once or from then on: nobody is thanked for what it did not take, and once it takes again, all goes on."""

import errno
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from tests.support.waiting import until
from workbench.torture import journal
from workbench.torture.card import Card
from workbench.torture.kiosk import Kiosk, Visitors, kept_in
from workbench.torture.shim import FOR_EVER, Shim

SEED = 20261123
PRESSES = 3
CUTS = 6
TOGETHER = 16


@dataclass
class Session:
    """A kiosk on a card that can be told to fail, and what its visitors were told."""

    kiosk: Kiosk
    shim: Shim
    card: Card
    visitors: Visitors
    thanked: list[int] = field(default_factory=list)
    refused: int = 0

    def press(self, value: int) -> bool:
        said = self.visitors.press(value)
        assert said != "gone", f"the kiosk stays: {self.kiosk.log.read_text()}"
        if said == "thanked":
            self.thanked.append(value)
        self.refused += said != "thanked"
        return said == "thanked"

    def assert_kept(self) -> None:
        """Whatever a power cut leaves now, it is what people were thanked for and nothing else."""
        self.kiosk.child.kill()  # type: ignore[union-attr]
        self.card.feed(journal.read(self.shim.journal))
        chance = Random(SEED)
        for _ in range(CUTS):
            image = self.kiosk.folder / "image"
            how = self.card.cut(chance, image)
            assert kept_in(image).ratings() == self.thanked, how
            shutil.rmtree(image)


class Bench:
    """Enrolled kiosks, one after another, each with a card of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[Session] = []

    def session(self, *, first: int = 0, count: int = 1) -> Session:
        """A kiosk whose syncs `first` … `first + count - 1` fail with EIO, once it has started."""
        kiosk = Kiosk(self.folder / str(len(self.made)))
        kiosk.enrol()
        shim = Shim(kiosk.state, kiosk.folder)
        shim.fail_sync(first, count, errno.EIO)
        card = Card(kiosk.state)
        kiosk.start(shim.environment)
        session = Session(kiosk, shim, card, kiosk.visitors())
        self.made.append(session)
        return session

    def close(self) -> None:
        for session in self.made:
            session.visitors.close()
            session.kiosk.child.kill()  # type: ignore[union-attr]
            session.shim.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.slow
def test_a_sync_that_fails_whichever_it_is_costs_nobody_a_rating_that_was_thanked(bench: Bench) -> None:
    sound = bench.session()
    for value in range(1, PRESSES + 1):
        assert sound.press(value)
    number, told = sound.shim.syncs, 0
    sound.assert_kept()
    assert number > PRESSES
    for first in range(1, number + 1, TOGETHER):  # several at once, because a kiosk waits for seconds before it tries a card again
        sessions = [bench.session(first=failing) for failing in range(first, min(first + TOGETHER, number + 1))]
        for session in sessions:
            for value in range(1, PRESSES + 1):
                session.press(value)
        for place, session in enumerate(sessions):
            until(lambda session=session: session.press(5), f"somebody is thanked again after sync {first + place} has failed")
            told += session.refused
            session.assert_kept()
    assert told >= PRESSES, "whoever pressed when the card failed was told so"


@pytest.mark.slow
def test_a_card_that_goes_on_failing_thanks_nobody_until_it_takes_rows_again(bench: Bench) -> None:
    session = bench.session()
    assert session.press(1)
    session.shim.fail_sync(session.shim.syncs + 1, FOR_EVER, errno.EIO)
    for value in (2, 3, 4, 5, 2, 3):
        assert not session.press(value)
    session.shim.heal()
    until(lambda: session.press(4), "the card takes rows again")
    session.assert_kept()


def turn_read_only(shim: Shim) -> None:
    shim.fail_writes(1, FOR_EVER, errno.EROFS)
    shim.fail_names(errno.EROFS)


def have_no_room(shim: Shim) -> None:
    shim.fail_writes(1, FOR_EVER, errno.ENOSPC)


@pytest.mark.slow
@pytest.mark.parametrize("fail", [turn_read_only, have_no_room])
def test_a_card_that_turns_read_only_or_has_no_room_for_a_while_is_told_and_outlived(
    bench: Bench, fail: Callable[[Shim], None]
) -> None:
    session = bench.session()
    assert session.press(1)
    fail(session.shim)
    for value in (2, 3, 4):
        assert not session.press(value)
    session.shim.heal()
    until(lambda: session.press(5), "the card takes rows again")
    session.assert_kept()
