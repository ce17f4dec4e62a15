"""`accept` takes every honest row exactly once, whatever else comes with it, on SQLite and on PostgreSQL."""

import random
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_server.ingest.models import Evidence, LedgerRow, Mark, SetAside, Stream
from sync_server.ingest.services import Received, accept
from tests.sync_server.device import BOOTED, NOON, Source, a_source, told
from wire import chain, codec
from wire.events import DAY_MS, Answer, Flag, Input, Left, Link, Passage, Retract

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


def stored(source: Source) -> list[int]:
    return list(LedgerRow.objects.filter(stream__stream=source.stream).order_by("seq").values_list("seq", flat=True))


def test_a_batch_is_stored_and_acknowledged_through_its_last_row() -> None:
    source = a_source()
    source.rate(5, 4, 1)
    ack = source.send()
    assert ack.stored_through == 3
    assert ack.stream == source.stream
    assert ack.missing == []
    assert ack.rejected == []
    assert ack.refused is None
    assert ack.forked_at is None
    assert ack.backed_through == 0, "nothing is backed up before there is a backup"
    assert list(LedgerRow.objects.order_by("seq").values_list("kind", "value")) == [(1, 5), (1, 4), (1, 1)]


def test_every_kind_of_row_keeps_what_it_says() -> None:
    source = a_source()
    source.add(
        source.event(Answer, NOON, 4),
        source.event(Retract, NOON, dt=900),
        source.event(Left, NOON, dt=1_000, item="reason"),
        source.event(Passage, NOON, 17, dt=3_600_000, item="door"),
        source.event(Flag, NOON, "rapid"),
    )
    assert source.send().stored_through == 5
    rows = LedgerRow.objects.order_by("seq").values_list("kind", "value", "dt", "item__key")
    assert list(rows) == [
        (1, 4, 0, "overall"),
        (2, None, 900, "overall"),
        (3, None, 1_000, "reason"),
        (4, 17, 3_600_000, "door"),
        (5, None, 0, "overall"),
    ]
    assert set(LedgerRow.objects.values_list("at", flat=True)) == {int(NOON.timestamp() * 1000)}


def test_a_door_counters_hour_of_passages_is_kept_as_the_sensors() -> None:
    source = a_source()
    passage = source.event(Passage, NOON, 2**31 - 1, dt=3_600_000, item="main")
    sensed = msgspec.structs.replace(passage, questionnaire=0, language="und", input=int(Input.SENSOR))
    # After a power cut a device may tell the same hour again, as far as it then knows.
    source.add(sensed, msgspec.structs.replace(sensed, count=0))
    ack = source.send()
    assert (ack.stored_through, ack.rejected) == (2, [])
    rows = LedgerRow.objects.order_by("seq").values_list("kind", "input", "language", "value", "dt", "item__key")
    assert list(rows) == [(4, 8, "und", count, 3_600_000, "main") for count in (2**31 - 1, 0)]


@pytest.mark.parametrize("reason", ["rapid", "burst", "run", "closed", "stuck"])
def test_every_doubt_about_a_visit_is_taken_and_its_answer_with_it(reason: str) -> None:
    source = a_source()
    source.add(source.event(Answer, NOON, 1), source.event(Flag, NOON, reason))
    ack = source.send()
    assert (ack.stored_through, ack.rejected) == (2, [])
    assert list(LedgerRow.objects.order_by("seq").values_list("kind", flat=True)) == [1, 5]


def test_answers_to_the_questionnaire_that_is_built_into_the_device_are_taken() -> None:
    source = a_source()
    source.add(msgspec.structs.replace(source.event(Answer, NOON, 4), questionnaire=0))
    ack = source.send()
    assert (ack.stored_through, ack.rejected) == (1, [])
    assert LedgerRow.objects.values_list("questionnaire", "value").get() == (0, 4)


def test_the_same_batch_again_changes_nothing() -> None:
    source = a_source()
    source.rate(5, 4)
    first = source.send()
    marks = Mark.objects.count()
    again = source.send()
    assert again.stored_through == first.stored_through == 2
    assert stored(source) == [1, 2]
    assert Evidence.objects.count() == 1
    assert Mark.objects.count() == marks


def test_batches_with_other_boundaries_and_any_order_join_up() -> None:
    source = a_source()
    source.rate(*[1, 2, 3, 4, 5] * 4)
    assert source.send(11, 20).missing[0].first == 1
    assert source.send(11, 20).stored_through == 0
    ack = source.send(1, 5)
    assert (ack.stored_through, [(gap.first, gap.last) for gap in ack.missing]) == (5, [(6, 10)])
    assert source.send(4, 12).stored_through == 20
    assert stored(source) == list(range(1, 21))


def test_many_batches_of_many_devices_are_one_transaction() -> None:
    sources = [a_source(f"kiosk-many-{n}") for n in range(4)]
    messages = []
    for source in sources:
        source.rate(*[3] * 30)
        messages += [source.message(1, 10), source.message(11, 20), source.message(21, 30)]
    random.Random(7).shuffle(messages)
    outcomes = accept(messages)
    assert [outcome.device for outcome in outcomes] == [message.device for message in messages]
    assert {told(outcome).stored_through for outcome in outcomes} == {30}


def test_a_row_that_cannot_be_read_holds_its_place_and_blocks_nobody() -> None:
    source = a_source()
    source.rate(5)
    source.add(b"\xc1 not MessagePack")
    source.rate(4)
    ack = source.send()
    assert ack.stored_through == 3
    assert [(bad.seq, bad.reason) for bad in ack.rejected] == [(2, "malformed-row")]
    assert list(LedgerRow.objects.order_by("seq").values_list("kind", flat=True)) == [1, 0, 1]
    aside = SetAside.objects.get()
    assert (aside.seq, aside.reason, bytes(aside.data)) == (2, "malformed-row", b"\xc1 not MessagePack")
    assert source.send().stored_through == 3, "and sent again, it is still stored"


def test_a_row_of_a_newer_version_with_one_more_field_is_read_and_its_chain_holds() -> None:
    source = a_source()
    event = source.event(Answer, NOON, 4)
    newer = msgspec.msgpack.encode([*msgspec.msgpack.decode(codec.encode_event(event)), "a field of the future"])
    source.add(newer)
    source.rate(2)
    assert source.send().stored_through == 2
    assert list(LedgerRow.objects.order_by("seq").values_list("value", flat=True)) == [4, 2]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content_type, data: (content_type, data[:-9]), "malformed"),
        (lambda content_type, data: (content_type, b""), "malformed"),
        (lambda content_type, data: (content_type, bytes(40_000)), "oversize"),
        (lambda content_type, data: ("vidhuk/7", data), "foreign-version"),
        (lambda content_type, data: (None, data), "foreign-version"),
        (lambda content_type, data: ("vidhuk/1", msgspec.msgpack.encode([1, 9, b"", 1])), "foreign-version"),
    ],
)
def test_a_message_that_cannot_be_taken_is_set_aside_and_good_ones_beside_it_are_stored(spoil, reason) -> None:
    source = a_source()
    source.rate(5, 4, 3)
    good = source.message()
    content_type, data = spoil(good.content_type, good.data)
    bad = good._replace(content_type=content_type, data=data)
    outcomes = accept([bad, good, bad])
    assert told(outcomes[1]).stored_through == 3
    aside = SetAside.objects.get()
    assert (aside.reason, aside.device, aside.times) == (reason, source.name, 2)


def test_a_batch_signed_by_another_key_is_set_aside_and_its_device_is_told() -> None:
    source = a_source()
    source.rate(5)
    accept([source.hello()])
    content_type, data = codec.encode(source.batch(key=Ed25519PrivateKey.generate()))
    outcome = accept([Received(source.name, content_type, data, 1_800_000_000_000)])[0]
    assert told(outcome).refused is not None
    assert told(outcome).stored_through == 0
    assert stored(source) == []
    assert SetAside.objects.get().reason == "wrong-signature"


def test_a_device_cannot_send_in_the_name_of_another() -> None:
    one, other = a_source("kiosk-one"), a_source("kiosk-other")
    one.rate(5)
    outcome = accept([one.message()._replace(device=other.name)])[0]
    assert outcome.ack is None
    assert not LedgerRow.objects.exists()


def test_strangers_and_revoked_devices_are_not_heard() -> None:
    source = a_source()
    source.rate(5)
    assert accept([source.message()._replace(device="nobody-knows-me")])[0].ack is None
    assert source.device is not None
    source.device.revoked_at = timezone.now()
    source.device.save()
    accept([source.message()])
    assert sorted(SetAside.objects.values_list("reason", flat=True)) == ["revoked", "unknown-device"]
    assert not LedgerRow.objects.exists()


def test_a_cloned_card_is_a_fork_and_the_first_comer_stays() -> None:
    source = a_source()
    source.rate(5, 4)
    source.send()
    twin = source.clone()
    source.rate(3)
    source.send()
    twin.rate(1, 1)
    ack = twin.send()
    assert ack.forked_at == 3
    assert list(LedgerRow.objects.order_by("seq").values_list("value", flat=True)) == [5, 4, 3]
    assert SetAside.objects.get().reason == "forked"


def test_a_fork_is_seen_at_a_batch_that_only_touches_the_stored_rows() -> None:
    source = a_source()
    source.rate(5)
    twin = source.clone()
    source.rate(4)
    source.send()
    twin.rate(1, 1)
    assert twin.send(3, 3).forked_at == 2
    late = a_source("kiosk-late-1")
    late.rate(5)
    other = late.clone()
    late.rate(4, 3)
    other.rate(1)
    late.send(3, 3)
    assert other.send(1, 2).forked_at == 2, "the gap closes, and the chain does not"


def test_a_hello_from_a_card_restored_from_an_image_is_told_of_the_fork() -> None:
    source = a_source()
    source.rate(5, 4, 3)
    source.send()
    source.boot = uuid4().bytes
    assert told(accept([source.hello(next=2, received=NOON + timedelta(hours=1))])[0]).forked_at == 2
    assert Stream.objects.get().forked_at == 2


def test_a_chain_that_does_not_begin_at_its_streams_origin_is_a_fork() -> None:
    source = a_source()
    source.rate(5)
    batch = msgspec.structs.replace(source.batch(), previous=bytes(32))
    head = chain.link(Link(bytes(32)), batch.rows[0])
    statement = chain.batch_statement(source.stream, 1, 1, head)
    content_type, data = codec.encode(msgspec.structs.replace(batch, signature=source.key.sign(statement)))
    assert told(accept([Received(source.name, content_type, data, 1_800_000_000_000)])[0]).forked_at == 1
    assert not LedgerRow.objects.exists()


def test_rows_without_a_clock_are_dated_by_the_first_anchor_of_their_boot() -> None:
    source = a_source()
    source.rate(5, synchronised=False)
    source.send()
    assert LedgerRow.objects.get().at is None
    assert list(Mark.objects.values_list("hour", flat=True)) == [None]
    accept([source.hello(synchronised=False, received=NOON + timedelta(hours=2))])
    assert LedgerRow.objects.get().at is None, "how long the greeting was under way is not known"
    accept([source.hello(synchronised=False, received=NOON + timedelta(hours=2), echoes=True)])
    at = LedgerRow.objects.get().at
    assert at is not None
    assert abs(at - int(NOON.timestamp() * 1000)) < 1000
    assert at // 3_600_000 in set(Mark.objects.values_list("hour", flat=True))


def test_a_clock_that_claims_to_be_right_and_is_years_off_is_not_believed() -> None:
    source = a_source()
    source.add(msgspec.structs.replace(source.event(Answer, NOON, 5), wall_offset=BOOTED + 4_000 * DAY_MS))
    source.add(source.event(Answer, NOON, 4))
    source.send()
    assert set(LedgerRow.objects.values_list("at", flat=True)) == {int(NOON.timestamp() * 1000)}, "its boot's anchor dates both"


def test_an_instant_that_no_clock_makes_plausible_stays_undated() -> None:
    source = a_source()
    source.add(source.event(Answer, NOON + timedelta(days=4_000), 5))
    source.send()
    accept([source.hello(received=NOON)])
    assert LedgerRow.objects.get().at is None


def test_evidence_keeps_the_signed_bytes_as_they_came() -> None:
    source = a_source()
    source.rate(5, 4, 3)
    message = source.message()
    accept([message])
    evidence = Evidence.objects.get()
    assert (bytes(evidence.data), evidence.content_type, evidence.first, evidence.last) == (
        message.data,
        message.content_type,
        1,
        3,
    )
    assert bytes(evidence.head) == source.links[-1]
    assert codec.decode_upward(evidence.content_type, bytes(evidence.data)) == source.batch()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_dropped_doubled_and_shuffled_each_row_is_stored_once(data: st.DataObject) -> None:
    source = a_source(f"kiosk-{uuid4().hex[:20]}")
    total = data.draw(st.integers(1, 30))
    source.rate(*data.draw(st.lists(st.integers(1, 5), min_size=total, max_size=total)))
    cuts = data.draw(st.lists(st.tuples(st.integers(1, total), st.integers(1, total)), max_size=12))
    ranges = [(min(cut), max(cut)) for cut in cuts]
    seen: set[int] = set()
    for group in data.draw(st.lists(st.lists(st.sampled_from(ranges), max_size=4), max_size=5)) if ranges else []:
        outcomes = accept([source.message(first, last) for first, last in group])
        for first, last in group:
            seen |= set(range(first, last + 1))
        if outcomes:
            ack = told(outcomes[-1])
            through = next(seq for seq in range(1, total + 2) if seq not in seen) - 1
            assert ack.stored_through == through
            missing = {seq for gap in ack.missing for seq in range(gap.first, gap.last + 1)}
            assert missing == set(range(1, max(seen) + 1)) - seen
    assert stored(source) == sorted(seen)
    assert source.send().stored_through == total
    assert stored(source) == list(range(1, total + 1))


def test_one_broken_device_cannot_fill_the_disk_with_what_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_server.ingest.aside.KEPT_OF_A_DEVICE", 3)
    source, other = a_source(), a_source("kiosk-other")
    source.rate(5)
    spoilt = [source.message()._replace(data=bytes([number])) for number in range(8)]
    accept(spoilt)
    kept = SetAside.objects.filter(device=source.name)
    assert kept.count() == 4
    counted = kept.get(reason="too-many")
    assert (counted.times, bytes(counted.data)) == (5, b"")
    accept([spoilt[0]._replace(device=other.name)])
    assert SetAside.objects.filter(device=other.name).count() == 1
