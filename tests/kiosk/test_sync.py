"""The sync worker's one step, with a real ledger and a link in the test's hands."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kiosk.core.delivery import ACK_PATIENCE, NO_SUBSCRIBERS
from kiosk.core.ports import Delivered, LinkDown, LinkEvent, LinkUp, Message
from kiosk.core.progress import Progress
from kiosk.identity import load
from kiosk.ledger.thread import LedgerThread
from kiosk.texts import STAFF, STAFF_LANGUAGES, Texts
from kiosk.upkeep import status
from kiosk.workers.health import HealthWorker
from kiosk.workers.sync import LINK_PATIENCE, Rows, Sync, reading
from tests.kiosk.authority import Authority, configuration
from tests.kiosk.exit import HandClock
from tests.kiosk.test_ledger_thread import Outcomes, rating
from wire import chain
from wire.codec import PLAIN, decode_health, decode_result, decode_upward, encode
from wire.envelopes import Ack, Batch, Command, Config, Health, Hello, SignedConfig
from wire.events import Link as ChainLink

DEVICE = "kiosk-sync-1"


class HandLink:
    """A link that keeps what it is given and says what the test says."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.taking = True
        self.openings = 0

    def open(self, heard: Callable[[LinkEvent], None]) -> None:
        self.openings += 1

    def close(self) -> None: ...

    def publish(self, leaf: str, content_type: str, payload: bytes) -> int | None:
        if not self.taking:
            return None
        self.sent.append((leaf, content_type, payload))
        return len(self.sent)

    def upward(self) -> list[Batch | Hello]:
        """What was sent upwards since it was last asked."""
        found = [decode_upward(kind, payload) for leaf, kind, payload in self.sent if leaf == "up"]
        self.sent = [entry for entry in self.sent if entry[0] != "up"]
        return found


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
        self.sync = Sync(
            device=who.device,
            shelf=self.ledger,
            link=self.link,
            signer=who.signer,
            verifier=who.verifier,
            clock=self.clock,
            draw=lambda: 0.0,
            software="test",
            config_version=1,
            on_config=lambda signed, config: self.configs.append((signed, config)),
        )

    def rate(self, count: int) -> None:
        outcomes = Outcomes()
        for number in range(count):
            self.ledger.append([rating(number)], outcomes.of(number))
        outcomes.wait(count)

    def ack(self, stored: int, **more: object) -> Ack:
        return Ack(1, b"e" * 16, self.ledger.standing().stream, stored, 0, 8, 0, **more)  # type: ignore[arg-type]

    def down(self, leaf: str, envelope: object) -> float:
        return self.sync.step(Message(leaf, *encode(envelope)))  # type: ignore[arg-type]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.ledger.stop()


def test_nothing_is_sent_before_the_link_is_up(desk: Desk) -> None:
    desk.rate(2)
    desk.sync.step(Rows())
    assert desk.link.sent == []


def test_on_each_connection_it_greets_and_sends_what_waits_signed_and_chained(desk: Desk) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    desk.rate(3)
    desk.sync.step(LinkUp())
    hello, batch = desk.link.upward()
    assert isinstance(hello, Hello)
    assert isinstance(batch, Batch)
    stream = desk.ledger.standing().stream
    assert (hello.stream, hello.next, hello.oldest, hello.config, hello.clock.monotonic) == (stream, 4, 1, 1, 1_000)
    assert (batch.stream, batch.first, len(batch.rows)) == (stream, 1, 3)
    head = chain.links(ChainLink(batch.previous), batch.rows)[-1]
    statement = chain.batch_statement(stream, 1, 3, head)
    Ed25519PublicKey.from_public_bytes(desk.public_key).verify(batch.signature, statement)


def test_a_new_rating_is_sent_in_the_very_step_that_hears_of_it(desk: Desk) -> None:
    desk.sync.step(LinkUp())
    desk.down("down", desk.ack(0))
    desk.link.upward()
    desk.rate(1)
    desk.sync.step(Rows())
    (batch,) = desk.link.upward()
    assert isinstance(batch, Batch)


def test_what_the_server_has_is_remembered_across_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.rate(5)
    desk.sync.step(LinkUp())
    desk.down("down", desk.ack(5))
    assert desk.ledger.standing().progress.stored_through == 5
    desk.ledger.stop()
    again = LedgerThread(tmp_path / "ledger.sqlite3")
    again.start()
    assert again.standing().progress.stored_through == 5
    again.stop()


def test_a_link_that_takes_nothing_is_tried_again_later(desk: Desk) -> None:
    desk.rate(1)
    desk.link.taking = False
    pause = desk.sync.step(LinkUp())
    assert 0 < pause <= 5
    desk.link.taking = True
    desk.clock.now += 5_000
    desk.sync.step()
    assert len(desk.link.upward()) == 2


def test_no_matching_subscribers_is_waited_out(desk: Desk) -> None:
    desk.rate(1)
    desk.sync.step(LinkUp())
    desk.link.upward()
    pause = desk.sync.step(Delivered(2, NO_SUBSCRIBERS))
    assert pause >= 1
    assert desk.link.upward() == []
    desk.clock.now += round(pause * 1000)
    desk.sync.step()
    assert [type(envelope) for envelope in desk.link.upward()] == [Hello, Batch]


def test_a_link_whose_acknowledgements_do_not_come_is_built_afresh(desk: Desk) -> None:
    desk.rate(1)
    pause = desk.sync.step(LinkUp())
    for _ in range(20):
        desk.clock.now += round(pause * 1000)
        pause = desk.sync.step()
        if desk.link.openings:
            break
    assert desk.link.openings == 1
    assert desk.clock.now < 1_000 + 10 * ACK_PATIENCE
    desk.link.upward()
    desk.sync.step(LinkUp())
    desk.clock.now += 10_000
    desk.sync.step()
    assert [type(envelope) for envelope in desk.link.upward()] == [Hello, Batch]


def test_a_link_that_is_down_and_has_fallen_silent_is_built_afresh(desk: Desk) -> None:
    pause = desk.sync.step(LinkDown("nobody answers"))
    assert pause == LINK_PATIENCE / 1000
    desk.clock.now += LINK_PATIENCE
    desk.sync.step()
    assert desk.link.openings == 1


def test_with_nothing_to_do_it_sleeps_for_minutes(desk: Desk) -> None:
    desk.sync.step(LinkUp())
    assert desk.down("down", desk.ack(0)) >= 60


@pytest.mark.parametrize("payload", [b"", b"\xff\xff", b"\x93\x01\x02\x03"])
@pytest.mark.parametrize("leaf", ["down", "config", "command", "presence"])
def test_nonsense_from_below_changes_nothing(desk: Desk, leaf: str, payload: bytes) -> None:
    desk.sync.step(LinkUp())
    desk.sync.step(Message(leaf, PLAIN, payload))
    desk.sync.step(Message(leaf, None, payload))
    desk.sync.step(Message(leaf, "vidhuk/9", payload))
    assert desk.configs == []
    assert desk.ledger.standing().progress.stored_through == 0


def test_a_newer_configuration_signed_for_this_device_is_taken_once(desk: Desk) -> None:
    signed = desk.authority.sign(DEVICE, configuration(3))
    desk.down("config", signed)
    desk.down("config", signed)
    desk.down("config", desk.authority.sign(DEVICE, configuration(2)))
    assert [config.version for _, config in desk.configs] == [3]
    assert desk.sync.config_version == 3


def test_a_configuration_for_another_device_or_by_another_server_is_refused(desk: Desk) -> None:
    desk.down("config", desk.authority.sign("kiosk-sync-2", configuration(3)))
    desk.down("config", Authority.make().sign(DEVICE, configuration(4)))
    signed = desk.authority.sign(DEVICE, configuration(5))
    desk.down("config", SignedConfig(1, signed.document[:-1] + b"\x00", signed.signature))
    assert desk.configs == []


def test_a_configuration_that_could_not_be_kept_is_not_taken_for_kept(desk: Desk) -> None:
    def fails(signed: SignedConfig, config: Config) -> None:
        raise OSError("card full")

    desk.sync._on_config = fails
    with pytest.raises(OSError, match="card full"):
        desk.down("config", desk.authority.sign(DEVICE, configuration(3)))
    assert desk.sync.config_version == 1


def test_an_unknown_command_is_answered_so(desk: Desk) -> None:
    desk.down("command", Command(1, "c-1", "dance", 0))
    ((leaf, kind, payload),) = desk.link.sent
    result = decode_result(kind, payload)
    assert (leaf, result.id, result.ok) == ("result", "c-1", False)
    assert "dance" in result.text


def test_a_ledger_that_begins_a_new_stream_is_sent_from_its_start(desk: Desk, tmp_path: Path) -> None:
    desk.rate(4)
    desk.sync.step(LinkUp())
    desk.down("down", desk.ack(4))
    desk.link.upward()
    desk.ledger._ask(lambda store: None)

    def tear(store: object) -> None:
        from kiosk.ledger.store import Unreadable

        raise Unreadable("torn")

    with pytest.raises(Exception, match="card failed"):
        desk.ledger._ask(tear)
    desk.rate(2)
    desk.sync.step(Rows())
    hello, batch = desk.link.upward()
    assert isinstance(batch, Batch)
    assert (hello.stream, batch.first, len(batch.rows)) == (desk.ledger.standing().stream, 1, 2)


def health_of(desk: Desk, folder: Path, keep: Callable[[Health, Progress], None], **more: object) -> HealthWorker:
    known = {"progress": lambda: desk.sync.progress, "notes": lambda: ["the crest is missing", "x" * 500]} | more
    return HealthWorker(
        shelf=desk.ledger,
        link=desk.link,  # type: ignore[arg-type]
        clock=desk.clock,
        reading=lambda: reading(desk.clock),
        state_dir=folder,
        software="test",
        retention_days=30,
        config_version=lambda: desk.sync.config_version,
        keep=keep,
        **known,  # type: ignore[arg-type]
    )


def test_health_says_what_is_recorded_and_delivered(desk: Desk, tmp_path: Path) -> None:
    desk.rate(6)
    desk.sync.step(LinkUp())
    desk.down("down", desk.ack(4))
    kept: list[object] = []
    health = health_of(desk, tmp_path, lambda report, progress: kept.append((report, progress.stored_through)))
    desk.clock.now += 61_000
    report = health.step()
    leaf, kind, payload = desk.link.sent[-1]
    assert leaf == "health"
    assert decode_health(kind, payload) == report
    assert (report.recorded, report.stored_through, report.config, report.uptime_s) == (6, 4, 1, 61)
    assert report.notes[0] == "the crest is missing"
    assert kept == [(report, 4)]


def test_a_fork_stops_the_delivery_and_staff_and_server_hear_of_it(desk: Desk, tmp_path: Path) -> None:
    desk.rate(6)
    desk.sync.step(LinkUp())
    desk.down("down", desk.ack(2, forked_at=3))
    desk.link.sent.clear()
    desk.rate(1)
    desk.sync.step(Rows())
    assert desk.link.upward() == []
    health = health_of(desk, tmp_path, lambda report, progress: status.keep(tmp_path, report, progress, device=DEVICE, up=True))
    assert health.step().notes[0] == "another device with this name sent row 3 first"
    found = status.last(tmp_path)
    assert found is not None
    lines = status.sentences(found, found.written, Texts(STAFF_LANGUAGES, print, domain=STAFF), "en")
    assert "delivers nothing any more, because another one with its name sent other entries from No. 3 on" in lines[1]
    assert not any("sent row 3 first" in line for line in lines)


def test_a_fork_is_known_at_once_after_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.rate(6)
    desk.ledger.remember(desk.ledger.standing().stream, Progress(b"e" * 16, 2, 2, (), 3), now=True)
    kept: list[Progress] = []
    not_begun = {"progress": lambda: None, "notes": list}
    health = health_of(desk, tmp_path, lambda report, progress: kept.append(progress), **not_begun)
    report = health.step()
    assert report.notes == ["another device with this name sent row 3 first"]
    assert (report.stored_through, kept[0].forked_at) == (2, 3)
