"""A greeting that comes late is no fork: after a broken line both broker and device send again what was under way."""

from datetime import timedelta

import pytest

from sync_server.ingest.models import LedgerRow, Stream
from sync_server.ingest.services import accept
from tests.sync_server.device import NOON, a_source, told
from wire.events import BootId, StreamId

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


def test_a_greeting_sent_again_after_later_rows_is_no_fork() -> None:
    source = a_source()
    source.rate(5, 4, at=NOON)
    hello = source.hello(received=NOON + timedelta(minutes=10))
    accept([source.message(), hello])
    source.rate(3, 2, at=NOON + timedelta(minutes=20))
    accept([source.message(3, 4)])
    ack = told(accept([hello])[0])
    assert (ack.forked_at, ack.stored_through) == (None, 4)
    source.rate(1)
    assert source.send().stored_through == 5


def test_a_greeting_overtaken_within_one_transaction_is_no_fork() -> None:
    source = a_source()
    source.rate(5, at=NOON)
    hello = source.hello(received=NOON + timedelta(minutes=10))
    source.rate(4, at=NOON + timedelta(minutes=11))
    outcomes = accept([source.message(), hello])
    assert {told(outcome).forked_at for outcome in outcomes} == {None}


def test_a_touch_that_was_being_written_when_the_greeting_was_read_out_is_no_fork() -> None:
    source = a_source()
    source.rate(5, at=NOON)
    hello = source.hello(next=1, received=NOON + timedelta(seconds=2))
    source.send()
    assert told(accept([hello])[0]).forked_at is None


def test_a_card_restored_within_the_same_start_of_the_device_is_still_a_fork() -> None:
    source = a_source()
    source.rate(5, 4, 3, at=NOON)
    source.send()
    Stream.objects.update(live_after=0)
    assert told(accept([source.hello(next=2, received=NOON + timedelta(hours=2))])[0]).forked_at == 2


def test_a_card_restored_from_an_image_is_a_fork_whatever_its_clock_says() -> None:
    source = a_source()
    source.rate(5, 4, 3, at=NOON)
    source.send()
    restored = source.clone()
    restored.boot = BootId(bytes(16))
    assert told(accept([restored.hello(next=2, received=NOON)])[0]).forked_at == 2
    assert Stream.objects.get().forked_at == 2


def test_a_greeting_before_a_gap_is_judged_by_the_row_behind_it() -> None:
    source = a_source()
    source.rate(5, at=NOON)
    hello = source.hello(received=NOON + timedelta(minutes=5))
    source.rate(4, 3, 2, at=NOON + timedelta(minutes=10))
    accept([source.message(4, 4)])
    assert told(accept([hello])[0]).forked_at is None
    assert LedgerRow.objects.count() == 1


def test_a_greeting_with_a_next_beyond_what_is_stored_is_no_fork() -> None:
    source = a_source()
    source.rate(5)
    source.send()
    assert told(accept([source.hello(next=900)])[0]).forked_at is None


def test_a_greeting_of_the_start_before_that_comes_after_rows_of_this_one_is_no_fork() -> None:
    source = a_source()
    source.rate(5, at=NOON)
    late = source.hello(received=NOON + timedelta(minutes=1))
    accept([late, source.message()])
    source.boot = BootId(bytes(15) + b"2")
    source.rate(4, at=NOON + timedelta(minutes=30))
    accept([source.hello(received=NOON + timedelta(minutes=31)), source.message(2, 2)])
    assert told(accept([late])[0]).forked_at is None


def test_a_late_greeting_of_a_stream_that_takes_over_old_rows_is_no_fork_whatever_their_times() -> None:
    source = a_source()
    source.rate(5, 4, at=NOON)
    source.send()
    anew = source.clone()
    anew.stream, anew.rows, anew.links = StreamId(bytes(15) + b"9"), [], []
    hello = anew.hello(next=1, received=NOON + timedelta(hours=3))
    anew.add(*source.rows)
    outcomes = accept([anew.message(), hello])
    assert {told(outcome).forked_at for outcome in outcomes} == {None}
    assert told(accept([hello])[0]).forked_at is None, "nor when it comes again"


def test_rows_that_were_appended_as_they_were_recorded_say_whether_a_greeting_is_late() -> None:
    source = a_source()
    source.rate(5, 4, 3, at=NOON)
    source.send()
    hello = source.hello(next=2, received=NOON + timedelta(hours=2))
    Stream.objects.update(live_after=2)
    assert told(accept([hello])[0]).forked_at is None, "row 2 may have come from elsewhere"
    Stream.objects.update(live_after=1)
    assert told(accept([hello])[0]).forked_at == 2


def test_a_greeting_may_say_so_itself() -> None:
    source = a_source()
    source.rate(5, 4, 3, at=NOON)
    source.send()
    accept([source.hello(received=NOON + timedelta(hours=1))])
    when = NOON + timedelta(hours=2)
    assert told(accept([source.hello(next=2, received=when, moved=2)])[0]).forked_at is None, "row 2 was taken over"
    assert told(accept([source.hello(next=3, received=when, moved=2)])[0]).forked_at == 3
