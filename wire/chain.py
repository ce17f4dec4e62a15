"""The hash chain over encoded rows, and the exact bytes that devices and the server sign.

chain(n) = SHA-256(chain(n - 1) ‖ row n), and chain(0) is drawn from the stream's id, so no two streams share a state.
Nothing here signs: a Signer does, with these bytes.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from wire.events import Link, StreamId

_ORIGIN: Final = b"vidhuk/1 chain\0"
_BATCH: Final = b"vidhuk/1 batch\0"
_REQUEST: Final = b"vidhuk/1 request\0"
_CONFIG: Final = b"vidhuk/1 config\0"


def origin(stream: StreamId) -> Link:
    """State of the chain before a stream's first row."""
    return Link(sha256(_ORIGIN + stream).digest())


def link(previous: Link, row: bytes) -> Link:
    """State of the chain after `row`."""
    return Link(sha256(previous + row).digest())


def links(previous: Link, rows: Iterable[bytes]) -> list[Link]:
    """States after each of `rows`, in order; the last is the head."""
    states: list[Link] = []
    state: bytes = previous
    for row in rows:
        state = sha256(state + row).digest()
        states.append(Link(state))
    return states


def batch_statement(stream: StreamId, first: int, count: int, head: Link) -> bytes:
    """The bytes a device signs for rows `first` … `first + count - 1`, whose last chain state is `head`."""
    return _BATCH + stream + first.to_bytes(8, "big") + count.to_bytes(4, "big") + head


def config_statement(device: str, document: bytes) -> bytes:
    """The bytes the server signs for a configuration meant for `device` and for no other."""
    return _CONFIG + device.encode() + b"\0" + sha256(document).digest()


def request_statement(device: str, leaf: str, content_type: str, body: bytes) -> bytes:
    """The bytes a device signs for a message that goes up by HTTPS, where no client certificate says whose it is."""
    return _REQUEST + b"\0".join((device.encode(), leaf.encode(), content_type.encode())) + b"\0" + sha256(body).digest()
