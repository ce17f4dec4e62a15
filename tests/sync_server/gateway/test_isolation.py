"""A message at which the server itself fails is set aside alone; while the database is away, nothing is lost."""

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import OperationalError

from sync_server.fleet import services as fleet
from sync_server.fleet.authority import open_authority
from sync_server.fleet.models import DeviceState
from sync_server.gateway import answers, mqtt
from sync_server.gateway.mqtt import Gateway, Incoming
from sync_server.ingest.models import LedgerRow, SetAside
from sync_server.ingest.services import accept
from sync_server.project.config import Address
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
from wire import codec
from wire.envelopes import Clock, Health
from wire.events import DeviceId
from wire.topics import topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


class Published:
    """What paho would have sent and acknowledged."""

    rc = 0

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.acknowledged: list[int] = []

    def publish(self, name: str, data: bytes, **_: Any) -> "Published":
        self.sent.append((name, data))
        return self

    def ack(self, mid: int, _qos: int) -> None:
        self.acknowledged.append(mid)


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def gateway(tmp_path: Path, published: Published, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    authority = open_authority(tmp_path / "authority")
    authority.certify_own("gateway", [], datetime.now(UTC))
    made = Gateway(authority=authority, broker=Address("localhost", 1))
    monkeypatch.setattr(made, "_client", published)
    monkeypatch.setattr(mqtt, "PATIENCE_S", (0.001,))
    return made


def incoming(source: Source, mid: int = 1, *, first: int = 1, last: int | None = None) -> Incoming:
    message = source.message(first, last)
    return Incoming(topic(DeviceId(source.name), "up"), message.content_type, message.data, mid, 1, False, message.at)


def deal(gateway: Gateway, messages: Sequence[Incoming]) -> None:
    """Has the gateway deal with `messages`, which came in this order."""
    for message in messages:
        gateway.take_in(message)
    gateway.step()


def told(published: Published) -> list[Any]:
    return [codec.decode_ack(codec.PLAIN, data) for name, data in published.sent if name.endswith("/down")]


@pytest.fixture
def sources() -> list[Source]:
    made = [a_source(f"kiosk-many-{number}") for number in range(3)]
    for source in made:
        source.rate(5)
    return made


def test_a_message_at_which_accept_fails_is_set_aside_and_its_neighbours_are_stored(
    gateway: Gateway, published: Published, sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = sources[1].name

    def sick(messages: Any) -> Any:
        if any(message.device == poison for message in messages):
            raise ZeroDivisionError("a fault of our own")
        return accept(messages)

    monkeypatch.setattr(answers, "accept", sick)
    deal(gateway, [incoming(source, mid) for mid, source in enumerate(sources, 1)])
    assert LedgerRow.objects.count() == 2
    assert list(SetAside.objects.values_list("device", "reason")) == [(poison, "internal")]
    assert published.acknowledged == [1, 2, 3], "and the broker is told, so that it does not come again"
    assert [ack.stored_through for ack in told(published)] == [1, 1]


def test_while_the_database_is_away_the_gateway_tries_again_and_loses_nothing(
    gateway: Gateway, published: Published, sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = iter([OperationalError("gone"), OperationalError("still gone"), None])

    def flaky(messages: Any) -> Any:
        if (fault := next(tries)) is not None:
            assert not published.sent
            assert not published.acknowledged
            raise fault
        return accept(messages)

    monkeypatch.setattr(answers, "accept", flaky)
    # The test's own transaction lives on the connection that the gateway would close.
    monkeypatch.setattr(mqtt, "connection", type("Kept", (), {"close": staticmethod(lambda: None)}))
    deal(gateway, [incoming(source, mid) for mid, source in enumerate(sources, 1)])
    assert LedgerRow.objects.count() == 3
    assert not SetAside.objects.exists()
    assert len(told(published)) == 3


def test_a_gateway_told_to_stop_while_the_database_is_away_stops_and_takes_nothing_off_the_broker(
    gateway: Gateway, published: Published, sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    away = threading.Event()

    def gone(messages: Any) -> Any:
        away.set()
        raise OperationalError("gone")

    monkeypatch.setattr(answers, "accept", gone)
    monkeypatch.setattr(mqtt, "PATIENCE_S", (600.0,))
    monkeypatch.setattr(mqtt, "connection", type("Kept", (), {"close": staticmethod(lambda: None)}))
    stopper = threading.Thread(target=lambda: (away.wait(60), gateway.stop()))
    stopper.start()
    with pytest.raises(OperationalError):
        deal(gateway, [incoming(sources[0])])
    stopper.join()
    assert not published.acknowledged
    assert not SetAside.objects.exists(), "it was not the message's fault"


def report_on(source: Source, stream: bytes) -> Incoming:
    report = Health(1, Clock(source.boot, 1, 1, True), 60, 0, 0, 10**9, "test", 0, stream=stream)
    content_type, data = codec.encode(report)
    return Incoming(topic(DeviceId(source.name), "health"), content_type, data, 7, 1, False, 1_800_000_000_000)


def test_a_device_on_a_stream_that_a_restored_server_does_not_know_is_told_so_at_its_next_report(
    gateway: Gateway, published: Published, sources: list[Source]
) -> None:
    deal(gateway, [incoming(sources[0])])
    published.sent.clear()
    deal(gateway, [report_on(sources[0], sources[0].stream)])
    assert told(published) == [], "it knows already how that one stands"
    later = bytes(range(16))
    deal(gateway, [report_on(sources[0], later)])
    assert [(ack.stream, ack.stored_through) for ack in told(published)] == [(later, 0)]


def test_a_health_report_that_the_database_will_not_hold_ends_nobody(
    gateway: Gateway, published: Published, sources: list[Source], storage: str
) -> None:
    report = Health(1, Clock(bytes(16), 1, 1, True), 1, 1, 1, 1, "a\0b", 1, ["nul \0 inside"])
    content_type, data = codec.encode(report)
    bad = Incoming(topic(DeviceId(sources[0].name), "health"), content_type, data, 7, 1, False, 1_800_000_000_000)
    deal(gateway, [bad, incoming(sources[1], 8)])
    assert LedgerRow.objects.count() == 1
    assert published.acknowledged == [7, 8]
    kept = DeviceState.objects.filter(device__name=sources[0].name).exists()
    assert kept or SetAside.objects.get().reason == "internal", "kept or set aside, never lost without a trace"


def test_a_greeting_whose_configuration_cannot_be_made_is_answered_all_the_same(
    gateway: Gateway, published: Published, sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(fleet, "configure", broken)
    hello = sources[0].hello()
    name = topic(DeviceId(sources[0].name), "up")
    deal(gateway, [Incoming(name, hello.content_type, hello.data, 3, 1, False, hello.at)])
    assert [ack.stored_through for ack in told(published)] == [0]
    assert published.acknowledged == [3]


def test_many_batches_of_one_stream_are_answered_once(gateway: Gateway, published: Published, sources: list[Source]) -> None:
    sources[0].rate(4, 3, 2)
    deal(gateway, [incoming(sources[0], mid, first=mid, last=mid) for mid in (1, 2, 3, 4)])
    assert [ack.stored_through for ack in told(published)] == [4]


def test_every_rejected_row_of_a_group_is_told(gateway: Gateway, published: Published, sources: list[Source]) -> None:
    sources[0].add(b"\xc1")
    sources[0].add(b"\xc1\xc1")
    deal(gateway, [incoming(sources[0], mid, first=mid, last=mid) for mid in (1, 2, 3)])
    assert [[bad.seq for bad in ack.rejected] for ack in told(published)] == [[2, 3]]


def test_topics_that_are_not_ours_are_passed_over(gateway: Gateway, published: Published, sources: list[Source]) -> None:
    stray = incoming(sources[0])._replace(topic="vidhuk/1/X/up")
    deal(gateway, [stray, incoming(sources[1], 2)])
    assert LedgerRow.objects.count() == 1
    assert published.acknowledged == [1, 2]


@pytest.mark.parametrize("payload", [b"offline", b"", b"nonsense", b"\xff" * 70_000])
def test_whatever_presence_says_but_online_is_absence(gateway: Gateway, sources: list[Source], payload: bytes) -> None:
    name = topic(DeviceId(sources[0].name), "presence")
    for said in (b"online", payload):
        deal(gateway, [Incoming(name, None, said, 1, 1, False, 1_800_000_000_000)])
    assert DeviceState.objects.get(device__name=sources[0].name).present is False


def test_a_device_found_online_at_the_start_is_told_where_it_stands(
    gateway: Gateway, published: Published, sources: list[Source]
) -> None:
    accept([sources[0].message()])
    name = topic(DeviceId(sources[0].name), "presence")
    deal(gateway, [Incoming(name, None, b"online", 1, 1, True, 1_800_000_000_000)])
    assert [ack.stored_through for ack in told(published)] == [1]


def test_one_device_gets_one_number_for_one_configuration(tmp_path: Path) -> None:
    from sync_server.surveys import services as surveys
    from sync_server.surveys.files import load_all

    for sheet in load_all():
        surveys.release(sheet, released_at=NOON)
    court = a_court()
    source = a_source("kiosk-config", exit=an_exit(court))
    assert source.device is not None
    authority = open_authority(tmp_path / "authority")
    first = fleet.configure(source.device, authority=authority)
    assert fleet.configure(source.device, authority=authority) == first
    court.name_uk = "Інша назва"
    court.save()
    second = fleet.configure(source.device, authority=authority)
    versions = [codec.decode_config(signed.document).version for signed in (first, second)]
    assert versions == [1, 2]
    assert msgspec.structs.asdict(codec.decode_config(second.document))["court"] == {"uk": "Інша назва"}
