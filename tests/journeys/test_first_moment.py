"""The moment after the first picture, in which the kiosk still builds what can be heard and the way to the server."""

from collections.abc import Callable
from pathlib import Path

from tests.journeys.conftest import Journey
from tests.support.waiting import until
from wire.events import Answer, Input

Start = Callable[..., Journey]
LATE = ("kiosk.device.ear", "kiosk.device.outside")
HOLD = """
import os, sys, time


class Hold:
    '''Stands before what is imported late: tells that it has come to that, and waits for leave.'''

    def find_spec(self, name, path=None, target=None):
        if name in {late!r}:
            open(os.path.join({folder!r}, "reached"), "w").close()
            while not os.path.exists(os.path.join({folder!r}, "go")):
                time.sleep(0.01)
            if os.path.exists(os.path.join({folder!r}, "broken")):
                raise ImportError("it cannot be had")


sys.meta_path.insert(0, Hold())
"""


def held(folder: Path) -> dict[str, str]:
    """The environment of a kiosk that does not get on with the rest until there is a file `go` in `folder`."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HOLD.format(late=LATE, folder=str(folder)))
    return {"PYTHONPATH": str(folder)}


def answers(visit: Journey) -> list[tuple[int, Input]]:
    return [(row.value, row.input) for row in visit.rows() if isinstance(row, Answer)]


def test_a_touch_while_the_rest_is_built_is_thanked_for_and_recorded(kiosk: Start, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    visit = kiosk(env=held(gate))
    until((gate / "reached").exists, "the kiosk builds the rest")
    assert not (visit.state / "status.json").exists()
    visit.touch("answer:4")
    (gate / "go").touch()
    visit.shows("follow-up")
    until((visit.state / "status.json").exists, "the rest is built and reports")
    assert answers(visit) == [(4, Input.TOUCH)]


def test_without_the_rest_the_kiosk_still_asks_records_and_stops_in_order(kiosk: Start, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    env = held(gate)
    (gate / "broken").touch()
    (gate / "go").touch()
    visit = kiosk(env=env)
    visit.touch("answer:2")
    visit.shows("follow-up")
    assert (visit.folder / "kiosk.log").read_text().count("it cannot be had") == len(LATE)
    assert answers(visit) == [(2, Input.TOUCH)]
    assert visit.child is not None
    assert visit.child.ended() == 0


def test_a_stop_before_the_rest_is_built_is_orderly_and_the_next_start_goes_on(kiosk: Start, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    visit = kiosk(env=held(gate))
    until((gate / "reached").exists, "the kiosk builds the rest")
    assert visit.child is not None
    visit.child.ask_to_stop()
    (gate / "go").touch()
    visit.child.stop()
    assert visit.child.ended() == 0
    again = visit.start_again()
    again.touch("answer:5")
    again.shows("follow-up")
    assert answers(again) == [(5, Input.TOUCH)]
