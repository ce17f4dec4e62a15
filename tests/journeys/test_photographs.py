"""Photographs of the screens, taken as `./vidhuk docs screens` takes them, and what the painter does when a drawing is broken."""

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.support.display import Display

ROOT = Path(__file__).resolve().parents[2]


def run(display: Display, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **display.env}
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)


def test_every_screen_is_photographed_into_one_contact_sheet(display: Display, tmp_path: Path) -> None:
    done = run(display, "-m", "workbench.sheets", "--out", str(tmp_path), "--only", "uk-800x480")
    assert done.returncode == 0, done.stderr
    pictures = sorted(tmp_path.glob("*-uk-800x480-*.png"))
    assert len(pictures) == 18  # eight scenes, usual and large, and two in the dark
    assert (tmp_path / "contact-sheet.png").exists()
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.size == (800, 480)
            colours = picture.getcolors(800 * 480)
            assert colours is not None
            assert len(colours) > 20, path.name
            ground = max(colours)[0]
            assert 800 * 480 * 0.3 < ground < 800 * 480 * 0.98, path.name


def test_a_picture_that_nobody_knows_is_said(display: Display, tmp_path: Path) -> None:
    done = run(display, "-m", "workbench.sheets", "--out", str(tmp_path), "--only", "no-such-screen")
    assert done.returncode == 1
    assert "no-such-screen" in done.stderr


BROKEN = """
import shutil, sys
from pathlib import Path
from workbench.sheets import Camera, StillClock, shots
from kiosk.screen.theme import ASSETS

state = Path(sys.argv[1])
assets = state / "assets"
shutil.copytree(ASSETS / "icons", assets / "icons")
(assets / "faces").mkdir()
for strip in (ASSETS / "faces").glob("strip-*.png"):
    (assets / "faces" / strip.name).write_bytes(b"not a picture")
for strip in (assets / "icons").glob("strip-*.png"):
    strip.unlink()
camera = Camera(state)
from kiosk.screen.painter import Painter

said = []
painter = Painter(camera.theme, camera.ruler, assets, said.append)
for shot in shots(camera.theme, camera.ruler, sizes=[(800, 480)], languages=["uk"]):
    for _ in range(2):
        painter.paint(shot.picture, shot.palette, StillClock().stamp().monotonic)
print(len(said), len(set(said)), sum("faces/strip-128.png" in sentence for sentence in said))
"""


def test_broken_drawings_are_reported_once_and_the_rest_is_painted(display: Display, tmp_path: Path) -> None:
    # As a file, because a script given on the command line cannot import what lies beside it.
    script = tmp_path / "broken.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{BROKEN}")
    done = run(display, str(script), str(tmp_path))
    assert done.returncode == 0, done.stderr
    said, different, of_one = (int(part) for part in done.stdout.split())
    assert said == different > 2
    assert of_one == 1
