"""The HTTPS link against a real HTTPS server, which looks at every signature."""

import contextlib
import http.server
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kiosk.core.ports import Delivered, LinkUp, Message
from kiosk.identity import Identity, load
from kiosk.links import https
from kiosk.links.https import NOT_AUTHORISED, NOT_DELIVERED, QUEUED, HttpsLink
from tests.kiosk.authority import Authority
from tests.kiosk.post_door import Answer, PostDoor, answer
from tests.kiosk.test_mqtt import Ear
from tests.support.waiting import until
from wire.codec import PLAIN, encode
from wire.envelopes import MAX_BYTES, Ack, Bundle, Downward
from workbench.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
DEVICE = "kiosk-https-1"
ACK = Ack(1, b"e" * 16, b"s" * 16, 5, 5, 8, 0)


class Place:
    """A device, a door, and what the device's link has said."""

    def __init__(self, folder: Path, *, days: tuple[int, int] = (-1, 30)) -> None:
        authority = Authority.make()
        key = authority.give_identity(folder, DEVICE, port=1)
        authority.days = days
        self.door = PostDoor(folder / "door", authority, key)
        self.door.answers = {"up": encode(ACK), "health": encode(Bundle(1)), "result": encode(Bundle(1))}
        self.who: Identity = load(folder)
        self.reports: list[str] = []
        self.ear = Ear()
        self.vouched = True
        self.link = self.to(self.door.address)

    def to(self, door: str, *, ca: Path | None = None) -> HttpsLink:
        return HttpsLink(
            door,
            self.who.device,
            signer=self.who.signer,
            ca=ca or self.who.ca,
            clock_vouched=lambda: self.vouched,
            report=self.reports.append,
        )

    def open(self, link: HttpsLink | None = None) -> HttpsLink:
        link = link or self.link
        link.open(self.ear.said.put)
        self.ear.hear(LinkUp)
        return link


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    yield found
    found.link.close()
    found.door.close()


def test_a_batch_goes_up_signed_and_its_acknowledgement_comes_down(place: Place) -> None:
    place.open()
    token = place.link.publish("up", "vidhuk/1+z", b"rows")
    assert place.ear.hear(Message) == Message("down", *encode(ACK))
    assert place.ear.hear(Delivered) == Delivered(token, 0)
    (posted,) = place.door.posted
    assert posted[:3] == (f"/device/{DEVICE}/up", "vidhuk/1+z", b"rows")
    assert place.door.faults == []


def test_what_waits_for_the_device_comes_down_with_the_answer_to_its_report(place: Place) -> None:
    place.door.answers["health"] = encode(Bundle(1, [Downward("config", PLAIN, b"signed"), Downward("command", PLAIN, b"do")]))
    place.open()
    token = place.link.publish("health", PLAIN, b"well")
    assert place.ear.hear(Message) == Message("config", PLAIN, b"signed")
    assert place.ear.hear(Message) == Message("command", PLAIN, b"do")
    assert place.ear.hear(Delivered) == Delivered(token, 0)


def test_messages_go_in_order_over_one_connection_and_each_is_answered(place: Place) -> None:
    place.open()
    tokens = [place.link.publish("up", PLAIN, bytes([number])) for number in range(8)]
    assert [place.ear.hear(Delivered).token for _ in tokens] == tokens
    assert [posted.body for posted in place.door.posted] == [bytes([number]) for number in range(8)]
    assert len({posted.port for posted in place.door.posted}) == 1


@pytest.mark.parametrize(
    ("status", "reason"), [(401, NOT_AUTHORISED), (403, NOT_AUTHORISED), (503, NOT_DELIVERED), (500, NOT_DELIVERED)]
)
def test_a_refusal_is_not_delivered_and_said_in_words_if_it_is_ours_to_mend(place: Place, status: int, reason: int) -> None:
    body = msgspec.json.encode({"error": "revoked", "text": "The identity has been withdrawn. Enrol the device anew."})
    place.door.bent = lambda handler: answer(handler, status, "application/json", body)
    place.open()
    token = place.link.publish("up", PLAIN, b"rows")
    assert place.ear.hear(Delivered) == Delivered(token, reason)
    said = ["The server's door refuses this device (revoked). The identity has been withdrawn. Enrol the device anew."]
    assert place.reports == (said if status < 500 else [])


def test_something_else_at_the_door_is_no_delivery(place: Place) -> None:
    place.door.bent = lambda handler: answer(handler, 404, "text/html", b"<h1>Lost?</h1>")
    place.open()
    place.link.publish("up", PLAIN, b"rows")
    assert place.ear.hear(Delivered).reason == NOT_AUTHORISED
    assert "HTTP 404" in place.reports[0]
    assert "no Vidhuk server" in place.reports[0]


def _cut_off(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.close_connection = True


def _redirect(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "https://elsewhere.example/")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


@pytest.mark.parametrize(
    "bent",
    [
        lambda handler: answer(handler, 200, PLAIN, b"\xff\xff"),
        lambda handler: answer(handler, 200, "text/html", b"<h1>Sign in to the network</h1>"),
        lambda handler: setattr(handler, "close_connection", True),
        _redirect,
    ],
    ids=["nonsense", "captive-portal", "hung-up", "redirect"],
)
def test_an_answer_that_makes_no_sense_is_no_delivery_and_the_next_message_is_sent_all_the_same(place: Place, bent: object) -> None:
    place.door.bent = bent  # type: ignore[assignment]
    place.open()
    first = place.link.publish("health", PLAIN, b"well")
    assert place.ear.hear(Delivered) == Delivered(first, NOT_DELIVERED)
    place.door.bent = None
    second = place.link.publish("health", PLAIN, b"well")
    assert place.ear.hear(Delivered) == Delivered(second, 0)


def test_half_an_acknowledgement_is_none(place: Place) -> None:
    place.door.bent = _cut_off
    place.open()
    token = place.link.publish("up", PLAIN, b"rows")
    event = place.ear.said.get(timeout=60)
    assert event == Delivered(token, NOT_DELIVERED)


def test_nobody_at_the_door_is_not_delivered(place: Place) -> None:
    link = place.open(place.to(f"https://127.0.0.1:{free_port()}"))
    token = link.publish("up", PLAIN, b"rows")
    assert place.ear.hear(Delivered) == Delivered(token, NOT_DELIVERED)
    link.close()


def test_a_door_that_says_nothing_is_given_up_and_closing_does_not_wait_for_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "PATIENCE_S", (5.0, 0.3))
    silent = threading.Event()
    place.door.bent = lambda handler: setattr(handler, "close_connection", silent.wait(60))
    place.open()
    token = place.link.publish("up", PLAIN, b"rows")
    assert place.ear.hear(Delivered) == Delivered(token, NOT_DELIVERED)
    monkeypatch.setattr(https, "PATIENCE_S", (5.0, 60.0))
    place.link.publish("up", PLAIN, b"rows")
    until(lambda: len(place.door.posted) == 2, "the second is at the door")
    place.link.close()
    silent.set()
    assert place.ear.said.empty(), "what comes after closing is not heard of"


def _trickle_headers(handler: http.server.BaseHTTPRequestHandler) -> None:
    _trickle(handler, b"HTTP/1.1 200 OK\r\nX-Filler: ")


def _trickle_body(handler: http.server.BaseHTTPRequestHandler) -> None:
    _trickle(handler, b"HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n")


def _trickle(handler: http.server.BaseHTTPRequestHandler, begin: bytes) -> None:
    """A byte now and then, for as long as anybody listens."""
    handler.close_connection = True
    with contextlib.suppress(OSError):
        handler.wfile.write(begin)
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.02)


@pytest.mark.parametrize("bent", [_trickle_headers, _trickle_body])
def test_an_answer_that_trickles_is_given_up_and_leaves_no_thread_behind(
    place: Place, monkeypatch: pytest.MonkeyPatch, bent: Answer
) -> None:
    monkeypatch.setattr(https, "PATIENCE_S", (5.0, 0.5))
    place.door.bent = bent
    before = set(threading.enumerate())
    place.open()
    token = place.link.publish("up", PLAIN, b"rows")
    assert place.ear.hear(Delivered) == Delivered(token, NOT_DELIVERED)
    for number in range(3):  # as the line does with a link that owes an answer
        place.link.publish("up", PLAIN, b"rows")
        until(lambda wanted=number + 2: len(place.door.posted) == wanted, "it is at the door")  # type: ignore[misc]
        place.open()
    place.link.close()
    until(
        lambda: not [thread for thread in set(threading.enumerate()) - before if thread.name == "https"], "no thread is left behind"
    )


def test_a_server_of_another_ca_gets_nothing(place: Place, tmp_path: Path) -> None:
    other = Authority.make("another CA").server_files(tmp_path)[0]
    link = place.open(place.to(place.door.address, ca=other))
    token = link.publish("up", PLAIN, b"rows")
    assert place.ear.hear(Delivered) == Delivered(token, NOT_DELIVERED)
    assert place.door.posted == []
    link.close()


def test_the_certificates_that_the_system_trusts_are_not_trusted(place: Place) -> None:
    """requests would add its own bundle if it were not told what to believe."""
    session = place.link._session()
    context = session.get_adapter("https://x").poolmanager.connection_pool_kw["ssl_context"]
    place.open()
    place.link.publish("up", PLAIN, b"rows")
    place.ear.hear(Delivered)
    assert [found["subject"] for found in context.get_ca_certs()] == [((("commonName", "test CA"),),)]
    assert session.verify == str(place.who.ca)
    assert not session.trust_env


@pytest.mark.parametrize("vouched", [True, False])
def test_a_clock_that_nobody_vouches_for_does_not_keep_the_device_out(tmp_path: Path, vouched: bool) -> None:
    place = Place(tmp_path, days=(-300, -200))
    place.vouched = vouched
    place.open()
    place.link.publish("up", PLAIN, b"rows")
    assert place.ear.hear(Delivered).reason == (NOT_DELIVERED if vouched else 0)
    place.link.close()
    place.door.close()


def test_more_than_a_window_is_not_taken_nor_what_is_too_large(place: Place) -> None:
    assert place.link.publish("up", PLAIN, b"rows") is None, "not open yet"
    held = threading.Event()
    place.door.bent = lambda handler: held.wait(60) and answer(handler, 200, *encode(ACK))
    place.open()
    taken = 0
    while place.link.publish("up", PLAIN, b"rows") is not None:
        taken += 1
    assert QUEUED <= taken <= QUEUED + 1
    held.set()
    for _ in range(taken):
        place.ear.hear(Delivered)
    assert place.link.publish("up", PLAIN, b"x" * (MAX_BYTES + 1)) is None
    assert place.link.publish("up", PLAIN, b"x" * MAX_BYTES) is not None
    place.link.close()
    assert place.link.publish("up", PLAIN, b"rows") is None


def test_it_may_be_opened_again(place: Place) -> None:
    place.open()
    place.link.publish("up", PLAIN, b"rows")
    place.ear.hear(Delivered)
    place.open()
    token = place.link.publish("up", PLAIN, b"rows")
    assert place.ear.hear(Delivered, lambda event: event.token == token).reason == 0


def test_requests_is_not_loaded_before_it_is_needed() -> None:
    """It costs 8 MiB, and most devices never need it."""
    script = "import sys, kiosk.device, kiosk.device.outside, kiosk.workers.sync; print('requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_port_where_nothing_speaks_tls_is_no_delivery(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def hang_up() -> None:
            connection, _ = plain.accept()
            connection.sendall(b"220 mail.example ESMTP\r\n")
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        link = place.open(place.to(f"https://127.0.0.1:{plain.getsockname()[1]}"))
        token = link.publish("up", PLAIN, b"rows")
        assert place.ear.hear(Delivered) == Delivered(token, NOT_DELIVERED)
        link.close()
