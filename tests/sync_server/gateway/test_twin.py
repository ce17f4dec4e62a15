"""The HTTPS twin of MQTT: who is listened to, what is answered, and that nothing a device sends can break it."""

import threading
from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client

from sync_server.fleet.authority import open_authority
from sync_server.fleet.models import DeviceState
from sync_server.gateway import answers, twin
from sync_server.gateway.door import FETCHING
from sync_server.gateway.together import NotTaken, Together
from sync_server.ingest.entering import installation
from sync_server.ingest.models import LedgerRow, SetAside
from sync_server.ingest.services import Outcome, Received, accept
from sync_server.project.config import ServerConfig
from sync_server.project.serving import DOOR_THREADS
from sync_server.surveys import services as surveys
from sync_server.surveys.files import load_all
from tests.support.waiting import until
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
from wire import chain, codec
from wire.codec import Envelope
from wire.envelopes import MAX_BYTES, Ack, Clock, Config, Health, Result
from wire.events import DeviceId
from wire.topics import SIGNATURE, door_path

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage"), pytest.mark.urls("sync_server.gateway.door")]


@pytest.fixture(autouse=True)
def _door(settings: Any, tmp_path: Path) -> None:
    from sync_server.project import door_settings

    settings.MIDDLEWARE = door_settings.MIDDLEWARE
    settings.CONFIG = ServerConfig(state_dir=tmp_path)
    open_authority(settings.CONFIG.authority_dir)


@pytest.fixture
def source() -> Source:
    made = a_source("kiosk-twin-1")
    made.rate(5)
    return made


@pytest.fixture
def asking() -> Source:
    """A device that stands somewhere and has something to ask."""
    for sheet in load_all():
        surveys.release(sheet, released_at=NOON)
    return a_source("kiosk-asks-1", exit=an_exit(a_court()))


def post(
    source: Source,
    leaf: str,
    data: bytes,
    content_type: str = codec.PLAIN,
    *,
    key: Ed25519PrivateKey | None = None,
    signed: dict[str, Any] | None = None,
) -> HttpResponse:
    """Posts `data` signed by its device; `signed` names what the signature covers instead of what is sent."""
    statement = {"device": source.name, "leaf": leaf, "content_type": content_type, "body": data} | (signed or {})
    signature = b64encode((key or source.key).sign(chain.request_statement(**statement))).decode()
    return raw(source.name, leaf, data, content_type, signature)


def raw(name: str, leaf: str, data: bytes, content_type: str, signature: str) -> HttpResponse:
    path = "/" + door_path(DeviceId(name), leaf)  # type: ignore[arg-type]
    answer: Any = Client().post(path, data=data, content_type=content_type, headers={SIGNATURE: signature})
    return answer  # type: ignore[no-any-return]


def send(source: Source, leaf: str, envelope: Envelope) -> HttpResponse:
    content_type, data = codec.encode(envelope)
    return post(source, leaf, data, content_type)


def up(source: Source) -> HttpResponse:
    message = source.message()
    return post(source, "up", message.data, str(message.content_type))


def refusal(response: HttpResponse) -> tuple[int, str]:
    told = msgspec.json.decode(response.content)
    assert told["text"].endswith("."), "a sentence for people"
    return response.status_code, told["error"]


def ack(response: HttpResponse) -> Ack:
    assert response.status_code == 200, response.content
    return codec.decode_ack(response["Content-Type"], response.content)


def health(*, config: int = 0) -> Health:
    return Health(1, Clock(bytes(16), 1, 1, True), 60, 1, 1, 10**9, "test", config, way="https")


def handed_down(source: Source, response: HttpResponse) -> list[Config]:
    """The configurations of a Bundle, as a device takes them: signed for it."""
    assert response.status_code == 200, response.content
    found = []
    for message in codec.decode_bundle(response["Content-Type"], response.content).messages:
        if message.leaf == "config":
            found.append(codec.decode_config(codec.decode_signed_config(message.content_type, message.payload).document))
    return found


# --- what is answered ---------------------------------------------------------------------------------------------------------


def test_a_batch_is_stored_and_its_acknowledgement_is_the_answer(source: Source) -> None:
    told = ack(up(source))
    assert (told.stream, told.stored_through) == (source.stream, 1)
    assert LedgerRow.objects.count() == 1


def test_the_same_batch_by_both_ways_counts_once(source: Source) -> None:
    accept([source.message()])
    assert ack(up(source)).stored_through == 1
    assert LedgerRow.objects.count() == 1
    assert not SetAside.objects.exists()


def test_a_greeting_is_answered_with_what_is_stored(source: Source) -> None:
    accept([source.message()])
    hello = source.hello()
    assert ack(post(source, "up", hello.data, str(hello.content_type))).stored_through == 1


def test_a_deflated_batch_is_taken_as_it_is(source: Source) -> None:
    source.rate(*[4] * 60)
    message = source.message()
    assert message.content_type == codec.DEFLATED
    assert ack(up(source)).stored_through == 61


def test_a_report_is_kept_and_answered_with_the_configuration_in_force(asking: Source) -> None:
    (config,) = handed_down(asking, send(asking, "health", health()))
    state = DeviceState.objects.get(device=asking.device)
    assert (state.present, state.report["way"]) == (True, "https")
    assert handed_down(asking, send(asking, "health", health(config=config.version))) == [], "it holds that one now"


def test_a_report_is_answered_with_how_the_stream_stands_so_that_an_idle_device_hears_of_a_restored_server(source: Source) -> None:
    accept([source.message()])
    response = send(source, "health", health())
    (message,) = codec.decode_bundle(response["Content-Type"], response.content).messages
    assert message.leaf == "down"
    assert codec.decode_ack(message.content_type, message.payload).stored_through == 1


def test_a_report_of_a_stream_that_a_restored_server_does_not_know_is_answered_for_that_stream(source: Source) -> None:
    accept([source.message()])
    later = bytes(range(16))
    response = send(source, "health", msgspec.structs.replace(health(), stream=later))
    (message,) = codec.decode_bundle(response["Content-Type"], response.content).messages
    ack = codec.decode_ack(message.content_type, message.payload)
    assert (ack.stream, ack.stored_through, ack.backed_through, ack.epoch) == (later, 0, 0, bytes(installation().epoch))


def test_the_result_of_a_command_that_nobody_gave_is_kept_and_said_to_be_so(source: Source) -> None:
    assert handed_down(source, send(source, "result", Result(1, "c-1", True, "done"))) == []
    assert SetAside.objects.get().reason == "unasked"


# --- who is listened to -------------------------------------------------------------------------------------------------------


def test_a_stranger_is_turned_away_and_leaves_no_trace() -> None:
    stranger = Source("kiosk-nobody", Ed25519PrivateKey.generate())
    stranger.rate(5)
    assert refusal(up(stranger)) == (401, "unknown-device")
    assert not SetAside.objects.exists(), "anybody could fill the disk otherwise"


@pytest.mark.parametrize(
    "signed",
    [
        {"device": "kiosk-other-1"},
        {"leaf": "health"},
        {"content_type": codec.DEFLATED},
        {"body": b"other bytes"},
    ],
)
def test_a_signature_holds_for_this_message_of_this_device_only(source: Source, signed: dict[str, Any]) -> None:
    message = source.message()
    assert message.content_type == codec.PLAIN
    assert refusal(post(source, "up", message.data, codec.PLAIN, signed=signed)) == (401, "wrong-signature")
    assert not LedgerRow.objects.exists()
    assert not SetAside.objects.exists()


def test_a_device_cannot_sign_for_another(source: Source) -> None:
    message = source.message()
    other = Ed25519PrivateKey.generate()
    assert refusal(post(source, "up", message.data, codec.PLAIN, key=other)) == (401, "wrong-signature")


@pytest.mark.parametrize("signature", ["", "нет", "!!!!", "AAAA", "A" * 5000, b64encode(bytes(64)).decode()])
def test_what_is_no_signature_is_a_wrong_one(source: Source, signature: str) -> None:
    message = source.message()
    if not signature.isascii():
        signature = signature.encode().decode("latin-1")
    assert refusal(raw(source.name, "up", message.data, codec.PLAIN, signature)) == (401, "wrong-signature")


@pytest.mark.parametrize("leaf", ["up", "health", "result"])
def test_a_revoked_device_is_told_so_and_not_heard(source: Source, leaf: str) -> None:
    assert source.device is not None
    source.device.revoked_at = NOON
    source.device.save()
    sent = {"up": up(source), "health": send(source, "health", health()), "result": send(source, "result", Result(1, "c", True))}
    assert refusal(sent[leaf]) == (403, "revoked")
    assert not LedgerRow.objects.exists()
    assert not DeviceState.objects.exists()


@pytest.mark.parametrize("path", ["down", "config", "presence", "up/", "up/more", ""])
def test_only_what_a_device_says_has_an_address(source: Source, path: str) -> None:
    assert Client().post(f"/device/{source.name}/{path}", data=b"x", content_type=codec.PLAIN).status_code == 404


@pytest.mark.parametrize("name", ["KIOSK-TWIN-1", "short", "x" * 33, "kiosk+twin", "..%2fkiosk-1"])
def test_what_is_no_device_has_no_address(name: str) -> None:
    assert Client().post(f"/device/{name}/up", data=b"x", content_type=codec.PLAIN).status_code == 404


def test_nothing_can_be_read_there(source: Source) -> None:
    assert Client().get(f"/device/{source.name}/up").status_code == 405


# --- nonsense, poison, trouble ------------------------------------------------------------------------------------------------


def test_a_message_that_is_too_large_is_refused_before_it_is_looked_at(source: Source) -> None:
    assert refusal(post(source, "up", bytes(MAX_BYTES + 1))) == (413, "oversize")
    assert refusal(post(source, "up", bytes(MAX_BYTES)))[0] != 413


@pytest.mark.parametrize("data", [b"\xc1", b"\x93\x01", bytes(1000)])
def test_nonsense_that_is_signed_is_set_aside_with_its_reason(source: Source, data: bytes) -> None:
    assert refusal(post(source, "up", data)) == (400, "unreadable")
    assert SetAside.objects.get().device == source.name


@pytest.mark.parametrize("leaf", ["health", "result"])
def test_a_report_that_cannot_be_read_is_set_aside_and_answered(source: Source, leaf: str) -> None:
    assert handed_down(source, post(source, leaf, b"\xc1")) == []
    assert SetAside.objects.get().reason == "malformed"


def test_a_message_at_which_the_server_fails_is_set_aside(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def sick(_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(answers, "accept", sick)
    assert refusal(up(source)) == (500, "internal")
    assert SetAside.objects.get().reason == "internal"


def test_while_the_database_is_away_a_device_is_told_to_come_back_and_nothing_is_set_aside(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Any) -> Any:
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(answers, "accept", away)
        response = up(source)
        assert refusal(response) == (503, "unavailable")
        assert int(response["Retry-After"]) > 0
    assert not SetAside.objects.exists()
    assert ack(up(source)).stored_through == 1


# --- many at once -------------------------------------------------------------------------------------------------------------


def test_who_finds_no_room_is_told_to_come_back_and_finds_it_then(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    room = threading.BoundedSemaphore(1)
    monkeypatch.setattr(twin, "_room", room)
    with room:
        response = up(source)
        assert refusal(response) == (503, "busy")
        assert int(response["Retry-After"]) > 0
    assert ack(up(source)).stored_through == 1
    assert refusal(post(source, "up", b"\xc1"))[0] == 400
    assert ack(up(source)).stored_through == 1, "each gives its room back, whatever became of it"


def test_devices_on_slow_lines_leave_threads_for_enrolment() -> None:
    assert twin.TAKING + FETCHING + 4 <= DOOR_THREADS


class Clerks:
    """A `take` that waits until it is let go, and remembers whom it was given at once."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.entered = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.fault: Exception | None = None

    def take(self, messages: Any) -> list[Outcome | None]:
        self.groups.append([message.device for message in messages])
        self.entered.release()
        assert self.go.acquire(timeout=60)
        if self.fault is not None:
            raise self.fault
        return [Outcome(message.device, None) for message in messages]


class Crowd:
    """Threads that each hand in one message."""

    def __init__(self, together: Together) -> None:
        self._together = together
        self._threads: list[threading.Thread] = []
        self.came: dict[str, Outcome | str | None] = {}

    def hand_in(self, name: str) -> None:
        thread = threading.Thread(target=self._work, args=(name,))
        thread.start()
        self._threads.append(thread)

    def _work(self, name: str) -> None:
        try:
            self.came[name] = self._together.take(Received(name, None, b"", 0))
        except NotTaken as fault:
            self.came[name] = str(fault)

    def wait(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture
def clerks() -> Clerks:
    return Clerks()


def crowd_behind_the_first(clerks: Clerks) -> Crowd:
    """One message is being taken, and nine have come meanwhile."""
    together = Together(clerks.take)
    crowd = Crowd(together)
    crowd.hand_in("first")
    assert clerks.entered.acquire(timeout=60)
    for number in range(9):
        crowd.hand_in(f"late-{number}")
    until(lambda: len(together._waiting) == 9, "nine wait")
    return crowd


def test_what_comes_while_a_commit_is_under_way_shares_the_next_one(clerks: Clerks) -> None:
    crowd = crowd_behind_the_first(clerks)
    clerks.go.release()
    clerks.go.release()
    crowd.wait()
    assert [len(group) for group in clerks.groups] == [1, 9]
    assert {name: came.device for name, came in crowd.came.items()} == {name: name for name in crowd.came}  # type: ignore[union-attr]


def test_a_failed_commit_is_told_to_all_who_shared_it_and_to_nobody_else(clerks: Clerks) -> None:
    crowd = crowd_behind_the_first(clerks)
    clerks.go.release()
    assert clerks.entered.acquire(timeout=60)
    clerks.fault = OperationalError("gone")
    clerks.go.release()
    crowd.wait()
    assert crowd.came.pop("first") == Outcome("first", None)
    assert set(crowd.came.values()) == {"gone"}
