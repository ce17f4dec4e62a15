"""Five faces and a key for the accessible mode, without a screen: who presses a face has rated, unless the row is in use."""

import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from kiosk.core.conductor import PRESSES_HELD
from kiosk.ledger.store import Store
from kiosk.texts import Texts
from tests.kiosk.authority import Authority, configuration
from tests.kiosk.rig import Kiosk, running
from tests.support.ear import Ear
from tests.support.speaking import pack_of
from tests.support.waiting import PATIENCE_S, until
from wire.codec import decode_event
from wire.envelopes import Timings
from wire.events import Answer, Flag, Input, Left, Retract
from workbench.panel import Panel

CONFIG = """\
state_dir = "state"
clock = "trusted"
[screen]
mode = "none"
[panel]
simulated = "panel.sock"
[panel.buttons]
1 = 5
2 = 6
3 = 13
4 = 19
5 = 26
[panel.keys]
access = 21
"""
BRISK = Timings(question=4_000, warning=2_000, thanks=2_000, cooldown=0)
"""A mode that nobody uses lasts four seconds; one that is used, sixteen."""
HURRIED = Timings(question=3_000, warning=1_000, thanks=2_000, cooldown=0, aided=1)
FLURRIES, FLURRY = 10, 40
FLOOD = 10 * PRESSES_HELD
QUIET_S = 4.0
"""Longer than anything here lasts when nobody touches it."""


class Row:
    """The device and a hand on its buttons."""

    def __init__(self, kiosk: Kiosk) -> None:
        until((kiosk.state / "panel.sock").exists, "the panel is there")
        self.kiosk = kiosk
        self.panel = Panel(kiosk.state / "panel.sock")
        self.sees("ready")

    @property
    def log(self) -> str:
        return (self.kiosk.folder / "kiosk.log").read_text()

    def sees(self, mood: str) -> None:
        assert self.panel.wait_for(f"lamp {mood}", PATIENCE_S), mood

    def rates(self, value: int) -> None:
        self.panel.press(value)
        self.sees("pressed")
        self.sees("thanked")

    def rests(self) -> None:
        """Waits until nothing changes any more, and sees that the row is ready then."""
        while self.panel.selector.select(QUIET_S):
            self.panel.wait_for("anything", 0.1)
        self.panel.close()
        self.panel = Panel(self.kiosk.state / "panel.sock")
        self.sees("ready")

    def answers(self) -> list[tuple[int, Input]]:
        """Values and inputs on the card, once the device has stopped."""
        self.panel.close()
        self.kiosk.stop()
        [ledger] = self.kiosk.state.glob("ledger*.sqlite3")
        store = Store(ledger)
        try:
            rows = [decode_event(row) for row in store.read(1, 10_000).rows]
        finally:
            store.close()
        assert {type(row) for row in rows} <= {Answer, Flag, Left, Retract}
        return [(row.value, Input(row.input)) for row in rows if isinstance(row, Answer)]


Start = Callable[..., Row]


@pytest.fixture
def row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the device; `row(timings, speech=True)`."""
    monkeypatch.setenv(*next(iter(Ear(tmp_path / "ear").environment.items())))
    kiosk = Kiosk(tmp_path)
    kiosk.config.write_text(CONFIG)

    def start(timings: Timings, *, speech: bool) -> Row:
        config = msgspec.structs.replace(configuration(), timings=timings)
        if speech:
            greeting = Texts(["uk"], pytest.fail).say("uk", "Speech is on.")
            pack = pack_of(kiosk.state / "speech", "uk", {greeting: bytes(2_000)})
            config = msgspec.structs.replace(config, door="https://127.0.0.1:1", speech=[pack])
        Authority.make().give_identity(kiosk.state, "keypad-1", port=1, config=config)
        found = Row(started.enter_context(running(kiosk)))
        if speech:
            until(lambda: "languages=uk" in found.log, "there is a voice")
        return found

    with ExitStack() as started:
        yield start


def test_where_nobody_could_hear_the_mode_its_key_takes_nothing_from_the_next_people(row: Start) -> None:
    device = row(Timings(cooldown=0), speech=False)
    device.panel.press("key:access")
    for value in (5, 5, 4, 1):
        device.rates(value)
    assert device.answers() == [(value, Input.BUTTON) for value in (5, 5, 4, 1)]


def test_who_begins_the_mode_and_walks_away_gives_the_row_back_to_the_next_visitor(row: Start) -> None:
    device = row(BRISK, speech=True)
    device.panel.press("key:access")
    device.sees("keys")
    device.sees("ready")
    device.rates(5)
    assert device.answers() == [(5, Input.BUTTON)]


def test_a_child_hammers_faces_that_are_keys_and_the_next_visitor_rates(row: Start) -> None:
    device = row(HURRIED, speech=True)
    child = random.Random(17)
    for _ in range(FLURRIES):
        device.panel.press("key:access")
        for _ in range(FLURRY):
            device.panel.press(child.randint(1, 5))
        device.panel.wait_for("lamp keys", 0.5)
    device.rests()
    device.rates(4)
    answers = device.answers()
    assert answers[-1] == (4, Input.BUTTON)
    assert Input.SPEECH in {by for _, by in answers}, "some of it was by keys"
    assert "Traceback" not in device.log


def test_a_flood_of_presses_is_recorded_as_far_as_it_can_be_and_the_rest_is_owned_up_to(row: Start) -> None:
    device = row(HURRIED, speech=False)
    presses = (f"press {value}\nrelease {value}\n" for value in (1 + number % 5 for number in range(FLOOD)))
    device.panel.socket.sendall("".join(presses).encode())
    device.rests()
    device.rates(4)
    recorded = len(device.answers())
    notes = " ".join(json.loads((device.kiosk.state / "status.json").read_text())["notes"])
    lost = re.search(r"presses lost since the start, .*: (\d+)", notes)
    assert lost is not None
    assert PRESSES_HELD < recorded < FLOOD
    assert recorded + int(lost[1]) == FLOOD + 1
