"""The whole server, running: who may say what to whom, what is answered, and what happens to nonsense."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from kiosk.errors import EnrolmentError
from kiosk.upkeep.enrolment import enrol
from sync_server.fleet.authority import open_authority
from tests.support.server import Line, Server, stop_all
from tests.support.waiting import until
from tests.sync_server.device import Source
from wire import chain, codec
from wire.envelopes import MAX_BYTES, Clock, Health, Hello
from wire.topics import DEVICE_READS, DEVICE_WRITES, topic

TAKEN = (0, 16)
NOT_AUTHORISED = 0x87
LEAVES = (*DEVICE_WRITES, *DEVICE_READS)
HOUR_MS = 3_600_000


def now() -> datetime:
    return datetime.now(UTC)


class Device:
    """A line, and a ledger to send from it."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.source = Source(line.device, line.key)

    def hello(self, *, config: int = 0) -> Hello:
        monotonic = HOUR_MS
        wall = int(now().timestamp() * 1000)
        clock = Clock(self.source.boot, monotonic, wall, True)
        return Hello(1, self.source.stream, len(self.source.rows) + 1, 1, config, clock, "test")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    exit = server.set_up()
    server.exit = exit  # type: ignore[attr-defined]
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def lines(server: Server) -> Iterator[tuple[Line, Line]]:
    both = [server.enrolled(server.exit, name) for name in ("kiosk-one-1", "kiosk-two-2")]  # type: ignore[attr-defined]
    yield both[0], both[1]
    stop_all(both)


@pytest.fixture
def device(lines: tuple[Line, Line]) -> Iterator[Device]:
    """The first device, connected, with an empty ledger."""
    line = lines[0].connect()
    yield Device(line)
    line.close()


# --- who may ------------------------------------------------------------------------------------------------------------------


def test_a_device_may_write_its_own_leaves_and_nothing_of_another(lines: tuple[Line, Line]) -> None:
    one, two = lines
    one.connect()
    try:
        for leaf in LEAVES:
            code = one.publish(topic(one.device, leaf), b"?")
            assert code in TAKEN if leaf in DEVICE_WRITES else code == NOT_AUTHORISED, leaf
            assert one.publish(topic(two.device, leaf), b"?") == NOT_AUTHORISED, leaf
        for foreign in ("vidhuk/1/gateway/up", "vidhuk/2/kiosk-one-1/up", "vidhuk/1/kiosk-one-1/up/more", "other"):
            assert one.publish(foreign, b"?") not in TAKEN, foreign
    finally:
        one.close()


def test_a_device_hears_its_own_leaves_and_nothing_of_another(server: Server, lines: tuple[Line, Line]) -> None:
    one, two = lines
    spy = Line(one.device, one.identity, one.port)
    spy.connect("#", "vidhuk/1/+/down", "vidhuk/1/#", f"vidhuk/1/{two.device}/down", f"vidhuk/1/{two.device}/config", "$SYS/#")
    two.connect()
    try:
        other = Device(two)
        other.source.rate(5, at=now())
        two.send("up", other.hello())
        two.send("up", other.source.batch())
        two.ack_through(1)
        two.next("config")
        # The broker serves in order: what the spy may hear has come before its own acknowledgement.
        mine = Device(spy)
        spy.send("up", mine.hello())
        told = [spy.next("down")]
        while not spy.heard["down"].empty():
            told.append(spy.next("down"))
        streams = {codec.decode_ack(heard.content_type, heard.payload).stream for heard in told}
        assert streams == {mine.source.stream}, "all that it hears is its own, although it has asked for everything"
        assert {leaf for leaf, heard in spy.heard.items() if not heard.empty()} <= {"down", "config"}
    finally:
        stop_all([spy, two])


@pytest.mark.parametrize("name", ["+", "#", "kiosk/one", "KIOSK-ONE", "short", "x" * 33, "kiosk-one\n", "gateway"])
def test_no_device_can_be_given_a_name_that_opens_topics(server: Server, name: str) -> None:
    said = server.try_command("enrol-code", "--exit", server.exit, "--device", name)  # type: ignore[attr-defined]
    assert said.returncode == 1
    assert "8 to 32 of a-z, 0-9 and '-'" in said.stderr
    assert "Traceback" not in said.stderr


def tls(ca: Path, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def greeted(server: Server, context: ssl.SSLContext | None) -> bool:
    """Whether the broker answers an MQTT 5 CONNECT with success."""
    name = b"kiosk-one-1"
    body = b"\x00\x04MQTT\x05\x02\x00\x3c\x00" + len(name).to_bytes(2, "big") + name
    try:
        plain = socket.create_connection(("127.0.0.1", server.ports["broker"]), timeout=20)
        with plain, context.wrap_socket(plain, server_hostname="localhost") if context else plain as line:
            line.sendall(bytes([0x10, len(body)]) + body)
            answer = line.recv(4)
            return answer[:1] == b"\x20" and answer[3:4] == b"\x00"
    except OSError:
        return False


def test_only_a_certificate_of_our_own_ca_opens_the_broker(server: Server, lines: tuple[Line, Line], tmp_path: Path) -> None:
    identity = lines[0].identity
    ca = identity / "ca.pem"
    assert greeted(server, tls(ca, identity / "certificate.pem", identity / "key.pem"))
    assert not greeted(server, tls(ca)), "without a certificate"
    assert not greeted(server, None), "plain TCP"
    foreign = open_authority(tmp_path / "foreign")
    key = Ed25519PrivateKey.generate()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    pem = request.public_bytes(serialization.Encoding.PEM).decode()
    certificate, _ = foreign.certify_device(pem, "kiosk-one-1", now())
    (tmp_path / "c.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "k.pem").write_bytes(private)
    assert not greeted(server, tls(ca, tmp_path / "c.pem", tmp_path / "k.pem")), "the right name by a foreign CA"
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kiosk-one-1")])
    itself = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .sign(key, None)
    )
    (tmp_path / "c.pem").write_bytes(itself.public_bytes(serialization.Encoding.PEM))
    assert not greeted(server, tls(ca, tmp_path / "c.pem", tmp_path / "k.pem")), "signed by itself"


def test_the_broker_and_the_door_prove_who_they_are_and_speak_no_old_tls(server: Server, lines: tuple[Line, Line]) -> None:
    ca = lines[0].identity / "ca.pem"
    for port in (server.ports["broker"], server.ports["door"]):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
            tls(ca).wrap_socket(plain, server_hostname="127.0.0.1") as line,
        ):
            assert line.version() in ("TLSv1.2", "TLSv1.3")


# --- what is answered ---------------------------------------------------------------------------------------------------------


def test_a_batch_is_acknowledged_and_counted(server: Server, device: Device) -> None:
    server.settle()
    before = server.answers()
    device.source.rate(5, 4, 1, at=now())
    assert device.line.send("up", device.source.batch()) == 0
    ack = device.line.ack_through(3)
    assert (ack.stream, ack.refused, ack.rejected, ack.missing) == (device.source.stream, None, [], [])
    until(lambda: server.answers() == before + 3, "the tallies follow")


def test_a_greeting_is_answered_even_when_nothing_is_new(device: Device) -> None:
    for _ in range(2):
        device.line.send("up", device.hello())
        heard = device.line.next("down")
        assert not heard.retained
        assert codec.decode_ack(heard.content_type, heard.payload).stored_through == 0


def test_the_configuration_is_sent_signed_to_a_device_that_holds_another(device: Device) -> None:
    device.line.send("up", device.hello(config=0))
    heard = device.line.next("config")
    while heard.retained:  # what the broker still had for it from before
        heard = device.line.next("config")
    signed = codec.decode_signed_config(heard.content_type, heard.payload)
    config = codec.decode_config(signed.document)
    statement = chain.config_statement(device.line.device, signed.document)
    about = msgspec.json.decode((device.line.identity / "identity.json").read_bytes())
    server_key = next(bytes.fromhex(value) for value in about.values() if isinstance(value, str) and len(value) == 64)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    Ed25519PublicKey.from_public_bytes(server_key).verify(signed.signature, statement)
    assert [item.key for item in config.questionnaire.items] == ["overall", "reason"]
    device.line.send("up", device.hello(config=config.version))
    device.line.next("down")
    device.line.send("up", device.hello(config=config.version))
    device.line.next("down")
    assert device.line.heard["config"].empty(), "who holds it already is not told again"


def test_presence_and_health_are_noted(server: Server, device: Device) -> None:
    clock = device.hello().clock
    device.line.publish(topic(device.line.device, "presence"), b"online", retain=True)
    device.line.send("health", Health(1, clock, 60, 7, 7, 10**9, "test 1", 3, ["a note"]))

    def noted() -> bool:
        sql = (
            "SELECT s.present, s.config_held, s.report FROM fleet_devicestate s"
            f" JOIN courts_device d ON d.id = s.device_id WHERE d.name = '{device.line.device}'"
        )
        rows = server.query(sql)
        return bool(rows) and rows[0][0] == 1 and rows[0][1] == 3 and "a note" in rows[0][2]

    until(noted, "the device's state is known")


# --- nonsense -----------------------------------------------------------------------------------------------------------------


def reasons(server: Server, device: Device) -> dict[str, int]:
    return {reason: times for name, reason, times in server.set_aside() if name == device.line.device}


@pytest.mark.parametrize(
    ("leaf", "content_type", "payload", "reason"),
    [
        ("up", codec.PLAIN, b"\xff" * 40, "malformed"),
        ("up", codec.PLAIN, b"", "malformed"),
        ("up", codec.DEFLATED, b"not deflated at all", "malformed"),
        ("up", codec.PLAIN, bytes(MAX_BYTES + 1), "oversize"),
        ("up", "vidhuk/9", b"\x90", "foreign-version"),
        ("up", None, b"\x91", "foreign-version"),
        ("up", codec.PLAIN, msgspec.msgpack.encode([1, 2, bytes(16), 1, bytes(32), [b"x"], bytes(64)]), "foreign-version"),
        ("health", codec.PLAIN, b"\xc1", "malformed"),
        ("health", "text/plain", b"fine", "foreign-version"),
    ],
)
def test_nonsense_is_set_aside_counted_and_blocks_nobody(
    server: Server, device: Device, leaf: str, content_type: str | None, payload: bytes, reason: str
) -> None:
    before = sum(reasons_times for name, why, reasons_times in server.set_aside() if (name, why) == (device.line.device, reason))
    device.source.rate(5, 4, at=now())
    assert device.line.publish(f"vidhuk/1/{device.line.device}/{leaf}", payload, content_type) in TAKEN
    device.line.send("up", device.source.batch(1, 1))
    assert device.line.publish(f"vidhuk/1/{device.line.device}/{leaf}", payload, content_type) in TAKEN
    device.line.send("up", device.source.batch(2, 2))
    device.line.ack_through(2)

    def counted() -> bool:
        return sum(times for name, why, times in server.set_aside() if (name, why) == (device.line.device, reason)) == before + 2

    until(counted, f"both are counted as {reason}")


def test_a_batch_signed_by_another_key_is_refused_and_the_next_good_one_is_stored(server: Server, device: Device) -> None:
    device.source.rate(5, at=now())
    device.line.send("up", device.hello())
    device.line.next("down")
    device.line.send("up", device.source.batch(key=Ed25519PrivateKey.generate()))
    heard = device.line.next("down")
    assert "not signed by this device's key" in (codec.decode_ack(heard.content_type, heard.payload).refused or "")
    device.line.send("up", device.source.batch())
    device.line.ack_through(1)
    assert reasons(server, device)["wrong-signature"] == 1


def test_a_row_nobody_can_read_is_rejected_by_its_number_and_the_rows_beside_it_count(server: Server, device: Device) -> None:
    server.settle()
    before = server.answers()
    device.source.rate(5, at=now())
    device.source.add(b"\xc1\xc1")
    device.source.rate(4, at=now())
    device.line.send("up", device.source.batch())
    ack = device.line.ack_through(3)
    assert [(bad.seq, bad.reason) for bad in ack.rejected] == [(2, "malformed-row")]
    until(lambda: server.answers() == before + 2, "two of three count")


def test_what_is_larger_than_the_broker_takes_costs_the_sender_its_line_and_nobody_else_anything(
    server: Server, device: Device, lines: tuple[Line, Line]
) -> None:
    giant = Line(lines[1].device, lines[1].identity, lines[1].port).connect()
    assert giant.client is not None
    giant.client.publish(topic(giant.device, "up"), bytes(200_000), 1)
    until(lambda: giant.lost > 0, "the broker cuts the sender off")
    giant.close()
    device.source.rate(5, at=now())
    device.line.send("up", device.source.batch())
    device.line.ack_through(1)


# --- the door -----------------------------------------------------------------------------------------------------------------


def door(server: Server, method: str, path: str, lines: tuple[Line, Line], **more: object) -> requests.Response:
    session = requests.Session()
    session.trust_env = False
    address = f"https://localhost:{server.ports['door']}{path}"
    return session.request(method, address, verify=str(lines[0].identity / "ca.pem"), timeout=30, **more)  # type: ignore[arg-type]


def test_the_door_gives_the_ca_to_anybody(server: Server, lines: tuple[Line, Line]) -> None:
    found = x509.load_pem_x509_certificate(door(server, "GET", "/enrol/ca", lines).content)
    given = server.code(server.exit, "kiosk-unused")  # type: ignore[attr-defined]
    assert found.fingerprint(hashes.SHA256()).hex() == given.fingerprint


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/enrol", None, 405),
        ("POST", "/enrol/ca", b"{}", 405),
        ("POST", "/enrol", b"", 400),
        ("POST", "/enrol", b"{", 400),
        ("POST", "/enrol", b"[]", 400),
        ("POST", "/enrol", b"\xff\xfe", 400),
        ("POST", "/enrol", b'{"v": 2, "code": "ABCDE-FGHJK", "request": ""}', 400),
        ("POST", "/enrol", b'{"v": 1, "code": "abc", "request": ""}', 400),
        ("POST", "/enrol", b"[" * 10_000, 400),
        ("POST", "/enrol", b" " * 17_000, 413),
        ("GET", "/", None, 404),
        ("GET", "/sign-in/", None, 404),
    ],
)
def test_the_door_answers_nonsense_with_a_no(
    server: Server, lines: tuple[Line, Line], method: str, path: str, body: bytes | None, status: int
) -> None:
    answer = door(server, method, path, lines, data=body)
    assert answer.status_code == status
    if status in (400, 413):
        said = answer.json()
        assert said.keys() == {"error", "text"}
        assert said["text"].endswith(".")


def test_a_code_is_good_once(server: Server, tmp_path: Path) -> None:
    given = server.code(server.exit, "kiosk-once-1")  # type: ignore[attr-defined]
    words = {"server": given.server, "fingerprint": given.fingerprint, "code": given.code}
    enrol(**words, state_dir=tmp_path / "first")
    with pytest.raises(EnrolmentError, match="has been used"):
        enrol(**words, state_dir=tmp_path / "second")


def test_the_broker_and_its_lines_are_read_by_their_owner_only(server: Server) -> None:
    secrets = [*server.state.glob("authority/*.key"), server.state / "secret_key", server.state / "broker" / "acl"]
    assert len(secrets) >= 6
    for secret in secrets:
        assert secret.stat().st_mode & 0o077 == 0, f"{secret.name} is nobody else's business"
