"""Photographs every screen of the kiosk in every language, size and mode: `./vidhuk docs screens`.

The pictures are painted by the kiosk's own painter into a texture, so one small window is enough; where there is no display, Xvfb
is started for it. Contact sheets go to `build/screens`: `screens.jpg` with every photograph, small, and one for each language. With
`--only`, the photographs themselves instead.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kiosk.screen.settings import ScreenSettings
from kiosk.texts import Texts
from workbench.gallery import COURT, LANGUAGES, NOW, ROOT, SIZES, URL, Shot, StillClock, items, shots

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ("COURT", "LANGUAGES", "SIZES", "URL", "Camera", "Shot", "StillClock", "items", "main", "shots")

CREST: Final = ROOT / "workbench" / "crest.png"
THUMB: Final = 320
"""Width in px of a landscape picture on the sheet of a language; an upright one is as high."""
SMALL: Final = 128
"""The same on the sheet of everything."""
MARGIN: Final = 10
CAPTION: Final = 14
LETTER: Final = 6
"""Width in px of a letter of a caption."""
GROUND: Final = "#8a929a"


class Camera:
    """Photographs pictures. Opens one small window for its graphics context; use one a process."""

    def __init__(self, state: Path) -> None:
        from kiosk.screen.app import TouchScreen

        settings = ScreenSettings(state_dir=state, size=(480, 320), crest=CREST, reduced_motion=True)
        self.screen = TouchScreen(settings, clock=StillClock(), texts=Texts(LANGUAGES, print), report=print)
        self.theme = self.screen.theme
        self.ruler = self.screen.ruler
        self._films: dict[tuple[int, int], Any] = {}

    def take(self, shot: Shot) -> "Image":
        """The photograph."""
        from kivy.graphics import ClearBuffers, ClearColor, Fbo
        from PIL import Image

        painter = self.screen.painter
        painter.paint(shot.picture, shot.palette, NOW)
        if shot.size not in self._films:
            self._films[shot.size] = Fbo(size=shot.size, with_stencilbuffer=False)
        film = self._films[shot.size]
        film.clear()
        with film:
            ClearColor(*shot.palette.paper, 1)
            ClearBuffers()
        film.add(painter.canvas)
        film.draw()
        film.remove(painter.canvas)
        return Image.frombytes("RGBA", shot.size, film.pixels).convert("RGB").transpose(Image.Transpose.FLIP_TOP_BOTTOM)

    def close(self) -> None:
        """Closes the window."""
        self.screen.close()


@dataclass(slots=True)
class Sheet:
    """A contact sheet: rows of pictures of `thumb` px, each under its name, each row under its own."""

    thumb: int = THUMB
    rows: dict[str, list[tuple[str, "Image"]]] = field(default_factory=dict)

    def add(self, row: str, name: str, picture: "Image") -> None:
        """Puts a small copy of `picture` at the end of `row`."""
        share = self.thumb / max(picture.size)
        size = round(picture.width * share), round(picture.height * share)
        self.rows.setdefault(row, []).append((name, picture.resize(size, reducing_gap=2.0)))

    def image(self) -> "Image":
        """The sheet."""
        from PIL import Image, ImageDraw

        widths = [sum(picture.width + MARGIN for _, picture in row) for row in self.rows.values()]
        heights = [max(picture.height for _, picture in row) + 2 * CAPTION + MARGIN for row in self.rows.values()]
        sheet = Image.new("RGB", (max(widths) + MARGIN, sum(heights) + MARGIN), GROUND)
        pen = ImageDraw.Draw(sheet)
        y = MARGIN
        for (label, row), height in zip(self.rows.items(), heights, strict=True):
            x = MARGIN
            pen.text((x, y), label, fill="#ffffff")
            for name, picture in row:
                pen.text((x, y + CAPTION), name[: picture.width // LETTER], fill="#ffffff")
                sheet.paste(picture, (x, y + 2 * CAPTION))
                x += picture.width + MARGIN
            y += height
        return sheet


def main(argv: Sequence[str]) -> int:
    """Takes all photographs, or those whose name contains a given text."""
    parser = argparse.ArgumentParser(prog="./vidhuk docs screens", description="Photographs every screen of the kiosk.")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "screens", help="folder for the sheets (default: build/screens)"
    )
    parser.add_argument(
        "--only",
        metavar="TEXT",
        help="only pictures whose name contains TEXT, e.g. uk-800x480-access, and each as a file of its own",
    )
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        if not os.environ.get("DISPLAY"):
            return _under_xvfb(argv, Path(folder))
        return _photograph(options.out, options.only, Path(folder))


def _photograph(out: Path, only: str | None, folder: Path) -> int:
    out.mkdir(parents=True, exist_ok=True)
    camera = Camera(folder)
    taken = 0
    overview, by_language, chosen = Sheet(SMALL), {language: Sheet() for language in LANGUAGES}, Sheet()
    for shot in shots(camera.theme, camera.ruler, only=only or ""):
        picture = camera.take(shot)
        taken += 1
        row = f"{shot.size[0]}x{shot.size[1]} {shot.mode}"
        if only is not None:
            picture.save(out / f"{shot.name}.png")
            chosen.add(f"{shot.language} {row}", shot.scene, picture)
            continue
        by_language[shot.language].add(row, shot.scene, picture)
        overview.add(f"{shot.language} {row}", shot.scene, picture)
    camera.close()
    if not taken:
        sys.stderr.write(f"No picture has a name that contains {only!r}.\n")
        return 1
    if only is not None:
        chosen.image().save(out / "contact-sheet.png")
        print(f"{taken} pictures and contact-sheet.png in {out}")
        return 0
    for language, sheet in by_language.items():
        sheet.image().save(out / f"screens-{language}.jpg", quality=88)
    overview.image().save(out / "screens.jpg", quality=88)
    print(f"{taken} pictures on {len(by_language)} sheets and the overview screens.jpg in {out}")
    return 0


def _under_xvfb(argv: Sequence[str], folder: Path) -> int:
    """The same in a process of its own, with a display that lasts as long as it."""
    program = shutil.which("Xvfb")
    if program is None:
        sys.stderr.write("There is no display and no Xvfb. Install it with: apt-get install xvfb\n")
        return 1
    reader, writer = os.pipe()
    command = [program, "-displayfd", str(writer), "-nolisten", "tcp", "-screen", "0", "1280x800x24", "-fbdir", str(folder)]
    with subprocess.Popen(command, pass_fds=(writer,), stderr=subprocess.DEVNULL) as xvfb:
        os.close(writer)
        try:
            with os.fdopen(reader) as said:
                number = said.readline().strip()
            if not number:
                sys.stderr.write("Xvfb did not start.\n")
                return 1
            environment = {**os.environ, "DISPLAY": f":{number}", "SDL_VIDEODRIVER": "x11", "LIBGL_ALWAYS_SOFTWARE": "1"}
            return subprocess.call([sys.executable, "-m", "workbench.sheets", *argv], cwd=ROOT, env=environment)
        finally:
            xvfb.terminate()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
