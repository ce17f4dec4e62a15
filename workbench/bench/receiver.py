"""A process that only receives: paho with the gateway's certificate, subscription, window and manual acknowledgements, and no work.

`python -m workbench.bench.receiver PORT CA CERTIFICATE KEY COUNT WINDOW` says `ready`, then, when COUNT messages have come, the
moment of the last one on the monotonic clock.
"""

import ssl
import sys
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from wire import topics
from workbench.installation import HOST

PATIENCE_S = 300.0


def run(port: int, files: tuple[str, str, str], count: int, window: int) -> None:
    """Receives and acknowledges `count` messages."""
    done = threading.Event()
    seen = 0
    last = 0.0

    def on_message(client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        nonlocal seen, last
        client.ack(message.mid, message.qos)
        seen += 1
        if seen == count:
            last = time.monotonic()
            done.set()

    def on_connect(client: mqtt.Client, *_: Any) -> None:
        client.subscribe(topics.shared("ingest", "up"), qos=1)

    def on_subscribe(*_: Any) -> None:
        print("ready", flush=True)

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gateway-bare", protocol=mqtt.MQTTv5, manual_ack=True)
    ca, certificate, key = files
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(certificate, key)
    client.tls_set_context(context)
    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 0
    properties.ReceiveMaximum = window
    client.connect(HOST, port, keepalive=20, clean_start=True, properties=properties)
    client.loop_start()
    if not done.wait(PATIENCE_S):
        sys.exit(f"only {seen} of {count} messages came")
    print(last, flush=True)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    run(int(sys.argv[1]), (sys.argv[2], sys.argv[3], sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]))
