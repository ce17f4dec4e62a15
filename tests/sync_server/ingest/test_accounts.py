"""Of each stream it is known what is stored, missing or gone for good, and whether another card tells another story."""

import logging
from datetime import timedelta
from uuid import uuid4

import pytest

from sync_server.ingest import books
from sync_server.ingest.entering import installation
from sync_server.ingest.models import Gone, LedgerRow, Stream
from sync_server.ingest.selectors import StreamAccount, accounts, set_aside_of, standing
from sync_server.ingest.services import accept
from tests.sync_server.device import NOON, Source, a_source, told
from wire.events import StreamId

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


def account(source: Source) -> StreamAccount:
    assert source.device is not None
    return next(one for one in accounts(source.device.id) if one.stream == source.stream)


def filled(rows: int, name: str = "kiosk-test-1") -> Source:
    source = a_source(name)
    source.rate(*[4] * rows)
    return source


# --- gaps --------------------------------------------------------------------------------------------------------------------


def test_a_stream_that_came_in_order_has_no_gap() -> None:
    source = filled(9)
    source.send(1, 4)
    source.send(5, 9)
    found = account(source)
    assert (found.stored, found.stored_through, found.missing, found.gap) == (9, 9, (), None)


def test_a_gap_is_kept_as_it_was_first_seen_and_is_said_to_be_closed_when_it_is() -> None:
    source = filled(30)
    source.send(1, 10)
    accept([source.message(21, 30, received=NOON + timedelta(minutes=5))])
    seen = account(source).gap
    assert seen is not None
    assert (seen.first, seen.last, seen.open) == (11, 20, True)
    assert seen.at == source.message(received=NOON + timedelta(minutes=5)).at
    accept([source.message(15, 20, received=NOON + timedelta(minutes=9))])
    assert account(source).gap == seen, "it has become smaller, and is no new one"
    accept([source.message(11, 14, received=NOON + timedelta(minutes=9))])
    closed = account(source).gap
    assert closed is not None
    assert (closed.first, closed.last, closed.at, closed.open) == (11, 20, seen.at, False)


def test_a_later_gap_takes_the_place_of_an_earlier_one() -> None:
    source = filled(40)
    for first, last in ((1, 5), (11, 15), (21, 25)):
        source.send(first, last)
    gap = account(source).gap
    assert gap is not None
    assert (gap.first, gap.last) == (16, 20)
    source.send(16, 20)
    gap = account(source).gap
    assert gap is not None
    assert (gap.first, gap.last, gap.open) == (16, 20, False), "the older one that is still open was not noticed now"
    assert account(source).missing == ((6, 10),)


def test_batches_that_change_places_within_one_transaction_leave_no_gap() -> None:
    source = filled(20)
    accept([source.message(11, 20), source.message(1, 10)])
    assert account(source).gap is None


def test_what_lies_above_the_gaps_is_told_as_far_as_every_gap_is_named() -> None:
    source = filled(200)
    assert accept([source.message(seq, seq) for seq in range(1, 101, 2)])[0].ack is not None
    ack = source.send(99, 99)
    assert (len(ack.missing), ack.highest) == (49, 99)
    accept([source.message(seq, seq) for seq in range(101, 200, 2)])
    ack = source.send(199, 199)
    assert (len(ack.missing), ack.missing[-1].last, ack.highest) == (64, 128, 129)


# --- what is gone ------------------------------------------------------------------------------------------------------------


def test_rows_that_the_device_has_deleted_and_nobody_holds_are_named_once_and_not_waited_for(caplog) -> None:
    source = filled(120)
    source.send(1, 50)
    with caplog.at_level(logging.WARNING):
        ack = told(accept([source.hello(oldest=81)])[0])
    assert (ack.stored_through, ack.missing) == (80, [])
    assert account(source).gone == ((51, 80),)
    assert sum("51 to 80" in record.getMessage() for record in caplog.records) == 1
    accept([source.hello(oldest=81)])
    assert Gone.objects.count() == 1
    assert source.send(81, 120).stored_through == 120
    found = account(source)
    assert (found.stored, found.missing, found.gone) == (90, (), ((51, 80),))


def test_only_what_lies_between_the_stored_islands_is_gone() -> None:
    source = filled(100)
    for first, last in ((1, 10), (21, 30), (41, 50)):
        source.send(first, last)
    assert told(accept([source.hello(oldest=36)])[0]).stored_through == 35
    found = account(source)
    assert (found.gone, found.missing) == (((11, 20), (31, 35)), ((36, 40),))


def test_a_whole_stream_that_was_deleted_before_anything_of_it_was_kept_is_gone() -> None:
    source = filled(10)
    assert told(accept([source.hello(oldest=11)])[0]).stored_through == 10
    assert account(source).gone == ((1, 10),)
    source.rate(5)
    assert source.send(11, 11).stored_through == 11


def test_rows_that_were_gone_and_turn_up_are_taken() -> None:
    source = filled(60)
    source.send(1, 20)
    accept([source.hello(oldest=41)])
    assert source.send(25, 30).stored_through == 40
    assert account(source).gone == ((21, 24), (31, 40))
    assert LedgerRow.objects.count() == 26
    assert source.send(41, 60).stored_through == 60


def test_what_a_device_deleted_because_it_is_stored_is_not_gone() -> None:
    source = filled(50)
    source.send()
    assert told(accept([source.hello(oldest=51)])[0]).stored_through == 50
    assert told(accept([source.hello(oldest=30)])[0]).stored_through == 50
    assert not Gone.objects.exists()


def test_a_greeting_and_the_rows_it_announces_in_one_transaction_lose_nothing() -> None:
    source = filled(30)
    outcomes = accept([source.hello(oldest=11), source.message(1, 5), source.message(11, 30)])
    assert {told(outcome).stored_through for outcome in outcomes} == {30}
    assert account(source).gone == ((6, 10),)


def test_a_device_cannot_give_up_rows_that_it_has_not_written_yet() -> None:
    source = filled(5)
    ack = told(accept([source.hello(oldest=1_000, next=6)])[0])
    assert ack.stored_through == 5


# --- epoch, backups, forks ---------------------------------------------------------------------------------------------------


def test_a_greeting_from_before_the_server_was_restored_is_answered_with_what_there_is_now() -> None:
    source = filled(20)
    source.send(1, 8)
    ack = told(accept([source.hello(next=21, oldest=5, epoch=uuid4().bytes)])[0])
    assert ack.epoch == bytes(installation().epoch)
    assert (ack.stored_through, ack.forked_at) == (8, None)
    assert not Gone.objects.exists()


def test_an_acknowledgement_says_what_a_backup_holds_and_never_more_than_is_stored() -> None:
    source = filled(20)
    source.send(1, 10)
    Stream.objects.update(backed_through=7)
    assert source.send(1, 10).backed_through == 7
    Stream.objects.update(backed_through=99)
    assert source.send(1, 10).backed_through == account(source).backed_through == 10


def test_a_fork_is_alarmed_once_and_stays_known(caplog) -> None:
    source = filled(5)
    twin = source.clone()
    source.rate(3)
    source.send()
    twin.rate(1, 1)
    with caplog.at_level(logging.WARNING):
        twin.send()
        twin.send(6, 7)
    alarms = [record.getMessage() for record in caplog.records if "another story" in record.getMessage()]
    assert len(alarms) == 1
    assert source.name in alarms[0]
    found = account(source)
    assert (found.forked_at, found.stored, found.set_aside) == (6, 6, 2)
    assert set_aside_of(source.name) == {"forked": 2}


def test_a_device_with_several_streams_has_an_account_of_each_and_stands_at_the_newest() -> None:
    source = filled(5)
    source.send()
    anew = source.clone()
    anew.stream, anew.rows, anew.links = StreamId(uuid4().bytes), [], []
    anew.add(*source.rows[2:])
    anew.send(1, 2)
    assert source.device is not None
    assert [(one.stream, one.newest, one.stored) for one in accounts(source.device.id)] == [
        (anew.stream, True, 2),
        (source.stream, False, 5),
    ]
    ack = standing(source.name, 0)
    assert ack is not None
    assert (ack.stream, ack.stored_through) == (anew.stream, 2)


def test_what_is_missing_of_a_stream_that_was_left_behind_is_sent_anew_unless_another_card_goes_on_with_it() -> None:
    source = filled(12)
    source.send(1, 5)
    source.send(9, 10)
    assert account(source).missing == ((6, 8),)
    anew = source.clone()
    anew.stream, anew.rows, anew.links = StreamId(uuid4().bytes), [], []
    anew.add(*source.rows)
    accept([anew.hello()])
    assert account(source).missing == ((6, 8),), "nothing has come of the new one yet"
    anew.send()
    left = account(source)
    assert (left.missing, left.sent_anew, left.stored) == ((), ((6, 8),), 7)
    assert left.gap is not None
    assert not left.gap.open
    source.send(12, 12)
    alive = account(source)
    assert (alive.missing, alive.sent_anew, alive.stored) == (((6, 8), (11, 11)), (), 8)


@pytest.mark.parametrize(
    ("spans", "taken", "left"),
    [
        ([(1, 9)], [], [(1, 9)]),
        ([(1, 9)], [(1, 9)], []),
        ([(1, 9)], [(0, 3), (5, 5), (8, 20)], [(4, 4), (6, 7)]),
        ([(1, 3), (7, 9)], [(2, 8)], [(1, 1), (9, 9)]),
        ([(4, 6)], [(1, 3), (7, 9)], [(4, 6)]),
        ([(4, 6)], [(1, 9), (5, 5)], []),
    ],
)
def test_spans_are_taken_from_spans(spans, taken, left) -> None:
    assert books.without(spans, taken) == left
