"""Behind a long outage: the newest rows between the oldest, and each of them once."""

from kiosk.core.delivery import (
    FRAGMENTS,
    NEWEST,
    WINDOW,
    Delivery,
    Send,
)
from tests.kiosk.deliveries import Server, ack, connected, send_all, standing
from wire.envelopes import MAX_ROWS, Range


def test_behind_a_long_outage_the_newest_go_first_and_then_between_the_oldest() -> None:
    rows = 10_000
    delivery = connected(rows)
    sent = send_all(delivery, 0)
    assert sent[:4] == [
        Send(rows - NEWEST + 1, rows),
        Send(1, MAX_ROWS),
        Send(rows - 2 * NEWEST + 1, rows - NEWEST),
        Send(MAX_ROWS + 1, 2 * MAX_ROWS),
    ]
    assert len(sent) == WINDOW


def test_what_is_rated_during_a_drain_is_sent_with_the_next_word_from_the_server() -> None:
    delivery = connected(10_000)
    delivery.greeted(1, 0)
    send_all(delivery, 0)
    delivery.recorded(standing(10_003))
    delivery.acknowledged(ack(MAX_ROWS, missing=[Range(MAX_ROWS + 1, 9_950)], highest=10_000), 50)
    assert Send(10_001, 10_003) in send_all(delivery, 50)[:2]


def drained(delivery: Delivery, rows: int, *, fresh: int) -> tuple[int, list[Send]]:
    """(most stretches beyond the first gap, everything sent) of a drain in which `fresh` rows are recorded at each word."""
    server = Server()
    most, sent = 0, list[Send]()
    while isinstance(task := delivery.task(0), Send):
        delivery.sent(task.first, task.last, 100 + len(sent), 0)
        sent.append(task)
        server.take(task.first, [b""] * (task.last - task.first + 1))
        said = server.ack()
        most = max(most, len(said.missing))
        delivery.acknowledged(said, 0)
        if len(sent) < 300:
            rows += fresh
            delivery.recorded(standing(rows))
    assert delivery.progress.stored_through == rows
    return most, sent


def test_a_drain_sends_each_row_once_and_nine_tenths_are_from_the_old_end() -> None:
    rows = 20_000
    _, sent = drained(connected(rows), rows, fresh=0)
    assert sorted(row for batch in sent for row in range(batch.first, batch.last + 1)) == list(range(1, rows + 1))
    deep = sent[: len(sent) - 2 * WINDOW]
    newest = sum(batch.last - batch.first + 1 for batch in deep if batch.last - batch.first < NEWEST)
    assert newest <= sum(batch.last - batch.first + 1 for batch in deep) / 10


def test_however_fast_new_rows_come_no_more_stretches_are_left_than_one_acknowledgement_can_name() -> None:
    rows = 40_000
    most, sent = drained(connected(rows), rows, fresh=2 * NEWEST)
    assert FRAGMENTS // 2 < most <= FRAGMENTS
    assert len({row for batch in sent for row in range(batch.first, batch.last + 1)}) >= rows
