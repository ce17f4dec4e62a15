"""What last went wrong between a device and its server, for staff. Kept across restarts as a note of numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from wire.envelopes import Gap
from wire.events import DAY_MS

FORK_SHOWN: Final = 30 * DAY_MS
"""How long staff are told of a copy of their device, in ms: it may be switched on again."""


class Fork(NamedTuple):
    """Another device with our name had sent row `row` otherwise, which we heard at `wall` (ms since the epoch)."""

    row: int
    wall: int


@dataclass(frozen=True, slots=True)
class Troubles:
    """`gap` is the last that was found in what the server has, `fork` the last copy of this device that it met."""

    gap: Gap | None = None
    fork: Fork | None = None

    @classmethod
    def of(cls, note: Mapping[str, int]) -> Self:
        """What `note` says; nothing where it is not whole."""
        gap = [note.get(key) for key in ("gap_first", "gap_last", "gap_wall")]
        fork = [note.get(key) for key in ("fork_row", "fork_wall")]
        return cls(
            Gap(*(number for number in gap if number is not None)) if None not in gap else None,
            Fork(*(number for number in fork if number is not None)) if None not in fork else None,
        )

    def note(self) -> dict[str, int]:
        """As `of` takes it."""
        found: dict[str, int] = {}
        if self.gap is not None:
            found |= {"gap_first": self.gap.first, "gap_last": self.gap.last, "gap_wall": self.gap.wall}
        if self.fork is not None:
            found |= {"fork_row": self.fork.row, "fork_wall": self.fork.wall}
        return found

    def fork_at(self, wall: int) -> Fork | None:
        """The fork that staff should hear of at `wall` (ms since the epoch)."""
        return self.fork if self.fork is not None and wall - self.fork.wall < FORK_SHOWN else None
