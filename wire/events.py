"""The rows of a ledger: what can happen at an exit, as frozen structs.

A row is encoded once, when it is written to the device's ledger. Those bytes travel, are chained and are kept, so a row stands
alone: it repeats what its neighbours say (compression takes that away again) and never refers to them.
"""

from enum import IntEnum
from typing import Annotated, Final, NewType

import msgspec

DeviceId = NewType("DeviceId", str)
"""`[a-z0-9-]{8,32}`, given by the server at enrolment."""
Seq = NewType("Seq", int)
"""Place of a row in its stream: gap-free from 1, never reused."""
StreamId = NewType("StreamId", bytes)
"""16 random bytes born with each ledger file."""
BootId = NewType("BootId", bytes)
"""16 bytes that name one start of the device's kernel."""
Link = NewType("Link", bytes)
"""32 bytes: a state of the hash chain (see `wire.chain`)."""
Millis = NewType("Millis", int)
"""A duration or a reading of a clock in milliseconds."""

ID_BYTES: Final = 16
DONT_KNOW: Final = -1
"""Value of an answer that said «не знаю»: counted and shown, never averaged."""
NOT_APPLICABLE: Final = -2
"""Value of an answer that said «мене не стосується»: counted and shown, never averaged."""
HIGHEST_POINT: Final = 10
"""Scales run from 0 or 1 to at most 10."""
DAY_MS: Final = 86_400_000


class Input(IntEnum):
    """By which channel an answer came. Channels are never pooled without saying so."""

    TOUCH = 1
    BUTTON = 2
    SPEECH = 3
    WEB = 4
    INTERVIEWER = 5
    PHONE = 6
    PAPER = 7
    SENSOR = 8
    """No visitor's doing: a door counter."""


Identifier = Annotated[bytes, msgspec.Meta(min_length=ID_BYTES, max_length=ID_BYTES)]
KEY_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,63}$(?!\n)"
LANGUAGE_PATTERN: Final = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$(?!\n)"
Key = Annotated[str, msgspec.Meta(pattern=KEY_PATTERN)]
Language = Annotated[str, msgspec.Meta(pattern=LANGUAGE_PATTERN)]
# In a row the spelling is checked by `wire.codec`, once for each new word: here it would cost more than all the rest of the row.
RowKey = Annotated[str, msgspec.Meta(min_length=1, max_length=64, extra_json_schema={"pattern": KEY_PATTERN})]
RowLanguage = Annotated[str, msgspec.Meta(min_length=2, max_length=12, extra_json_schema={"pattern": LANGUAGE_PATTERN})]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Clock64 = Annotated[int, msgspec.Meta(ge=-(2**52), le=2**52)]
Since = Annotated[int, msgspec.Meta(ge=0, le=2**52)]


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What every row says. Times are milliseconds; see `wire.events.at` for the instant they make.

    `questionnaire` is the version the visitor saw, `item` the item's key, `boot`, `visit` and `dt` the device's monotonic clock:
    `visit` is its reading at the visit's first touch and, with device and boot, the name of the visit; `dt` is how long after it
    this row happened. `wall_offset` is wall clock minus monotonic clock at that moment, `synchronised` whether a time source
    vouched for it.
    """

    questionnaire: Count
    item: RowKey
    language: RowLanguage
    input: Annotated[int, msgspec.Meta(ge=0, le=99)]
    boot: Identifier
    wall_offset: Clock64
    synchronised: bool
    visit: Since
    dt: Annotated[int, msgspec.Meta(ge=0, le=7 * DAY_MS)]


class Answer(Row, frozen=True, array_like=True, gc=False, tag=1):
    """A visitor answered `item` with `value`: a scale point, `DONT_KNOW` or `NOT_APPLICABLE`."""

    value: Annotated[int, msgspec.Meta(ge=NOT_APPLICABLE, le=HIGHEST_POINT)]


class Retract(Row, frozen=True, array_like=True, gc=False, tag=2):
    """The visitor took back what this visit had answered to `item` until now."""


class Left(Row, frozen=True, array_like=True, gc=False, tag=3):
    """`item` was shown within the visit and got no answer."""


class Passage(Row, frozen=True, array_like=True, gc=False, tag=4):
    """`count` people passed the door named by `item` within the `dt` milliseconds from `visit` on."""

    count: Count


class Flag(Row, frozen=True, array_like=True, gc=False, tag=5):
    """Something about this visit deserves doubt (`rapid`, `burst`, `run`, `stuck`, `closed`). It marks, it never deletes."""

    reason: RowKey


Event = Answer | Retract | Left | Passage | Flag


def at(row: Row) -> int:
    """Milliseconds since the Unix epoch at which `row` happened, by the device's own wall clock."""
    return row.visit + row.dt + row.wall_offset
