"""What was set aside is tried again: it is stored once, nothing is deleted, and what came of it is written beside it."""

from typing import Any

import msgspec
import pytest
from django.db import OperationalError

from sync_server.courts import services as courts
from sync_server.ingest import replay as module
from sync_server.ingest.models import Evidence, LedgerRow, Mark, SetAside, Stream
from sync_server.ingest.replay import is_row, repeatable, replay, waiting
from sync_server.ingest.services import Received, accept, put_aside
from tests.sync_server.device import NOON, Source, a_source
from wire import codec
from wire.events import Answer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]
LATER = 1_900_000_000.0


@pytest.fixture
def source() -> Source:
    made = a_source("kiosk-again-1")
    made.rate(5, 4)
    return made


def again() -> dict[str, int]:
    """Everything worth it, tried again."""
    return dict(replay(repeatable(), now=lambda: LATER))


def states() -> list[tuple[str, str, int, int | None]]:
    return list(SetAside.objects.order_by("id").values_list("reason", "outcome", "times", "replayed"))


def test_a_batch_at_which_the_server_failed_is_stored_once_it_is_mended(source: Source) -> None:
    put_aside(source.message(), "internal", "a fault of our own")
    assert again() == {"taken": 1}
    assert LedgerRow.objects.count() == 2
    assert states() == [("internal", "taken", 1, int(LATER * 1000))], "nothing is deleted"
    assert not waiting().exists()
    assert again() == {}, "what is settled is not tried again"


def test_what_came_by_another_way_meanwhile_is_known_and_counts_once(source: Source) -> None:
    put_aside(source.message(), "internal", "a fault of our own")
    accept([source.message()])
    assert again() == {"known": 1}
    assert LedgerRow.objects.count() == 2


def test_a_batch_of_which_some_is_stored_brings_the_rest(source: Source) -> None:
    put_aside(source.message(), "internal", "a fault of our own")
    accept([source.message(1, 1)])
    assert again() == {"taken": 1}
    assert LedgerRow.objects.count() == 2


def test_a_stranger_who_has_been_enrolled_since_is_heard(source: Source) -> None:
    stranger = Source("kiosk-late-1", source.key)
    stranger.rate(1)
    accept([stranger.message()])
    assert again() == {"unknown-device": 1}
    key = source.key.public_key().public_bytes_raw()
    courts.register_device(name=stranger.name, public_key=key, enrolled_at=NOON)
    assert again() == {"taken": 1}
    assert LedgerRow.objects.count() == 1


def test_rows_of_another_card_stay_aside_however_often_they_are_tried(source: Source) -> None:
    twin = source.clone()
    source.rate(1)
    twin.rate(2)
    source.send()
    twin.send()
    before = SetAside.objects.get()
    assert (again(), again()) == ({"forked": 1}, {"forked": 1})
    assert LedgerRow.objects.count() == 3
    found = SetAside.objects.get()
    assert (found.times, found.received) == (before.times, before.received), "to try again is no new message of the device"


def test_a_message_that_turns_out_to_be_of_another_card_stands_aside_once_and_says_so(source: Source) -> None:
    twin = source.clone()
    source.rate(1)
    twin.rate(2)
    source.send()
    put_aside(twin.message(), "internal", "a fault of our own")
    assert again() == {"forked": 1}
    found = SetAside.objects.get()
    assert (found.reason, found.outcome, found.times) == ("forked", "forked", 1)
    assert found.stream == Stream.objects.get(), "it is counted with its stream"
    assert not is_row(found)


def test_an_old_greeting_raises_no_alarm_about_a_restored_card(source: Source) -> None:
    hello = source.hello(next=1)
    source.send()
    put_aside(hello, "internal", "a fault of our own")
    assert again() == {"greeting": 1}
    assert Stream.objects.get().forked_at is None
    assert again() == {}


def test_rows_that_were_told_to_be_stored_are_kept_however_many_they_are(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_server.ingest.aside.KEPT_OF_A_DEVICE", 3)
    for number in range(5):
        source.add(msgspec.msgpack.encode([99, number]))
    for number in range(6):
        accept([Received(source.name, codec.PLAIN, bytes([0xC1, number]), 1)])
    assert source.send().stored_through == 7
    assert repeatable().exclude(seq=None).count() == 5
    assert again()["malformed-row"] == 5


def test_what_was_settled_takes_up_no_room(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_server.ingest.aside.KEPT_OF_A_DEVICE", 1)
    put_aside(source.message(), "internal", "a fault of our own")
    assert again() == {"taken": 1}
    source.rate(3)
    put_aside(source.message(3), "internal", "a fault of our own")
    assert again() == {"taken": 1}


@pytest.mark.parametrize("data", [b"\xc1", bytes(500)])
def test_nonsense_stays_nonsense(source: Source, data: bytes) -> None:
    accept([Received(source.name, codec.PLAIN, data, 1)])
    assert again() == {"malformed": 1}
    assert states()[0][1:3] == ("malformed", 1)


def test_what_was_not_kept_or_is_of_no_use_is_not_tried(source: Source) -> None:
    put_aside(source.message()._replace(data=b""), "too-many", "counted only")
    put_aside(source.message(), "unasked", "the result of a command")
    assert again() == {}
    assert waiting().count() == 2


def test_a_message_at_which_the_server_fails_again_holds_up_no_other(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    other = a_source("kiosk-other-1")
    other.rate(3)
    for each in (source, other):
        put_aside(each.message(), "internal", "a fault of our own")

    def sick(messages: Any) -> Any:
        if messages[0].device == source.name:
            raise ZeroDivisionError
        return accept(messages)

    monkeypatch.setattr(module, "accept", sick)
    assert again() == {"internal": 1, "taken": 1}


def test_while_the_database_is_away_nothing_is_said_to_be_tried(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    put_aside(source.message(), "internal", "a fault of our own")

    def away(_: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(module, "accept", away)
    with pytest.raises(OperationalError):
        again()
    assert states() == [("internal", "", 1, None)]


# --- single rows --------------------------------------------------------------------------------------------------------------


def of_the_future(source: Source) -> bytes:
    """A row of a kind that this server does not know yet."""
    row: list[Any] = list(msgspec.msgpack.decode(codec.encode_event(source.event(Answer, NOON, 5))))
    row[0] = 77
    return msgspec.msgpack.encode(row)


def learns(monkeypatch: pytest.MonkeyPatch, row: bytes, means: bytes) -> None:
    """The server is brought up to date: it can read `row`, which says what `means` does."""
    known = codec.decode_event
    monkeypatch.setattr(codec, "decode_event", lambda data: known(means if data == row else data))


def test_a_row_that_a_newer_server_can_read_takes_the_place_that_was_held_for_it(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = of_the_future(source)
    source.add(row)
    source.rate(3)
    source.send()
    (entry,) = SetAside.objects.all()
    assert is_row(entry)
    assert again() == {"malformed-row": 1}, "as long as it cannot be read"
    places = dict(LedgerRow.objects.values_list("seq", "link"))
    Mark.objects.all().delete()

    learns(monkeypatch, row, codec.encode_event(source.event(Answer, NOON, 1)))
    assert again() == {"taken": 1}
    assert list(LedgerRow.objects.order_by("seq").values_list("seq", "kind", "value")) == [
        (1, 1, 5),
        (2, 1, 4),
        (3, 1, 1),
        (4, 1, 3),
    ]
    assert dict(LedgerRow.objects.values_list("seq", "link")) == places, "the chain is what the device signed"
    assert Mark.objects.exists(), "and its day is counted again"
    assert Evidence.objects.count() == 1
    stream = Stream.objects.get()
    assert (stream.stored_through, stream.highest, stream.forked_at) == (4, 4, None)
    assert again() == {}


def test_of_two_unreadable_rows_of_a_batch_one_can_be_mended_alone(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    row = of_the_future(source)
    source.add(row, b"\xc1")
    source.send()
    learns(monkeypatch, row, codec.encode_event(source.event(Answer, NOON, 1)))
    assert again() == {"taken": 1, "malformed-row": 1}
    assert list(LedgerRow.objects.order_by("seq").values_list("kind", flat=True)) == [1, 1, 1, 0]
    assert [(each[0], each[1], each[2]) for each in states()] == [
        ("malformed-row", "taken", 1),
        ("malformed-row", "malformed-row", 1),
    ]
