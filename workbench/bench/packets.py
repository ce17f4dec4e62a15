"""Just enough of MQTT 5 to publish bytes made beforehand: a publisher as costly as what it feeds would measure itself."""

import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9
CONTENT_TYPE: Final = 0x03
RECEIVE_MAXIMUM: Final = 0x21
READ: Final = 65536


def connect(client_id: str) -> bytes:
    """CONNECT with a clean start."""
    body = _text("MQTT") + bytes([5, 0b10]) + struct.pack(">H", 600) + b"\0" + _text(client_id)
    return _packet(0x10, body)


def subscribe(topic: str) -> bytes:
    """SUBSCRIBE at QoS 0."""
    return _packet(0x82, struct.pack(">H", 1) + b"\0" + _text(topic) + b"\0")


def publish(topic: str, number: int, content_type: str, payload: bytes) -> bytes:
    """PUBLISH at QoS 1. `number` is the packet id, 1 to 65535."""
    properties = bytes([CONTENT_TYPE]) + _text(content_type)
    return _packet(0x32, _text(topic) + struct.pack(">H", number) + _length(len(properties)) + properties + payload)


def payload_of(body: bytes) -> bytes:
    """Payload of a PUBLISH that came at QoS 0."""
    topic = 2 + int.from_bytes(body[:2], "big")
    properties, start = _read_length(body, topic)
    return body[start + properties :]


class Stream:
    """A TLS connection to a broker as a stream of packets."""

    def __init__(self, host: str, port: int, *, ca: Path, certificate: Path, key: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca)
        context.load_cert_chain(certificate, key)
        plain = socket.create_connection((host, port), timeout=30)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname=host)
        self._held = bytearray()

    def send(self, data: bytes) -> None:
        """Sends all of `data`."""
        self.socket.sendall(data)

    def receive(self) -> list[tuple[int, bytes]]:
        """Waits, and returns the whole packets that have come as (kind, body). Raises `OSError` when the other side is gone."""
        data = self.socket.recv(READ)
        if not data:
            raise ConnectionError("the broker has closed the connection")
        self._held += data
        return list(self._whole())

    def _whole(self) -> Iterator[tuple[int, bytes]]:
        start, held = 0, bytes(self._held)
        while start + 2 <= len(held):
            try:
                length, begin = _read_length(held, start + 1)
            except IndexError:
                break
            if begin + length > len(held):
                break
            yield held[start] >> 4, held[begin : begin + length]
            start = begin + length
        del self._held[:start]

    def close(self) -> None:
        """Ends the connection."""
        self.socket.close()


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _packet(head: int, body: bytes) -> bytes:
    return bytes([head]) + _length(len(body)) + body


def _length(number: int) -> bytes:
    out = bytearray()
    while True:
        number, digit = divmod(number, 128)
        out.append(digit | (128 if number else 0))
        if not number:
            return bytes(out)


def _read_length(data: bytes, place: int) -> tuple[int, int]:
    """(number, place after it)."""
    number = shift = 0
    while True:
        digit = data[place]
        place += 1
        number |= (digit & 127) << shift
        shift += 7
        if not digit & 128:
            return number, place
