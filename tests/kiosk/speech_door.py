"""A server's door that hands out speech packs over real HTTPS, and can be bent."""

import http.server
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from tests.kiosk.authority import Authority

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


class SpeechDoor:
    """Listens on loopback. `packs` are contents by path; `bent` answers in their place while it is set."""

    def __init__(self, folder: Path, authority: Authority | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.packs: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.bent: Answer | None = None
        self.ca, certificate, key = (authority or Authority.make()).server_files(folder)
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

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        self.address = f"https://127.0.0.1:{self.server.server_address[1]}"

    def offer(self, path: Path) -> None:
        """Hands out the pack in the file at `path`, which is named by its digest."""
        self.packs[f"/speech/{path.stem}"] = path.read_bytes()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def answer(handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes, *, promised: int | None = None) -> None:
    handler.send_response(status)
    if status == 302:
        handler.send_header("Location", body.decode())
    handler.send_header("Content-Length", str(len(body) if promised is None else promised))
    handler.end_headers()
    handler.wfile.write(body)
