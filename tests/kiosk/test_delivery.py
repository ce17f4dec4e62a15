"""Delivery over a channel that drops, repeats and reorders, to a server that goes away and comes back with less."""

import random
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.core.delivery import (
    ACK_AGE,
    ACK_PATIENCE,
    BACK_OFF_LEAST,
    BACK_OFF_MOST,
    FRAGMENTS,
    GREET_EVERY,
    NEWEST,
    NO_SUBSCRIBERS,
    RESEND_AFTER,
    RESTART_AFTER,
    WINDOW,
    Delivery,
    Greet,
    Hole,
    Renew,
    Restart,
    Send,
    Wait,
    fit,
)
from kiosk.core.progress import Progress, Standing
from wire.envelopes import MAX_BYTES, MAX_ROW_BYTES, MAX_ROWS, Ack, Batch, Range
from wire.events import StreamId

STREAM = StreamId(b"s" * 16)
EPOCH = b"e" * 16


def standing(rows: int, *, oldest: int = 1, progress: Progress = Progress()) -> Standing:  # noqa: B008 - frozen
    return Standing(STREAM, oldest, rows + 1, progress)


def ack(stored: int, *, backed: int = 0, credit: int = 8, epoch: bytes = EPOCH, **more: object) -> Ack:
    return msgspec.structs.replace(Ack(1, epoch, STREAM, stored, backed, credit, 0), **more)


def connected(rows: int, **more: object) -> Delivery:
    """A delivery that has greeted and been answered."""
    delivery = Delivery(standing(rows, **more), draw=lambda: 0.5)  # type: ignore[arg-type]
    delivery.connected(0)
    assert delivery.task(0) == Greet()
    delivery.greeted(0, 0)
    delivery.acknowledged(ack(delivery.progress.stored_through), 0)
    return delivery


def send_all(delivery: Delivery, now: int, token: int = 100) -> list[Send]:
    """Does everything that is to be sent at `now`."""
    sent = []
    while isinstance(task := delivery.task(now), Send):
        delivery.sent(task.first, task.last, token + len(sent), now)
        sent.append(task)
    return sent


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


# --- the newest tenth ------------------------------------------------------------------------------------------------------


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


def test_rows_that_were_pruned_are_not_promised() -> None:
    delivery = connected(50, oldest=30, progress=Progress(EPOCH, 40, 40))
    delivery.acknowledged(ack(10, epoch=b"n" * 16), 0)
    assert send_all(delivery, 0) == [Send(30, 50)]


def test_a_refusal_is_waited_out() -> None:
    delivery = connected(5)
    assert "revoked" in delivery.acknowledged(ack(0, refused="revoked"), 100).note
    task = delivery.task(100)
    assert isinstance(task, Wait)
    assert task.until is not None
    assert task.until >= 100 + BACK_OFF_LEAST
    assert delivery.task(task.until) == Greet()


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


# --- a small world ---------------------------------------------------------------------------------------------------------


@dataclass
class Server:
    """Stores what comes, once, and says so. It may be restored from a backup."""

    rows: dict[int, bytes] = field(default_factory=dict)
    stored: int = 0
    backup: tuple[dict[int, bytes], int] = field(default_factory=lambda: ({}, 0))
    epoch: int = 1

    def take(self, first: int, rows: list[bytes]) -> None:
        for number, row in enumerate(rows, first):
            assert self.rows.setdefault(number, row) == row
        while self.stored + 1 in self.rows:
            self.stored += 1

    def make_backup(self) -> None:
        self.backup = dict(self.rows), self.stored

    def restore(self) -> None:
        rows, self.stored = self.backup
        self.rows = dict(rows)
        self.epoch += 1

    def ack(self) -> Ack:
        beyond = [self.stored, *sorted(number for number in self.rows if number > self.stored)]
        missing = [Range(low + 1, high - 1) for low, high in pairwise(beyond) if low + 1 < high]
        highest = missing[64].first - 1 if missing[64:] else beyond[-1]
        epoch, backed = self.epoch.to_bytes(16, "big"), min(self.stored, self.backup[1])
        return Ack(1, epoch, STREAM, self.stored, backed, 8, 0, missing[:64], highest=highest)


class World:
    """One device, one server and a bad line between them, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = 0
        self.ledger: list[bytes] = []
        self.delivery = Delivery(standing(0), draw=self.chance.random)
        self.server = Server()
        self.listening = True
        self.up: list[tuple[int, list[bytes], int]] = []
        self.down: list[Ack] = []
        self.link = False
        self.token = 0
        self.loss = 0.3

    def turn(self) -> None:
        """A little time passes and one thing happens."""
        self.now += self.chance.choice([1, 10, 300, 4_000])
        act = self.chance.random()
        if act < 0.25:
            self.ledger.extend(self.chance.randbytes(3) for _ in range(self.chance.choice([1, 1, 1, 40, 1_500])))
            self.delivery.recorded(standing(len(self.ledger), progress=Progress()))
        elif act < 0.30:
            self.link = not self.link
            self.delivery.connected(self.now) if self.link else self.delivery.disconnected()
        elif act < 0.33:
            self.listening = not self.listening
        elif act < 0.35:
            self.server.make_backup()
        elif act < 0.36:
            self.server.restore()
        elif act < 0.38:  # the kiosk is killed: only what the ledger remembers is left
            self.delivery = Delivery(standing(len(self.ledger), progress=self.delivery.progress), draw=self.chance.random)
            self.link = False
        self.device()
        self.travel()

    def device(self) -> None:
        for _ in range(20):
            self.token += 1
            match self.delivery.task(self.now):
                case Greet():
                    self.delivery.greeted(self.token, self.now)
                    self.up.append((0, [], self.token))
                case Send(first, last):
                    last = first + fit(self.ledger[first - 1 : last]) - 1
                    self.delivery.sent(first, last, self.token, self.now)
                    self.up.append((first, self.ledger[first - 1 : last], self.token))
                case Restart():
                    self.delivery.disconnected()
                    self.link = False
                case Renew():
                    raise AssertionError("nobody else has this stream")
                case Wait():
                    return

    def travel(self) -> None:
        self.chance.shuffle(self.up)
        self.chance.shuffle(self.down)
        for first, rows, token in self.up[:4]:
            if self.chance.random() < self.loss:
                continue
            if not self.listening:
                self.delivery.delivered(token, NO_SUBSCRIBERS, self.now)
                continue
            self.server.take(first, rows)
            self.down += [self.server.ack()] * self.chance.choice([1, 1, 2])
        repeated = [flight for flight in self.up[:4] if self.chance.random() < 0.1]
        self.up = self.up[4:] + repeated
        for ack in self.down[:4]:
            if self.chance.random() >= self.loss:
                self.delivery.acknowledged(ack, self.now)
        self.down = self.down[4:]

    def check(self) -> None:
        progress = self.delivery.progress
        # What may be deleted on the device is always in the backup that the server might be restored from.
        assert progress.backed_through <= self.server.backup[1]
        assert progress.stored_through <= len(self.ledger)

    def drain(self) -> None:
        """Everything is mended; time passes."""
        self.loss, self.listening = 0.0, True
        for _ in range(4_000):
            if not self.link:
                self.link = True
                self.delivery.connected(self.now)
            self.device()
            self.travel()
            if self.delivery.progress.stored_through == len(self.ledger) == self.server.stored:
                return
            task = self.delivery.task(self.now)
            self.now = max(self.now + 5, min(task.until or 0, self.now + 60_000)) if isinstance(task, Wait) else self.now + 5


@given(seed=st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_whatever_the_line_does_everything_ends_stored_once_and_in_order(seed: int) -> None:
    world = World(seed)
    for _ in range(150):
        world.turn()
        world.check()
    world.drain()
    assert [world.server.rows.get(number) for number in range(1, len(world.ledger) + 1)] == world.ledger
    assert world.delivery.progress.stored_through == len(world.ledger)


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
