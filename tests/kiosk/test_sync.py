"""The sync worker's one step, with a real ledger and a link in the test's hands."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import structs

from kiosk.core.delivery import ACK_PATIENCE, NO_SUBSCRIBERS
from kiosk.core.ports import Delivered, LinkDown, LinkEvent, LinkUp, Message
from kiosk.core.progress import Progress, Standing
from kiosk.core.troubles import Fork, Troubles
from kiosk.core.ways import HOLD_LEAST, PATIENCE, Way
from kiosk.errors import LedgerError
from kiosk.identity import load
from kiosk.ledger.thread import LedgerThread
from kiosk.workers.health import EVERY_S, HealthWorker
from kiosk.workers.line import ANSWER_PATIENCE, DOWN_PATIENCE, FromLink
from kiosk.workers.sync import LEDGER_AGAIN_S, Rows, Sync
from tests.kiosk.authority import Authority, configuration
from tests.kiosk.exit import HandClock
from tests.kiosk.test_ledger_thread import Outcomes, rating
from tests.support.waiting import until
from wire import chain
from wire.codec import PLAIN, decode_event, decode_health, decode_result, decode_upward, encode
from wire.envelopes import Ack, Batch, Command, Config, Echo, Gap, Health, Hello, SignedConfig
from wire.events import Answer, StreamId, at
from wire.events import Link as ChainLink

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
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
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
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(0))
    desk.link.upward()
    desk.rate(1)
    desk.sync.step(Rows())
    (batch,) = desk.link.upward()
    assert isinstance(batch, Batch)


def test_what_the_server_has_is_remembered_across_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.rate(5)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(5))
    assert desk.ledger.standing().progress.stored_through == 5
    desk.ledger.stop()
    again = LedgerThread(tmp_path / "ledger.sqlite3")
    again.start()
    assert again.standing().progress.stored_through == 5
    again.stop()


def test_what_the_card_did_not_take_of_it_is_written_with_the_next_acknowledgement(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*about: object, **more: object) -> None:
        raise LedgerError("The ledger is not open.")

    desk.rate(5)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    with monkeypatch.context() as failing:
        failing.setattr(desk.ledger, "remember", refuse)
        desk.down("down", desk.ack(5, backed=5))
    assert desk.ledger.standing().progress.backed_through == 0
    desk.down("down", desk.ack(5, backed=5))
    assert desk.ledger.standing().progress.backed_through == 5, "although it brought no news"


def test_a_link_that_takes_nothing_is_tried_again_later(desk: Desk) -> None:
    desk.rate(1)
    desk.link.taking = False
    pause = desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    assert 0 < pause <= 5
    desk.link.taking = True
    desk.clock.now += 5_000
    desk.sync.step()
    assert len(desk.link.upward()) == 2


def test_no_matching_subscribers_is_waited_out(desk: Desk) -> None:
    desk.rate(1)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.link.upward()
    pause = desk.sync.step(FromLink(Way.MQTT, Delivered(2, NO_SUBSCRIBERS)))
    assert pause >= 1
    assert desk.link.upward() == []
    desk.clock.now += round(pause * 1000)
    desk.sync.step()
    assert [type(envelope) for envelope in desk.link.upward()] == [Hello, Batch]


def test_a_link_whose_acknowledgements_do_not_come_is_built_afresh(desk: Desk) -> None:
    desk.no_door = True
    desk.rate(1)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    while desk.link.openings == 1:
        assert desk.clock.now < 1_000 + 4 * ACK_PATIENCE
        desk.clock.now += round(desk.taken() * 1000)
        desk.sync.step()
    desk.link.upward()
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.clock.now += 10_000
    desk.sync.step()
    assert [type(envelope) for envelope in desk.link.upward()] == [Hello, Batch]


def test_a_link_that_is_down_and_has_fallen_silent_is_built_afresh(desk: Desk) -> None:
    desk.no_door = True
    desk.sync.step(FromLink(Way.MQTT, LinkDown("nobody answers")))
    desk.clock.now += DOWN_PATIENCE - 1
    desk.sync.step()
    assert desk.link.openings == 1
    desk.clock.now += 1
    desk.sync.step()
    assert desk.link.openings == 2


def test_with_nothing_to_do_it_sleeps_for_minutes(desk: Desk) -> None:
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(0))
    assert desk.taken() >= 60


@pytest.mark.parametrize("payload", [b"", b"\xff\xff", b"\x93\x01\x02\x03"])
@pytest.mark.parametrize("leaf", ["down", "config", "command", "presence"])
def test_nonsense_from_below_changes_nothing(desk: Desk, leaf: str, payload: bytes) -> None:
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.sync.step(FromLink(Way.MQTT, Message(leaf, PLAIN, payload)))
    desk.sync.step(FromLink(Way.MQTT, Message(leaf, None, payload)))
    desk.sync.step(FromLink(Way.MQTT, Message(leaf, "vidhuk/9", payload)))
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

    desk.sync._configuring._on_config = fails
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
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(4))
    desk.link.upward()
    standing = desk.ledger.standing()
    desk.ledger.begin_anew(standing.stream, standing.progress)
    desk.rate(2)
    desk.sync.step(Rows())
    hello, batch = desk.link.upward()
    assert isinstance(batch, Batch)
    assert (hello.stream, batch.first, len(batch.rows)) == (desk.ledger.standing().stream, 1, len(batch.rows))
    assert {row.visit for row in map(decode_event, batch.rows)} >= {rating(0).visit, rating(1).visit}


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


def test_health_says_what_is_recorded_delivered_backed_up_and_waiting(desk: Desk, tmp_path: Path) -> None:
    desk.rate(6)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.clock.now += 10
    desk.down("down", desk.ack(4, backed=3, server_wall=77_000))
    kept: list[Health] = []
    health = health_of(desk, tmp_path, kept.append)
    desk.taken()
    desk.clock.now += 9_990
    report = health.step()
    desk.sync.turn()
    leaf, kind, payload = desk.link.sent[-1]
    assert leaf == "health"
    assert decode_health(kind, payload) == report
    assert (report.recorded, report.stored_through, report.backed_through, report.moving) == (6, 4, 3, 0)
    assert (report.config, report.uptime_s, report.way, report.gap) == (1, 9, "mqtt", None)
    assert report.stream == desk.ledger.standing().stream
    assert report.waiting_since == at(rating(4)), "the fifth row is the oldest that the server has not"
    assert report.echo == Echo(77_000, 1_010)
    assert report.notes[0] == "the crest is missing"
    assert kept == [report]
    desk.down("down", desk.ack(6))
    assert health.report().waiting_since is None


def test_since_when_an_entry_waits_is_told_only_where_a_clock_knew(desk: Desk, tmp_path: Path) -> None:
    """A device without time would say that it waits since 1970."""
    guess = structs.replace(rating(0), synchronised=False, wall_offset=0)
    desk.ledger.append([guess], Outcomes().of(0))
    health = health_of(desk, tmp_path, lambda report: None)
    desk.clock.synchronised = False
    report = health.report()
    assert (report.recorded, report.waiting_since) == (1, None)
    desk.clock.synchronised = True
    assert health.report().waiting_since == at(guess) + desk.clock.stamp().wall_offset, "the clock of this start has been set since"


# --- forks, gaps, echoes -----------------------------------------------------------------------------------------------------


def test_an_acknowledgement_of_a_twins_rows_takes_none_of_ours_for_delivered(desk: Desk) -> None:
    """A card that was put back to an earlier state has written as many rows as its twin had, and the server holds the twin's."""
    desk.rate(6)
    former = desk.ledger.standing().stream
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    theirs = chain.links(chain.origin(former), [b"theirs"] * 4)[-1]
    desk.down("down", desk.ack(4, backed=4, link=theirs[:8]))
    assert desk.ledger.standing().stream != former
    until(lambda: desk.ledger.standing().next == 7, "every row has moved")


def test_an_acknowledgement_that_knows_our_chain_is_believed(desk: Desk) -> None:
    desk.rate(6)
    stream = desk.ledger.standing().stream
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    for through in (4, 6, 6, 2):
        link = desk.ledger.read(stream, through + 1, 0).previous
        desk.down("down", desk.ack(through, backed=through, link=link[:8]))
    standing = desk.ledger.standing()
    assert (standing.stream, standing.progress.stored_through) == (stream, 6)


def test_a_fork_is_answered_by_a_new_stream_that_carries_everything(desk: Desk, tmp_path: Path) -> None:
    desk.rate(6)
    former = desk.ledger.standing().stream
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(4, backed=2, forked_at=5))
    desk.link.upward()
    until(lambda: desk.ledger.standing().moving == 0, "the rows have moved")
    desk.rate(1)
    desk.sync.step(Rows())
    sent = desk.link.upward()
    stream = desk.ledger.standing().stream
    assert stream != former
    assert {envelope.stream for envelope in sent} == {stream}
    batch = sent[-1]
    assert isinstance(batch, Batch)
    rows = [decode_event(row) for row in batch.rows]
    assert sorted(row.visit for row in rows if isinstance(row, Answer)) == sorted(
        [*(rating(n).visit for n in range(6)), rating(0).visit]
    )
    desk.down("down", structs.replace(desk.ack(6, forked_at=5), stream=former))
    assert desk.ledger.standing().stream == stream, "what is still said about the former stream changes nothing"


def test_a_fork_is_told_to_staff_and_server_and_remembered_across_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.rate(6)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(2, forked_at=3))
    (troubles,) = desk.troubles
    assert Troubles.of(troubles.note()) == troubles
    assert troubles.fork == Fork(3, desk.clock.stamp().wall)
    report = health_of(desk, tmp_path).report()
    assert report.notes[0] == "another device with this name sent row 3 first; this one goes on with a new stream"


def test_a_fork_that_was_known_when_the_power_went_is_answered_in_the_next_life(desk: Desk) -> None:
    desk.rate(3)
    former = desk.ledger.standing().stream
    desk.ledger.remember(former, Progress(b"e" * 16, 2, 2, (), 3), now=True)
    desk.sync.step()
    assert desk.ledger.standing().stream != former, "without any link"


def test_a_card_that_cannot_begin_a_new_stream_is_asked_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.rate(3)
    former = desk.ledger.standing().stream
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))

    def fails(stream: StreamId, progress: Progress) -> Standing:
        raise LedgerError("The card failed.")

    with monkeypatch.context() as broken:
        broken.setattr(desk.ledger, "begin_anew", fails)
        assert desk.down("down", desk.ack(1, forked_at=2)) == LEDGER_AGAIN_S
        assert desk.troubles == []
    desk.sync.step()
    assert desk.ledger.standing().stream != former
    assert len(desk.troubles) == 1


def test_rows_that_the_server_lost_are_the_last_gap(desk: Desk, tmp_path: Path) -> None:
    desk.rate(5)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(5))
    desk.down("down", structs.replace(desk.ack(2), epoch=b"r" * 16))
    assert [batch.first for batch in desk.link.upward() if isinstance(batch, Batch)] == [1, 3], "it rewinds at once"
    gap = Gap(3, 5, desk.clock.stamp().wall)
    assert desk.troubles == [Troubles(gap=gap)]
    assert health_of(desk, tmp_path).report().gap == gap


def test_troubles_that_no_clock_saw_bear_no_time_and_the_copy_is_told_of_from_when_the_time_is_known(desk: Desk) -> None:
    desk.clock.synchronised = False
    desk.rate(5)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(5))
    desk.down("down", structs.replace(desk.ack(2), epoch=b"r" * 16))
    assert desk.troubles[-1] == Troubles(gap=Gap(3, 5))
    desk.down("down", structs.replace(desk.ack(2, forked_at=3), epoch=b"r" * 16))
    unknown = desk.troubles[-1]
    assert unknown == Troubles(Gap(3, 5), Fork(3, None)) == Troubles.of(unknown.note())
    assert unknown.fork_at(0) == unknown.fork
    desk.clock.synchronised = True
    desk.sync.step()
    assert desk.troubles[-1].fork == Fork(3, desk.clock.stamp().wall)
    told = len(desk.troubles)
    desk.sync.step()
    assert len(desk.troubles) == told


def test_an_unsynchronised_device_greets_twice_so_that_the_server_can_date_it(desk: Desk) -> None:
    desk.clock.synchronised = False
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    (first,) = desk.link.upward()
    assert isinstance(first, Hello)
    assert first.echo is None
    desk.clock.now += 40
    desk.down("down", desk.ack(0, server_wall=5_000_000))
    (second,) = desk.link.upward()
    assert isinstance(second, Hello)
    assert second.echo == Echo(5_000_000, 1_040)
    desk.down("down", desk.ack(0, server_wall=5_000_010))
    assert desk.link.upward() == [], "once is enough"


def test_a_device_whose_clock_is_right_greets_once(desk: Desk) -> None:
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.link.upward()
    desk.down("down", desk.ack(0, server_wall=5_000_000))
    assert desk.link.upward() == []


# --- two ways ------------------------------------------------------------------------------------------------------------------


def blocked(desk: Desk) -> None:
    """The broker is not reached for so long that the device goes over to HTTPS."""
    desk.sync.step(FromLink(Way.MQTT, LinkDown("nobody answers")))
    desk.clock.now += PATIENCE
    desk.sync.step()
    desk.sync.turn()


def test_without_a_broker_rows_and_reports_go_by_https_within_a_minute(desk: Desk, tmp_path: Path) -> None:
    desk.rate(2)
    assert desk.sync.step(FromLink(Way.MQTT, LinkDown("nobody answers"))) == PATIENCE / 1000
    assert desk.https == []
    blocked(desk)
    (https,) = desk.https
    assert [type(envelope) for envelope in https.upward()] == [Hello, Batch]
    assert desk.link.sent == []
    desk.sync.step(FromLink(Way.HTTPS, Message("down", *encode(desk.ack(2)))))
    assert desk.ledger.standing().progress.stored_through == 2
    report = health_of(desk, tmp_path).step()
    desk.sync.turn()
    assert report.way == "https"
    assert https.sent[-1][0] == "health"
    assert desk.sync.outlook.up


def test_three_time_outs_in_a_row_are_enough(desk: Desk) -> None:
    desk.rate(1)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    while not desk.https:
        assert desk.clock.now < 1_000 + 4 * ACK_PATIENCE
        desk.clock.now += round(desk.taken() * 1000)
        desk.sync.step()
    assert desk.link.openings == 2, "and the link that was silent is built afresh"


def test_it_comes_back_to_mqtt_when_a_greeting_is_answered_there(desk: Desk) -> None:
    desk.rate(1)
    blocked(desk)
    (https,) = desk.https
    desk.sync.step(FromLink(Way.HTTPS, Message("down", *encode(desk.ack(1)))))
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.taken()
    assert desk.link.sent == [], "HTTPS serves: MQTT is left alone for a while"
    desk.clock.now += HOLD_LEAST
    desk.sync.step()
    (probe,) = desk.link.upward()
    assert isinstance(probe, Hello)
    https.sent.clear()
    desk.rate(1)
    desk.sync.step(Rows())
    assert [type(envelope) for envelope in https.upward()] == [Batch], "until then HTTPS carries the rows"
    desk.down("down", desk.ack(1))
    assert desk.sync.outlook.way is Way.MQTT
    assert https.closings == 1
    assert [type(envelope) for envelope in desk.link.upward()] == [Hello, Batch]


def test_what_https_still_answers_after_the_return_counts(desk: Desk) -> None:
    desk.rate(1)
    blocked(desk)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(0))
    assert desk.sync.outlook.way is Way.MQTT
    desk.sync.step(FromLink(Way.HTTPS, Message("down", *encode(desk.ack(1)))))
    desk.sync.step(FromLink(Way.HTTPS, Delivered(2, 0x80)))
    assert desk.ledger.standing().progress.stored_through == 1


def test_without_a_door_it_goes_on_trying_by_mqtt_and_asks_for_one_again(desk: Desk) -> None:
    desk.no_door = True
    desk.rate(1)
    blocked(desk)
    assert desk.sync.outlook.way is Way.MQTT
    desk.no_door = False  # a configuration has come that names one
    desk.clock.now += PATIENCE
    desk.sync.step()
    assert desk.sync.outlook.way is Way.HTTPS


# --- links that have died in silence -----------------------------------------------------------------------------------------


def test_a_link_that_answers_nothing_is_built_afresh_within_ninety_seconds_however_little_there_is_to_say(
    desk: Desk, tmp_path: Path
) -> None:
    health = health_of(desk, tmp_path)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(0))
    desk.taken()
    died = desk.clock.now
    desk.clock.now += round(EVERY_S * 1000)
    health.step()
    pause = desk.sync.turn()
    assert pause == ANSWER_PATIENCE / 1000
    desk.clock.now += ANSWER_PATIENCE
    desk.sync.step()
    assert desk.link.openings == 2
    assert desk.clock.now - died <= 90_000


def test_a_slow_link_that_answers_at_all_is_left_alone(desk: Desk) -> None:
    desk.rate(1)
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.clock.now += ANSWER_PATIENCE - 1
    desk.sync.step(FromLink(Way.MQTT, Delivered(1, 0)))
    desk.clock.now += ANSWER_PATIENCE - 1
    desk.sync.step(FromLink(Way.MQTT, Delivered(2, 0)))
    desk.clock.now += 10
    desk.sync.step()
    assert desk.link.openings == 1
