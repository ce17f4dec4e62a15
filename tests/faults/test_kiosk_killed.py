"""A kiosk killed between one instruction and the next: every rating that was thanked is on the card."""

import random
import threading
from pathlib import Path

import pytest

from kiosk.ledger.store import Store
from tests.kiosk.authority import Authority
from tests.kiosk.rig import Kiosk, running
from wire import chain
from wire.codec import decode_event
from wire.events import Answer
from workbench.ports import free_port

LIVES = 6


def recorded(kiosk: Kiosk) -> list[int]:
    """The ratings on the card, in order; the chain over everything is verified on the way."""
    store = Store(kiosk.state / "ledger-kiosk-killed.sqlite3")
    excerpt = store.read(1, 10**6)
    store.close()
    assert excerpt.previous == chain.origin(store.standing.stream)
    assert chain.links(excerpt.previous, excerpt.rows)[-1:] in ([excerpt.head], [])
    events = [decode_event(row) for row in excerpt.rows]
    return [event.value for event in events if isinstance(event, Answer) and event.item == "overall"]


@pytest.mark.slow
def test_every_thanked_rating_is_on_the_card_whenever_the_kiosk_is_killed(tmp_path: Path) -> None:
    chance = random.Random(20261123)
    kiosk = Kiosk(tmp_path)
    Authority.make().give_identity(kiosk.state, "kiosk-killed", port=free_port())  # nobody listens there: no network for a year
    before: list[int] = []
    thanked_ever = 0
    for _ in range(LIVES):
        with running(kiosk):
            hand = kiosk.hand()
            killer = threading.Timer(chance.uniform(0.02, 0.6), kiosk.kill)
            killer.start()
            thanked: list[int] = []
            value = chance.randint(1, 5)
            while hand.press(value):
                thanked.append(value)
                value = chance.randint(1, 5)
            killer.join()
            hand.close()
        now = recorded(kiosk)
        came = now[len(before) :]
        assert now[: len(before)] == before
        # At most the very last press is on the card without having been thanked: the kill came in between.
        assert came[: len(thanked)] == thanked
        assert came[len(thanked) :] in ([], [value])
        before = now
        thanked_ever += len(thanked)
    assert thanked_ever > LIVES, "the kiosk lived long enough to thank people"
