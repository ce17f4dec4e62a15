"""The hash chain and the statements that are signed: nothing can be changed, moved or exchanged without being seen."""

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.wire import shapes
from wire import chain
from wire.events import Link, StreamId

rows = st.lists(st.binary(max_size=40), min_size=1, max_size=20)
streams = shapes.identifiers.map(StreamId)


@given(streams, rows, st.data())
def test_cutting_the_rows_into_batches_anywhere_gives_the_same_chain(
    stream: StreamId, rows: list[bytes], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    whole = chain.links(chain.origin(stream), rows)
    before = chain.links(chain.origin(stream), rows[:cut])
    after = chain.links(before[-1] if before else chain.origin(stream), rows[cut:])
    assert before + after == whole
    assert len(whole) == len(rows)
    assert all(len(state) == 32 for state in whole)


@given(streams, rows, st.data())
def test_changing_dropping_or_repeating_a_row_changes_the_head(stream: StreamId, rows: list[bytes], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    head = chain.links(chain.origin(stream), rows)[-1]
    other = data.draw(st.binary(max_size=40))
    assume(other != rows[at])
    for bent in ([*rows[:at], other, *rows[at + 1 :]], rows[:at] + rows[at + 1 :], [*rows[: at + 1], rows[at], *rows[at + 1 :]]):
        assert chain.links(chain.origin(stream), bent)[-1:] != [head]


@given(streams, st.binary(max_size=20), st.binary(max_size=20))
def test_exchanging_two_rows_changes_the_head(stream: StreamId, one: bytes, other: bytes) -> None:
    assume(one != other)
    origin = chain.origin(stream)
    assert chain.links(origin, [one, other])[-1] != chain.links(origin, [other, one])[-1]


@given(streams, streams)
def test_two_streams_share_no_state(one: StreamId, other: StreamId) -> None:
    assume(one != other)
    assert chain.origin(one) != chain.origin(other)
    assert chain.link(chain.origin(one), b"row") != chain.link(chain.origin(other), b"row")


@given(streams, streams, shapes.seqs, shapes.seqs, st.integers(1, 250), st.integers(1, 250), shapes.hashes, shapes.hashes)
def test_a_batchs_statement_says_exactly_one_batch(
    stream: StreamId, stream2: StreamId, first: int, first2: int, count: int, count2: int, head: bytes, head2: bytes
) -> None:
    one = (stream, first, count, Link(head))
    other = (stream2, first2, count2, Link(head2))
    assert (chain.batch_statement(*one) == chain.batch_statement(*other)) == (one == other)


@given(st.from_regex(r"\A[a-z0-9-]{8,32}\Z"), st.from_regex(r"\A[a-z0-9-]{8,32}\Z"), st.binary(max_size=50), st.binary(max_size=50))
def test_a_configurations_statement_is_for_one_device_and_one_document(
    one: str, other: str, document: bytes, second: bytes
) -> None:
    same = (one, document) == (other, second)
    assert (chain.config_statement(one, document) == chain.config_statement(other, second)) == same


@given(streams, shapes.seqs, st.integers(1, 250), shapes.hashes, st.from_regex(r"\A[a-z0-9-]{8,32}\Z"), st.binary(max_size=50))
def test_a_signature_for_a_batch_is_never_one_for_a_configuration(
    stream: StreamId, first: int, count: int, head: bytes, device: str, document: bytes
) -> None:
    assert chain.batch_statement(stream, first, count, Link(head)) != chain.config_statement(device, document)


def test_the_chain_is_what_the_design_says() -> None:
    """Computed here a second time, from the words of the design."""
    from hashlib import sha256

    stream = StreamId(bytes(range(16)))
    origin = sha256(b"vidhuk/1 chain\0" + stream).digest()
    first = sha256(origin + b"row one").digest()
    second = sha256(first + b"row two").digest()
    assert chain.links(chain.origin(stream), [b"row one", b"row two"]) == [first, second]
