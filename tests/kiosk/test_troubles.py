"""Copies of a device and gaps in what the server has: how they are answered, and what is told of them."""

from pathlib import Path

import pytest
from msgspec import structs

from kiosk.core.ports import LinkUp
from kiosk.core.progress import Progress, Standing
from kiosk.core.troubles import FORK_SHOWN, Troubles
from kiosk.core.ways import Way
from kiosk.errors import LedgerError
from kiosk.workers.line import FromLink
from kiosk.workers.sync import LEDGER_AGAIN_S, Rows
from tests.kiosk.desk import Desk, health_of
from tests.kiosk.test_ledger_thread import rating
from tests.support.waiting import until
from wire import chain
from wire.codec import decode_event
from wire.envelopes import Batch, Fork, Gap
from wire.events import Answer, StreamId


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
    assert health_of(desk, tmp_path).report().fork == troubles.fork
    desk.clock.now += FORK_SHOWN
    assert health_of(desk, tmp_path).report().fork is None, "it was long ago"


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
