"""Devices that do nothing but send: one batch after the other over a real connection, again and again until it is acknowledged."""

import queue
import threading
from pathlib import Path
from random import Random
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from wire import codec
from wire.codec import WireError
from wire.envelopes import Ack
from wire.events import DeviceId
from wire.topics import topic
from workbench.installation import HOST
from workbench.torture.sources import Source

PATIENCE_S: Final = 0.7
"""Far less than a kiosk's: what a killed gateway has swallowed comes again before the next kill."""
PAUSE_S: Final = 0.05
MOST_ROWS: Final = 3


class Sender:
    """One enrolled device on a thread of its own."""

    def __init__(self, name: str, identity: Path, port: int, *, began: int, chance: Random) -> None:
        """`identity` is the folder of its papers, `port` the broker's, `began` when its first visitor came (ms since the epoch)."""
        key = serialization.load_pem_private_key((identity / "key.pem").read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        self.source = Source(name, key=key, began=began)
        self.sent = 0
        self.stored = 0
        self.resent = 0
        self.trouble = ""
        """What an acknowledgement said that none may say."""
        self._chance = chance
        self._name = topic(DeviceId(name), "up")
        self._acks: queue.SimpleQueue[Ack] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
        self._client.tls_set(str(identity / "ca.pem"), str(identity / "certificate.pem"), str(identity / "key.pem"))
        self._client.on_connect = lambda client, *_: client.subscribe(topic(DeviceId(name), "down"), 1)
        self._client.on_message = self._on_message
        self._client.connect_async(HOST, port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def finish(self, seconds: float) -> bool:
        """Sends what is under way to its end. Whether everything is acknowledged."""
        self._stopping.set()
        self._thread.join(seconds)
        self._client.disconnect()
        self._client.loop_stop()
        return self.stored == self.sent

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_S):
            self.sent = self.stored + self._chance.randint(1, MOST_ROWS)
            self._bring()

    def _bring(self) -> None:
        """Until everything that was begun is acknowledged."""
        tries = 0
        while self.stored < self.sent and not self.trouble:
            _, content_type, data = self.source.batch(self.stored + 1, self.sent - self.stored)
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ContentType = content_type
            self._client.publish(self._name, data, 1, properties=properties)
            self.resent += tries > 0
            tries += 1
            try:
                while self.stored < self.sent:
                    self._heed(self._acks.get(timeout=PATIENCE_S))
            except queue.Empty:
                continue

    def _heed(self, ack: Ack) -> None:
        if ack.stored_through > self.sent or ack.forked_at is not None or ack.rejected or ack.refused is not None:
            self.trouble = f"{self.source.name} sent {self.sent} rows and was told {ack}"
        self.stored = max(self.stored, ack.stored_through)

    def _on_message(self, _: Client, __: object, message: Any) -> None:
        try:
            self._acks.put(codec.decode_ack(getattr(message.properties, "ContentType", None), message.payload))
        except WireError as fault:
            self.trouble = f"{self.source.name} was sent an acknowledgement that cannot be read: {fault}"
