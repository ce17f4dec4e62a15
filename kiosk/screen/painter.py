"""Paints pictures with Kivy's graphics instructions. Needs a window; import it only after one is open."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from kivy.graphics import Canvas, Color, InstructionGroup, Line, Rectangle, RoundedRectangle, SmoothRoundedRectangle

from kiosk.screen import plainicon
from kiosk.screen.glide import Glide, glide
from kiosk.screen.picture import Box, Crest, Drain, Face, Icon, Mark, Panel, Picture, Qr, Ring, Text
from kiosk.screen.ruler import Ruler
from kiosk.screen.textures import Textures, drop, tone
from kiosk.screen.theme import Palette, Theme
from wire.colour import Rgb

READY_KEPT: Final = 48
"""Canvases kept for pictures that may come, some 90 kB each."""
SINK: Final = 4
"""Pixels at 800×480 by which what is pressed goes down."""
PLATE_OUT: Final = 3
PLATE_IN: Final = 2
PLATE_CORNER: Final = 7
"""Pixels at 800×480 by which a crest's plate goes beyond its box, by which the crest then keeps within it, and of the corners."""
SMOOTH_S: Final = 1 / 25
"""Between two steps of a draining bar: it loses a few pixels each time, which looks even."""
GLIDE_S: Final = 1 / 60
"""Between two steps of a gliding face."""
SECOND: Final = 1000
"""ms. Where motion is reduced, bars drain by whole seconds."""


class Bar(NamedTuple):
    """A draining bar on the canvas: its shape, and how far up it lies."""

    drain: Drain
    shape: Any
    y: int


class Painter:
    """Paints on one canvas. `report` hears of a file that cannot be used; `still` is the wish that nothing moves by itself."""

    def __init__(
        self,
        theme: Theme,
        ruler: Ruler,
        assets: Path,
        report: Callable[[str], None],
        *,
        still: bool = False,
    ) -> None:
        self.canvas = Canvas()
        self._theme = theme
        self._still = still
        self._textures = Textures(theme, ruler, assets, report)
        self._ready: OrderedDict[int, tuple[Picture, Palette, Any]] = OrderedDict()  # holds the pictures, so that no id comes again
        self._shown: tuple[Picture, Palette] | None = None
        self._bars: list[Bar] = []
        self._glide: Glide | None = None
        self._over = InstructionGroup()

    @property
    def crest_shape(self) -> float | None:
        """The width of the crest over its height; None where there is none to paint."""
        crest = self._textures.crest
        return None if crest is None else crest.width / crest.height

    def wear(self, crest: Path | bytes | None) -> str | None:
        """From now on `crest` is painted: a file's, or a PNG's bytes. Returns what is wrong with it, and then there is none."""
        self.forget()
        return self._textures.wear(crest)

    def paint(self, picture: Picture, palette: Palette, now: int) -> None:
        """Replaces what is on the canvas by `picture`. `now` is monotonic ms."""
        if self._shown is not None and self._shown[0] is picture and self._shown[1] is palette:
            self.advance(now)
            return
        before, self._shown = self._shown, (picture, palette)
        self._bars = []
        ready = self._ready.get(id(picture))
        if ready is None or ready[1] is not palette:
            self.warm(picture, palette)  # a frame buffer must not be drawn into while the canvas is open
        self.canvas.clear()
        if ready is not None and ready[1] is palette:
            self._ready.move_to_end(id(picture))
            self.canvas.add(ready[2])
        else:
            self._fill(self.canvas, picture, palette)
        self._over = InstructionGroup()
        self._glide = None if self._still or before is None else glide(before[0], picture, since=now, lasts=self._theme.calm)
        self._drain(now)

    def prepare(self, picture: Picture, palette: Palette) -> None:
        """Does all the work of painting `picture`, for when this very object is shown. Only for what stands still."""
        self.warm(picture, palette)
        if id(picture) in self._ready or any(isinstance(mark, Drain) for mark in picture.marks):
            return
        canvas = Canvas()
        self._fill(canvas, picture, palette)
        self._ready[id(picture)] = picture, palette, canvas
        if len(self._ready) > READY_KEPT:
            self._ready.popitem(last=False)

    def forget(self) -> None:
        """Other pictures are coming: what was prepared is not needed any more."""
        self._ready.clear()

    def advance(self, now: int) -> None:
        """Moves what moves to where it is at `now` (monotonic ms)."""
        self._drain(now)
        if self._glide is not None and self._shown is not None:
            self._fly(self._glide, now, self._shown[1])

    def _drain(self, now: int) -> None:
        for drain, shape, y in self._bars:
            left = max(0, drain.deadline - now)
            if self._still:
                left = -(-left // SECOND) * SECOND
            share = min(1.0, left / max(1, drain.deadline - drain.since))
            width = round(drain.box.w * share)
            shape.size = (width, drain.box.h)
            shape.pos = (drain.box.x, y)
            corner = min(drain.corner, width // 2)
            shape.radius = [(corner, corner)]

    def pause(self, now: int) -> float | None:
        """Seconds from `now` until the next `advance`; None when nothing moves any more."""
        if self._glide is not None:
            return GLIDE_S
        running = [drain.deadline - now for drain, _, _ in self._bars if drain.deadline > now]
        if not running:
            return None
        return min((left % SECOND or SECOND) for left in running) / SECOND if self._still else SMOOTH_S

    def warm(self, picture: Picture, palette: Palette) -> None:
        """Makes the textures that `picture` will need."""
        self._textures.fit(picture.size)
        for mark in picture.marks:
            match mark:
                case Panel():
                    self._textures.ground(mark, palette, _is_pressed(mark, picture))
                case Text():
                    for line in mark.lines:
                        self._textures.line(line, mark.size, mark.bold)
                case Face():
                    self._textures.face(mark, palette, _is_pressed(mark, picture))
                case Icon():
                    self._textures.icon(mark)
                case Qr():
                    self._textures.code(mark.modules)

    # --- marks ---

    def _fill(self, canvas: Any, picture: Picture, palette: Palette) -> None:
        with canvas:
            for mark in picture.marks:
                self._mark(mark, palette, picture.size[1], _is_pressed(mark, picture), _unit(picture))

    def _mark(self, mark: Mark, palette: Palette, height: int, pressed: bool, unit: float) -> None:
        sink = round(SINK * unit) if pressed else 0
        match mark:
            case Text():
                self._text(mark, palette, height, sink)
            case Face():
                _place(self._textures.face(mark, palette, pressed), mark.box, height, sink)
            case Icon():
                self._icon(mark, palette, height, sink)
            case Panel():
                texture = self._textures.ground(mark, palette, pressed)
                fall = drop(mark)
                _place(texture, Box(mark.box.x, mark.box.y, mark.box.w, mark.box.h + fall), height, sink)
            case Qr():
                _place(self._textures.code(mark.modules), mark.box, height, 0)
            case Drain():
                Color(*tone(palette, mark.tone))
                y = _pos(mark.box, height)[1] - sink
                shape = RoundedRectangle(pos=(mark.box.x, y), size=(mark.box.w, mark.box.h), radius=[(mark.corner, mark.corner)])
                self._bars.append(Bar(mark, shape, y))
            case Ring():
                self._ring(mark, palette, height)
            case Crest():
                self._crest(mark, palette, height, unit)

    def _text(self, mark: Text, palette: Palette, height: int, sink: int) -> None:
        Color(*tone(palette, mark.tone))
        for place, (line, width) in enumerate(zip(mark.lines, mark.widths, strict=True)):
            texture = self._textures.line(line, mark.size, mark.bold)
            slack = mark.box.w - width
            x = mark.box.x + {"left": 0, "centre": slack // 2, "right": slack}[mark.align]
            middle = mark.box.y + place * mark.lead + mark.lead / 2 + sink
            y = round(height - middle - texture.height / 2)
            Rectangle(texture=texture, pos=(x, y), size=texture.size)

    def _icon(self, mark: Icon, palette: Palette, height: int, sink: int) -> None:
        texture = self._textures.icon(mark)
        if texture is not None:
            _place(texture, mark.box, height, sink, tone(palette, mark.tone))
            return
        Color(*tone(palette, mark.tone))
        x, y = _pos(mark.box, height)
        plainicon.draw(mark.name, x, y - sink, mark.box.w)

    def _ring(self, mark: Ring, palette: Palette, height: int) -> None:
        Color(*tone(palette, mark.tone))
        box, half = mark.box, mark.width / 2
        x, y = _pos(box, height)
        inner = (x + half, y + half, box.w - mark.width, box.h - mark.width)
        Line(rounded_rectangle=(*inner, max(1, mark.corner - half)), width=half)

    def _crest(self, mark: Crest, palette: Palette, height: int, unit: float) -> None:
        texture = self._textures.crest
        if texture is None:
            return
        room, plate = mark.box, self._textures.crest_backing(palette)
        if plate is not None:
            ground, within = room.inset(-round(PLATE_OUT * unit), -round(PLATE_OUT * unit)), round(PLATE_IN * unit)
            room = room.inset(within, within)
            Color(*plate)
            SmoothRoundedRectangle(pos=_pos(ground, height), size=(ground.w, ground.h), radius=[PLATE_CORNER * unit] * 4)
        scale = min(room.w / texture.width, room.h / texture.height)
        _place(texture, room.centred(round(texture.width * scale), round(texture.height * scale)), height, 0)

    # --- the gliding face ---

    def _fly(self, flight: Glide, now: int, palette: Palette) -> None:
        """Lays the face over the picture, once the picture itself has been shown, and moves it."""
        found = flight.at(now)
        if found is None:
            if self._over.children:
                self.canvas.remove(self._over)
            self._glide = None
            return
        if not self._over.children:
            for texture, colour in self._textures.face_layers(flight.face, palette, False):
                self._over.add(Color(*colour))
                self._over.add(Rectangle(texture=texture))
            self.canvas.add(self._over)
        box, opacity = found
        pos = _pos(box, flight.height)
        for each in self._over.children:
            if isinstance(each, Rectangle):
                each.pos, each.size = pos, (box.w, box.h)
            elif isinstance(each, Color):
                each.a = opacity


def _place(texture: Any, box: Box, height: int, sink: int, colour: Rgb = (1.0, 1.0, 1.0)) -> None:
    """`texture` in `box` and in `colour`, `sink` px lower."""
    Color(*colour)
    x, y = _pos(box, height)
    Rectangle(texture=texture, pos=(x, y - sink), size=(box.w, box.h))


def _pos(box: Box, height: int) -> tuple[int, int]:
    """Kivy counts from the bottom."""
    return box.x, height - box.bottom


def _is_pressed(mark: Mark, picture: Picture) -> bool:
    return picture.pressed is not None and getattr(mark, "control", None) == picture.pressed


def _unit(picture: Picture) -> float:
    short, long = sorted(picture.size)
    return min(short / 480, long / 800)
