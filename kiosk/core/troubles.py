"""What last went wrong between a device and its server, for staff. Kept across restarts as a note of numbers.

Times are ms since the epoch, and None where no clock knew: staff would rather read none than one of 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from wire.envelopes import Fork, Gap
from wire.events import DAY_MS

FORK_SHOWN: Final = 30 * DAY_MS
"""How long staff and server are told of a copy of the device, in ms: it may be switched on again."""


@dataclass(frozen=True, slots=True)
class Troubles:
    """`gap` is the last that was found in what the server has, `fork` the last copy of this device that it met."""

    gap: Gap | None = None
    fork: Fork | None = None

    @classmethod
    def of(cls, note: Mapping[str, int]) -> Self:
        """What `note` says; nothing where it is not whole."""
        first, last, row = note.get("gap_first"), note.get("gap_last"), note.get("fork_row")
        return cls(
            None if first is None or last is None else Gap(first, last, note.get("gap_wall")),
            None if row is None else Fork(row, note.get("fork_wall")),
        )

    def note(self) -> dict[str, int]:
        """As `of` takes it."""
        found: dict[str, int | None] = {}
        if self.gap is not None:
            found |= {"gap_first": self.gap.first, "gap_last": self.gap.last, "gap_wall": self.gap.wall}
        if self.fork is not None:
            found |= {"fork_row": self.fork.row, "fork_wall": self.fork.wall}
        return {key: number for key, number in found.items() if number is not None}

    def fork_at(self, wall: int) -> Fork | None:
        """The fork that staff should hear of at `wall`."""
        if self.fork is None or self.fork.wall is None:
            return self.fork
        return self.fork if wall - self.fork.wall < FORK_SHOWN else None

    def known_at(self, wall: int) -> Self:
        """The same at `wall`, when a clock knows the time again: a fork of unknown time is shown from now on as long as any."""
        if self.fork is None or self.fork.wall is not None:
            return self
        return replace(self, fork=Fork(self.fork.row, wall))
