"""What is sent when: the window and its credit, pauses, links under suspicion."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.core.delivery import (
    ACK_AGE,
    ACK_PATIENCE,
    BACK_OFF_LEAST,
    BACK_OFF_MOST,
    GREET_EVERY,
    NO_SUBSCRIBERS,
    RESEND_AFTER,
    RESTART_AFTER,
    WINDOW,
    Delivery,
    Greet,
    Hole,
    Restart,
    Send,
    Wait,
    fit,
)
from kiosk.core.progress import Progress, Standing
from tests.kiosk.deliveries import EPOCH, ack, connected, send_all, standing
from wire.envelopes import MAX_BYTES, MAX_ROW_BYTES, MAX_ROWS, Batch, Range
from wire.events import StreamId


def test_without_a_link_it_waits_for_one() -> None:
    assert Delivery(standing(5), draw=random.random).task(0) == Wait(None)


def test_it_greets_on_every_connection_and_sends_without_waiting_for_the_answer() -> None:
    delivery = Delivery(standing(1), draw=random.random)
    delivery.connected(0)
    assert delivery.task(0) == Greet()
    delivery.greeted(1, 0)
    assert delivery.task(0) == Send(1, 1)
    delivery.disconnected()
    delivery.connected(50)
    assert delivery.task(50) == Greet()


def test_a_backlog_travels_in_batches_within_the_window() -> None:
    delivery = connected(WINDOW * MAX_ROWS)
    sent = send_all(delivery, 0)
    assert sent == [Send(first, first + MAX_ROWS - 1) for first in range(1, WINDOW * MAX_ROWS, MAX_ROWS)]
    delivery.recorded(standing(WINDOW * MAX_ROWS + 10))
    assert send_all(delivery, 5) == [], "the window is full"
    delivery.acknowledged(ack(MAX_ROWS), 10)
    assert send_all(delivery, 10) == [Send(WINDOW * MAX_ROWS + 1, WINDOW * MAX_ROWS + 10)]


def test_the_servers_credit_narrows_the_window() -> None:
    delivery = connected(10_000)
    delivery.acknowledged(ack(0, credit=2), 0)
    assert len(send_all(delivery, 0)) == 2


def test_without_credit_it_asks_again_after_a_while() -> None:
    delivery = connected(10)
    delivery.acknowledged(ack(0, credit=0), 0)
    assert delivery.task(1) == Wait(GREET_EVERY)
    assert delivery.task(GREET_EVERY) == Greet()


def test_what_the_server_has_is_not_sent_again() -> None:
    delivery = connected(10)
    assert delivery.acknowledged(ack(7), 0).changed
    assert send_all(delivery, 0) == [Send(8, 10)]


def test_a_batch_without_word_is_sent_again_after_a_pause() -> None:
    delivery = connected(10)
    send_all(delivery, 0)
    assert delivery.task(ACK_PATIENCE - 1) == Wait(ACK_PATIENCE)
    waiting = delivery.task(ACK_PATIENCE)
    assert isinstance(waiting, Wait)
    assert waiting.until is not None
    assert waiting.until >= ACK_PATIENCE + BACK_OFF_LEAST
    assert delivery.task(waiting.until) == Greet()
    delivery.greeted(5, waiting.until)
    assert delivery.task(waiting.until) == Send(1, 10)


def test_silence_again_and_again_makes_the_link_suspect() -> None:
    delivery = connected(1)
    now = restarts = greetings = 0
    while restarts == 0 and greetings < 10:
        match delivery.task(now):
            case Greet():
                greetings += 1
                delivery.greeted(greetings, now)
            case Send(first, last):
                delivery.sent(first, last, 50, now)
            case Wait(until):
                assert until is not None
                now = until
            case Restart():
                restarts += 1
    assert restarts == 1
    assert greetings == RESTART_AFTER - 1


def test_a_server_that_is_not_there_is_a_reason_to_wait_longer_each_time() -> None:
    delivery = Delivery(standing(1), draw=lambda: 1.0)
    delivery.connected(0)
    now, pauses = 0, []
    for token in range(12):
        assert delivery.task(now) == Greet()
        delivery.greeted(token, now)
        delivery.delivered(token, NO_SUBSCRIBERS, now)
        task = delivery.task(now)
        assert isinstance(task, Wait)
        assert task.until is not None
        pauses.append(task.until - now)
        now = task.until
    assert pauses[:3] == [2_000, 4_000, 8_000]
    assert pauses[-1] == BACK_OFF_MOST
    assert pauses == sorted(pauses)


def test_the_window_refused_at_once_is_one_failure_not_eight() -> None:
    delivery = Delivery(standing(5_000), draw=lambda: 1.0)
    delivery.connected(0)
    delivery.greeted(0, 0)
    sent = send_all(delivery, 0, token=1)
    for token in range(len(sent) + 1):
        delivery.delivered(token, NO_SUBSCRIBERS, 0)
    assert delivery.task(0) == Wait(2_000)


def test_the_brokers_good_word_is_no_promise() -> None:
    delivery = connected(3)
    send_all(delivery, 0)
    delivery.delivered(100, 0, 5)
    assert delivery.progress.stored_through == 0
    assert delivery.under_way == 1


def test_missing_rows_are_sent_again_once_they_can_no_longer_be_on_their_way() -> None:
    delivery = connected(3 * MAX_ROWS)
    send_all(delivery, 0)
    gap = [Range(MAX_ROWS + 1, 2 * MAX_ROWS)]
    delivery.acknowledged(ack(MAX_ROWS, missing=gap, highest=3 * MAX_ROWS), 10)
    assert send_all(delivery, 10) == []
    assert delivery.hole is None
    assert delivery.task(10) == Wait(10 + RESEND_AFTER)
    assert send_all(delivery, 10 + RESEND_AFTER) == [Send(MAX_ROWS + 1, 2 * MAX_ROWS)]
    assert delivery.hole == Hole(MAX_ROWS + 1, 2 * MAX_ROWS, 10 + RESEND_AFTER)


def test_a_batch_that_only_waits_its_turn_behind_others_is_not_sent_twice() -> None:
    """On a slow line the server names rows as missing that are still on their way, because newer ones were sent before them."""
    delivery = connected(2 * WINDOW * MAX_ROWS)
    newest, *_ = send_all(delivery, 0)
    gap = [Range(1, newest.first - 1)]
    for now in (10, 10 + RESEND_AFTER, 10 + 2 * RESEND_AFTER):
        delivery.acknowledged(ack(0, missing=gap, highest=newest.last), now)
        assert all(batch.first > WINDOW // 2 * MAX_ROWS for batch in send_all(delivery, now)), "none of the oldest again"
    assert delivery.hole is None


def test_rows_that_were_pruned_are_not_promised() -> None:
    delivery = connected(50, oldest=30, progress=Progress(EPOCH, 40, 40))
    delivery.acknowledged(ack(10, epoch=b"n" * 16), 0)
    assert send_all(delivery, 0) == [Send(30, 50)]


def test_a_new_stream_is_sent_from_its_start() -> None:
    delivery = connected(5, progress=Progress(EPOCH, 5, 5))
    delivery.recorded(Standing(StreamId(b"t" * 16), 1, 3, Progress()))
    assert delivery.task(0) == Greet()
    delivery.greeted(1, 0)
    assert delivery.task(0) == Send(1, 2)


@given(st.lists(st.integers(1, MAX_ROW_BYTES), min_size=1, max_size=400))
def test_a_batch_that_fits_can_always_be_sent(sizes: list[int]) -> None:
    rows = [random.Random(size).randbytes(size) for size in sizes]
    count = fit(rows)
    assert 1 <= count <= MAX_ROWS
    batch = Batch(1, b"s" * 16, 2**52, b"p" * 32, rows[:count], b"g" * 64)
    assert len(msgspec.msgpack.encode(batch)) <= MAX_BYTES
    if count < min(len(rows), MAX_ROWS):
        assert sum(sizes[: count + 1]) + 3 * count > MAX_BYTES - 600


@pytest.mark.parametrize("failures", [0, 1, 5, 40])
def test_pauses_stay_within_their_bounds(failures: int) -> None:
    for draw in (0.0, 0.999_999):
        delivery = Delivery(standing(1), draw=lambda: draw)  # noqa: B023 - called at once
        now = 0
        pause = 0
        for _ in range(failures + 1):
            delivery.not_taken(now)
            until = delivery._not_before
            pause, now = until - now, until
        assert BACK_OFF_LEAST <= pause <= BACK_OFF_MOST


def test_a_device_with_nothing_to_send_asks_for_word_now_and_then() -> None:
    delivery = connected(0)
    assert delivery.task(1) == Wait(ACK_AGE)
    assert delivery.task(ACK_AGE) == Greet()
    delivery.greeted(1, ACK_AGE)
    assert delivery.task(ACK_AGE) == Wait(ACK_AGE + ACK_PATIENCE)
