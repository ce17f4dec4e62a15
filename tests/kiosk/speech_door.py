"""A server's door that hands out speech packs over real HTTPS, and can be bent."""

import http.server
from collections.abc import Callable
from pathlib import Path

from tests.kiosk.authority import Authority
from tests.kiosk.https_listener import HttpsListener

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


class SpeechDoor(HttpsListener):
    """Listens on loopback. `packs` are contents by path; `bent` answers in their place while it is set."""

    def __init__(self, folder: Path, authority: Authority | None = None) -> None:
        self.packs: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.bent: Answer | None = None
        door = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                door.asked.append(self.path)
                if door.bent is not None:
                    door.bent(self)
                elif (content := door.packs.get(self.path)) is None:
                    answer(self, 404, b"")
                else:
                    answer(self, 200, content)

            def log_message(self, *_: object) -> None: ...

        super().__init__(folder, authority or Authority.make(), Handler)

    def offer(self, path: Path) -> None:
        """Hands out the pack in the file at `path`, which is named by its digest."""
        self.packs[f"/speech/{path.stem}"] = path.read_bytes()


def answer(handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes, *, promised: int | None = None) -> None:
    handler.send_response(status)
    if status == 302:
        handler.send_header("Location", body.decode())
    handler.send_header("Content-Length", str(len(body) if promised is None else promised))
    handler.end_headers()
    handler.wfile.write(body)
