"""What the ledger's tests share: ratings, a keeper on a clock of the test's own, and what a stream holds in the end."""

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from kiosk.core.progress import Progress
from kiosk.ledger import store as stores
from kiosk.ledger.keeper import Keeper
from tests.kiosk.exit import BOOT, WALL_OFFSET
from wire import chain
from wire.codec import decode_event, encode_event
from wire.events import Answer, Input

EPOCH = b"e" * 16


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


def anew(bench: Bench, *, backed: int) -> None:
    """A new stream, when the server's backups hold so many rows of the one before."""
    bench.keeper.begin_anew(bench.keeper.standing().stream, Progress(EPOCH, backed, backed))


def forked(bench: Bench, *, at: int, backed: int = 0) -> None:
    """Another device had sent row `at` before us."""
    bench.keeper.begin_anew(bench.keeper.standing().stream, Progress(EPOCH, at - 1, backed, (), at))


class Cut(BaseException):
    """The power goes."""


def cutting(path: Path, images: list[Path]) -> stores.Connect:
    """Connections that take an image of the card before each statement that finds it changed."""
    seen: set[bytes] = set()

    def connect(file: Path) -> sqlite3.Connection:
        connection = stores.connect(file)

        def snapshot(statement: str) -> None:
            parts = sorted(path.parent.glob(f"{path.name}*")) + sorted((path.parent / "quarantine").glob("*"))
            state = sha256(b"".join(str(part).encode() + part.read_bytes() for part in parts)).digest()
            if state in seen:
                return
            seen.add(state)
            image = path.parent / f"image-{len(images)}"
            for part in parts:
                copy = image / part.relative_to(path.parent)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(part, copy)
            images.append(image)

        connection.set_trace_callback(snapshot)
        return connection

    return connect


def written(path: Path, count: int, *, backed: int = 0, closed: bool = True) -> Bench:
    """A ledger of `count` visits; not closed, its rows stand in the log."""
    bench = Bench(path)
    for first in range(0, count, 20):
        assert bench.rate(*range(first, min(first + 20, count)))
    if backed:
        bench.keeper.remember(bench.keeper.standing().stream, Progress(EPOCH, backed, backed), now=True)
    if closed:
        bench.keeper.close()
    return bench


def salvaged(path: Path) -> Bench:
    """The ledger after its damage was noticed and all was taken over."""
    bench = Bench(path)
    bench.settle()
    return bench


def spoil(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


def crash(bench: Bench, folder: Path) -> Path:
    """What the card held if the power went now."""
    folder.mkdir()
    for part in bench.path.parent.glob(f"{bench.path.name}*"):
        shutil.copy(part, folder)
    return folder / bench.path.name
