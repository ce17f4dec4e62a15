"""From the court's file to the glass: what `set-court` says is shown by a running kiosk, which nobody touches or starts again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.upkeep.enrolment import enrol
from tests.journeys.conftest import CONFIG, Journey
from tests.support.display import Display
from tests.support.server import ROOT, Server
from tests.support.waiting import until

PLUM = (0x6A, 0x1B, 0x4D)
GOLD_AND_BLUE = 60
"""How far apart red and blue of the crest's colours are at least; all else at the top left is grey."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "server"
    folder.mkdir()
    server = Server(folder)
    yield server
    server.stop()


def colours(visit: Journey, left: int, top: int, right: int, bottom: int) -> set[tuple[int, int, int]]:
    return {visit.colour_at(x, y) for x in range(left, right) for y in range(top, bottom)}


def wears(visit: Journey) -> tuple[bool, bool]:
    """Whether the glass has the crest, and whether the languages on offer are written in the accent."""
    x, y, w, h = visit.pictures[-1]["controls"]["language:en"]
    crest = any(abs(red - blue) > GOLD_AND_BLUE for red, _, blue in colours(visit, 20, 8, 60, 52))
    return crest, PLUM in colours(visit, x, y, x + w, y + h)


def test_what_a_court_sets_is_shown_by_a_kiosk_that_runs(server: Server, display: Display, tmp_path: Path) -> None:
    exit = server.set_up()
    server.start()
    given = server.code(exit, "kiosk-look-1")
    folder = tmp_path / "kiosk"
    folder.mkdir()
    visit = Journey(folder, display)
    (folder / "kiosk.toml").write_text(CONFIG.format(width=800, height=480, more=""))
    enrol(server=given.server, fingerprint=given.fingerprint, code=given.code, state_dir=visit.state)
    try:
        visit.start_again()
        visit.shows("welcome")
        assert wears(visit) == (False, False)
        (server.folder / "crest.png").write_bytes((ROOT / "workbench" / "crest.png").read_bytes())
        file = server.folder / "court.toml"
        file.write_text('accent = "#6A1B4D"\ncrest = "crest.png"\n', encoding="utf-8")
        server.command("set-court", "court", "--file", str(file))
        server.kill_part("broker")  # whoever connects anew is told at once; else the device's next report would be awaited
        until(lambda: wears(visit) == (True, True), "the kiosk shows the court's crest and accent", seconds=150)
        assert visit.child is not None
        visit.child.check()
    finally:
        visit.stop()
