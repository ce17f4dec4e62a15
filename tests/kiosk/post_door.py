"""A server's door that takes devices' messages over real HTTPS, checks their signatures, and can be bent."""

import base64
import http.server
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.kiosk.authority import Authority
from tests.kiosk.https_listener import HttpsListener
from wire import chain
from wire.topics import SIGNATURE


class Posted(NamedTuple):
    """A message whose signature was right, and the connection it came by."""

    path: str
    content_type: str
    body: bytes
    port: int


Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


class PostDoor(HttpsListener):
    """Listens on loopback. `answers` are (content type, body) by leaf; `bent` answers in their place while it is set."""

    def __init__(self, folder: Path, authority: Authority, key: bytes) -> None:
        self.posted: list[Posted] = []
        self.faults: list[str] = []
        self.answers: dict[str, tuple[str, bytes]] = {}
        self.bent: Answer | None = None
        verify = Ed25519PublicKey.from_public_bytes(key).verify
        door = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                _, kind, device, leaf = self.path.split("/")
                content_type = self.headers["Content-Type"]
                try:
                    assert kind == "device"
                    signature = base64.b64decode(self.headers[SIGNATURE], validate=True)
                    verify(signature, chain.request_statement(device, leaf, content_type, body))
                except Exception as fault:
                    door.faults.append(repr(fault))
                door.posted.append(Posted(self.path, content_type, body, self.client_address[1]))
                if door.bent is not None:
                    door.bent(self)
                else:
                    answer(self, 200, *door.answers[leaf])

            def log_message(self, *_: object) -> None: ...

        super().__init__(folder, authority, Handler)


def answer(handler: http.server.BaseHTTPRequestHandler, status: int, content_type: str, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
