"""A sync worker at work: a real ledger, links in the test's hands, and a report on how it is."""

from collections.abc import Callable
from pathlib import Path

from kiosk.core.ports import Delivered, LinkDown, LinkEvent, LinkUp, Message
from kiosk.core.troubles import Troubles
from kiosk.core.ways import PATIENCE, Way
from kiosk.identity import load
from kiosk.ledger.thread import LedgerThread
from kiosk.workers.health import HealthWorker
from kiosk.workers.line import FromLink
from kiosk.workers.sync import Sync
from tests.kiosk.authority import Authority
from tests.kiosk.exit import HandClock
from tests.kiosk.test_ledger_thread import Outcomes, rating
from wire.codec import decode_upward, encode
from wire.envelopes import Ack, Batch, Config, Health, Hello, SignedConfig

DEVICE = "kiosk-sync-1"


class HandLink:
    """A link that keeps what it is given and says what the test says."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.taking = True
        self.tokens = 0
        self.owed: list[int] = []
        self.openings = 0
        self.closings = 0

    def open(self, heard: Callable[[LinkEvent], None]) -> None:
        self.openings += 1

    def close(self) -> None:
        self.closings += 1

    def publish(self, leaf: str, content_type: str, payload: bytes) -> int | None:
        if not self.taking:
            return None
        self.sent.append((leaf, content_type, payload))
        self.tokens += 1
        self.owed.append(self.tokens)
        return self.tokens

    def upward(self) -> list[Batch | Hello]:
        """What was sent upwards since it was last asked."""
        found = [decode_upward(kind, payload) for leaf, kind, payload in self.sent if leaf == "up"]
        self.sent = [entry for entry in self.sent if entry[0] != "up"]
        return found


class HandHttps(HandLink):
    """The same, up as soon as it is opened."""

    def open(self, heard: Callable[[LinkEvent], None]) -> None:
        super().open(heard)
        heard(LinkUp())


class Desk:
    """A sync worker with everything around it."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.make()
        self.public_key = self.authority.give_identity(folder, DEVICE, port=1)
        who = load(folder)
        self.clock = HandClock(1_000)
        self.link = HandLink()
        self.ledger = LedgerThread(folder / "ledger.sqlite3")
        self.ledger.start()
        self.configs: list[tuple[SignedConfig, Config]] = []
        self.troubles: list[Troubles] = []
        self.https: list[HandHttps] = []
        self.no_door = False
        self.sync = Sync(
            device=who.device,
            shelf=self.ledger,
            link=self.link,
            fallback=self.fallback,
            signer=who.signer,
            verifier=who.verifier,
            clock=self.clock,
            draw=lambda: 0.0,
            software="test",
            config_version=1,
            on_config=lambda signed, config: self.configs.append((signed, config)),
            on_trouble=self.troubles.append,
        )
        self.sync.open()

    def fallback(self) -> HandHttps | None:
        if self.no_door:
            return None
        self.https.append(HandHttps())
        return self.https[-1]

    def rate(self, count: int) -> None:
        outcomes = Outcomes()
        for number in range(count):
            self.ledger.append([rating(number)], outcomes.of(number))
        outcomes.wait(count)

    def ack(self, stored: int, *, backed: int = 0, server_wall: int = 0, **more: object) -> Ack:
        return Ack(1, b"e" * 16, self.ledger.standing().stream, stored, backed, 8, server_wall, **more)  # type: ignore[arg-type]

    def taken(self) -> float:
        """The broker and the door say of everything that it has come."""
        pause = self.sync.turn()
        for way, link in [(Way.MQTT, self.link), *((Way.HTTPS, link) for link in self.https)]:
            while link.owed:
                pause = self.sync.step(FromLink(way, Delivered(link.owed.pop(0), 0)))
        return pause

    def down(self, leaf: str, envelope: object) -> float:
        return self.sync.step(FromLink(Way.MQTT, Message(leaf, *encode(envelope))))  # type: ignore[arg-type]


def health_of(desk: Desk, folder: Path, keep: Callable[[Health], None] = lambda report: None) -> HealthWorker:
    return HealthWorker(
        shelf=desk.ledger,
        clock=desk.clock,
        state_dir=folder,
        software="test",
        retention_days=30,
        config_version=lambda: desk.sync.config_version,
        outlook=lambda: desk.sync.outlook,
        notes=lambda: ["the crest is missing", "x" * 500],
        send=desk.sync.report,
        keep=keep,
    )


def blocked(desk: Desk) -> None:
    """The broker is not reached for so long that the device goes over to HTTPS."""
    desk.sync.step(FromLink(Way.MQTT, LinkDown("nobody answers")))
    desk.clock.now += PATIENCE
    desk.sync.step()
    desk.sync.turn()
