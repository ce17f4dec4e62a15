"""What the ledger's tests share: ratings, a keeper on a clock of the test's own, and what a stream holds in the end."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kiosk.ledger.keeper import Keeper
from tests.kiosk.exit import BOOT, WALL_OFFSET
from wire import chain
from wire.codec import decode_event, encode_event
from wire.events import Answer, Input


def rating(number: int, value: int = 4, *, wall: int | None = None) -> Answer:
    """The rating of visit `number`; `wall` is when it happened."""
    return Answer(7, "overall", "uk", Input.BUTTON, BOOT, WALL_OFFSET if wall is None else wall - number, True, number, 0, value)


def encoded(numbers: Sequence[int]) -> list[bytes]:
    """The rows of those visits."""
    return [encode_event(rating(number)) for number in numbers]


class Bench:
    """A keeper, driven by hand."""

    def __init__(self, path: Path, **more: Any) -> None:
        self.path = path
        self.time = 0.0
        self.health: list[bool] = []
        self.keeper = Keeper(path, now=lambda: self.time, on_health=self.health.append, **more)
        self.keeper.open()

    def rate(self, *numbers: int) -> bool:
        """Whether these ratings, in one transaction, are on the card."""
        return self.keeper.record([[rating(number)] for number in numbers]) == [True] * len(numbers)

    def bite(self) -> None:
        """One piece of what is put off, when it is due."""
        due = self.keeper.due
        assert due is not None
        self.time = max(self.time, due)
        self.keeper.bite()

    def settle(self, until: Callable[[], bool] | None = None, bites: int = 5_000) -> None:
        """Everything that was put off is done."""
        for _ in range(bites):
            if self.keeper.due is None or (until is not None and until()):
                return
            self.bite()
        raise AssertionError("there is no end to what is put off")

    def held(self) -> list[bytes]:
        """All rows of the stream, after following its chain."""
        standing = self.keeper.standing()
        excerpt = self.keeper.read(standing.stream, standing.oldest, 10**7)
        assert chain.links(excerpt.previous, excerpt.rows)[-1:] == ([excerpt.head] if excerpt.rows else [])
        return excerpt.rows

    def visits(self) -> list[int]:
        """The visits that the stream holds, in its order."""
        return [decode_event(row).visit for row in self.held()]
