"""The sync worker's one step: what it sends, what it makes of the answers, and when it tries again."""

from pathlib import Path

import pytest

from kiosk.core.delivery import NO_SUBSCRIBERS
from kiosk.core.ports import Delivered, LinkUp, Message
from kiosk.core.ways import Way
from kiosk.errors import LedgerError
from kiosk.ledger.thread import LedgerThread
from kiosk.workers.line import FromLink
from kiosk.workers.sync import Rows
from tests.kiosk.desk import Desk
from tests.kiosk.test_ledger_thread import rating
from wire import chain
from wire.codec import PLAIN, decode_event, decode_result
from wire.envelopes import Batch, Command, Echo, Hello
from wire.events import Link as ChainLink


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


def test_with_nothing_to_do_it_sleeps_for_minutes(desk: Desk) -> None:
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    desk.down("down", desk.ack(0))
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


@pytest.mark.parametrize("synchronised", [True, False])
def test_a_device_greets_twice_so_that_the_server_can_date_it_whatever_its_clock_claims(desk: Desk, synchronised: bool) -> None:
    desk.clock.synchronised = synchronised
    desk.sync.step(FromLink(Way.MQTT, LinkUp()))
    (first,) = desk.link.upward()
    assert isinstance(first, Hello)
    assert (first.echo, first.moved_through) == (None, 0)
    desk.clock.now += 40
    desk.down("down", desk.ack(0, server_wall=5_000_000))
    (second,) = desk.link.upward()
    assert isinstance(second, Hello)
    assert second.echo == Echo(5_000_000, 1_040)
    desk.down("down", desk.ack(0, server_wall=5_000_010))
    assert desk.link.upward() == [], "once is enough"
