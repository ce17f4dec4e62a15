"""A server on loopback that speaks HTTPS with the certificate of a test authority: what the doors of these tests listen with."""

import http.server
import ssl
import threading
from pathlib import Path

from tests.kiosk.authority import Authority


class HttpsListener:
    """Answers with `handler`, each connection in a thread of its own. `ca` is what a client has to believe."""

    def __init__(self, folder: Path, authority: Authority, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ca, certificate, key = authority.server_files(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.address = f"https://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
