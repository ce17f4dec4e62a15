"""Bytes a rating: what the kiosk's own link hands to TCP for batches of real rows, on TLS and MQTT 5 to a real Mosquitto.

Counted are the MQTT packet (topic, content type, signed batch) and the TLS records around it, from device to broker. Not counted:
TCP and IP headers, the handshake, and what comes back (an MQTT acknowledgement of a few bytes, and the server's one a batch).
"""

import json
import queue
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Final

from kiosk.core.ports import Delivered, LinkDown, LinkEvent, LinkUp
from kiosk.links.mqtt import Broker, MqttLink
from wire.events import Answer, Event, Input, at
from workbench.bench.crowd import Ledger, rows
from workbench.bench.ground import PATIENCE_S, Ground
from workbench.bench.harness import Benchmark, BenchTrouble, Figure, Say, Target, scratch
from workbench.bench.meter import Meter
from workbench.installation import HOST
from workbench.processes import Household

SIZES: Final = (1, 5, 50, 250)
PROMISED_AT: Final = 50
PROMISE: Final = Target(at_most=20)
KEEPALIVE_S: Final = 600
"""No ping of the link's may fall into what is counted."""


class Counted:
    """The kiosk's link through a meter; publishes one message at a time and says what it cost."""

    def __init__(self, ground: Ground) -> None:
        self.device = ground.device(1)
        self.meter = Meter(HOST, ground.port)
        broker = Broker(HOST, self.meter.port, ground.authority.certificate_file, self.device.certificate, self.device.key_file)
        self._heard: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        self.link = MqttLink(broker, self.device.name, keepalive_s=KEEPALIVE_S)
        self.link.open(self._heard.put)
        self._wait(lambda event: isinstance(event, LinkUp))
        self.cost("text/plain", b"the session's first message also carries what TLS had left to say")

    def cost(self, content_type: str, data: bytes) -> int:
        """Bytes towards the broker for one message, taken once the broker has acknowledged it."""
        before = self.meter.up
        token = self.link.publish("up", content_type, data)
        if token is None:
            raise BenchTrouble("The link took no message.")
        self._wait(lambda event: isinstance(event, Delivered) and event.token == token)
        return self.meter.up - before

    def close(self) -> None:
        """Ends the connection."""
        self.link.close()
        self.meter.close()

    def _wait(self, wanted: Callable[[LinkEvent], bool]) -> None:
        while True:
            try:
                event = self._heard.get(timeout=PATIENCE_S)
            except queue.Empty:
                raise BenchTrouble("The broker did not answer the link in time.") from None
            if wanted(event):
                return
            if isinstance(event, LinkDown):
                raise BenchTrouble(f"The link broke: {event.why}.")


def measure(runs: int, say: Say) -> list[Figure]:
    """Bytes a row in batches of each size, from `runs` places of one device's stream; beside it one JSON object a rating."""
    with scratch() as folder, Household() as household:
        say("Starting a broker with TLS …")
        ground = Ground(Path(folder), household)
        ground.start_broker()
        link = Counted(ground)
        try:
            return _figures(ground, link, runs, say)
        finally:
            link.close()


def _figures(ground: Ground, link: Counted, runs: int, say: Say) -> list[Figure]:
    step = max(SIZES)
    ledger = Ledger(link.device.stream, link.device.key, rows(ground.questionnaire, door=1, count=step * (runs + 1)))
    places = [1 + step * number for number in range(1, runs + 1)]
    found = []
    for size in SIZES:
        say(f"Publishing batches of {size} …")
        costs = [link.cost(*ledger.batch(first, size)) / size for first in places]
        promise = PROMISE if size == PROMISED_AT else None
        about = (
            "" if promise is None else "MQTT 5 packet and TLS records towards the broker, without TCP/IP headers; 50 ledger rows"
        )
        found.append(Figure(f"batch of {size}", "bytes a rating", costs, about, promise))
    answers, visits = [], []
    for first in places:
        part = ledger.events[first - 1 : first - 1 + PROMISED_AT]
        answers.append(link.cost(*ledger.batch(first, PROMISED_AT)) / sum(isinstance(event, Answer) for event in part))
        visits.append(link.cost(*ledger.batch(first, _rows_of_visits(ledger.events[first - 1 :], PROMISED_AT))) / PROMISED_AT)
    about = "the same batch, its bytes shared out among the answers only, although it also says who left a question unanswered"
    found.append(Figure("batch of 50, answers", "bytes an answer", answers, about, PROMISE))
    about = "one batch with all rows of 50 visitors: rating, reason or skip, undo, flag"
    found.append(Figure("batch of 50 visits", "bytes a visit", visits, about, PROMISE))
    say("Publishing single JSON objects …")
    alone = [
        mean(link.cost("application/json", _as_json(event)) for event in ledger.events[first - 1 : first + 24]) for first in places
    ]
    found.append(Figure("one JSON object each", "bytes a rating", alone, "unsigned, same connection; 25 ratings a run"))
    return found


def _rows_of_visits(events: Sequence[Event], count: int) -> int:
    """How many rows the first `count` visits of `events` have."""
    seen: set[tuple[bytes, int]] = set()
    for place, event in enumerate(events):
        seen.add((event.boot, event.visit))
        if len(seen) > count:
            return place
    raise ValueError(f"only {len(seen)} visits, and {count} were asked for")


def _as_json(event: Event) -> bytes:
    """A row as people write such messages by hand."""
    return json.dumps(
        {
            "kind": type(event).__name__.lower(),
            "item": event.item,
            "value": event.value if isinstance(event, Answer) else None,
            "questionnaire": event.questionnaire,
            "language": event.language,
            "input": Input(event.input).name.lower(),
            "visit": f"{event.boot.hex()}/{event.visit}",
            "at": at(event),
        },
        separators=(",", ":"),
    ).encode()


BENCHMARK = Benchmark("wire", "bytes a rating from device to broker, by MQTT 5 over TLS", 9, measure)
