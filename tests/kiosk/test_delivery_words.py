"""What the server's words mean to the delivery: restored, forked, poorer than we thought, of another stream."""

import random

import msgspec
import pytest

from kiosk.core.delivery import (
    BACK_OFF_LEAST,
    Delivery,
    Greet,
    Renew,
    Restart,
    Send,
    Wait,
)
from kiosk.core.progress import Progress, Standing
from tests.kiosk.deliveries import EPOCH, ack, connected, send_all, standing
from wire.envelopes import Range
from wire.events import StreamId


def test_rows_known_to_be_stored_beyond_a_gap_are_not_sent_again() -> None:
    delivery = connected(30)
    delivery.acknowledged(ack(4, missing=[Range(5, 9), Range(20, 22)], highest=27), 0)
    assert send_all(delivery, 0) == [Send(5, 9), Send(20, 22), Send(28, 30)]


def test_a_restored_server_gets_again_what_it_lost() -> None:
    delivery = connected(100, progress=Progress(EPOCH, 100, 60))
    heard = delivery.acknowledged(ack(40, backed=40, epoch=b"n" * 16), 0)
    assert heard.urgent
    assert "restored" in heard.note
    assert delivery.progress == Progress(b"n" * 16, 40, 40, (EPOCH,))
    assert send_all(delivery, 0) == [Send(41, 100)]


def test_yesterdays_server_is_not_believed() -> None:
    delivery = connected(100, progress=Progress(b"n" * 16, 40, 40, (EPOCH,)))
    delivery.acknowledged(ack(100, backed=100), 0)
    assert delivery.progress.stored_through == 40
    assert delivery.progress.backed_through == 40


def test_an_overtaken_acknowledgement_takes_nothing_back() -> None:
    delivery = connected(50)
    delivery.acknowledged(ack(50), 0)
    delivery.acknowledged(ack(20, missing=[Range(21, 30)]), 1)
    assert delivery.progress.stored_through == 50
    assert send_all(delivery, 5_000) == []


def test_a_server_that_keeps_saying_it_has_less_is_believed_in_the_end() -> None:
    """Somebody has mended its database by hand, say. Sending twice is harmless; never sending again would not be."""
    delivery = connected(50, progress=Progress(EPOCH, 50, 50))
    delivery.acknowledged(ack(50), 0)
    delivery.recorded(standing(60))
    now, notes = 0, []
    for token in range(200):
        match delivery.task(now):
            case Greet():
                delivery.greeted(token, now)
                notes.append(delivery.acknowledged(ack(20, backed=20, missing=[Range(21, 50)]), now).note)
            case Send(first, last):
                delivery.sent(first, last, token, now)
            case Restart():
                delivery.disconnected()
                delivery.connected(now)
            case Wait(until):
                now = until or now + 1
        if delivery.progress.stored_through == 20:
            break
    assert delivery.progress.stored_through == 20
    assert "only" in notes[-1]
    assert send_all(delivery, now)[0].first == 21


def test_acknowledgements_of_another_stream_change_nothing() -> None:
    delivery = connected(5)
    foreign = msgspec.structs.replace(ack(5), stream=b"?" * 16)
    assert not delivery.acknowledged(foreign, 0).changed
    assert delivery.progress.stored_through == 0


def test_at_a_fork_a_new_stream_is_begun_and_nothing_that_is_said_of_the_former_is_believed() -> None:
    delivery = connected(20, progress=Progress(EPOCH, 4, 0))
    heard = delivery.acknowledged(ack(18, backed=18, forked_at=11), 0)
    assert heard.urgent
    assert delivery.progress == Progress(EPOCH, 4, 0, (), 11)
    assert delivery.task(0) == Renew()
    again = Delivery(standing(20, progress=delivery.progress), draw=random.random)
    assert again.task(0) == Renew(), "also after a restart, and without a link"
    again.acknowledged(ack(19, backed=19), 0)
    assert again.progress.stored_through == 4
    delivery.recorded(Standing(StreamId(b"t" * 16), 1, 1, Progress(EPOCH), 10))
    assert delivery.task(0) == Greet()
    delivery.greeted(7, 0)
    delivery.recorded(Standing(StreamId(b"t" * 16), 1, 11, Progress(EPOCH)))
    assert delivery.task(0) == Send(1, 10)


@pytest.mark.parametrize("more", [{}, {"highest": 9, "missing": [Range(3, 7)]}])
def test_a_server_that_has_rows_which_were_never_written_here_has_them_of_another_device(more: dict[str, object]) -> None:
    """The card was put back to an earlier state: to write those rows otherwise would be a fork."""
    delivery = connected(5)
    heard = delivery.acknowledged(ack(2 if more else 9, **more), 0)
    assert "another device with this name sent row 6" in heard.note
    assert delivery.progress.stored_through == 0
    assert delivery.task(0) == Renew()


def test_a_server_whose_rows_are_not_ours_by_their_chain_has_none_of_ours() -> None:
    delivery = connected(20)
    heard = delivery.acknowledged(ack(12, backed=12), 0, ours=False)
    assert heard.urgent
    assert delivery.progress == Progress(EPOCH, 0, 0, (), 12)
    assert delivery.task(0) == Renew()


def test_a_refusal_is_waited_out() -> None:
    delivery = connected(5)
    assert "revoked" in delivery.acknowledged(ack(0, refused="revoked"), 100).note
    task = delivery.task(100)
    assert isinstance(task, Wait)
    assert task.until is not None
    assert task.until >= 100 + BACK_OFF_LEAST
    assert delivery.task(task.until) == Greet()
