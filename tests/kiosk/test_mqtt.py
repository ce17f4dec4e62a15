"""The MQTT link against a real Mosquitto."""

import queue
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from kiosk.core.delivery import NO_SUBSCRIBERS
from kiosk.core.ports import Delivered, LinkDown, LinkEvent, LinkUp, Message
from kiosk.links.mqtt import Broker, MqttLink, _Ear
from tests.kiosk.authority import Authority, pem
from tests.kiosk.small_server import SmallServer
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import until
from wire.codec import PLAIN, encode
from wire.envelopes import MAX_BYTES, Ack
from wire.topics import device_id
from workbench.ports import free_port

DEVICE = device_id("kiosk-mqtt-1")
NOWHERE = Path("/nonexistent")


def link_to(port: int, **more: Any) -> MqttLink:
    return MqttLink(Broker("127.0.0.1", port, NOWHERE, NOWHERE, NOWHERE), DEVICE, keepalive_s=5, plain=True, **more)


class Ear:
    """What the link has said."""

    def __init__(self) -> None:
        self.said: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()

    def hear(self, kind: type[LinkEvent], which: Callable[[Any], bool] = lambda event: True) -> Any:
        """The next event of that kind; others are passed over."""
        while True:
            event = self.said.get(timeout=60)
            if isinstance(event, kind) and which(event):
                return event


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def link(mosquitto: Mosquitto, ear: Ear) -> Iterator[MqttLink]:
    found = link_to(mosquitto.port)
    found.open(ear.said.put)
    yield found
    found.close()


@pytest.fixture
def server(mosquitto: Mosquitto) -> Iterator[SmallServer]:
    found = SmallServer(mosquitto.port, {}).start()
    assert found.ready.wait(30)
    yield found
    found.stop()


def test_messages_come_down_with_their_leaf_and_content_type(link: MqttLink, ear: Ear, server: SmallServer) -> None:
    ear.hear(LinkUp)
    ack = Ack(1, b"e" * 16, b"s" * 16, 0, 0, 8, 0)
    server.say(DEVICE, "down", *encode(ack))
    assert ear.hear(Message) == Message("down", *encode(ack))
    server.say(DEVICE, "command", "vidhuk/9", b"\x00")
    assert ear.hear(Message) == Message("command", "vidhuk/9", b"\x00")


def test_a_retained_configuration_comes_down_at_connecting(mosquitto: Mosquitto, server: SmallServer, ear: Ear) -> None:
    server.say(DEVICE, "config", PLAIN, b"signed", retain=True)
    link = link_to(mosquitto.port)
    link.open(ear.said.put)
    assert ear.hear(Message) == Message("config", PLAIN, b"signed")
    link.close()


def test_the_broker_says_when_nobody_reads_what_was_sent(link: MqttLink, ear: Ear) -> None:
    ear.hear(LinkUp)
    token = link.publish("up", PLAIN, b"row")
    assert token is not None
    assert ear.hear(Delivered, lambda event: event.token == token).reason == NO_SUBSCRIBERS


def test_what_somebody_reads_is_delivered(link: MqttLink, ear: Ear, server: SmallServer) -> None:
    ear.hear(LinkUp)
    token = link.publish("health", PLAIN, b"?")
    assert ear.hear(Delivered, lambda event: event.token == token).reason == 0
    until(lambda: server.faults, "the server had a look at it")


def test_presence_is_online_while_it_is_there_and_offline_after_goodbye(link: MqttLink, ear: Ear, server: SmallServer) -> None:
    ear.hear(LinkUp)
    until(lambda: server.presence == [b"online"], "the kiosk is seen")
    link.close()
    until(lambda: server.presence == [b"online", b"offline"], "its leaving is seen")


def test_an_oversize_message_is_not_sent_and_the_link_goes_on(link: MqttLink, ear: Ear) -> None:
    ear.hear(LinkUp)
    assert link.publish("up", PLAIN, b"x" * (MAX_BYTES + 1)) is None
    token = link.publish("up", PLAIN, b"x" * MAX_BYTES)
    ear.hear(Delivered, lambda event: event.token == token)


def test_without_a_connection_nothing_is_taken(ear: Ear) -> None:
    link = link_to(free_port())
    assert link.publish("up", PLAIN, b"row") is None
    link.open(ear.said.put)
    assert "nobody answers" in ear.hear(LinkDown).why
    assert link.publish("up", PLAIN, b"row") is None
    link.close()


def test_it_says_when_the_broker_goes_and_comes_back_by_itself(link: MqttLink, ear: Ear, mosquitto: Mosquitto) -> None:
    ear.hear(LinkUp)
    mosquitto.kill()
    ear.hear(LinkDown)
    mosquitto.start()
    ear.hear(LinkUp)
    assert link.publish("up", PLAIN, b"row") is not None


def test_it_may_be_closed_and_opened_again_and_the_old_connection_says_no_more(link: MqttLink, ear: Ear) -> None:
    ear.hear(LinkUp)
    link.close()
    ear.hear(LinkDown)
    again = Ear()
    link.open(again.said.put)
    again.hear(LinkUp)
    link.publish("up", PLAIN, b"row")
    again.hear(Delivered)
    assert ear.said.empty()


def test_a_broker_that_does_not_know_us_is_heard_saying_so(tmp_path: Path, ear: Ear) -> None:
    broker = Mosquitto(tmp_path)
    broker.start("allow_anonymous false\n")
    link = link_to(broker.port)
    link.open(ear.said.put)
    assert "refused us: Not authorized" in ear.hear(LinkDown).why
    assert link.publish("up", PLAIN, b"row") is None
    link.close()
    broker.stop()


def test_a_refused_subscription_is_no_connection(ear: Ear) -> None:
    """Mosquitto grants every subscription and filters later; other brokers refuse at once."""
    listener = _Ear(DEVICE, ear.said.put, Broker("127.0.0.1", 1, NOWHERE, NOWHERE, NOWHERE))
    listener._subscription = 7
    refusal = [ReasonCode(PacketTypes.SUBACK, "Granted QoS 1"), ReasonCode(PacketTypes.SUBACK, "Not authorized")]
    listener._on_subscribe(Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5), None, 7, refusal, None)
    assert ear.hear(LinkDown).why == "the broker refused a subscription: Not authorized"


# --- why there is no connection ------------------------------------------------------------------------------------------


LEFT_OPEN = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
"""paho leaves a socket whose handshake failed to the garbage collector."""


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """What the link says first of a real broker with TLS, whose certificate and whose view of ours the test chooses."""
    opened: list[Any] = []

    def connect(server: Authority | None, *, days: tuple[int, int] = (-1, 30), own_days: tuple[int, int] = (-1, 30)) -> Any:
        ours = Authority.make()
        theirs = ours if server is None else server
        ours.days = own_days
        ours.give_identity(tmp_path / "state", DEVICE, port=1)
        theirs.days = days
        _, certificate, key = theirs.server_files(tmp_path)
        (tmp_path / "trusted.pem").write_bytes(pem(ours.certificate))
        broker = Mosquitto(tmp_path)
        broker.start(f"cafile {tmp_path / 'trusted.pem'}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true\n")
        folder = tmp_path / "state" / "identity"
        files = folder / "ca.pem", folder / "certificate.pem", folder / "key.pem"
        link = MqttLink(Broker("127.0.0.1", broker.port, *files), DEVICE, keepalive_s=5)
        opened.extend((broker, link))
        ear = Ear()
        link.open(ear.said.put)
        return ear.said.get(timeout=60)

    yield connect
    for part in reversed(opened):
        part.close() if isinstance(part, MqttLink) else part.stop()


def test_with_everything_in_order_it_connects_by_tls(tls: Callable[..., Any]) -> None:
    assert tls(None) == LinkUp()


@LEFT_OPEN
def test_an_expired_certificate_of_the_server_is_called_that(tls: Callable[..., Any]) -> None:
    assert "the server's certificate has expired, by this device's clock" in tls(None, days=(-300, -200)).why


@LEFT_OPEN
def test_a_certificate_from_the_future_makes_one_think_of_the_clock(tls: Callable[..., Any]) -> None:
    assert "not valid yet by this device's clock" in tls(None, days=(200, 300)).why


@LEFT_OPEN
def test_a_server_of_another_ca_is_called_that(tls: Callable[..., Any]) -> None:
    assert tls(Authority.make()).why == "the server's certificate is not from this installation's CA"


def test_our_own_expired_certificate_is_named_although_the_broker_says_so_late(tls: Callable[..., Any]) -> None:
    assert tls(None, own_days=(-300, -200)).why == "the broker says that this device's certificate has expired: enrol it anew"


@LEFT_OPEN
def test_a_broker_without_tls_is_not_called_silent(mosquitto: Mosquitto, tmp_path: Path, ear: Ear) -> None:
    Authority.make().give_identity(tmp_path / "state", DEVICE, port=1)
    folder = tmp_path / "state" / "identity"
    files = folder / "ca.pem", folder / "certificate.pem", folder / "key.pem"
    link = MqttLink(Broker("127.0.0.1", mosquitto.port, *files), DEVICE, keepalive_s=5)
    link.open(ear.said.put)
    why = ear.hear(LinkDown).why
    link.close()
    assert "nobody answers" not in why
    assert re.search("does not speak TLS as this device does|cannot be reached: Connection reset", why)
