"""Photographs of the screens, taken as `./vidhuk docs screens` takes them, and what the painter does when a drawing is broken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from tests.support.display import Display
from workbench.gallery import LANGUAGES, MODES, SIZES, aided_scenes, scenes

ROOT = Path(__file__).resolve().parents[2]


def run(display: Display, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **display.env}
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_every_screen_in_every_language_size_and_mode_is_photographed_into_one_contact_sheet(
    display: Display, tmp_path: Path
) -> None:
    sheets = tmp_path / "sheets"
    done = run(display, "-m", "workbench.sheets", "--out", str(sheets))
    assert done.returncode == 0, done.stderr
    usual, aided = len(scenes("uk")), len(aided_scenes("uk", LANGUAGES))
    assert f"{len(SIZES) * len(LANGUAGES) * ((len(MODES) - 1) * usual + aided)} pictures" in done.stdout
    assert {path.name for path in sheets.iterdir()} == {"screens.jpg", *(f"screens-{language}.jpg" for language in LANGUAGES)}
    rows = len(SIZES) * len(MODES)
    with Image.open(sheets / "screens.jpg") as everything, Image.open(sheets / "screens-uk.jpg") as ukrainian:
        assert everything.width > max(usual, aided) * 70
        assert everything.height > rows * len(LANGUAGES) * 70
        assert ukrainian.height > rows * 180


def test_the_screens_of_a_language_and_size_are_photographed_one_by_one(display: Display, tmp_path: Path) -> None:
    done = run(display, "-m", "workbench.sheets", "--out", str(tmp_path), "--only", "crh-800x480")
    assert done.returncode == 0, done.stderr
    pictures = sorted(tmp_path.glob("*-crh-800x480-*.png"))
    names = {*scenes("crh")} | {*aided_scenes("crh", LANGUAGES)}
    assert {path.stem.partition("-crh-")[0] for path in pictures} == names
    with Image.open(tmp_path / "contact-sheet.png") as sheet:
        assert sheet.height > len(MODES) * 150
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
import pytest
from PIL import Image, ImageChops
from kiosk.screen.theme import ASSETS, load_or_default
from workbench.gallery import shots
from workbench.sheets import Camera

state = Path(sys.argv[1])
assets = state / "assets"
for folder in ("faces", "icons", "fonts"):
    shutil.copytree(ASSETS / folder, assets / folder)
shutil.copy(ASSETS / "theme.toml", assets)
camera = Camera(state)
from kiosk.screen.painter import Painter
from kiosk.screen.ruler import Ruler

whole = next(shots(camera.theme, camera.ruler, only="welcome-uk-800x480-usual"))
camera.take(whole).save(state / "whole.png")
side = next(mark.box.w for mark in whole.picture.marks if type(mark).__name__ == "Face")
for pattern in (each.replace("SIDE", str(side)) for each in sys.argv[2:]):
    for path in assets.glob(pattern):
        path.write_bytes(path.read_bytes()[:64] if path.suffix == ".ttf" else b"nothing of use")
said = []
theme = load_or_default(assets / "theme.toml", said.append)
ruler = Ruler(theme, said.append)
camera.screen.painter = Painter(theme, ruler, assets, said.append)
said.append(camera.screen.painter.wear(assets / "none.png"))
for shot in shots(theme, ruler, sizes=[(800, 480)], languages=["uk"]):
    for _ in range(2):
        picture = camera.take(shot)
    if shot.name == whole.name:
        picture.save(state / "broken.png")
print(*(sentence.replace(f"strip-{side}.", "strip-SIDE.") for sentence in said), sep="\\n")
"""


def paint(display: Display, folder: Path, *broken: str) -> tuple[list[str], float]:
    """What is reported of the broken files, and the share of the welcome screen that looks different. SIDE is its faces' width."""
    script = folder / "broken.py"  # as a file, because a script given on the command line cannot import what lies beside it
    script.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{BROKEN}")
    done = run(display, str(script), str(folder), *broken)
    assert done.returncode == 0, done.stderr
    with Image.open(folder / "whole.png") as whole, Image.open(folder / "broken.png") as painted:
        differing = ImageChops.difference(whole.convert("L"), painted.convert("L")).point(lambda level: 255 * (level > 40))
        return done.stdout.splitlines(), differing.histogram()[255] / (800 * 480)


def test_broken_drawings_are_reported_once_and_there_are_faces_all_the_same(display: Display, tmp_path: Path) -> None:
    said, differing = paint(display, tmp_path, "faces/strip-*.png", "icons/strip-*.png")
    assert len(said) == len(set(said))
    assert sum("faces/strip-SIDE.png" in sentence for sentence in said) == 1
    assert any("icons/" in sentence for sentence in said)
    assert any("none.png" in sentence for sentence in said), "the crest"
    assert 0.001 < differing < 0.08, "plain faces stand where the drawn ones stood"


def test_one_broken_drawing_is_replaced_by_the_next_size(display: Display, tmp_path: Path) -> None:
    said, differing = paint(display, tmp_path, "faces/strip-SIDE.png")
    assert [sentence.partition(" cannot")[0] for sentence in said if "faces/" in sentence] == ["the drawing faces/strip-SIDE.png"]
    assert differing < 0.02


def test_with_broken_fonts_the_words_are_there_in_another_one(display: Display, tmp_path: Path) -> None:
    said, differing = paint(display, tmp_path, "fonts/*.ttf")
    assert sum("SourceSans3" in sentence for sentence in said) == 2
    assert 0.001 < differing < 0.2


def test_a_broken_theme_looks_as_the_built_in_one(display: Display, tmp_path: Path) -> None:
    said, differing = paint(display, tmp_path, "theme.toml")
    assert any("theme" in sentence for sentence in said)
    assert differing < 0.02, "only the crest is not there"


HIGH = """
import sys
from pathlib import Path
from kiosk.screen.app import TouchScreen
from kiosk.screen.settings import ScreenSettings
from kiosk.texts import Texts
from workbench.gallery import LANGUAGES, StillClock

settings = ScreenSettings(state_dir=Path(sys.argv[1]), size=(480, 320), mounting_mm=1_190)
TouchScreen(settings, clock=StillClock(), texts=Texts(LANGUAGES, print), report=print).close()
"""


def test_a_screen_that_hangs_too_high_says_so_when_it_starts(display: Display, tmp_path: Path) -> None:
    script = tmp_path / "high.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{HIGH}")
    done = run(display, str(script), str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "screen.mounting_mm" in done.stdout
