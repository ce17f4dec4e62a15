"""Makes the textures that pictures are painted with, once each, and keeps them within a bound. Needs a window.

Kivy's label textures leak (issue 2215), and each of its frame buffers compiles shaders of its own, some 300 kB: so a line of text
is made once, and faces and grounds are all drawn in one frame buffer and copied out.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from kivy.core.image import Image as CoreImage
from kivy.graphics import ClearBuffers, ClearColor, Color, Fbo, Rectangle, SmoothRoundedRectangle
from kivy.graphics.opengl import GL_RGBA, GL_UNSIGNED_BYTE, glReadPixels
from kivy.graphics.texture import Texture

from kiosk.screen import plainface
from kiosk.screen.backing import Pixel, backing
from kiosk.screen.drawings import DISC, FACE_CELLS, FACE_SIZES, ICON_SIZES, ICONS, PRESSED_RING, RING
from kiosk.screen.picture import Face, Icon, Panel, Tone
from kiosk.screen.ruler import Ruler
from kiosk.screen.theme import Palette, Theme
from wire.colour import BLACK, WHITE, Rgb
from wire.crest import checked

LINES_KEPT: Final = 1.2
PLATES_KEPT: Final = 1.6
"""Screens' worth of pixels that texts, and faces with grounds, are kept up to: all that one language shows in one mode."""
LARGEST_CREST: Final = 2048
"""px a side: what every graphics chip takes."""
LOOK: Final = 32
"""px a side in which a crest is looked at, about as many as it is shown in: thin lines then count for what they are to the eye."""
STEP: Final = 64
"""The frame buffer grows by so much, so that it is not made anew for every size."""

QR_DARK: Final[Rgb] = (0.0, 0.0, 0.0)
QR_LIGHT: Final[Rgb] = (1.0, 1.0, 1.0)
Report = Callable[[str], None]


class Stock:
    """Textures by what they show. Those not asked for longest go when all hold more than `room` px."""

    def __init__(self) -> None:
        self.room = 0
        self.held = 0
        self._textures: OrderedDict[Any, Any] = OrderedDict()

    def get(self, key: Any) -> Any:
        """The texture, or None."""
        if key in self._textures:
            self._textures.move_to_end(key)
        return self._textures.get(key)

    def put(self, key: Any, texture: Any) -> Any:
        """Keeps `texture`, and returns it."""
        self._textures[key] = texture
        self.held += texture.width * texture.height
        while self.held > self.room and len(self._textures) > 1:
            _, oldest = self._textures.popitem(last=False)
            self.held -= oldest.width * oldest.height
        return texture


class Textures:
    """The textures of one look. `report` hears of a file that cannot be used; something plainer takes its place."""

    def __init__(self, theme: Theme, ruler: Ruler, assets: Path, report: Report) -> None:
        self._theme = theme
        self._ruler = ruler
        self._assets = assets
        self._report = report
        self._lines = Stock()
        self._plates = Stock()
        self._strips: dict[tuple[str, int], list[Any] | str] = {}
        self._told: set[str] = set()
        self._codes: dict[tuple[tuple[bool, ...], ...], Any] = {}
        self._studio: Any = None
        self.crest: Any = None
        self._seen: list[Pixel] = []
        self._backings: dict[Rgb, Rgb | None] = {}

    def wear(self, crest: Path | bytes | None) -> str | None:
        """From now on `crest` is the crest. Returns what is wrong with it, and then there is none."""
        self.crest = None
        try:
            self.crest = None if crest is None else _received(crest) if isinstance(crest, bytes) else _own(crest)
        except ValueError as error:
            return str(error)
        self._seen = [] if self.crest is None else self._looked_at(self.crest)
        self._backings.clear()
        return None

    def crest_backing(self, palette: Palette) -> Rgb | None:
        """The colour of the plate on which the crest is seen; None where it needs none."""
        ground = palette.paper
        if ground not in self._backings:
            self._backings[ground] = backing(self._seen, ground, self._theme.light.paper, self._theme.dark.paper)
        return self._backings[ground]

    def fit(self, size: tuple[int, int]) -> None:
        """Pictures are of this size from now on."""
        area = size[0] * size[1]
        self._lines.room, self._plates.room = round(LINES_KEPT * area), round(PLATES_KEPT * area)

    def line(self, text: str, size: int, bold: bool) -> Any:
        """A line of text, white."""
        key = (text, size, bold)
        kept = self._lines.get(key)
        if kept is not None:
            return kept
        label = self._ruler.label(text, size, bold)
        label.refresh()
        sharp(label.texture)
        label.texture.bind()  # Kivy fills a texture only when it is first bound; a visitor should not wait for that
        return self._lines.put(key, label.texture)

    def face(self, mark: Face, palette: Palette, pressed: bool) -> Any:
        """Disc, features and ring of a face as one texture on paper."""
        key = ("face", mark.box.w, mark.point, palette.scale, palette.ink, palette.paper, pressed)
        kept = self._plates.get(key)
        if kept is not None:
            return kept
        size, layers = mark.box.w, self.face_layers(mark, palette, pressed)
        with self._plate(size, size, palette.paper):
            for texture, colour in layers:
                Color(*colour)
                Rectangle(texture=texture, size=(size, size))
            if not layers:
                plainface.draw(mark.point, size, palette)
        return self._plates.put(key, self._developed(size, size))

    def face_layers(self, mark: Face, palette: Palette, pressed: bool) -> list[tuple[Any, Rgb]]:
        """A face as textures to draw on one another, each in its colour; none where the drawings are lost."""
        fill = palette.scale[mark.point - 1]
        cells = ((DISC, fill), (mark.point - 1, palette.mark_on(fill)), (PRESSED_RING if pressed else RING, palette.outline()))
        strip = self._strip("faces", FACE_SIZES, mark.box.w, FACE_CELLS)
        return [(strip[cell], colour) for cell, colour in cells] if strip else []

    def ground(self, mark: Panel, palette: Palette, pressed: bool) -> Any:
        """A panel as one texture: drawn each time from its three rounded shapes it would cost more than the rest of the screen."""
        edge = None if mark.edge is None else palette.ink if pressed else tone(palette, mark.edge)
        fill = palette.pressed if pressed else tone(palette, mark.fill or "paper")
        key = (mark.box.w, mark.box.h, mark.corner, mark.width, mark.shadow, pressed, edge, fill, palette.paper)
        kept = self._plates.get(key)
        if kept is not None:
            return kept
        size, corner, fall = (mark.box.w, mark.box.h), mark.corner, drop(mark)
        with self._plate(size[0], size[1] + fall, palette.paper):
            if fall and not pressed:
                Color(*palette.ink, self._theme.shadow_opacity)
                _rounded(0, 0, size, corner)
            if edge is not None:
                Color(*edge)
                _rounded(0, fall, size, corner)
            inner = mark.width * (2 if pressed else 1) if edge is not None else 0
            Color(*fill)
            _rounded(inner, inner + fall, (size[0] - 2 * inner, size[1] - 2 * inner), max(0, corner - inner))
        return self._plates.put(key, self._developed(size[0], size[1] + fall))

    def icon(self, mark: Icon) -> Any:
        """An icon, white; None where there is none of that name or its drawing is lost."""
        if mark.name not in ICONS:
            return None
        strip = self._strip("icons", ICON_SIZES, mark.box.w, len(ICONS))
        return strip[ICONS.index(mark.name)] if strip else None

    def code(self, modules: tuple[tuple[bool, ...], ...]) -> Any:
        """A QR code, a texel a module."""
        if modules not in self._codes:
            side = len(modules)
            texture = Texture.create(size=(side, side), colorfmt="rgb")
            sharp(texture)
            shades = [QR_DARK if dark else QR_LIGHT for row in reversed(modules) for dark in row]
            texture.blit_buffer(bytes(round(part * 255) for shade in shades for part in shade), colorfmt="rgb")
            self._codes = {modules: texture}
        return self._codes[modules]

    # --- drawing beforehand ---

    @contextmanager
    def _plate(self, width: int, height: int, ground: Rgb) -> Iterator[None]:
        """What is drawn within stands in the lower left of the frame buffer, on `ground`. Not while a canvas is open."""
        if self._studio is None or self._studio.size[0] < width or self._studio.size[1] < height:
            held = self._studio.size if self._studio is not None else (0, 0)
            size = [-(-max(old, new) // STEP) * STEP for old, new in zip(held, (width, height), strict=True)]
            self._studio = Fbo(size=size)
        self._studio.clear()
        with self._studio:
            ClearColor(*ground, 1)
            ClearBuffers()
            yield
        self._studio.draw()

    def _exposed(self, width: int, height: int) -> bytes:
        """What stands in the frame buffer, four bytes a pixel."""
        self._studio.bind()
        pixels: bytes = glReadPixels(0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE)
        self._studio.release()
        return pixels

    def _developed(self, width: int, height: int) -> Any:
        """A texture of its own with what stands in the frame buffer."""
        texture = Texture.create(size=(width, height), colorfmt="rgba")
        texture.blit_buffer(self._exposed(width, height), colorfmt="rgba")
        sharp(texture)
        return texture

    def _looked_at(self, crest: Any) -> list[Pixel]:
        """The crest's pixels, from which its colours and its outline are told: on black, and again on white."""
        grounds = []
        for ground in (BLACK, WHITE):
            with self._plate(LOOK, LOOK, ground):
                Color(1, 1, 1)
                Rectangle(texture=crest, size=(LOOK, LOOK))
            exposed = self._exposed(LOOK, LOOK)
            grounds.append(
                [(r / 255, g / 255, b / 255) for r, g, b in zip(exposed[::4], exposed[1::4], exposed[2::4], strict=True)]
            )
        return [Pixel(*both) for both in zip(*grounds, strict=True)]

    # --- files ---

    def _strip(self, folder: str, sizes: tuple[int, ...], size: int, cells: int) -> list[Any] | None:
        """The cells of the drawings in `size`, or in the size nearest to it that can be used; None when none can."""
        for near in sorted(sizes, key=lambda other: abs(other - size)):
            if (folder, near) not in self._strips:
                self._strips[folder, near] = self._load_strip(folder, near, cells)
            strip = self._strips[folder, near]
            if not isinstance(strip, str):
                return strip
            if near == size and strip not in self._told:
                self._told.add(strip)
                self._report(strip)
        return None

    def _load_strip(self, folder: str, size: int, cells: int) -> list[Any] | str:
        """The cells, or why there are none."""
        path = self._assets / folder / f"strip-{size}.png"
        try:
            strip = _picture(path)
            if strip.size != (size * cells, size):
                raise ValueError(f"its size is not {size * cells} × {size} px")
            return [strip.get_region(place * size, 0, size, size) for place in range(cells)]
        except ValueError as error:
            return f"the drawing {folder}/{path.name} cannot be used: {error}"


def _own(path: Path) -> Any:
    """The device's own crest. Raises ValueError."""
    rule = f"Give a PNG or JPEG of at most {LARGEST_CREST} × {LARGEST_CREST} px"
    try:
        crest = _picture(path, mipmap=True)
        if max(crest.size) > LARGEST_CREST:
            raise ValueError(f"it is {crest.width} × {crest.height} px")
    except ValueError as error:
        raise ValueError(f"{path} cannot be used: {error}. {rule}") from error
    return crest


def _received(data: bytes) -> Any:
    """The crest that the server has sent, which is looked at before a decoder is given it. Raises ValueError."""
    checked(data)
    try:
        texture = CoreImage(BytesIO(data), ext="png", mipmap=True, nocache=True).texture
    except Exception as error:  # Kivy raises bare Exception for what it cannot read
        raise ValueError("it cannot be decoded") from error
    if texture is None:
        raise ValueError("it cannot be decoded")
    return texture


def _picture(path: Path, **how: Any) -> Any:
    """The texture of an image file, loaded as Kivy is told `how`. Raises ValueError saying why there is none."""
    try:
        path.open("rb").close()  # Kivy stumbles over a file that is not there
        texture = CoreImage(str(path), **how).texture
    except OSError as error:
        raise ValueError((error.strerror or str(error)).lower()) from error
    except Exception as error:  # Kivy raises bare Exception for a file it cannot read
        raise ValueError("it is damaged, or no picture") from error
    if texture is None:
        raise ValueError("it is damaged, or no picture")
    return texture


def tone(palette: Palette, name: Tone) -> Rgb:
    """The colour of a tone."""
    colour: Rgb = getattr(palette, name)
    return colour


def drop(mark: Panel) -> int:
    """How far a panel's shadow falls, in px."""
    return max(1, mark.corner // 5) if mark.shadow else 0


def sharp(texture: Any) -> None:
    """Everything is drawn at its own size, so nothing needs smoothing; looking up one texel in place of four saves a fifth of a
    frame where the processor draws."""
    texture.mag_filter = texture.min_filter = "nearest"


def _rounded(x: int, y: int, size: tuple[int, int], corner: int) -> None:
    if corner > 0:
        SmoothRoundedRectangle(pos=(x, y), size=size, radius=[corner] * 4)
    else:
        Rectangle(pos=(x, y), size=size)
