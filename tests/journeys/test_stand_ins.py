"""What is painted, and what is said, where pictures are lost or would not be seen: plain signs for icons, no crest, a plate."""

import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from kiosk.screen import theme as themes
from kiosk.screen.drawings import ICONS
from tests.support.display import Display

ROOT = Path(__file__).resolve().parents[2]
SIDE = 64
CREST = (ROOT / "workbench" / "crest.png").read_bytes()
ALONE = ("accessibility", "repeat", "louder", "mute", "undo", "skip", "tick", "saved", "alert", "pause")
"""Icons that may stand without words, or say what has happened."""
PAINT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from kiosk.screen.drawings import ICONS
from kiosk.screen.picture import Box, Crest, Icon, Picture
from kiosk.screen.theme import ASSETS
from workbench.sheets import Camera, Shot

state = Path(sys.argv[1])
camera = Camera(state)
from kiosk.screen.painter import Painter

size = ({SIDE} * len(ICONS), {SIDE})
for name, assets in (("drawn", ASSETS), ("plain", state / "no-assets")):
    camera.screen.painter = Painter(camera.theme, camera.ruler, assets, print)
    marks = tuple(Icon(Box(place * {SIDE}, 0, {SIDE}, {SIDE}), icon, "ink") for place, icon in enumerate(ICONS))
    shot = Shot(scene=name, language="uk", size=size, mode="usual", picture=Picture(name, "uk", size, False, marks),
                palette=camera.theme.light)
    camera.take(shot).save(state / f"{{name}}.png")

from PIL import Image

(state / "text.png").write_text("nothing of use")
(state / "cut.png").write_bytes((ASSETS / "icons" / "strip-64.png").read_bytes()[:2000])
(state / "folder.png").mkdir()
Image.new("RGB", (2049, 10)).save(state / "wide.png")
for name in ("none.png", "text.png", "cut.png", "folder.png", "wide.png"):
    painter = Painter(camera.theme, camera.ruler, ASSETS, print)
    print(painter.wear(state / name))
    assert painter.crest_shape is None
crest = {CREST!r}
assert painter.wear(crest) is None and painter.crest_shape == 0.8
print(painter.wear(crest[:-20]))
assert painter.crest_shape is None

camera.screen.painter = painter
marks = (Crest(Box(20, 20, {SIDE}, {SIDE})),)
for name, colour in (("navy", "#102040"), ("white", "#FFFFFF")):
    shield = Image.new("RGBA", (64, 64))
    shield.paste(colour, (8, 8, 56, 56))
    shield.save(state / f"{{name}}.png")
    assert painter.wear((state / f"{{name}}.png").read_bytes()) is None
    for look in ("light", "dark", "contrast"):
        shot = Shot(scene=name, language="uk", size=({SIDE} + 40,) * 2, mode="usual",
                    picture=Picture(name + look, "uk", ({SIDE} + 40,) * 2, False, marks), palette=getattr(camera.theme, look))
        camera.take(shot).save(state / f"{{name}}-{{look}}.png")
"""


def cells(path: Path) -> dict[str, Image.Image]:
    """Each icon's cell, black where it has ink."""
    with Image.open(path) as strip:
        inked = strip.convert("L").point(lambda level: 0 if level < 128 else 255)
        return {icon: inked.crop((place * SIDE, 0, (place + 1) * SIDE, SIDE)) for place, icon in enumerate(ICONS)}


def differing(one: Image.Image, other: Image.Image) -> float:
    return ImageChops.difference(one, other).histogram()[255] / SIDE**2


@pytest.fixture
def folder(display: Display, tmp_path: Path) -> Path:
    """Holds `drawn.png`, `plain.png` and, in `said`, what was reported."""
    script = tmp_path / "paint.py"
    script.write_text(PAINT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script, tmp_path], cwd=ROOT, env={**os.environ, **display.env}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (tmp_path / "said").write_text(done.stdout, encoding="utf-8")
    return tmp_path


def test_no_place_of_an_icon_is_empty_and_the_lost_file_is_named(folder: Path) -> None:
    ink = {icon: cell.histogram()[0] / SIDE**2 for icon, cell in cells(folder / "plain.png").items()}
    assert [icon for icon, share in ink.items() if not 0.03 < share < 0.5] == []
    said = (folder / "said").read_text().splitlines()
    assert said[0] == "the drawing icons/strip-64.png cannot be used: no such file or directory"


def test_signs_that_stand_alone_look_like_their_drawings_and_not_like_one_another(folder: Path) -> None:
    drawn, plain = cells(folder / "drawn.png"), cells(folder / "plain.png")
    unlike = {icon: share for icon in ALONE if (share := differing(drawn[icon], plain[icon])) > 0.08}
    assert unlike == {}
    alike = [(one, other) for one, other in combinations([*ALONE, "globe"], 2) if differing(plain[one], plain[other]) < 0.02]
    assert alike == []


def test_a_crest_that_cannot_be_used_is_named_with_its_file_and_what_is_wrong(folder: Path) -> None:
    said = (folder / "said").read_text().splitlines()[1:]
    why = {
        "none.png": "no such file or directory",
        "text.png": "it is damaged, or no picture",
        "cut.png": "it is damaged, or no picture",
        "folder.png": "is a directory",
        "wide.png": "it is 2049 × 10 px",
    }
    rule = "Give a PNG or JPEG of at most 2048 × 2048 px"
    own = [f"{folder / name} cannot be used: {reason}. {rule}" for name, reason in why.items()]
    assert said == [*own, "is cut short. Save the picture as PNG anew."], "the last is one that the server has sent"


@pytest.mark.parametrize(
    ("crest", "look", "other"), [("navy", "dark", "light"), ("white", "light", "dark"), ("white", "contrast", "dark")]
)
def test_a_crest_that_would_fade_stands_on_a_plate(folder: Path, crest: str, look: str, other: str) -> None:
    at_its_edge, screen, within = seen(folder, crest, look)
    assert at_its_edge == paper(other)
    assert screen == paper(look), "the plate ends near the crest"
    assert within == {"navy": (0x10, 0x20, 0x40), "white": (255, 255, 255)}[crest], "the court's own colour"


@pytest.mark.parametrize(("crest", "look"), [("navy", "light"), ("navy", "contrast"), ("white", "dark")])
def test_a_crest_that_is_seen_stands_on_the_screen_itself(folder: Path, crest: str, look: str) -> None:
    at_its_edge, screen, _ = seen(folder, crest, look)
    assert at_its_edge == screen == paper(look)


def seen(folder: Path, crest: str, look: str) -> list[object]:
    """The colours just within the crest's box, where the crest has nothing, well outside it, and in its middle."""
    with Image.open(folder / f"{crest}-{look}.png") as picture:
        return [picture.getpixel((x, 20 + SIDE // 2)) for x in (22, 8, 20 + SIDE // 2)]


def paper(look: str) -> tuple[int, ...]:
    return tuple(round(part * 255) for part in getattr(themes.default(), look).paper)
