"""What has come from the broker and not been dealt with yet, and whose turn it is. Pure.

After an outage a hundred devices send their backlogs at once, and somebody at one of their exits rates just now. That rating must
not stand behind all the others' past: a device that has sent something small goes first, with what it sent before, because messages
of one device stay in their order. The oldest message of all goes in every group, so that nobody waits for ever.
"""

from collections import deque
from collections.abc import Hashable, Iterable
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")

GROUP: Final = 128
"""Messages taken at once at most: enough to share one commit."""
GROUP_BYTES: Final = 32 * 1024
"""Bytes taken at once: a dozen full batches, a third of a second's work. What comes meanwhile waits no longer than that."""
SMALL: Final = 1024
"""Bytes up to which a message is news: a greeting, a report, some dozens of ratings."""


class _Place(NamedTuple):
    """A message in the order of arrival."""

    number: int
    sender: Hashable
    size: int


class Waiting(Generic[T]):
    """Messages by their senders. For one thread."""

    def __init__(self) -> None:
        self._messages: dict[int, T] = {}
        self._places: dict[int, _Place] = {}
        self._of: dict[Hashable, deque[_Place]] = {}
        self._unfinished: deque[tuple[int, T]] = deque()
        self._finished: set[int] = set()
        self._count = 0

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: T, *, sender: Hashable, size: int) -> None:
        """One more, of `size` bytes."""
        place = _Place(self._count, sender, size)
        self._count += 1
        self._messages[place.number] = message
        self._places[place.number] = place
        self._of.setdefault(sender, deque()).append(place)
        self._unfinished.append((place.number, message))

    def take(self) -> list[tuple[int, T]]:
        """The next group as (number, message), at least one if any waits; tell `finished` when it is dealt with."""
        group: list[tuple[int, T]] = []
        room = GROUP_BYTES
        for place in self._turns():
            if group and (len(group) == GROUP or place.size > room):
                break
            room -= place.size
            group.append((place.number, self._messages[place.number]))
        for number, _ in group:
            self._drop(number)
        return group

    def finished(self, numbers: Iterable[int]) -> list[T]:
        """Notes that these were dealt with; returns what may be acknowledged now, in the order of arrival, as MQTT demands."""
        self._finished.update(numbers)
        done: list[T] = []
        while self._unfinished and self._unfinished[0][0] in self._finished:
            number, message = self._unfinished.popleft()
            self._finished.remove(number)
            done.append(message)
        return done

    def _turns(self) -> Iterable[_Place]:
        """Every message that waits: the oldest, then those of senders with news up to their newest, then the rest as it came."""
        oldest = next(iter(self._places.values()), None)
        if oldest is None:
            return
        yield oldest
        seen = {oldest.number}
        for places in self._of.values():
            news = max((place.number for place in places if place.size <= SMALL), default=-1)
            for place in places:
                if place.number <= news and place.number not in seen:
                    seen.add(place.number)
                    yield place
        for place in self._places.values():
            if place.number not in seen:
                yield place

    def _drop(self, number: int) -> None:
        place = self._places.pop(number)
        del self._messages[number]
        of = self._of[place.sender]
        of.remove(place)
        if not of:
            del self._of[place.sender]
