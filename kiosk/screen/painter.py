"""Paints pictures with Kivy's graphics instructions. Needs a window; import it only after one is open.

Textures of texts and drawings are made once and kept (Kivy issue 2215: label textures leak), white, and tinted as they are used.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from kivy.core.image import Image as CoreImage
from kivy.core.text import Label as CoreLabel
from kivy.graphics import Canvas, ClearBuffers, ClearColor, Color, Fbo, Rectangle, RoundedRectangle, SmoothRoundedRectangle
from kivy.graphics.texture import Texture

from kiosk.screen.drawings import DISC, FACE_CELLS, FACE_SIZES, ICON_SIZES, ICONS, PRESSED_RING, RING
from kiosk.screen.picture import Box, Drain, Face, Icon, Mark, Panel, Picture, Qr, Text, Tone
from kiosk.screen.theme import Palette, Rgb, Theme

TEXTS_KEPT: Final = 600
"""Every line of every screen in two languages and two sizes is under 200; a third of the memory of one large photograph."""
READY_KEPT: Final = 64
"""Canvases kept for pictures that may come: every question of the court's own language with each option pressed."""
PLATES_KEPT: Final = 80
"""Faces, tiles and buttons of all screens in two modes, pressed and not."""
SINK: Final = 4
"""Pixels at 800×480 by which what is pressed goes down."""

QR_DARK: Final[Rgb] = (0.0, 0.0, 0.0)
QR_LIGHT: Final[Rgb] = (1.0, 1.0, 1.0)


class Ruler:
    """Measures lines of text with the fonts they will be drawn in. Keeps what it has measured."""

    def __init__(self, theme: Theme) -> None:
        self._fonts = {False: str(theme.regular), True: str(theme.semibold)}
        self._known: dict[tuple[str, int, bool], int] = {}
        self._labels: dict[tuple[int, bool], Any] = {}

    def label(self, text: str, size: int, bold: bool) -> Any:
        """A label of Kivy's core for one line."""
        return CoreLabel(text=text, font_size=size, font_name=self._fonts[bold], font_hinting="light", color=(1, 1, 1, 1))

    def __call__(self, text: str, size: int, bold: bool) -> int:
        """Width in px."""
        key = (text, size, bold)
        if key not in self._known:
            if (size, bold) not in self._labels:
                self._labels[size, bold] = self.label("", size, bold)
                self._labels[size, bold].resolve_font_name()
            self._known[key] = int(self._labels[size, bold].get_extents(text)[0])
        return self._known[key]


class Painter:
    """Paints on one canvas. `report` hears of a drawing that cannot be loaded; the rest is painted without it."""

    def __init__(self, theme: Theme, ruler: Ruler, assets: Path, report: Callable[[str], None]) -> None:
        self.canvas = Canvas()
        self._theme = theme
        self._ruler = ruler
        self._assets = assets
        self._report = report
        self._texts: OrderedDict[tuple[str, int, bool], Any] = OrderedDict()
        self._strips: dict[tuple[str, int], Any] = {}
        self._ready: dict[int, tuple[Picture, Palette, Any]] = {}  # holds the pictures, so that no id comes again
        self._plates: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._codes: dict[tuple[tuple[bool, ...], ...], Any] = {}
        self._drains: list[tuple[Drain, Any, int]] = []

    def paint(self, picture: Picture, palette: Palette, now: int) -> bool:
        """Replaces what is on the canvas by `picture`; returns whether something on it moves. `now` is monotonic ms."""
        self._drains = []
        ready = self._ready.get(id(picture))
        if ready is not None and ready[1] is palette:
            self.canvas.clear()
            self.canvas.add(ready[2])
            return False
        self.warm(picture, palette)  # a frame buffer must not be made while the canvas is open
        self.canvas.clear()
        self._fill(self.canvas, picture, palette)
        self.advance(now)
        return bool(self._drains)

    def prepare(self, picture: Picture, palette: Palette) -> None:
        """Does all the work of painting `picture`, for when this very object is shown. Only for what stands still."""
        self.warm(picture, palette)
        if len(self._ready) < READY_KEPT and not any(isinstance(mark, Drain) for mark in picture.marks):
            canvas = Canvas()
            self._fill(canvas, picture, palette)
            self._ready[id(picture)] = picture, palette, canvas

    def forget(self) -> None:
        """Other pictures are coming: what was prepared is not needed any more."""
        self._ready.clear()

    def _fill(self, canvas: Any, picture: Picture, palette: Palette) -> None:
        with canvas:
            for mark in picture.marks:
                self._mark(mark, palette, picture.size[1], _is_pressed(mark, picture), _unit(picture))

    def advance(self, now: int) -> None:
        """Moves what moves to where it is at `now` (monotonic ms)."""
        for drain, shape, y in self._drains:
            left = (drain.deadline - now) / max(1, drain.deadline - drain.since)
            width = round(drain.box.w * min(1.0, max(0.0, left)))
            shape.size = (width, drain.box.h)
            shape.pos = (drain.box.x, y)
            corner = min(drain.corner, width // 2)
            shape.radius = [(corner, corner)]

    def warm(self, picture: Picture, palette: Palette) -> None:
        """Makes the textures that `picture` will need."""
        for mark in picture.marks:
            match mark:
                case Panel():
                    self._ground(mark, palette, _is_pressed(mark, picture))
                case Text():
                    for line in mark.lines:
                        self._line(line, mark.size, mark.bold)
                case Face():
                    self._whole_face(mark, palette, _is_pressed(mark, picture))
                case Icon():
                    self._icon_cell(mark)
                case Qr():
                    self._code(mark.modules)

    # --- marks ---

    def _mark(self, mark: Mark, palette: Palette, height: int, pressed: bool, unit: float) -> None:
        sink = round(SINK * unit) if pressed else 0
        match mark:
            case Text():
                self._text(mark, palette, height, sink)
            case Face():
                self._face(mark, palette, height, sink, pressed)
            case Icon():
                self._picture(self._icon_cell(mark), mark.box, _tone(palette, mark.tone), height, sink)
            case Panel():
                self._panel(mark, palette, height, sink, pressed)
            case Qr():
                Color(1, 1, 1)
                Rectangle(texture=self._code(mark.modules), pos=_pos(mark.box, height), size=(mark.box.w, mark.box.h))
            case Drain():
                Color(*_tone(palette, mark.tone))
                y = _pos(mark.box, height)[1] - sink
                shape = RoundedRectangle(pos=(mark.box.x, y), size=(mark.box.w, mark.box.h), radius=[(mark.corner, mark.corner)])
                self._drains.append((mark, shape, y))

    def _text(self, mark: Text, palette: Palette, height: int, sink: int) -> None:
        Color(*_tone(palette, mark.tone))
        for place, (line, width) in enumerate(zip(mark.lines, mark.widths, strict=True)):
            texture = self._line(line, mark.size, mark.bold)
            slack = mark.box.w - width
            x = mark.box.x + {"left": 0, "centre": slack // 2, "right": slack}[mark.align]
            middle = mark.box.y + place * mark.lead + mark.lead / 2 + sink
            y = round(height - middle - texture.height / 2)
            Rectangle(texture=texture, pos=(x, y), size=texture.size)

    def _face(self, mark: Face, palette: Palette, height: int, sink: int, pressed: bool) -> None:
        x, y = _pos(mark.box, height)
        Color(1, 1, 1)
        Rectangle(texture=self._whole_face(mark, palette, pressed), pos=(x, y - sink), size=(mark.box.w, mark.box.h))

    def _picture(self, texture: Any, box: Box, colour: Rgb, height: int, sink: int) -> None:
        if texture is not None:
            Color(*colour)
            x, y = _pos(box, height)
            Rectangle(texture=texture, pos=(x, y - sink), size=(box.w, box.h))

    def _panel(self, mark: Panel, palette: Palette, height: int, sink: int, pressed: bool) -> None:
        texture = self._ground(mark, palette, pressed)
        x, y = _pos(mark.box, height)
        Color(1, 1, 1)
        Rectangle(texture=texture, pos=(x, y - sink - _drop(mark)), size=texture.size)

    # --- textures ---

    def _line(self, text: str, size: int, bold: bool) -> Any:
        key = (text, size, bold)
        if key in self._texts:
            self._texts.move_to_end(key)
            return self._texts[key]
        label = self._ruler.label(text, size, bold)
        label.refresh()
        _sharp(label.texture)
        label.texture.bind()  # Kivy fills a texture only when it is first bound; a visitor should not wait for that
        self._texts[key] = label.texture
        if len(self._texts) > TEXTS_KEPT:
            self._texts.popitem(last=False)
        return label.texture

    def _whole_face(self, mark: Face, palette: Palette, pressed: bool) -> Any:
        """Disc, features and ring of a face as one texture on paper."""
        fill = palette.scale[mark.point - 1]
        key = ("face", mark.box.w, mark.point, fill, palette.ink, palette.paper, pressed)
        if key not in self._plates:
            layers = (
                (DISC, fill),
                (mark.point - 1, palette.mark_on(fill)),
                (PRESSED_RING if pressed else RING, palette.outline()),
            )
            cells = [(self._cell("faces", FACE_SIZES, mark.box.w, cell, FACE_CELLS), colour) for cell, colour in layers]
            with self._plate(key, mark.box.w, mark.box.h, palette):
                for texture, colour in cells:
                    self._picture(texture, Box(0, 0, mark.box.w, mark.box.h), colour, mark.box.h, 0)
        return self._made(key)

    @contextmanager
    def _plate(self, key: tuple[Any, ...], width: int, height: int, palette: Palette) -> Iterator[None]:
        """What is drawn within becomes the texture `key`, on paper. Not while the canvas is open."""
        fbo = Fbo(size=(width, height))
        with fbo:
            ClearColor(*palette.paper, 1)
            ClearBuffers()
            yield
        fbo.draw()
        _sharp(fbo.texture)
        self._plates[key] = fbo
        if len(self._plates) > PLATES_KEPT:
            self._plates.popitem(last=False)

    def _made(self, key: tuple[Any, ...]) -> Any:
        self._plates.move_to_end(key)
        return self._plates[key].texture

    def _ground(self, mark: Panel, palette: Palette, pressed: bool) -> Any:
        """A panel as one texture: drawn each time from its three rounded shapes it would cost more than the rest of the screen."""
        edge = None if mark.edge is None else palette.ink if pressed else _tone(palette, mark.edge)
        fill = palette.pressed if pressed else _tone(palette, mark.fill or "paper")
        key = (mark.box.w, mark.box.h, mark.corner, mark.width, mark.shadow, pressed, edge, fill, palette.paper)
        if key not in self._plates:
            size, corner, drop = (mark.box.w, mark.box.h), mark.corner, _drop(mark)
            with self._plate(key, size[0], size[1] + drop, palette):
                if drop and not pressed:
                    Color(*palette.ink, self._theme.shadow_opacity)
                    _rounded(0, 0, size, corner)
                if edge is not None:
                    Color(*edge)
                    _rounded(0, drop, size, corner)
                inner = mark.width * (2 if pressed else 1) if edge is not None else 0
                Color(*fill)
                _rounded(inner, inner + drop, (size[0] - 2 * inner, size[1] - 2 * inner), max(0, corner - inner))
        return self._made(key)

    def _icon_cell(self, mark: Icon) -> Any:
        if mark.name not in ICONS:
            return None
        return self._cell("icons", ICON_SIZES, mark.box.w, ICONS.index(mark.name), len(ICONS))

    def _cell(self, folder: str, sizes: tuple[int, ...], size: int, cell: int, cells: int) -> Any:
        """One cell of a strip; None when the strip cannot be loaded, which is reported once."""
        key = (folder, size)
        if key not in self._strips:
            path = self._assets / folder / f"strip-{size}.png"
            try:
                strip = CoreImage(str(path)).texture
                if strip is None or strip.size != (size * cells, size):
                    raise ValueError(f"its size is not {size * cells} × {size} px")
                _sharp(strip)
                self._strips[key] = [strip.get_region(place * size, 0, size, size) for place in range(cells)]
            except Exception as error:  # Kivy raises bare Exception for a file it cannot read
                self._report(f"the drawing {folder}/{path.name} cannot be used: {error}")
                self._strips[key] = [None] * cells
        return self._strips[key][cell]

    def _code(self, modules: tuple[tuple[bool, ...], ...]) -> Any:
        if modules not in self._codes:
            side = len(modules)
            texture = Texture.create(size=(side, side), colorfmt="rgb")
            _sharp(texture)
            shades = [QR_DARK if dark else QR_LIGHT for row in reversed(modules) for dark in row]
            texture.blit_buffer(bytes(round(part * 255) for shade in shades for part in shade), colorfmt="rgb")
            self._codes = {modules: texture}
        return self._codes[modules]


def _rounded(x: int, y: int, size: tuple[int, int], corner: int) -> None:
    if corner > 0:
        SmoothRoundedRectangle(pos=(x, y), size=size, radius=[corner] * 4)
    else:
        Rectangle(pos=(x, y), size=size)


def _tone(palette: Palette, tone: Tone) -> Rgb:
    colour: Rgb = getattr(palette, tone)
    return colour


def _pos(box: Box, height: int) -> tuple[int, int]:
    """Kivy counts from the bottom."""
    return box.x, height - box.bottom


def _sharp(texture: Any) -> None:
    """Everything is drawn at its own size, so nothing needs smoothing; looking up one texel in place of four saves a fifth of a
    frame where the processor draws."""
    texture.mag_filter = texture.min_filter = "nearest"


def _drop(mark: Panel) -> int:
    """How far a panel's shadow falls, in px."""
    return max(1, mark.corner // 5) if mark.shadow else 0


def _control(mark: Mark) -> str | None:
    return None if isinstance(mark, Qr) else mark.control


def _is_pressed(mark: Mark, picture: Picture) -> bool:
    return picture.pressed is not None and _control(mark) == picture.pressed


def _unit(picture: Picture) -> float:
    short, long = sorted(picture.size)
    return min(short / 480, long / 800)
