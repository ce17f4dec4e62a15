"""Devices that are nothing but their rows: an endless ledger, always the same, from which signed batches are cut."""

from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wire import VERSION, chain, codec
from wire.envelopes import Batch
from wire.events import Answer, BootId, Millis, StreamId

NOON: Final = 1_795_000_000_000 - 1_795_000_000_000 % 86_400_000 + 39_600_000
"""A moment of a day of November 2026, ms since the epoch."""
FIRST_MS: Final = 1_000_000
"""The device's monotonic clock at its first visit; the next come a millisecond apart, so that many fit into an hour."""


class Source:
    """One device's endless ledger, begun at `began` (ms since the epoch): row n is always the same bytes."""

    def __init__(self, name: str, *, key: Ed25519PrivateKey | None = None, began: int = NOON) -> None:
        self.name = name
        self._began = began
        self.key = key or Ed25519PrivateKey.generate()
        self.stream = StreamId(sha256(name.encode()).digest()[:16])
        self._boot = BootId(sha256(b"boot " + name.encode()).digest()[:16])
        self._rows: list[bytes] = []
        self._links = [chain.origin(self.stream)]

    @property
    def public_key(self) -> str:
        """32 bytes in hex."""
        return self.key.public_key().public_bytes_raw().hex()

    def rating(self, seq: int) -> Answer:
        """What row `seq` says: each is a visit of its own."""
        value = 1 + int.from_bytes(sha256(f"{self.name}/{seq}".encode()).digest()[:2], "big") % 5
        return Answer(7, "overall", "uk", 2, self._boot, self._began - FIRST_MS, True, Millis(FIRST_MS + seq), Millis(1), value)

    def ratings(self, last: int) -> list[tuple[int, Answer]]:
        """(seq, what it says) of rows 1 … `last`."""
        return [(seq, self.rating(seq)) for seq in range(1, last + 1)]

    def row(self, seq: int) -> bytes:
        """Row `seq`, encoded."""
        while len(self._rows) < seq:
            self._rows.append(codec.encode_event(self.rating(len(self._rows) + 1)))
            self._links.append(chain.link(self._links[-1], self._rows[-1]))
        return self._rows[seq - 1]

    def link(self, seq: int) -> bytes:
        """The chain's state after row `seq`."""
        self.row(max(1, seq))
        return self._links[seq]

    def batch(self, first: int, count: int) -> tuple[str, str, bytes]:
        """(device, content type, data) of rows `first` … `first + count - 1`, signed."""
        rows = [self.row(seq) for seq in range(first, first + count)]
        signature = self.key.sign(chain.batch_statement(self.stream, first, count, self._links[first - 1 + count]))
        content_type, data = codec.encode(Batch(VERSION, self.stream, first, self._links[first - 1], rows, signature))
        return self.name, content_type, data
