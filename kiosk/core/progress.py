"""What a device knows about the far end: which of its rows the server has. Kept in the ledger, decided upon by `delivery`."""

from typing import Final, NamedTuple

import msgspec

from wire.events import Link, StreamId

EPOCHS_REMEMBERED: Final = 8
"""Epochs of servers that were restored since. An acknowledgement from one of them is news of yesterday."""


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """Rows up to `stored_through` are on the server, rows up to `backed_through` in its oldest backup that may be restored.

    `epoch` is the server's state of being that said so, empty before the first acknowledgement; `retired` the epochs before it.
    `forked_at` is the first row that another device with our name had already sent otherwise, until a new stream is begun.
    """

    epoch: bytes = b""
    stored_through: int = 0
    backed_through: int = 0
    retired: tuple[bytes, ...] = ()
    forked_at: int | None = None


class Standing(NamedTuple):
    """What the ledger holds: rows `oldest` … `next` - 1 of `stream` (none while the two are equal), and what is known of them.

    `moving` rows are safe on the card but not in this stream yet: it takes them over from an earlier one, or from a damaged file.
    `behind` rows stayed behind with earlier streams, because backups hold them; None where this stream is the first. `moved` is the
    last row that was taken over, 0 if none was: those after it stand in the order in which they were recorded. None while rows are
    still moving, or where nobody wrote it down.
    """

    stream: StreamId
    oldest: int
    next: int
    progress: Progress
    moving: int = 0
    behind: int | None = None
    moved: int | None = None

    @property
    def undelivered(self) -> int:
        """Rows that the server has not said it has stored."""
        return max(0, self.next - 1 - self.progress.stored_through) + self.moving


class Excerpt(NamedTuple):
    """Rows in a row: `rows[0]` is row `first`, and `previous` the state of the chain before it."""

    first: int
    previous: Link
    rows: list[bytes]
    head: Link
