"""A server's door for devices: a real HTTPS server that enrols whoever comes."""

import http.server
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.kiosk.authority import Authority, configuration, encoded, pem
from tests.kiosk.https_listener import HttpsListener
from wire.codec import decode_enrol_request, encode_enrolment
from wire.envelopes import EnrolAnswer

DEVICE = "kiosk-enrol-1"
CODE = "ABCDE-12345"


class Door(HttpsListener):
    """Listens on loopback. What it answers can be bent by the test."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.make()
        self.offered = pem(self.authority.certificate)
        self.asked: list[str] = []
        self.refusal: tuple[int, bytes] | None = None
        self.other_key = False
        self.device = DEVICE
        self.common_name: str | None = None
        self.config_by = self.authority
        self.config_for: str | None = None
        self.issuer = self.authority
        door = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200, door.offered)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(*(door.refusal or (200, door.answer(body))))

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", body.decode())
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        super().__init__(folder, self.authority, Handler)

    def answer(self, body: bytes) -> bytes:
        request = decode_enrol_request(body)
        self.asked.append(request.code)
        key = x509.load_pem_x509_csr(request.request.encode()).public_key()
        given = Ed25519PrivateKey.generate().public_key() if self.other_key else key
        return encode_enrolment(
            EnrolAnswer(
                1,
                self.device,
                pem(self.issuer.issue(self.common_name or self.device, given)).decode(),
                "broker.example",
                8883,
                self.authority.config_key.public_key().public_bytes_raw(),
                encoded(self.config_by.sign(self.config_for or self.device, configuration())),
            )
        )
