"""A process that publishes messages made beforehand, as several devices at once, as fast as the broker takes them.

`python -m workbench.bench.publisher PLAN` (a MessagePack file). With `awaits`, it greets until the server answers, publishes, and
waits for the server's own acknowledgement of each stream's last row. Its last line is JSON: `began` and `stored` (or null), in
seconds of the monotonic clock that all processes of a machine share.
"""

import json
import sys
import threading
import time
from pathlib import Path
from typing import Final

import msgspec

from wire import codec
from wire.topics import device_id, topic
from workbench.bench import packets
from workbench.installation import HOST

WINDOW: Final = 100
"""Messages sent before the first is acknowledged: what our broker's `max_inflight_messages` allows."""
BURST: Final = 25
GREET_S: Final = 0.5


class Part(msgspec.Struct):
    """What one device publishes: its greeting and its messages as whole PUBLISH packets, the last row's number, its files."""

    name: str
    certificate: str
    key: str
    greeting: bytes
    messages: list[bytes]
    last: int


class Plan(msgspec.Struct):
    """What to do."""

    port: int
    ca: str
    awaits: bool
    parts: list[Part]


def run(plan: Plan) -> dict[str, float | None]:
    """Publishes everything. Returns when it began and, with `awaits`, when the last row was acknowledged as stored."""
    ready = threading.Barrier(len(plan.parts))
    stored: list[float] = []
    began: list[float] = []
    faults: list[Exception] = []

    def work(part: Part) -> None:
        try:
            _publish(plan, part, ready, began, stored)
        except Exception as fault:  # said by the main thread, which the other parts must not wait for
            faults.append(fault)
            ready.abort()

    threads = [threading.Thread(target=work, args=(part,)) for part in plan.parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return {"began": min(began), "stored": max(stored) if plan.awaits else None}


def _publish(plan: Plan, part: Part, ready: threading.Barrier, began: list[float], stored: list[float]) -> None:
    stream = packets.Stream(HOST, plan.port, ca=Path(plan.ca), certificate=Path(part.certificate), key=Path(part.key))
    stream.send(packets.connect(part.name))
    _await(stream, packets.CONNACK)
    stream.send(packets.subscribe(topic(device_id(part.name), "down")))
    _await(stream, packets.SUBACK)
    if plan.awaits:
        _greet(stream, part)
    ready.wait()
    began.append(time.monotonic())
    under_way = sent = 0
    through = 0
    while sent < len(part.messages) or under_way or (plan.awaits and through < part.last):
        while sent < len(part.messages) and under_way <= WINDOW - BURST:
            burst = part.messages[sent : sent + BURST]
            stream.send(b"".join(burst))
            sent += len(burst)
            under_way += len(burst)
        for kind, body in stream.receive():
            if kind == packets.PUBACK:
                under_way -= 1
            elif kind == packets.PUBLISH and plan.awaits:
                through = _through(body)
    stored.append(time.monotonic())
    stream.close()


def _greet(stream: packets.Stream, part: Part) -> None:
    """Says hello until the server answers: then it listens."""
    stream.socket.settimeout(GREET_S)
    for _ in range(120):
        stream.send(part.greeting)
        try:
            while True:
                if any(kind == packets.PUBLISH for kind, _ in stream.receive()):
                    stream.socket.settimeout(60)
                    return
        except TimeoutError:
            continue
    raise TimeoutError("the server answered no greeting within a minute")


def _await(stream: packets.Stream, wanted: int) -> None:
    while all(kind != wanted for kind, _ in stream.receive()):
        pass


def _through(body: bytes) -> int:
    data = packets.payload_of(body)
    for content_type in (codec.PLAIN, codec.DEFLATED):
        try:
            return codec.decode_ack(content_type, data).stored_through
        except codec.WireError:
            continue
    return 0


if __name__ == "__main__":
    print(json.dumps(run(msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Plan))))
