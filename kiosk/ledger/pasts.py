"""Rows that are safe on the card but not in the ledger's stream yet: taken over in bites, each row exactly once.

A past is a table `past_N` with what an earlier stream of this ledger held, or what was read out of a damaged file. It is emptied
from its lowest row on; a row leaves it in the transaction that puts it into the stream.
"""

import sqlite3
from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

import msgspec

from kiosk.core.progress import Progress
from kiosk.ledger.pages import Row
from kiosk.ledger.sealing import row_seal
from wire import chain
from wire.codec import WireError, decode_event
from wire.events import Link

BITE: Final = 500
"""Rows taken over in one transaction: a visitor's tap that comes meanwhile waits for no more than that."""

COLUMNS: Final = "seq, " + ", ".join(f"ifnull(CAST({name} AS BLOB), x'')" for name in ("row", "link", "seal"))
"""A number and three byte strings, whatever damage has made of them."""


class Past(msgspec.Struct, frozen=True, array_like=True):
    """What is known of the table `past_<number>`, kept in `meta` beside it.

    Rows up to `floor` are in the server's backups and not taken over. `taken` is the number of the last row that was looked at and
    `prior` the states of the chain after it: one in an earlier stream, several at most where a damaged file held two of them, none
    before the first row and behind a hole. `left` rows are still to be looked at, `lost` were unreadable. In a
    `mixed` past a row that does not continue the chain may be another stream's first.
    """

    number: int
    floor: int
    left: int
    taken: int = 0
    prior: tuple[bytes, ...] = ()
    lost: int = 0
    mixed: bool = False

    @property
    def table(self) -> str:
        """Its name in the file."""
        return f"past_{self.number}"


class Bite(NamedTuple):
    """Rows to append to the stream, and the past as it is afterwards."""

    rows: list[bytes]
    past: Past


def safe_through(progress: Progress) -> int:
    """Up to which row the server's backups certainly hold what this ledger holds."""
    return 0 if progress.forked_at is not None else min(progress.backed_through, progress.stored_through)


def bite(connection: sqlite3.Connection, past: Past) -> Bite:
    """Takes the next rows of `past` out of its table, within the caller's transaction. Raises `sqlite3.Error`."""
    found = connection.execute(f"SELECT {COLUMNS} FROM {past.table} ORDER BY seq LIMIT ?", (BITE + 1,)).fetchall()
    groups = [list(group) for _, group in groupby(map(Row._make, found), key=lambda row: row.seq)]
    ahead = groups.pop() if len(found) > BITE and len(groups) > 1 else []  # only looked at: the rest of it may lie beyond
    rows: list[bytes] = []
    for place, group in enumerate(groups):
        following = groups[place + 1] if place + 1 < len(groups) else ahead
        good, prior = _sound(past, group, following)
        if group[0].seq > past.floor:
            rows += good
        past = msgspec.structs.replace(
            past, taken=group[0].seq, prior=prior, left=past.left - len(group), lost=past.lost + (not good)
        )
    if groups:
        connection.execute(f"DELETE FROM {past.table} WHERE seq <= ?", (past.taken,))
    if past.left <= 0 or not groups:
        connection.execute(f"DROP TABLE {past.table}")
        past = msgspec.structs.replace(past, left=0)
    return Bite(rows, past)


def _sound(past: Past, group: Sequence[Row], following: Sequence[Row]) -> tuple[list[bytes], tuple[bytes, ...]]:
    """The rows of one number that can be believed, and the states of the chain after them."""
    chained = past.prior if past.taken == group[0].seq - 1 else ()
    good: dict[bytes, bytes] = {}
    doubtful: list[Row] = []
    for found in group:
        states = [chain.link(Link(prior), found.row) for prior in chained]
        # Where its own link was altered, the next row's may still tell that the row was not.
        state = next((state for state in states if state == found.link or _goes_on(state, found.seq, following)), None)
        if state is not None:
            good[found.row] = state
        else:
            doubtful.append(found)
    for found in doubtful:
        proven = found.seal == row_seal(found.seq, found.row)
        # Behind a hole and where another stream may begin, a row must do that was recorded before rows had checksums.
        if past.mixed or not chained:
            proven |= not found.seal
        elif good:
            break
        if proven and found.link not in good.values() and _is_event(found.row):
            good[found.row] = found.link
    return list(good), tuple(good.values())


def _goes_on(state: Link, seq: int, following: Sequence[Row]) -> bool:
    return any(found.seq == seq + 1 and chain.link(state, found.row) == found.link for found in following)


def _is_event(row: bytes) -> bool:
    try:
        decode_event(row)
    except WireError:
        return False
    return True
