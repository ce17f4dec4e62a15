"""The whole server, running: what staff change reaches a connected device, and the door hands out the speech it names."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
import requests

from sync_server.gateway.door import FETCHING
from tests.support.server import Line, Server
from tests.support.waiting import until
from wire import codec
from wire.envelopes import Clock, Config, Health, Hello
from wire.speech import Pack, clip_name

BOOT = bytes(range(16))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    server.exit = server.set_up()  # type: ignore[attr-defined]
    server.start()
    until(lambda: len(server.query("SELECT 1 FROM fleet_speechpack")) == 3, "uk, en and the court's name are spoken", seconds=180)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def line(server: Server) -> Iterator[Line]:
    line = server.enrolled(server.exit, "kiosk-one-1")  # type: ignore[attr-defined]
    yield line
    line.close()


@pytest.fixture
def connected(line: Line) -> Iterator[Line]:
    yield line.connect()
    line.close()


def clock() -> Clock:
    return Clock(BOOT, 3_600_000, int(datetime.now(UTC).timestamp() * 1000), True)


def hello(config: int) -> Hello:
    return Hello(1, bytes(16), 1, 1, config, clock(), "test")


def health(config: int) -> Health:
    return Health(1, clock(), 60, 0, 0, 10**9, "test", config)


def config_of(line: Line) -> Config:
    """The next configuration that was sent to it now, not kept for it by the broker."""
    while (heard := line.next("config")).retained:
        pass
    return codec.decode_config(codec.decode_signed_config(heard.content_type, heard.payload).document)


def url(server: Server, digest: str) -> str:
    return f"https://localhost:{server.ports['door']}/speech/{digest}"


def fetch(server: Server, line: Line, digest: str) -> requests.Response:
    return requests.get(url(server, digest), verify=line.files()["ca_certs"], timeout=60)


def a_digest(server: Server) -> str:
    """The largest pack there is."""
    return str(server.query("SELECT hex(digest) FROM fleet_speechpack ORDER BY size DESC LIMIT 1")[0][0]).lower()


def set_court(server: Server, text: str) -> None:
    file = server.folder / "court.toml"
    file.write_text(text, encoding="utf-8")
    server.command("set-court", "court", "--file", str(file))


def test_a_device_that_connects_is_told_what_it_can_say_and_where_to_fetch_it(server: Server, connected: Line) -> None:
    connected.send("up", hello(0))
    config = config_of(connected)
    assert config.door == f"https://localhost:{server.ports['door']}"
    assert [pack.language for pack in config.speech] == ["uk", "uk", "en"]
    for pack in config.speech:
        got = fetch(server, connected, pack.digest.hex())
        assert (got.status_code, len(got.content), sha256(got.content).digest()) == (200, pack.size, pack.digest)
        assert "immutable" in got.headers["Cache-Control"]
    file = server.folder / "fetched.zip"
    file.write_bytes(fetch(server, connected, config.speech[0].digest.hex()).content)
    with file.open("rb") as opened:
        speech = Pack(opened)
        asked = config.questionnaire.items[0].text["uk"]
        assert speech.samples(clip_name("uk", asked))


def test_what_staff_change_reaches_a_connected_device_with_its_next_report(server: Server, connected: Line) -> None:
    connected.send("up", hello(0))
    before = config_of(connected)
    connected.send("health", health(before.version))
    set_court(server, 'languages = ["uk", "en", "pl"]\n[timings]\nquestion = 44\n')
    connected.send("health", health(before.version))
    after = config_of(connected)
    assert after.version > before.version, "and the report of a device that held the one in force was not answered"
    assert (after.languages, after.timings.question) == (["uk", "en", "pl"], 44_000)


def test_speech_for_what_was_changed_is_made_and_told_without_being_asked_for(server: Server, connected: Line) -> None:
    set_court(server, 'languages = ["uk", "ro"]\n')
    until(lambda: server.query("SELECT 1 FROM fleet_speechpack WHERE language = 'ro'"), "Romanian is spoken", seconds=180)
    connected.send("health", health(0))
    assert "ro" in [pack.language for pack in config_of(connected).speech]


@pytest.mark.parametrize(
    "digest", ["0" * 64, "A" * 64, "0" * 63, "../server.sqlite3", "..%2f..%2fserver.toml", "", f"{'0' * 64}.zip"]
)
def test_what_is_no_speech_is_not_handed_out(server: Server, line: Line, digest: str) -> None:
    assert fetch(server, line, digest).status_code == 404


def test_the_door_hands_out_and_takes_nothing(server: Server, line: Line) -> None:
    got = requests.post(url(server, a_digest(server)), data=b"x", verify=line.files()["ca_certs"], timeout=60)
    assert got.status_code == 405


class Slow:
    """A device that asks for a pack and reads no more than the head of the answer."""

    def __init__(self, server: Server, line: Line, digest: str) -> None:
        context = ssl.create_default_context(cafile=line.files()["ca_certs"])
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(60)
        plain.connect(("127.0.0.1", server.ports["door"]))
        self.line = context.wrap_socket(plain, server_hostname="localhost")
        self.line.sendall(f"GET /speech/{digest} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.answer = self.line.recv(64)

    def close(self) -> None:
        self.line.close()


def test_devices_that_break_off_leave_room_for_the_next(server: Server, line: Line) -> None:
    digest = a_digest(server)
    for _ in range(3 * FETCHING):
        slow = Slow(server, line, digest)
        slow.close()
    until(lambda: fetch(server, line, digest).status_code == 200, "speech is handed out again")


def test_while_packs_are_fetched_a_device_can_enrol(server: Server, line: Line, tmp_path: Path) -> None:
    digest = a_digest(server)
    crowd = [Slow(server, line, digest) for _ in range(8)]
    try:
        newcomer = server.enrolled(server.exit, "kiosk-two-2")  # type: ignore[attr-defined]
        assert (newcomer.identity / "certificate.pem").exists()
    finally:
        for slow in crowd:
            slow.close()
