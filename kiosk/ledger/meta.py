"""What a ledger knows of itself beside its rows: sealed values in the table `meta`, written in the transaction they belong to."""

import sqlite3
from typing import Final, NamedTuple, TypeVar

import msgspec

from kiosk.core.progress import Progress
from kiosk.ledger.pasts import Past
from kiosk.ledger.salvage import Salvage
from kiosk.ledger.sealing import Unreadable, opened, sealed
from wire.events import ID_BYTES, StreamId

T = TypeVar("T")


class Pruned(NamedTuple):
    """The last row that was deleted, and the chain after it."""

    seq: int = 0
    link: bytes = b""


class Facts(NamedTuple):
    """All of it. `pasts` wait to be taken over, `salvage` is under way; `kept` has for each salvaged file the row after all that
    was taken over from it. `behind` rows stayed behind with earlier streams, as backups hold them; None in the first stream.
    `moved` is the last row that was taken over, None where the stream began before that was written down.
    """

    stream: StreamId
    progress: Progress
    pruned: Pruned
    pasts: list[Past]
    salvage: Salvage | None
    kept: dict[str, int]
    behind: int | None
    moved: int | None


_pruned: Final[msgspec.msgpack.Decoder[Pruned]] = msgspec.msgpack.Decoder(Pruned)
_progress: Final[msgspec.msgpack.Decoder[Progress]] = msgspec.msgpack.Decoder(Progress)
_pasts: Final[msgspec.msgpack.Decoder[list[Past]]] = msgspec.msgpack.Decoder(list[Past])
_salvage: Final[msgspec.msgpack.Decoder[Salvage]] = msgspec.msgpack.Decoder(Salvage)
_kept: Final[msgspec.msgpack.Decoder[dict[str, int]]] = msgspec.msgpack.Decoder(dict[str, int])
_number: Final[msgspec.msgpack.Decoder[int]] = msgspec.msgpack.Decoder(int)


class Meta:
    """The table `meta` of one ledger. `put` and `forget` belong into the caller's transaction. All raise `sqlite3.Error`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def is_empty(self) -> bool:
        """Whether no stream has begun."""
        return self._get("stream") is None

    def read(self) -> Facts:
        """All of it. Raises `Unreadable`."""
        stream = StreamId(self._get("stream") or b"")
        if len(stream) != ID_BYTES:
            raise Unreadable("the stream's id has the wrong length")
        return Facts(
            stream,
            self._decoded("progress", _progress) or Progress(),
            self.pruned(),
            self._decoded("pasts", _pasts) or [],
            self._decoded("salvage", _salvage),
            self._decoded("kept", _kept) or {},
            self._decoded("behind", _number),
            self._decoded("moved", _number),
        )

    def pruned(self) -> Pruned:
        """What has been deleted. Raises `Unreadable`."""
        return self._decoded("pruned", _pruned) or Pruned()

    def begin(self, stream: StreamId) -> None:
        """The ledger's rows are those of `stream` from now on, and none has been deleted or taken over."""
        self._put("stream", stream)
        self.forget("pruned", "kept")
        self.put(moved=0)

    def put(self, **facts: object) -> None:
        """Facts by their names in `Facts`."""
        for key, value in facts.items():
            self._put(key, msgspec.msgpack.encode(value))

    def forget(self, *keys: str) -> None:
        """Facts that hold no longer."""
        self._connection.executemany("DELETE FROM meta WHERE key = ?", [(key,) for key in keys])

    def _decoded(self, key: str, decoder: msgspec.msgpack.Decoder[T]) -> T | None:
        value = self._get(key)
        try:
            return None if value is None else decoder.decode(value)
        except msgspec.MsgspecError as fault:
            raise Unreadable(f"meta: {key}: {fault}") from fault

    def _get(self, key: str) -> bytes | None:
        found = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return opened(found[0]) if found else None

    def _put(self, key: str, value: bytes) -> None:
        self._connection.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, sealed(value)),
        )
