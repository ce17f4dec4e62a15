"""Whose turn it is at a busy gateway: what is new before backlogs, each device in its own order, nobody for ever last."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from sync_server.gateway.waiting import GROUP, GROUP_BYTES, SMALL, Waiting

FULL = 2_500
"""Bytes of a full batch, as it is deflated."""


def filled(*messages: tuple[str, int]) -> Waiting[str]:
    """(sender, bytes) of each; a message is called by its sender and its number among the sender's own."""
    waiting: Waiting[str] = Waiting()
    sent: dict[str, int] = {}
    for sender, size in messages:
        sent[sender] = sent.get(sender, 0) + 1
        waiting.add(f"{sender}{sent[sender]}", sender=sender, size=size)
    return waiting


def taken(waiting: Waiting[str]) -> list[str]:
    return [message for _, message in waiting.take()]


def test_what_is_new_goes_before_the_backlogs_of_others() -> None:
    backlogs = [(sender, FULL) for sender in "abcdefghijklmnopqrstuvwxyz" for _ in range(4)]
    first = taken(filled(*backlogs, ("Z", 60)))
    assert first[:2] == ["a1", "Z1"], "the oldest message of all, and then what is new"
    assert len(first) == 1 + GROUP_BYTES // FULL, "and no more than a commit can take without keeping the next waiting"


def test_a_device_with_news_is_dealt_with_in_its_own_order() -> None:
    backlogs = [(sender, FULL) for sender in "abcdefghijklmnopqrstuvwxyz"]
    first = taken(filled(*backlogs, ("Z", FULL), ("Z", FULL), ("Z", 60), ("Z", FULL)))
    assert first[:4] == ["a1", "Z1", "Z2", "Z3"]
    assert "Z4" not in first, "what was sent after the news is backlog like any other"


def test_a_message_larger_than_a_group_is_taken_by_itself() -> None:
    waiting = filled(("a", GROUP_BYTES * 2), ("b", 10))
    assert taken(waiting) == ["a1"]
    assert taken(waiting) == ["b1"]
    assert taken(waiting) == []


def test_an_endless_stream_of_news_does_not_keep_a_backlog_waiting() -> None:
    waiting = filled(*[("old", FULL)] * 3)
    gone: list[str] = []
    for number in range(10):
        for _ in range(GROUP):
            waiting.add(f"new{number}", sender=f"new{number}", size=SMALL)
        gone += taken(waiting)
    assert {"old1", "old2", "old3"} <= set(gone)


def test_the_broker_is_told_in_the_order_in_which_messages_came() -> None:
    waiting = filled(("a", FULL), ("b", FULL), ("c", 10))
    group = dict((message, number) for number, message in waiting.take())
    assert waiting.finished([group["c1"]]) == []
    assert waiting.finished([group["a1"]]) == ["a1"]
    assert waiting.finished([group["b1"]]) == ["b1", "c1"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, GROUP_BYTES)), max_size=60), st.integers(1, 7))
def test_every_message_is_taken_once_in_its_devices_order_and_acknowledged_once(
    messages: list[tuple[str, int]], at_once: int
) -> None:
    waiting: Waiting[tuple[str, int]] = Waiting()
    came: list[tuple[str, int]] = []
    out: list[tuple[str, int]] = []
    told: list[tuple[str, int]] = []
    for number, (sender, size) in enumerate(messages):
        waiting.add((sender, number), sender=sender, size=size)
        came.append((sender, number))
        if number % at_once == 0:
            group = waiting.take()
            out += [message for _, message in group]
            told += waiting.finished(place for place, _ in group)
    while group := waiting.take():
        out += [message for _, message in group]
        told += waiting.finished(place for place, _ in group)
    assert sorted(out, key=lambda message: message[1]) == came
    assert told == came
    for _, own in groupby(sorted(out, key=lambda message: message[0]), key=lambda message: message[0]):
        numbers = [number for _, number in own]
        assert numbers == sorted(numbers)
    assert len(waiting) == 0
