"""Whole conversations over a channel that drops, repeats and reorders, with a server that goes away and comes back with less."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.core.delivery import (
    NO_SUBSCRIBERS,
    Delivery,
    Greet,
    Renew,
    Restart,
    Send,
    Wait,
    fit,
)
from kiosk.core.progress import Progress
from tests.kiosk.deliveries import Server, standing
from wire.envelopes import Ack


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
