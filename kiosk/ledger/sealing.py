"""Short values with a checksum behind them, so that a flipped bit is not taken for knowledge."""

from typing import Final
from zlib import crc32

SEAL_BYTES: Final = 4


class Unreadable(Exception):
    """The file is not a ledger any more; what can be done is to put it aside and salvage what is left."""


def seal(value: bytes) -> bytes:
    """The checksum of `value`."""
    return crc32(value).to_bytes(SEAL_BYTES, "big")


def row_seal(seq: int, row: bytes) -> bytes:
    """The checksum of `row`, at its place in the stream: elsewhere it would be believed a second time."""
    return seal(seq.to_bytes(8, "big") + row)


def sealed(value: bytes) -> bytes:
    """`value` with its checksum."""
    return value + seal(value)


def opened(kept: bytes) -> bytes:
    """The value that was sealed. Raises `Unreadable`."""
    value = kept[:-SEAL_BYTES]
    if len(kept) < SEAL_BYTES or sealed(value) != kept:
        raise Unreadable("a value of the ledger's own has been altered")
    return value
