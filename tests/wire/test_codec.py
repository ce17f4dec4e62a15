"""Bytes to structs and back: what is sent arrives, newer senders are understood, and no bytes whatever crash a decoder."""

import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.wire import shapes
from wire import codec
from wire.codec import DEFLATED, PLAIN, WireError, encode, encode_config, encode_enrolment, encode_event
from wire.envelopes import MAX_BYTES, MAX_INFLATED, MAX_ROW_BYTES, MAX_ROWS, Ack, Batch, SignedConfig
from wire.events import Answer, Event

Decode = Callable[[str | None, bytes], Any]
DECODERS: dict[str, Decode] = {
    "upward": codec.decode_upward,
    "ack": codec.decode_ack,
    "health": codec.decode_health,
    "signed-config": codec.decode_signed_config,
    "command": codec.decode_command,
    "result": codec.decode_result,
    "bundle": codec.decode_bundle,
}
ENVELOPES = {
    "upward": shapes.batches | shapes.hellos,
    "ack": shapes.acks,
    "health": shapes.healths,
    "signed-config": shapes.signed_configs,
    "command": shapes.commands,
    "result": shapes.results,
    "bundle": shapes.bundles,
}
BARE: dict[str, Callable[[bytes], Any]] = {
    "event": codec.decode_event,
    "config": codec.decode_config,
    "enrol-request": codec.decode_enrol_request,
    "enrol-answer": codec.decode_enrol_answer,
}
REASONS = {"malformed", "malformed-row", "oversize", "foreign-version"}


def answer(**changes: Any) -> Answer:
    return msgspec.structs.replace(Answer(1, "overall", "uk", 1, b"b" * 16, 0, True, 0, 0, 3), **changes)


# --- there and back ----------------------------------------------------------------------------------------------------------


@given(shapes.events)
def test_a_row_comes_back_as_it_was(event: Event) -> None:
    row = encode_event(event)
    assert codec.decode_event(row) == event
    assert len(row) <= MAX_ROW_BYTES
    assert encode_event(codec.decode_event(row)) == row


@pytest.mark.parametrize("name", ENVELOPES)
@given(data=st.data())
@settings(max_examples=60)
def test_an_envelope_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    envelope = data.draw(ENVELOPES[name])
    content_type, payload = encode(envelope)
    assert content_type in (PLAIN, DEFLATED)
    assert len(payload) <= MAX_BYTES
    assert DECODERS[name](content_type, payload) == envelope


@given(shapes.configs)
def test_a_configuration_comes_back_as_it_was(config: Any) -> None:
    assert codec.decode_config(encode_config(config)) == config


@given(shapes.requests, shapes.enrol_answers)
def test_enrolment_messages_come_back_as_they_were(request: Any, given_answer: Any) -> None:
    assert codec.decode_enrol_request(encode_enrolment(request)) == request
    assert codec.decode_enrol_answer(encode_enrolment(given_answer)) == given_answer


def test_a_full_batch_of_real_rows_is_deflated_to_a_few_bytes_a_row() -> None:
    rows = [encode_event(answer(visit=60_000 * number, value=number % 5 + 1)) for number in range(50)]
    content_type, payload = encode(Batch(1, b"s" * 16, 1, b"p" * 32, rows, b"g" * 64))
    assert content_type == DEFLATED
    assert len(payload) / 50 < 18


# --- what is refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"value": 11},
        {"value": -3},
        {"item": ""},
        {"item": "Overall"},
        {"item": "x" * 65},
        {"item": "overall\n"},
        {"language": "ukrainian"},
        {"language": "uk\n"},
        {"input": -1},
        {"boot": b"short"},
        {"visit": -1},
        {"visit": 2**52 + 1},
        {"dt": -1},
        {"dt": 7 * 86_400_000 + 1},
        {"questionnaire": 2**31},
        {"wall_offset": 2**52 + 1},
        {"synchronised": 1},
    ],
)
def test_a_row_that_nobody_would_accept_is_neither_written_nor_taken(changes: dict[str, Any]) -> None:
    wrong = answer(**changes)
    with pytest.raises(WireError):
        encode_event(wrong)
    with pytest.raises(WireError) as caught:
        codec.decode_event(msgspec.msgpack.encode(wrong))
    assert caught.value.reason == "malformed-row"


def test_a_well_spelt_word_does_not_let_a_misspelt_one_through_later() -> None:
    encode_event(answer(item="overall", language="uk"))
    with pytest.raises(WireError):
        encode_event(answer(item="overall", language="UK"))
    with pytest.raises(WireError):
        encode_event(answer(item="Overall", language="uk"))


def test_thousands_of_new_words_are_still_checked_one_by_one() -> None:
    for number in range(codec.MAX_SPELT + 50):
        encode_event(answer(item=f"item-{number}"))
    with pytest.raises(WireError):
        encode_event(answer(item="Item"))
    assert codec.decode_event(encode_event(answer(item="brand-new"))).item == "brand-new"


def test_an_oversize_row_is_refused_by_its_size() -> None:
    with pytest.raises(WireError) as caught:
        codec.decode_event(b"\xc0" * (MAX_ROW_BYTES + 1))
    assert caught.value.reason == "oversize"


def test_too_many_rows_make_no_batch() -> None:
    batch = Batch(1, b"s" * 16, 1, b"p" * 32, [b"r"] * (MAX_ROWS + 1), b"g" * 64)
    with pytest.raises(WireError):
        codec.decode_upward(*encode(batch))
    with pytest.raises(WireError):
        codec.decode_upward(*encode(msgspec.structs.replace(batch, rows=[])))


def test_a_message_too_large_to_send_is_not_made() -> None:
    import random

    rows = [random.Random(number).randbytes(500) for number in range(100)]
    with pytest.raises(WireError) as caught:
        encode(Batch(1, b"s" * 16, 1, b"p" * 32, rows, b"g" * 64))
    assert caught.value.reason == "oversize"


@pytest.mark.parametrize("name", DECODERS)
def test_an_oversize_message_is_refused_before_it_is_read(name: str) -> None:
    with pytest.raises(WireError) as caught:
        DECODERS[name](PLAIN, b"\x90" * (MAX_BYTES + 1))
    assert caught.value.reason == "oversize"


def test_a_deflate_bomb_is_refused_before_it_is_built() -> None:
    squeeze = zlib.compressobj(level=9, wbits=-15)
    bomb = squeeze.compress(b"\0" * (20 * MAX_INFLATED)) + squeeze.flush()
    assert len(bomb) < MAX_BYTES
    with pytest.raises(WireError) as caught:
        codec.decode_upward(DEFLATED, bomb)
    assert caught.value.reason == "oversize"


@pytest.mark.parametrize("content_type", [None, "", "application/json", "vidhuk/2", "vidhuk/1+gzip"])
def test_a_content_type_of_another_version_is_named(content_type: str | None) -> None:
    with pytest.raises(WireError) as caught:
        codec.decode_ack(content_type, b"\x90")
    assert caught.value.reason == "foreign-version"
    assert repr(content_type) in str(caught.value)


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_deflated_message_cut_short_or_lengthened_is_refused(cut: int) -> None:
    rows = [encode_event(answer(visit=number)) for number in range(30)]
    content_type, payload = encode(Batch(1, b"s" * 16, 1, b"p" * 32, rows, b"g" * 64))
    assert content_type == DEFLATED
    for torn in (payload[:-cut], payload + b"\0" * cut):
        with pytest.raises(WireError):
            codec.decode_upward(content_type, torn)


# --- newer and older senders ---------------------------------------------------------------------------------------------------


@given(shapes.events, st.lists(st.integers() | st.text(max_size=5), min_size=1, max_size=3))
def test_a_row_of_a_newer_sender_is_read_without_what_it_added(event: Event, added: list[Any]) -> None:
    shape = msgspec.msgpack.decode(encode_event(event))
    try:
        newer = msgspec.msgpack.encode(shape + added)
    except OverflowError:
        return
    if len(newer) <= MAX_ROW_BYTES:
        assert codec.decode_event(newer) == event


@given(shapes.acks)
def test_an_ack_of_a_newer_server_is_read_without_what_it_added(ack: Ack) -> None:
    shape = msgspec.msgpack.decode(msgspec.msgpack.encode(ack))
    assert codec.decode_ack(PLAIN, msgspec.msgpack.encode([*shape, "new", 7])) == ack


@given(shapes.healths)
def test_a_report_of_a_newer_device_is_read_without_what_it_added(health: Any) -> None:
    shape = msgspec.msgpack.decode(msgspec.msgpack.encode(health))
    assert codec.decode_health(PLAIN, msgspec.msgpack.encode(shape | {"brand_new": [1, 2]})) == health


@given(shapes.acks)
def test_an_ack_of_an_older_server_has_the_missing_fields_at_rest(ack: Ack) -> None:
    shape = msgspec.msgpack.decode(msgspec.msgpack.encode(ack))
    older = codec.decode_ack(PLAIN, msgspec.msgpack.encode(shape[:8]))
    assert (older.missing, older.rejected, older.forked_at, older.refused) == ([], [], None, None)


@given(shapes.hellos)
def test_a_greeting_of_an_older_device_says_nothing_of_what_came_later(hello: Any) -> None:
    shape = msgspec.msgpack.decode(msgspec.msgpack.encode(hello))
    kept = [codec.decode_upward(PLAIN, msgspec.msgpack.encode(shape[:places])) for places in (8, 10)]
    blank = {"epoch": b"", "echo": None, "moved_through": None}
    assert kept[0] == msgspec.structs.replace(hello, **blank)
    assert kept[1] == msgspec.structs.replace(hello, moved_through=None)
    assert codec.decode_upward(PLAIN, msgspec.msgpack.encode([*shape, "new", 7])) == hello


@pytest.mark.parametrize("name", ENVELOPES)
@given(data=st.data(), version=st.integers(2, 60))
@settings(max_examples=20)
def test_another_version_is_refused_by_its_number(name: str, data: st.DataObject, version: int) -> None:
    shape = msgspec.msgpack.decode(msgspec.msgpack.encode(data.draw(ENVELOPES[name])))
    if isinstance(shape, dict):
        shape["v"] = version
    else:
        shape[1] = version
    payload = msgspec.msgpack.encode(shape)
    if len(payload) > MAX_BYTES:
        return
    with pytest.raises(WireError) as caught:
        DECODERS[name](PLAIN, payload)
    assert caught.value.reason == "foreign-version"
    assert str(version) in str(caught.value)


# --- no bytes whatever -----------------------------------------------------------------------------------------------------------


def survives(decode: Callable[[bytes], Any], data: bytes) -> None:
    fault: WireError | None = None
    try:
        decode(data)
    except WireError as refusal:
        fault = refusal
    assert fault is None or (fault.reason in REASONS and str(fault))


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.binary(max_size=600), content_type=st.sampled_from([PLAIN, DEFLATED, None, "vidhuk/2", "text/plain"]))
@example(data=b"\x91" * 500, content_type=PLAIN)
@example(data=b"\x81\xa1v" * 200, content_type=PLAIN)
@example(data=b"\xdd\xff\xff\xff\xff", content_type=PLAIN)
@example(data=b"\xc6\xff\xff\xff\xff", content_type=PLAIN)
@example(data=b"\xd9\x02\xff\xfe", content_type=PLAIN)
@settings(max_examples=250)
def test_no_bytes_crash_a_decoder(name: str, data: bytes, content_type: str | None) -> None:
    survives(lambda payload: DECODERS[name](content_type, payload), data)


@pytest.mark.parametrize("name", BARE)
@given(data=st.binary(max_size=600))
@example(data=b"[" * 5000)
@example(data=b"\x91" * 500)
@example(data=b'{"v":1e999}')
@example(data=b'{"v":1,"code":"\\ud800AAAAA","request":""}')
@settings(max_examples=250)
def test_no_bytes_crash_a_bare_decoder(name: str, data: bytes) -> None:
    survives(BARE[name], data)


@pytest.mark.parametrize("name", ENVELOPES)
@given(data=st.data())
@settings(max_examples=120)
def test_no_damage_to_a_good_message_crashes_a_decoder(name: str, data: st.DataObject) -> None:
    content_type, payload = encode(data.draw(ENVELOPES[name]))
    damaged = bytearray(payload)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(damaged)))
    survives(lambda payload: DECODERS[name](content_type, payload), bytes(damaged))
    survives(lambda payload: DECODERS[name](content_type, payload), bytes(damaged[:end]))


@given(shapes.events, st.data())
def test_no_damage_to_a_good_row_crashes_the_decoder(event: Event, data: st.DataObject) -> None:
    damaged = bytearray(encode_event(event))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    survives(codec.decode_event, bytes(damaged))


def test_a_configuration_that_travelled_deflated_is_read_from_the_card_though_it_is_larger_than_a_message() -> None:
    document = bytes(range(256)) * 2 * (MAX_BYTES // 256)
    signed = SignedConfig(1, document, bytes(64))
    content_type, payload = codec.encode(signed)
    assert len(document) > MAX_BYTES >= len(payload)
    assert codec.decode_kept_config(msgspec.msgpack.encode(codec.decode_signed_config(content_type, payload))) == signed
    with pytest.raises(WireError, match="at most"):
        codec.decode_kept_config(bytes(MAX_INFLATED + 1))
