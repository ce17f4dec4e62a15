"""Photographs every screen of the kiosk in every language, size and mode: `./vidhuk docs screens`.

The pictures are painted by the kiosk's own painter into textures, so one small window is enough; where there is no display, Xvfb is
started for it. Pictures and one contact sheet go to `build/screens`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kiosk.core.access import Aid
from kiosk.core.surroundings import Surroundings
from kiosk.core.timekeeping import Stamp
from kiosk.core.visit import Action, Phase, Scene
from kiosk.screen.picture import Picture
from kiosk.screen.presenter import Presenter
from kiosk.screen.settings import ScreenSettings
from kiosk.screen.theme import Palette, Theme
from kiosk.texts import Texts
from wire.envelopes import Item, Option
from wire.events import BootId, Millis

if TYPE_CHECKING:
    from PIL.Image import Image

ROOT: Final = Path(__file__).resolve().parent.parent
SIZES: Final = ((800, 480), (1024, 600), (1280, 800), (1080, 1920))
LANGUAGES: Final = ("uk", "en")
COURT: Final = {"uk": "Приозерський районний суд (вигаданий)", "en": "Pryozersk District Court (invented)"}
URL: Final = "https://vidguk.example/c/7"
SECONDS_LEFT: Final = 5_000


@dataclass(frozen=True, slots=True)
class Shot:
    """One photograph to take."""

    scene: str
    language: str
    size: tuple[int, int]
    mode: str
    picture: Picture
    palette: Palette

    @property
    def name(self) -> str:
        """The picture's file name without its ending."""
        return f"{self.scene}-{self.language}-{self.size[0]}x{self.size[1]}-{self.mode}"


class StillClock:
    """A clock that stands, so that every photograph of a screen is the same."""

    def stamp(self) -> Stamp:
        """Always the same moment."""
        return Stamp(BootId(bytes(16)), Millis(60_000), 0, False)


def items() -> tuple[Item, ...]:
    """The shipped exit questionnaire: the rating and its reason."""
    import tomllib

    document = tomllib.loads((ROOT / "assets" / "questionnaires" / "exit.toml").read_text(encoding="utf-8"))
    made = []
    for item in document["items"]:
        scale = document["scales"][item["scale"]]
        options = [Option(option["value"], option["text"], option.get("icon")) for option in scale["options"]]
        made.append(Item(item["key"], scale["kind"], item["scale"], item["text"], options))
    return tuple(made)


def scenes(language: str, questions: Sequence[Item]) -> dict[str, Scene]:
    """Every scene that a visitor can meet, by name."""
    blank = Scene(Phase.WELCOME, language, questions[0], None, None, None, False, 60_000, None)
    thanks = blank._replace(
        phase=Phase.THANKS, item=None, rating=4, can_undo=True, since=60_000 - 2_000, deadline=60_000 + SECONDS_LEFT
    )
    return {
        "welcome": blank,
        "welcome-pressed": blank._replace(pressed=4, busy=Action.ANSWER),
        "follow-up": blank._replace(phase=Phase.FOLLOW_UP, item=questions[1], rating=4, can_undo=True, deadline=90_000),
        "follow-up-pressed": blank._replace(
            phase=Phase.FOLLOW_UP, item=questions[1], rating=2, can_undo=True, pressed=3, busy=Action.ANSWER
        ),
        "thanks": thanks,
        "thanks-without-code": thanks._replace(rating=2),
        "not-recorded": blank._replace(phase=Phase.NOT_RECORDED, item=None, deadline=66_000),
        "out-of-order": blank._replace(phase=Phase.OUT_OF_ORDER, item=None),
    }


def shots(
    theme: Theme,
    measure: Any,
    *,
    sizes: Sequence[tuple[int, int]] = SIZES,
    languages: Sequence[str] = LANGUAGES,
    report: Any = print,
) -> Iterator[Shot]:
    """Every screen in every language, size and mode (usual, large, dark)."""
    questions = items()
    texts = Texts(languages, report)
    for size in sizes:
        for mode in ("usual", "large", "dark"):
            for language in languages:
                for name, scene in scenes(language, questions).items():
                    if mode == "dark" and (name not in ("welcome", "thanks") or language != "uk"):
                        continue
                    url = None if name == "thanks-without-code" else URL
                    around = Surroundings(court=COURT, languages=tuple(languages), language="uk", number="17", public_url=url)
                    picture, palette = draw(scene, around, size, theme, measure, texts, mode)
                    yield Shot(name, language, size, mode, picture, palette)


def draw(
    scene: Scene, around: Surroundings, size: tuple[int, int], theme: Theme, measure: Any, texts: Texts, mode: str
) -> tuple[Picture, Palette]:
    """The picture that the presenter makes of `scene`, and the palette it is painted in."""
    drawn: list[tuple[Picture, Palette]] = []
    clock = StillClock()
    presenter = Presenter(
        size=size,
        theme=theme,
        palette=theme.dark if mode == "dark" else theme.light,
        texts=texts,
        measure=measure,
        clock=clock,
        draw=lambda picture, palette: drawn.append((picture, palette)),
        grace_ms=0,
    )
    presenter.configure(around)
    presenter.show(scene._replace(aid=Aid(ring=())) if mode == "large" else scene)
    return drawn[-1]


class Camera:
    """Photographs pictures. Opens one small window for its graphics context; use one a process."""

    def __init__(self, state: Path) -> None:
        from kiosk.screen.app import TouchScreen

        self._screen = TouchScreen(ScreenSettings(state_dir=state, size=(480, 320)), clock=StillClock(), report=print)
        self.theme = self._screen.theme
        self.ruler = self._screen.ruler

    def take(self, shot: Shot) -> "Image":
        """The photograph."""
        from kivy.graphics import ClearBuffers, ClearColor, Fbo
        from PIL import Image

        painter = self._screen.painter()
        painter.paint(shot.picture, shot.palette, StillClock().stamp().monotonic)
        fbo = Fbo(size=shot.size, with_stencilbuffer=False)
        with fbo:
            ClearColor(*shot.palette.paper, 1)
            ClearBuffers()
        fbo.add(painter.canvas)
        fbo.draw()
        pixels = fbo.pixels
        return Image.frombytes("RGBA", shot.size, pixels).convert("RGB").transpose(Image.Transpose.FLIP_TOP_BOTTOM)

    def close(self) -> None:
        """Closes the window."""
        self._screen.close()


def contact_sheet(pictures: Sequence[tuple[str, "Image"]], *, width: int = 400, columns: int = 5) -> "Image":
    """All pictures on one sheet, each `width` px wide, under their names."""
    from PIL import Image, ImageDraw

    margin, caption = 12, 18
    small = [(name, picture.resize((width, round(picture.height * width / picture.width)))) for name, picture in pictures]
    rows = [small[start : start + columns] for start in range(0, len(small), columns)]
    heights = [max(picture.height for _, picture in row) + caption + margin for row in rows]
    sheet = Image.new("RGB", (columns * (width + margin) + margin, sum(heights) + margin), "#8a929a")
    pen = ImageDraw.Draw(sheet)
    y = margin
    for row, height in zip(rows, heights, strict=True):
        for place, (name, picture) in enumerate(row):
            x = margin + place * (width + margin)
            pen.text((x, y), name, fill="#ffffff")
            sheet.paste(picture, (x, y + caption))
        y += height
    return sheet


def main(argv: Sequence[str]) -> int:
    """Takes all photographs, or those whose name contains a given text."""
    parser = argparse.ArgumentParser(prog="./vidhuk docs screens", description="Photographs every screen of the kiosk.")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "screens", help="folder for the pictures (default: build/screens)"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only pictures whose name contains TEXT, e.g. uk-800x480")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        if not os.environ.get("DISPLAY"):
            return _under_xvfb(argv, Path(folder))
        return _photograph(options.out, options.only, Path(folder))


def _photograph(out: Path, only: str, folder: Path) -> int:
    out.mkdir(parents=True, exist_ok=True)
    camera = Camera(folder)
    taken = []
    for shot in shots(camera.theme, camera.ruler):
        if only in shot.name:
            picture = camera.take(shot)
            picture.save(out / f"{shot.name}.png")
            taken.append((shot.name, picture))
    camera.close()
    if not taken:
        sys.stderr.write(f"No picture has a name that contains {only!r}.\n")
        return 1
    sheet = contact_sheet(taken)
    sheet.save(out / "contact-sheet.png")
    print(f"{len(taken)} pictures and contact-sheet.png in {out}")
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
