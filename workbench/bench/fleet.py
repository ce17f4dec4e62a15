"""A process of many kiosks as far as their server can tell: the real delivery, sync and MQTT link, over rows kept in memory.

`python -m workbench.bench.fleet PLAN` (a MessagePack file) says `ready`, waits for a line, and connects all devices. It then
writes JSON lines with moments of the monotonic clock that all processes of a machine share: `tapped` for each rating recorded
on a device that has visitors meanwhile, `stored` once every device knows that the server has what it held at the beginning, and,
once the next line has told it to let no more visitors in, `done` when everything has been acknowledged.
"""

import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import Final

import msgspec
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kiosk.clock import SystemClock
from kiosk.core.progress import Excerpt, Progress, Standing
from kiosk.identity import DeviceSigner, ServerVerifier
from kiosk.links.mqtt import Broker, MqttLink
from kiosk.workers.sync import Sync
from wire import chain, codec
from wire.events import Answer, Input, Link, StreamId
from wire.topics import device_id
from workbench.installation import HOST

TAP_EVERY_S: Final = 1.0
"""A visitor a second at each device that has any: far more than there are, so that no second goes unwatched."""
LOOK_S: Final = 0.02
PATIENCE_S: Final = 240.0
GOOD: Final = 4


class Member(msgspec.Struct):
    """One device: its files, what it holds, and whether visitors come to it meanwhile."""

    name: str
    certificate: str
    key: str
    stream: bytes
    rows: list[bytes]
    config: int
    live: bool


class Plan(msgspec.Struct):
    """What to do. `server_key` signs configurations, `questionnaire` and `item` are what visitors are asked."""

    port: int
    ca: str
    server_key: bytes
    questionnaire: int
    item: str
    members: list[Member]


class MemoryShelf:
    """As `kiosk.core.ports.Shelf`, with a list in place of a card."""

    def __init__(self, stream: StreamId, rows: list[bytes]) -> None:
        self._stream = stream
        self._rows = list(rows)
        self._links = [chain.origin(stream), *chain.links(chain.origin(stream), rows)]
        self._progress = Progress()
        self._lock = threading.Lock()

    def append(self, row: bytes) -> None:
        """One more."""
        with self._lock:
            self._rows.append(row)
            self._links.append(chain.link(self._links[-1], row))

    def standing(self) -> Standing:
        """What it holds now."""
        with self._lock:
            return Standing(self._stream, 1, len(self._rows) + 1, self._progress)

    def read(self, stream: StreamId, first: int, count: int) -> Excerpt:
        """At most `count` rows from `first` on."""
        with self._lock:
            rows = self._rows[first - 1 : first - 1 + count]
            previous: Link = self._links[first - 1]
            return Excerpt(first, previous, rows, self._links[first - 1 + len(rows)])

    def remember(self, stream: StreamId, progress: Progress, *, now: bool = False) -> None:
        """What the server has."""
        with self._lock:
            self._progress = progress

    def prune(self, *, older_than: int) -> int:
        """Nothing: a drain is short."""
        return 0

    def begin_anew(self, stream: StreamId, progress: Progress) -> Standing:
        """Refused: these devices have one card each, and a fork among them would be the server's mistake."""
        raise AssertionError("a device of the fleet was told that its stream has forked")


class Kiosk:
    """One device."""

    def __init__(self, plan: Plan, member: Member) -> None:
        self.name = member.name
        self.live = member.live
        self._plan = plan
        self._backlog = len(member.rows)
        self._clock = SystemClock("trusted")
        self._shelf = MemoryShelf(StreamId(member.stream), member.rows)
        key = serialization.load_pem_private_key(Path(member.key).read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        device = device_id(member.name)
        broker = Broker(HOST, plan.port, Path(plan.ca), Path(member.certificate), Path(member.key))
        self.sync = Sync(
            device=device,
            shelf=self._shelf,
            link=MqttLink(broker, device),
            signer=DeviceSigner(key),
            verifier=ServerVerifier(Ed25519PublicKey.from_public_bytes(plan.server_key)),
            clock=self._clock,
            draw=random.random,
            software="bench",
            config_version=member.config,
            on_config=lambda signed, config: None,
        )

    def tap(self) -> float:
        """A visitor rates. Returns when that was recorded."""
        stamp = self._clock.stamp()
        answer = Answer(
            self._plan.questionnaire,
            self._plan.item,
            "uk",
            Input.TOUCH,
            stamp.boot,
            stamp.wall_offset,
            stamp.synchronised,
            stamp.monotonic,
            0,
            GOOD,
        )
        self._shelf.append(codec.encode_event(answer))
        recorded = time.monotonic()
        self.sync.wake()
        return recorded

    @property
    def backlog_stored(self) -> bool:
        """Whether the server has said that it has everything this device held at first."""
        return self._through >= self._backlog

    @property
    def all_stored(self) -> bool:
        """Whether the server has said that it has everything."""
        return self._through >= self._shelf.standing().next - 1

    @property
    def _through(self) -> int:
        progress = self.sync.progress
        return progress.stored_through if progress else 0


def run(plan: Plan) -> None:
    """Everything, to the end."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output is for what is measured
    kiosks = [Kiosk(plan, member) for member in plan.members]
    say(what="ready")
    sys.stdin.readline()
    say(what="began")
    closing = threading.Event()
    threading.Thread(target=_await_line, args=(closing,), daemon=True).start()
    for kiosk in kiosks:
        kiosk.sync.start()
    deadline = time.monotonic() + PATIENCE_S
    due = time.monotonic() + TAP_EVERY_S / 2
    drained = False
    while not (closing.is_set() and all(kiosk.all_stored for kiosk in kiosks)):
        now = time.monotonic()
        if now > deadline:
            sys.exit(f"{sum(not kiosk.all_stored for kiosk in kiosks)} devices still hold rows")
        if now >= due and not closing.is_set():
            due += TAP_EVERY_S
            for kiosk in kiosks:
                if kiosk.live:
                    say(what="tapped", device=kiosk.name, at=kiosk.tap())
        if not drained and all(kiosk.backlog_stored for kiosk in kiosks):
            drained = True
            say(what="stored")
        time.sleep(LOOK_S)
    say(what="done")


def _await_line(come: threading.Event) -> None:
    sys.stdin.readline()
    come.set()


def say(*, what: str, device: str = "", at: float | None = None) -> None:
    """One line for whoever started this."""
    print(json.dumps({"what": what, "device": device, "at": time.monotonic() if at is None else at}), flush=True)


if __name__ == "__main__":
    run(msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Plan))
