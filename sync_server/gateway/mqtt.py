"""The MQTT side of the gateway: takes what devices publish, has it accepted, acknowledges, and only then tells the broker.

paho's thread only puts messages into a queue; one loop takes what waits in groups, so that a busy gateway commits seldom and an
idle one commits at once. Nothing a device sends can stop the loop: what cannot be taken is set aside with its reason.
"""

import contextlib
import logging
import queue
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from os import getpid
from typing import Any, Final, NamedTuple, TypeVar

from django.db import DatabaseError, InterfaceError, connection
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from sync_server.fleet import services as fleet
from sync_server.fleet.authority import GATEWAY, Authority
from sync_server.gateway.answers import Clerk, is_passing
from sync_server.gateway.broker import IN_FLIGHT
from sync_server.gateway.waiting import Waiting
from sync_server.ingest.services import Outcome, Received
from sync_server.project.config import Address
from wire import codec, topics
from wire.codec import Envelope
from wire.envelopes import Ack, SignedConfig
from wire.events import DeviceId

log = logging.getLogger(__name__)
T = TypeVar("T")

PATIENCE_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Waits between tries while the database is away. Nothing is lost meanwhile: devices are not acknowledged and keep their rows."""


UNASKED_KEPT: Final = 1_000
"""Messages at QoS 0 that may wait here; those at QoS 1 are bounded by the window."""
LOOK_UP_S: Final = 5.0
"""How often an idle gateway looks whether its network thread lives."""
NETWORK_GRACE_S: Final = 5.0


class NetworkThreadDied(RuntimeError):
    """paho's loop has ended by itself. A new process is better than a gateway that hears nothing."""


class Incoming(NamedTuple):
    """A message as paho delivered it."""

    topic: str
    content_type: str | None
    payload: bytes
    mid: int
    qos: int
    retained: bool
    at: int


class Gateway:
    """One worker. Several of them share the devices' messages out among themselves."""

    def __init__(
        self,
        *,
        authority: Authority,
        broker: Address,
        places: fleet.Places = fleet.NOWHERE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._authority = authority
        self._broker = broker
        self._clerk = Clerk(authority=authority, places=places, insist=self._insist)
        self._clock = clock
        self._inbox: queue.SimpleQueue[Incoming | None] = queue.SimpleQueue()
        self._waiting: Waiting[Incoming] = Waiting()
        self._stopping = threading.Event()
        self._client = self._make_client()

    # --- life ---

    def run(self) -> None:
        """Works until `stop`. Connects, and connects again, by itself."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        # A dead worker's session would go on swallowing its share of the messages.
        properties.SessionExpiryInterval = 0
        properties.ReceiveMaximum = IN_FLIGHT
        self._client.connect_async(self._broker.host, self._broker.port, keepalive=20, clean_start=True, properties=properties)
        # A thread of ours around paho's loop, because we must see it die: its client would go on calling itself connected.
        network = threading.Thread(target=self._client.loop_forever, kwargs={"retry_first_connection": True}, daemon=True)
        network.start()
        try:
            while not self._stopping.is_set():
                self._gather()
                self.step()
                if not network.is_alive() and not self._stopping.is_set():
                    raise NetworkThreadDied("the gateway's network thread has ended; what it said stands above")
        finally:
            self._client.disconnect()
            network.join(NETWORK_GRACE_S)

    def stop(self) -> None:
        """Ends `run` soon. May be called from a signal handler."""
        self._stopping.set()
        self._inbox.put(None)

    def _make_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"{GATEWAY}-{getpid()}-{id(self):x}", protocol=MQTTv5, manual_ack=True
        )
        certificate, key = self._authority.files_of(GATEWAY)
        context = ssl.create_default_context(cafile=str(self._authority.certificate_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate, key)
        client.tls_set_context(context)
        client.reconnect_delay_set(min_delay=1, max_delay=10)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_open = self._on_socket_open
        return client

    # --- paho's thread: only hand over ---

    # What escapes a callback ends that thread, so nothing may.

    def _on_socket_open(self, _: Client, __: object, opened: Any) -> None:
        with contextlib.suppress(OSError):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_connect_fail(self, _: Client, __: object) -> None:
        log.warning("the broker at %s cannot be reached (%s); trying again", self._broker, sys.exc_info()[1] or "no answer")

    def _on_connect(self, client: Client, _: object, __: ConnectFlags, reason: ReasonCode, ___: Properties | None) -> None:
        if reason.is_failure:
            log.error("the broker at %s refuses the gateway: %s", self._broker, reason)
            return
        shared = SubscribeOptions(qos=1)
        client.subscribe([(topics.shared("ingest", "up"), shared), (topics.shared("ingest", "health"), shared)])
        client.subscribe(topics.every("presence"), options=SubscribeOptions(qos=1))
        log.info("connected to the broker at %s", self._broker)

    def _on_subscribe(self, _: Client, __: object, ___: int, reasons: list[ReasonCode], ____: Properties | None) -> None:
        for reason in reasons:
            if reason.is_failure:
                log.error("the broker at %s refuses a subscription of the gateway: %s", self._broker, reason)

    def _on_disconnect(self, _: Client, __: object, ___: DisconnectFlags, reason: ReasonCode, ____: Properties | None) -> None:
        if not self._stopping.is_set():
            log.warning("the broker at %s is gone: %s", self._broker, reason)

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        if message.qos == 0 and self._inbox.qsize() + len(self._waiting) >= UNASKED_KEPT:
            return  # nobody is promised anything for these, and our devices send none
        try:
            content_type = getattr(message.properties, "ContentType", None)
            now = int(self._clock() * 1000)
            self._inbox.put(
                Incoming(message.topic, content_type, bytes(message.payload), message.mid, message.qos, bool(message.retain), now)
            )
        except Exception:
            log.exception("a message could not be read off the broker")

    # --- the loop ---

    def _gather(self) -> None:
        """Takes over whatever has come; waits a while for a message where there is none."""
        try:
            incoming = self._inbox.get(timeout=0 if self._waiting else LOOK_UP_S)
            while incoming is not None:
                self.take_in(incoming)
                incoming = self._inbox.get_nowait()
        except queue.Empty:
            return

    def take_in(self, incoming: Incoming) -> None:
        """Lets a message wait for its turn."""
        self._waiting.add(incoming, sender=incoming.topic.rpartition("/")[0], size=len(incoming.payload))

    def step(self) -> None:
        """Deals with the next group of what waits, to the end: stored or set aside, answered, and taken off the broker."""
        group = self._waiting.take()
        batches: list[Received] = []
        for _, incoming in group:
            topic = topics.parse(incoming.topic)
            if topic is None:
                log.warning("a message on %r, which is no topic of ours", incoming.topic)
                continue
            message = Received(topic.device, incoming.content_type, incoming.payload, incoming.at)
            if topic.leaf == "up":
                batches.append(message)
            elif topic.leaf == "health":
                self._note_health(topic.device, message)
            elif topic.leaf == "presence":
                self._note_presence(topic.device, message, retained=incoming.retained)
        if batches:
            self._answer([outcome for outcome in self._clerk.take(batches) if outcome is not None])
        for incoming in self._waiting.finished(number for number, _ in group):
            self._client.ack(incoming.mid, incoming.qos)

    def _insist(self, work: Callable[[], T]) -> T:
        """Does `work`, as often as it takes while the database is away; a passing fault is raised only when we are to stop."""
        waits = iter(PATIENCE_S)
        wait = 0.0
        while True:
            try:
                return work()
            except (DatabaseError, InterfaceError) as fault:
                if self._stopping.is_set() or not is_passing(fault):
                    raise
                wait = next(waits, wait)
                log.error("the database is away (%s); next try in %.0f s", fault, wait)
                connection.close()
                self._stopping.wait(wait)

    # --- answers ---

    def _answer(self, outcomes: Sequence[Outcome]) -> None:
        """One acknowledgement for each stream: the newest says all that the others said, but for their rejected rows."""
        newest: dict[tuple[str, bytes], Ack] = {}
        for outcome in outcomes:
            if outcome.ack is not None:
                newest[outcome.device, outcome.ack.stream] = outcome.ack
        for (device, _), ack in newest.items():
            self._publish(DeviceId(device), "down", ack)
        for outcome in outcomes:
            if outcome.hello is not None:
                name = DeviceId(outcome.device)
                self._send_configuration(name, self._clerk.configuration(name, outcome.hello.config))

    def _send_configuration(self, device: DeviceId, signed: SignedConfig | None) -> None:
        if signed is not None:
            self._publish(device, "config", signed, retain=True)

    def _note_health(self, device: DeviceId, message: Received) -> None:
        reported = self._clerk.note_health(message)
        self._send_configuration(device, reported.signed)
        if self._clerk.is_unheard(device, reported.stream):
            self._tell_standing(device, stream=reported.stream)

    def _tell_standing(self, device: DeviceId, *, stream: bytes = b"") -> None:
        ack = self._clerk.standing(device, int(self._clock() * 1000), stream=stream)
        if ack is not None:
            self._publish(device, "down", ack)

    def _note_presence(self, device: DeviceId, message: Received, *, retained: bool) -> None:
        present = message.data == topics.ONLINE

        def note() -> None:
            fleet.record_presence(device, present=present)
            if present and retained:
                # We have just come back: whoever is waiting out a back-off need not.
                self._tell_standing(device)

        self._clerk.isolate(message, note)

    def _publish(self, device: DeviceId, leaf: topics.Leaf, envelope: Envelope, *, retain: bool = False) -> None:
        content_type, data = codec.encode(envelope)
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = content_type
        # QoS 0 for acknowledgements: a lost one is given again with the next batch or greeting.
        info = self._client.publish(topics.topic(device, leaf), data, qos=1 if retain else 0, retain=retain, properties=properties)
        if info.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
            log.warning("an answer to %s could not be sent: %s", device, info.rc)
