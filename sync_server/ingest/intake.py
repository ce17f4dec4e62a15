"""What arrives, examined without a database: is it ours, is it whole, did that device sign it, which rows can be read?

Everything here may run outside the transaction. It never raises for what a device has sent; it says what is wrong with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wire import chain, codec
from wire.codec import WireError
from wire.envelopes import Batch, Hello
from wire.events import Event, Link, StreamId


class Received(NamedTuple):
    """A message as a door took it in: from which device (the transport has made sure), in which form, when (ms since the epoch)."""

    device: str
    content_type: str | None
    data: bytes
    at: int


class DeviceKey(NamedTuple):
    """What is known of a sender: its number here and its key; `revoked` devices are heard no more. Nothing that it tells happened
    before `earliest` (ms since the epoch).
    """

    id: int
    public_key: bytes
    revoked: bool
    earliest: int


@dataclass(frozen=True, slots=True)
class Sound:
    """A batch that is whole and signed. `events[i]` is the i-th row, or why it cannot be read; `links[i]` the chain after it."""

    received: Received
    device_id: int
    earliest: int
    batch: Batch
    events: list[Event | WireError]
    links: list[Link]
    first: int
    last: int

    @property
    def head(self) -> Link:
        """State of the chain after the last row."""
        return self.links[-1]


@dataclass(frozen=True, slots=True)
class Greeted:
    """A device that has just connected."""

    received: Received
    device_id: int
    earliest: int
    hello: Hello


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that cannot be taken: why, in one word and in a sentence; `stream` where it could still be read."""

    received: Received
    reason: str
    text: str
    device_id: int | None = None
    stream: bytes | None = None


def examine(received: Received, keys: Mapping[str, DeviceKey]) -> Sound | Greeted | Refused:
    """What `received` turns out to be. `keys` holds the known devices by name."""
    key = keys.get(received.device)
    if key is None:
        return Refused(received, "unknown-device", f"no device is called {received.device!r}")
    try:
        message = codec.decode_upward(received.content_type, received.data)
    except WireError as fault:
        return Refused(received, fault.reason, str(fault), key.id)
    if key.revoked:
        return Refused(received, "revoked", "this device's identity has been withdrawn", key.id, message.stream)
    if isinstance(message, Hello):
        return Greeted(received, key.id, key.earliest, message)
    stream = StreamId(message.stream)
    links = chain.links(Link(message.previous), message.rows)
    statement = chain.batch_statement(stream, message.first, len(message.rows), links[-1])
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(message.signature, statement)
    except (InvalidSignature, ValueError):
        return Refused(received, "wrong-signature", "the batch is not signed by this device's key", key.id, message.stream)
    last = message.first + len(links) - 1
    return Sound(received, key.id, key.earliest, message, [_read(row) for row in message.rows], links, message.first, last)


def _read(row: bytes) -> Event | WireError:
    try:
        return codec.decode_event(row)
    except WireError as fault:
        return fault
