"""MQTT 5 over TLS with the device's own certificate, by paho. Callbacks only take note; nothing here waits for anything.

paho's queue is memory only and drops the newest when full, so at most a window of messages is ever handed to it, and its word that
a message was taken means nothing beyond that. An exception in a callback would end its network thread in silence.
"""

import contextlib
import random
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.client import MQTT_LOG_ERR
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from kiosk.core.ports import Delivered, LinkDown, LinkEvent, LinkUp, Message
from kiosk.links.tls import CERTIFICATE_FAULTS, NO_CHECK_TIME
from wire.codec import PLAIN
from wire.envelopes import MAX_BYTES, MAX_INFLATED
from wire.events import DeviceId
from wire.topics import DEVICE_READS, OFFLINE, ONLINE, Leaf, parse, topic

log = structlog.get_logger("mqtt")

QOS: Final = 1
IN_FLIGHT: Final = 20
"""Messages that paho sends before the first is answered: where it is fastest, and more than the delivery's window."""
QUEUED: Final = 64
"""Messages that paho may hold in memory. The ledger is the queue, so this is only there to be a bound."""
CONNECT_PATIENCE_S: Final = 10.0
RECONNECT_MOST_S: Final = 60
"""Longest pause between attempts to connect. The delivery has pauses of its own once there is a connection."""

ALERTS: Final = {
    "CERTIFICATE_EXPIRED": "the broker says that this device's certificate has expired: enrol it anew",
    "CERTIFICATE_REVOKED": "the broker says that this device's certificate was revoked: enrol it anew",
    "UNKNOWN_CA": "the broker does not know the CA of this device's certificate: enrol it with this server",
    "BAD_CERTIFICATE": "the broker does not accept this device's certificate",
    "CERTIFICATE_UNKNOWN": "the broker does not accept this device's certificate",
    "CERTIFICATE_REQUIRED": "the broker did not get this device's certificate",
}
"""TLS alerts (RFC 8446, section 6.2) as OpenSSL names them, in plain words."""
PAHO_RECEIVE: Final = "failed to receive on socket: "


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and how both sides prove who they are: PEM files."""

    host: str
    port: int
    ca: Path
    certificate: Path
    key: Path

    def tls(self, *, check_dates: bool = True) -> ssl.SSLContext:
        """TLS 1.2 or newer, nobody believed but the installation's own CA. Raises `OSError` for unusable files.

        A device whose clock nobody vouches for may believe it is 1970; without `check_dates` it connects all the same.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(self.ca)
        context.load_cert_chain(self.certificate, self.key)
        if not check_dates:
            context.verify_flags |= NO_CHECK_TIME
        return context


class MqttLink:
    """As `kiosk.core.ports.Link`. `broker.tls` is asked at each opening, so that a renewed certificate is taken up."""

    def __init__(
        self,
        broker: Broker,
        device: DeviceId,
        *,
        keepalive_s: int = 20,
        clock_vouched: Callable[[], bool] = lambda: True,
        plain: bool = False,
    ) -> None:
        """`clock_vouched` says whether the wall clock can be held against a certificate. `plain` leaves TLS out, for tests."""
        self._broker = broker
        self._device = device
        self._keepalive_s = keepalive_s
        self._clock_vouched = clock_vouched
        self._plain = plain
        self._client: mqtt.Client | None = None

    def open(self, heard: Callable[[LinkEvent], None]) -> None:
        """Starts connecting; goes on trying until `close`."""
        self.close()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._device, protocol=mqtt.MQTTv5)
        if not self._plain:
            client.tls_set_context(self._broker.tls(check_dates=self._clock_vouched()))
        client.connect_timeout = CONNECT_PATIENCE_S
        client.max_inflight_messages_set(IN_FLIGHT)
        client.max_queued_messages_set(QUEUED)
        # Not in step with the other devices of the building when the broker comes back.
        client.reconnect_delay_set(min_delay=1 + random.random(), max_delay=RECONNECT_MOST_S)  # type: ignore[arg-type]
        client.will_set(topic(self._device, "presence"), OFFLINE, QOS, retain=True, properties=_content_type(PLAIN))
        _Ear(self._device, heard, self._broker).attach(client)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0
        properties.MaximumPacketSize = MAX_INFLATED
        client.connect_async(self._broker.host, self._broker.port, self._keepalive_s, clean_start=True, properties=properties)
        self._client = client
        if (code := client.loop_start()) != MQTTErrorCode.MQTT_ERR_SUCCESS:
            log.error("link-not-started", code=int(code))

    def close(self) -> None:
        """Leaves, with the last will as the farewell."""
        client, self._client = self._client, None
        if client is None:
            return
        client.disconnect(ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))
        client.loop_stop()

    def publish(self, leaf: Leaf, content_type: str, payload: bytes) -> int | None:
        """Hands a message over at QoS 1. None when there is no connection, no room, or the message is too large."""
        client = self._client
        if client is None or not client.is_connected():
            return None
        if len(payload) > MAX_BYTES:
            log.error("message-too-large", leaf=leaf, size=len(payload))
            return None
        try:
            taken = client.publish(topic(self._device, leaf), payload, QOS, properties=_content_type(content_type))
        except (ValueError, RuntimeError, OSError) as fault:
            log.error("publish-failed", leaf=leaf, text=str(fault))
            return None
        if taken.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            log.warning("publish-not-taken", leaf=leaf, code=int(taken.rc))
            return None
        return taken.mid


class _Ear:
    """paho's callbacks for one connection. Each tells `heard` and returns."""

    def __init__(self, device: DeviceId, heard: Callable[[LinkEvent], None], broker: Broker) -> None:
        self._device = device
        self._heard = heard
        self._broker = broker
        self._socket_trouble = ""
        self._subscription: int | None = None

    def attach(self, client: mqtt.Client) -> None:
        """Listens to `client`."""
        client.on_socket_open = _at_once
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_log = self._on_log

    def _on_connect(self, client: mqtt.Client, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self._heard(LinkDown(f"the broker refused us: {reason}"))
            return
        code, self._subscription = client.subscribe([(topic(self._device, leaf), QOS) for leaf in DEVICE_READS])
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._heard(LinkDown(f"the subscription was not sent: {mqtt.error_string(code)}"))
            client.disconnect()

    def _on_subscribe(self, client: mqtt.Client, data: Any, mid: int, reasons: list[ReasonCode], properties: Any) -> None:
        if mid != self._subscription:
            return
        if refused := [str(reason) for reason in reasons if reason.is_failure]:
            self._heard(LinkDown(f"the broker refused a subscription: {', '.join(refused)}"))
            return
        greeting = client.publish(topic(self._device, "presence"), ONLINE, QOS, retain=True, properties=_content_type(PLAIN))
        if greeting.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            log.warning("presence-not-sent", code=int(greeting.rc))
        self._heard(LinkUp())

    def _on_connect_fail(self, client: mqtt.Client, data: Any) -> None:
        # paho calls this while it handles the error, and tells nobody which one it was.
        self._heard(LinkDown(_why_unreachable(sys.exception(), self._broker)))

    def _on_disconnect(self, client: mqtt.Client, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        trouble, self._socket_trouble = self._socket_trouble, ""
        self._heard(LinkDown(trouble or str(reason)))

    def _on_log(self, client: mqtt.Client, data: Any, level: int, line: str) -> None:
        """A broker that does not accept our certificate says so after the handshake (TLS 1.3), and paho only into its log."""
        if level == MQTT_LOG_ERR and line.startswith(PAHO_RECEIVE):
            self._socket_trouble = _why_cut(line.removeprefix(PAHO_RECEIVE))

    def _on_publish(self, client: mqtt.Client, data: Any, mid: int, reason: ReasonCode, properties: Any) -> None:
        self._heard(Delivered(mid, reason.value))

    def _on_message(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            found = parse(message.topic)
            content_type = getattr(message.properties, "ContentType", None)
        except (ValueError, UnicodeDecodeError):
            return
        if found is None or found.device != self._device or len(message.payload) > MAX_BYTES:
            return
        self._heard(Message(found.leaf, content_type, bytes(message.payload)))


def _why_unreachable(fault: BaseException | None, broker: Broker) -> str:
    """Why there is no connection, in words that tell whom to ask: the network, the broker, or this device's clock."""
    match fault:
        case ssl.SSLCertVerificationError(verify_code=code, verify_message=said):
            return CERTIFICATE_FAULTS.get(code, f"the server's certificate is not accepted: {said}").format(host=broker.host)
        case ssl.SSLError():
            return f"what answers at the broker's address does not speak TLS as this device does: {fault.reason or fault}"
        case socket.gaierror():
            return f"the broker's name {broker.host} is not known to the network: {fault.strerror or fault}"
        case TimeoutError() | ConnectionRefusedError():
            return f"nobody answers at the broker's address {broker.host}:{broker.port}: {fault.strerror or fault}"
        case OSError():
            return f"the broker at {broker.host}:{broker.port} cannot be reached: {fault.strerror or fault}"
    return f"nobody answers at the broker's address {broker.host}:{broker.port}"


def _why_cut(said: str) -> str:
    """Why a connection broke off, from what the socket said."""
    for alert, words in ALERTS.items():
        if alert in said.upper().replace(" ", "_"):
            return words
    return f"the connection broke off: {said}"


def _at_once(client: mqtt.Client, data: Any, opened: Any) -> None:
    """A rating is one small packet: waiting for company (Nagle) cost it 40 ms, measured."""
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _content_type(name: str) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ContentType = name
    return properties
