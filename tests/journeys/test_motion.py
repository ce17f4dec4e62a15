"""What moves on the glass: bars that drain and the face that glides. Photographed at chosen moments; nobody waits for any of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.display import Display

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, sys
sys.path.insert(0, {root!r})
from pathlib import Path
from PIL import ImageChops
from workbench.gallery import NOW, shots
from workbench.sheets import ROOT, Camera

camera = Camera(Path(sys.argv[1]))
from kiosk.screen.painter import Painter

found = {{shot.scene: shot for shot in shots(camera.theme, camera.ruler, sizes=[(800, 480)], languages=["uk"], modes=["usual"])}}


class Film:
    def __init__(self, still):
        self.painter = Painter(camera.theme, camera.ruler, ROOT / "assets", print, still=still)
        self.paint, self.painter.paint = self.painter.paint, lambda *already: None
        self.shot = None

    def show(self, scene, at=NOW):
        self.shot = found[scene]
        self.paint(self.shot.picture, self.shot.palette, at)
        return self.look()

    def at(self, moment):
        self.painter.advance(moment)
        return self.look()

    def look(self):
        camera.screen.painter = self.painter
        return camera.take(self.shot)


def different(one, other):
    return ImageChops.difference(one, other).getbbox()


told = {{}}
thanks = found["thanks"].picture
bar = next(mark for mark in thanks.marks if type(mark).__name__ == "Drain")
told["bar"] = bar.box
for name, still in (("moving", False), ("still", True)):
    film = Film(still)
    start = film.show("thanks", bar.since)
    soon = film.at(bar.since + 400)
    later = film.at(bar.since + 1100)
    told[name] = dict(soon=different(start, soon), later=different(soon, later), pause=film.painter.pause(bar.since + 1100))
    film.at(bar.deadline)
    told[name]["end"] = film.painter.pause(bar.deadline)

for name, still in (("glide", False), ("reduced", True)):
    film = Film(still)
    film.show("welcome-pressed")
    first = film.show("follow-up")
    told[name] = dict(pause=film.painter.pause(NOW))
    amid = film.at(NOW + camera.theme.calm // 4)
    rest = film.at(NOW + camera.theme.calm)
    told[name].update(first=different(first, rest), amid=different(amid, rest), over=film.painter.pause(NOW + camera.theme.calm))

film = Film(False)
film.show("welcome-pressed")
film.show("follow-up")
film.at(NOW + 40)
film.show("welcome")
late = Film(False)
late.show("welcome-pressed")
late.show("follow-up")
late.at(NOW + 5_000)
told["late"] = late.painter.pause(NOW + 5_000)
told["left"] = dict(pause=film.painter.pause(NOW), stray=different(film.look(), Film(True).show("welcome")))
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the photographs show."""
    folder = tmp_path_factory.mktemp("motion")
    display = Display(folder).start()
    script = folder / "motion.py"
    script.write_text(SCRIPT.format(root=str(ROOT)))
    environment = {**os.environ, **display.env}
    try:
        done = subprocess.run([sys.executable, str(script), str(folder)], cwd=ROOT, env=environment, capture_output=True, text=True)
    finally:
        display.stop()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def within(inner: list[int], x: int, y: int, w: int, h: int) -> bool:
    left, top, right, bottom = inner
    return x <= left and y <= top and right <= x + w and bottom <= y + h


def test_the_bar_of_undo_drains_smoothly_and_nothing_else_moves(told: Any) -> None:
    assert within(told["moving"]["soon"], *told["bar"])
    assert within(told["moving"]["later"], *told["bar"])
    assert told["moving"]["pause"] < 0.1


def test_with_reduced_motion_the_bar_goes_by_whole_seconds(told: Any) -> None:
    assert told["still"]["soon"] is None, "it moved within a second"
    assert within(told["still"]["later"], *told["bar"])
    assert 0.8 < told["still"]["pause"] <= 1.0, "it wakes when the next second is over, and not before"


def test_an_empty_bar_wakes_nobody_any_more(told: Any) -> None:
    assert told["moving"]["end"] is None
    assert told["still"]["end"] is None


def test_after_a_rating_the_next_screen_is_whole_at_once_and_the_face_glides_over_it_afterwards(told: Any) -> None:
    assert told["glide"]["first"] is None, "the first frame is not yet the whole picture"
    assert told["glide"]["pause"] is not None
    assert told["glide"]["amid"] is not None, "nothing glides"
    assert told["glide"]["over"] is None


def test_with_reduced_motion_no_face_glides(told: Any) -> None:
    assert told["reduced"] == {"pause": None, "first": None, "amid": None, "over": None}


def test_a_glide_ends_when_another_screen_comes(told: Any) -> None:
    assert told["left"] == {"pause": None, "stray": None}


def test_a_device_too_busy_to_show_the_glide_leaves_it_out(told: Any) -> None:
    assert told["late"] is None
