"""The row of smiley buttons: simulated contacts on a real kiosk, with a window and without one, lamps and buzzer as its answer."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.journeys.conftest import Journey
from tests.kiosk.authority import Authority
from tests.kiosk.rig import Kiosk, running
from tests.support.waiting import PATIENCE_S, until
from wire.envelopes import Misuse, Timings
from wire.events import Answer, Event, Flag, Input, Left
from workbench.panel import Panel

Start = Callable[..., Journey]
PATIENT = Timings(question=600_000, thanks=60_000, cooldown=0)
FLURRIES, FLURRY = 10, 40
"""A minute of a child with two hands, of which each flurry comes at once, as if the card had stood still for four seconds."""
A_WHILE_S = 1.3
"""A button that was stuck is believed again only after it has been open for a second."""


@pytest.fixture
def row(tmp_path: Path) -> Iterator[tuple[Kiosk, Panel]]:
    """A row of buttons without a screen, and a hand at it."""
    kiosk = Kiosk(tmp_path)
    Authority.make().give_identity(kiosk.state, "buttons-1", port=1)
    with running(kiosk):
        until((kiosk.state / "panel.sock").exists, "the panel is there")
        panel = Panel(kiosk.state / "panel.sock")
        yield kiosk, panel
        panel.close()


def test_a_press_is_answered_by_light_and_by_sound(row: tuple[Kiosk, Panel]) -> None:
    _, panel = row
    assert panel.wait_for("lamp ready", PATIENCE_S)
    panel.press(5)
    thanked(panel)
    panel.press(1)
    for line in ("buzz pressed", "buzz saved"):
        assert panel.wait_for(line, PATIENCE_S)


def test_a_rating_by_button_goes_on_at_the_screen(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT)
    panel = visit.panel()
    panel.press(2)
    visit.shows("follow-up", pressed=None)
    visit.touch("answer:3")
    visit.shows("thanks")
    panel.close()
    given = [(row.item, row.value, row.input) for row in visit.rows() if isinstance(row, Answer)]
    assert given == [("overall", 2, Input.BUTTON), ("reason", 3, Input.TOUCH)]


def test_a_child_hammers_every_button_for_a_minute(kiosk: Start) -> None:
    visit = kiosk(timings=Timings(question=3_000, thanks=2_000, aided=1))
    child = random.Random(17)
    pressed = []
    panel = visit.panel()
    for _ in range(FLURRIES):
        for number in range(FLURRY):
            pressed.append(child.randint(1, 5))
            panel.press(pressed[-1])
            if number % 10 == 9:
                panel.press(f"key:{child.choice(('next', 'previous', 'louder', 'repeat'))}")
        for _ in range(FLURRY):
            thanked(panel)
    panel.walk_through("main")
    visit.until(lambda picture: picture["scene"] == "follow-up" and picture["pressed"] is None, "it thanks as ever")
    usual = visit.shows("welcome", large=False, language="uk", pressed=None)
    assert usual["texts"] == visit.pictures[0]["texts"], "it looks as if nothing had been"
    panel.press(4)  # the next visitor
    visit.shows("follow-up", pressed=None)
    panel.close()
    rows = visit.rows()
    assert buttons(rows) == [*pressed, 4], "every press is recorded, in its order, and none twice"
    doubts = {row.reason for row in rows if isinstance(row, Flag)}
    assert {"rapid", "burst"} <= doubts
    assert "Traceback" not in (visit.folder / "kiosk.log").read_text()


def test_a_child_hammers_the_glass(kiosk: Start) -> None:
    visit = kiosk(timings=Timings(question=3_000, thanks=2_000, aided=1))
    child = random.Random(17)
    for _ in range(4):  # two hundred touches: each control is hit, most of them many times
        visit.hammer([(child.randrange(0, 800), child.randrange(0, 480)) for _ in range(50)])
    visit.shows("welcome", large=False, language="uk", pressed=None)
    visit.touch("answer:4")
    visit.shows("follow-up", pressed=None)
    last = [row for row in visit.rows() if not isinstance(row, Left | Flag)][-1]
    assert isinstance(last, Answer)
    assert (last.item, last.value) == ("overall", 4)
    assert "Traceback" not in (visit.folder / "kiosk.log").read_text()


def test_a_button_that_stays_down_is_passed_over_and_the_others_go_on(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT, misuse=Misuse(stuck_after=2_000))
    panel = visit.panel()
    panel.hold(2)
    visit.shows("follow-up", pressed=None)
    until(lambda: "face:2 has been held for 2 s" in (visit.folder / "kiosk.log").read_text(), "an alarm is raised")
    thanked(panel)
    panel.press(5)
    thanked(panel)
    panel.release(2)
    time.sleep(A_WHILE_S)
    panel.press(2)
    thanked(panel)
    panel.close()
    rows = visit.rows()
    assert buttons(rows) == [2, 5, 2]
    assert [row.reason for row in rows if isinstance(row, Flag) and row.reason == "stuck"] == ["stuck"]


def thanked(panel: Panel) -> None:
    for line in ("lamp pressed", "lamp thanked"):
        assert panel.wait_for(line, PATIENCE_S)


def buttons(rows: list[Event]) -> list[int]:
    return [row.value for row in rows if isinstance(row, Answer) and row.input == Input.BUTTON]
