"""The whole server, running: devices on slow or dead lines at the door keep nobody else out."""

import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sync_server.gateway.twin import TAKING
from tests.support.server import Line, Server
from tests.support.waiting import until
from wire import chain, codec
from wire.envelopes import Clock, Hello
from wire.topics import SIGNATURE, door_path

KEEPALIVE = "02:"
"""The kind of timer that runs on a connection, as Linux tells it."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    server.exit = server.set_up()  # type: ignore[attr-defined]
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def line(server: Server) -> Line:
    return server.enrolled(server.exit, "kiosk-slow-1")  # type: ignore[attr-defined, no-any-return]


class Stalled:
    """A device that has sent half of a message, and then nothing more."""

    def __init__(self, server: Server, line: Line) -> None:
        context = ssl.create_default_context(cafile=line.files()["ca_certs"])
        self.line = context.wrap_socket(socket.create_connection(("127.0.0.1", server.ports["door"])), server_hostname="localhost")
        head = f"POST /{door_path(line.device, 'up')} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n"
        self.line.sendall(head.encode() + bytes(1000))

    def close(self) -> None:
        self.line.close()


def greet(server: Server, line: Line) -> requests.Response:
    content_type, data = codec.encode(Hello(1, bytes(16), 1, 1, 0, Clock(bytes(16), 1, 1, False), "test"))
    signature = line.key.sign(chain.request_statement(line.device, "up", content_type, data))
    url = f"https://localhost:{server.ports['door']}/{door_path(line.device, 'up')}"
    headers = {"Content-Type": content_type, SIGNATURE: b64encode(signature).decode()}
    return requests.post(url, data=data, headers=headers, verify=line.files()["ca_certs"], timeout=60)


def test_a_message_over_https_is_answered_with_what_is_stored(server: Server, line: Line) -> None:
    answer = greet(server, line)
    assert answer.status_code == 200
    assert codec.decode_ack(answer.headers["Content-Type"], answer.content).stored_through == 0


def test_while_stalled_devices_fill_all_the_room_there_is_another_can_enrol(server: Server, line: Line) -> None:
    crowd = [Stalled(server, line) for _ in range(TAKING + 4)]
    try:
        until(lambda: greet(server, line).status_code == 503, "there is no room for messages")
        newcomer = server.enrolled(server.exit, "kiosk-new-1")  # type: ignore[attr-defined]
        assert (newcomer.identity / "certificate.pem").exists()
    finally:
        for stalled in crowd:
            stalled.close()
    until(lambda: greet(server, line).status_code == 200, "there is room again")


def test_a_device_that_vanishes_without_a_word_is_noticed(server: Server, line: Line) -> None:
    greet(server, line)
    stalled = Stalled(server, line)
    try:
        own = stalled.line.getsockname()[1]

        def watched() -> bool:
            here, there = f":{server.ports['door']:04X}", f":{own:04X}"
            found = [entry.split() for entry in Path("/proc/net/tcp").read_text().splitlines()]
            timers = [entry[5] for entry in found if entry[1].endswith(here) and entry[2].endswith(there)]
            return any(timer.startswith(KEEPALIVE) for timer in timers)

        until(watched, "the system asks whether the device is still there")
    finally:
        stalled.close()
