"""A small card of a real file system: full, or read-only. Nobody is thanked for what it did not take, and it mends by itself."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import until
from workbench.torture.kiosk import Kiosk, Visitors, kept_in

SIZE = "3m"
MANY = 3_000


class Card:
    """A tmpfs, mounted where a kiosk keeps its state. Needs root."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder))

    def fill(self) -> None:
        """Not one byte is left."""
        with (self.folder / "filler").open("wb", buffering=0) as file:
            for size in (65_536, 512, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    def make_room(self) -> None:
        (self.folder / "filler").unlink()

    def writable(self, allowed: bool) -> None:
        self._mount("-o", f"remount,{'rw' if allowed else 'ro'}", str(self.folder))

    def remove(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def _mount(self, *words: str) -> None:
        done = subprocess.run(["mount", *words], capture_output=True, text=True)
        assert done.returncode == 0, f"mount: {done.stderr} (these tests need root)"


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    made = Card(tmp_path / "card")
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def kiosk(tmp_path: Path, card: Card) -> Iterator[Kiosk]:
    made = Kiosk(tmp_path / "kiosk", state=card.folder / "state")
    made.enrol()
    try:
        yield made
    finally:
        if made.child is not None:
            made.child.kill()


def thanked_again(visitors: Visitors, value: int) -> None:
    until(lambda: visitors.press(value) == "thanked", "somebody is thanked again")


@pytest.mark.slow
def test_on_a_full_card_nobody_is_thanked_and_what_was_thanked_stays(card: Card, kiosk: Kiosk, tmp_path: Path) -> None:
    kiosk.start()
    visitors = kiosk.visitors()
    assert visitors.press(1) == "thanked"
    thanked = [1]
    for _ in range(2):
        card.fill()
        for number in range(MANY):
            if visitors.press(1 + number % 5) != "thanked":
                break
            thanked.append(1 + number % 5)
        else:
            raise AssertionError("the card is full, and the kiosk goes on thanking")
        assert [visitors.press(2) for _ in range(3)].count("thanked") == 0
        card.make_room()
        thanked_again(visitors, 3)
        thanked.append(3)
    assert kiosk.child is not None
    kiosk.child.kill()
    visitors.close()
    assert kept_in(kiosk.state, scratch=tmp_path).ratings() == thanked


@pytest.mark.slow
def test_a_kiosk_that_starts_on_a_full_card_works_once_there_is_room(card: Card, kiosk: Kiosk, tmp_path: Path) -> None:
    card.fill()
    kiosk.start()
    visitors = kiosk.visitors()
    assert visitors.press(2) != "thanked"
    card.make_room()
    thanked_again(visitors, 3)
    assert kiosk.child is not None
    kiosk.child.kill()
    visitors.close()
    assert kept_in(kiosk.state, scratch=tmp_path).ratings() == [3]


@pytest.mark.slow
def test_a_kiosk_that_starts_on_a_read_only_card_works_once_it_may_write(card: Card, kiosk: Kiosk, tmp_path: Path) -> None:
    kiosk.start()
    visitors = kiosk.visitors()
    assert visitors.press(1) == "thanked"
    visitors.close()
    kiosk.stop()
    card.writable(False)
    kiosk.start()
    visitors = kiosk.visitors()
    assert visitors.press(2) != "thanked"
    card.writable(True)
    thanked_again(visitors, 3)
    assert kiosk.child is not None
    kiosk.child.kill()
    visitors.close()
    assert kept_in(kiosk.state, scratch=tmp_path).ratings() == [1, 3]
