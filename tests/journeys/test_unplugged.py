"""A kiosk whose touch panel is not there, with a crest that is no picture: it says so, and what is left of it works."""

from collections.abc import Callable

import pytest

from tests.journeys.conftest import Journey
from tests.support.waiting import until
from wire.envelopes import Timings
from wire.events import Answer, Input

Start = Callable[..., Journey]
WITHOUT = 'input = "{reader}"\ndevice = "/dev/input/no-such-panel"\ncrest = "crest.png"'


@pytest.mark.parametrize("reader", ["hidinput", "mtdev"])
def test_a_missing_panel_and_a_broken_crest_are_reported_and_the_buttons_go_on(kiosk: Start, reader: str) -> None:
    visit = kiosk(
        timings=Timings(question=60_000),
        more=WITHOUT.format(reader=reader),
        files={"crest.png": "not a picture"},
    )
    log = visit.folder / "kiosk.log"
    until(lambda: "/dev/input/no-such-panel" in log.read_text(), "the missing panel is in the log")
    assert "crest.png" in log.read_text()
    panel = visit.panel()
    panel.press(4)
    visit.shows("follow-up")
    panel.close()
    [row, *_] = visit.rows()
    assert isinstance(row, Answer)
    assert row.input == Input.BUTTON
