"""A server small enough to see through: stores rows by (stream, seq) in memory, checks chain and signature, acknowledges."""

import threading
from collections import Counter
from typing import Any

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from wire import chain, topics
from wire.codec import decode_event, decode_health, decode_upward, encode
from wire.envelopes import Ack, Batch, Health, Hello
from wire.events import Answer, Event, Link, StreamId


class SmallServer:
    """Connect it with `start`; it may be stopped and started again and keeps what it has."""

    def __init__(self, port: int, keys: dict[str, bytes], *, tls: Any = None) -> None:
        self.port = port
        self.keys = keys
        self.tls = tls
        self.rows: dict[tuple[bytes, int], bytes] = {}
        self.came: Counter[tuple[bytes, int]] = Counter()
        self.hellos: list[Hello] = []
        self.healths: list[Health] = []
        self.presence: list[bytes] = []
        self.faults: list[str] = []
        self.epoch = b"\x01" * 16
        self.silent = False
        self.backed = True
        self.credit = 8
        self.lock = threading.Lock()
        self.client: mqtt.Client | None = None
        self.ready = threading.Event()

    def start(self) -> "SmallServer":
        self.ready.clear()
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="gateway", protocol=mqtt.MQTTv5)
        if self.tls is not None:
            client.tls_set_context(self.tls)
        client.on_connect = lambda client, *_: client.subscribe([(topics.every(leaf), 1) for leaf in ("up", "health", "presence")])
        client.on_subscribe = lambda *_: self.ready.set()
        client.on_message = self._on_message
        client.reconnect_delay_set(1, 2)
        client.connect_async("127.0.0.1", self.port, 20)
        client.loop_start()
        self.client = client
        return self

    def stop(self) -> None:
        if self.client is not None:
            self.client.disconnect()
            self.client.loop_stop()
            self.client = None

    def events(self) -> list[Event]:
        with self.lock:
            return [decode_event(row) for _, row in sorted(self.rows.items())]

    def ratings(self) -> list[int]:
        return [event.value for event in self.events() if isinstance(event, Answer) and event.item == "overall"]

    def say(self, device: str, leaf: Any, content_type: str, payload: bytes, *, retain: bool = False) -> None:
        assert self.client is not None
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = content_type
        self.client.publish(topics.topic(topics.device_id(device), leaf), payload, 1, retain, properties)

    def _on_message(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            self._take(message)
        except Exception as fault:
            self.faults.append(f"{type(fault).__name__}: {fault}")

    def _take(self, message: mqtt.MQTTMessage) -> None:
        found = topics.parse(message.topic)
        assert found is not None
        if found.leaf == "presence":
            self.presence.append(bytes(message.payload))
            return
        content_type = getattr(message.properties, "ContentType", None)
        if found.leaf == "health":
            self.healths.append(decode_health(content_type, bytes(message.payload)))
            return
        if self.silent:
            return
        upward = decode_upward(content_type, bytes(message.payload))
        with self.lock:
            if isinstance(upward, Hello):
                self.hellos.append(upward)
            else:
                self._store(upward, self.keys[found.device])
            ack = self._ack(upward.stream)
        self.say(found.device, "down", *encode(ack))

    def _store(self, batch: Batch, key: bytes) -> None:
        links = chain.links(Link(batch.previous), batch.rows)
        statement = chain.batch_statement(StreamId(batch.stream), batch.first, len(batch.rows), links[-1])
        Ed25519PublicKey.from_public_bytes(key).verify(batch.signature, statement)
        for seq, row in enumerate(batch.rows, batch.first):
            self.came[batch.stream, seq] += 1
            if self.rows.setdefault((batch.stream, seq), row) != row:
                self.faults.append(f"row {seq} came with other bytes")

    def _ack(self, stream: bytes) -> Ack:
        stored = 0
        while (stream, stored + 1) in self.rows:
            stored += 1
        return Ack(1, self.epoch, stream, stored, stored if self.backed else 0, self.credit, 0)
