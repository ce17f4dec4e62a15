"""Between the visit and the glass: turns scenes into pictures, and touches into the visit's events. No Kivy in here.

It decides nothing about a visit. What is its own is the accessibility mode, which lasts as long as one person is in front.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import segno

from kiosk.core import visit
from kiosk.core.ports import Clock
from kiosk.core.surroundings import Surroundings
from kiosk.core.timekeeping import Stamp
from kiosk.core.visit import Action, Phase, Scene
from kiosk.screen import views
from kiosk.screen.picture import Measure, Picture
from kiosk.screen.screens.compose import compose
from kiosk.screen.theme import Palette, Theme
from kiosk.screen.touch import TouchGate
from kiosk.texts import Texts, pick
from wire.envelopes import Item
from wire.events import Input, Millis

FACE: Final = "face-"
QUIET_ZONE: Final = 4
"""Modules of white around a QR code, as ISO/IEC 18004 demands."""

PICTURES_KEPT: Final = 512
"""Composed pictures, some 20 kB each: all that two languages can show in two modes are under 200."""

Handle = Callable[[visit.VisitEvent], None]
Draw = Callable[[Picture, Palette], None]


class Presenter:
    """Shows scenes on one screen of `size` px by calling `draw`, and tells `connect`ed ears what was touched."""

    def __init__(
        self,
        *,
        size: tuple[int, int],
        theme: Theme,
        palette: Palette,
        texts: Texts,
        measure: Measure,
        clock: Clock,
        draw: Draw,
        grace_ms: int,
    ) -> None:
        self._size = size
        self._theme = theme
        self._palette = palette
        self._texts = texts
        self._measure = measure
        self._clock = clock
        self._draw = draw
        self._gate = TouchGate(clock.stamp().monotonic + grace_ms)
        self._handle: Handle = lambda event: None
        self._around = Surroundings(court={}, languages=(), language="en")
        self._code: tuple[str, views.Modules] | None = None
        self._scene: Scene | None = None
        self._picture: Picture | None = None
        self._large = False
        self._composed: dict[tuple[views.View, bool], Picture] = {}

    @property
    def picture(self) -> Picture | None:
        """What is shown now."""
        return self._picture

    def connect(self, handle: Handle) -> None:
        """Touches go to `handle` from now on."""
        self._handle = handle

    def configure(self, around: Surroundings) -> None:
        """The court, its languages and its number."""
        self._around = around
        self._redraw()

    def resize(self, size: tuple[int, int]) -> None:
        """The window has another size now."""
        if size != self._size:
            self._size = size
            self._composed.clear()
            self._redraw()

    def make_larger(self, larger: bool = True) -> None:
        """Larger text and stronger contrast, until nobody is in front any more; or the usual look again."""
        self._large = larger
        self._redraw()

    def show(self, scene: Scene) -> None:
        """Draws `scene`. With nobody in front the screen is as it was for everybody."""
        self._scene = scene
        if scene.phase in (Phase.WELCOME, Phase.OUT_OF_ORDER) and scene.deadline is None and scene.busy is None:
            self._large = False
        self._redraw()

    # --- touches ---

    def touched(self, finger: object, x: float, y: float, stamp: Stamp) -> None:
        """A finger came down at `x`, `y` (px from the top left) at `stamp`."""
        if self._gate.begins(finger, stamp.monotonic) and self._picture is not None:
            self._act(self._picture.at(x, y), stamp)

    def lifted(self, finger: object) -> None:
        """A finger went up."""
        self._gate.ends(finger)

    def _act(self, control: str | None, stamp: Stamp) -> None:
        scene = self._scene
        if scene is None:
            return
        name, _, value = (control or "").partition(":")
        match name:
            case "answer":
                self._handle(visit.Tap(int(value), Input.TOUCH, stamp))
            case "skip":
                self._handle(visit.Skip(stamp))
            case "undo":
                self._handle(visit.Undo(stamp))
            case "done":
                self._handle(visit.Done(stamp))
            case "language":
                self._handle(visit.Speak(value, stamp))
            case "larger":
                self.make_larger(not self._large)
                self._handle(visit.Speak(scene.language, stamp))
            case _ if scene.deadline is not None and scene.busy is None:
                # Any touch says that somebody is still there.
                self._handle(visit.Speak(scene.language, stamp))

    # --- scenes to pictures ---

    def likely(self) -> Iterator[tuple[Picture, Palette]]:
        """Pictures that may come next, the likeliest first, so that they can be painted before anybody waits for them."""
        around = self._around
        for large in (False, True):
            for language in sorted(around.languages, key=lambda language: language != around.language):
                for scene in self._coming(language):
                    yield self._compose(scene, large=large), self._theme.contrast if large else self._palette

    def _coming(self, language: str) -> Iterator[Scene]:
        blank = Scene(Phase.WELCOME, language, None, None, None, None, False, 0, None)
        asked = [blank._replace(item=item) for item in self._around.items[:1]]
        ratings = [option.value for item in self._around.items[:1] for option in item.options]
        for item in self._around.items[1:]:
            follow_up = blank._replace(phase=Phase.FOLLOW_UP, item=item, can_undo=True)
            asked += [follow_up._replace(rating=rating) for rating in ratings]
        yield from asked
        for rating in ratings:
            yield blank._replace(phase=Phase.THANKS, rating=rating, can_undo=True, deadline=Millis(1))
        yield blank._replace(phase=Phase.NOT_RECORDED)
        for scene in asked:
            for option in scene.item.options if scene.item else ():
                yield scene._replace(pressed=option.value, busy=Action.ANSWER)

    def _redraw(self) -> None:
        if self._scene is not None:
            self._picture = self._compose(self._scene, large=self._large)
            self._draw(self._picture, self._theme.contrast if self._large else self._palette)

    def _compose(self, scene: Scene, *, large: bool) -> Picture:
        """The picture of `scene`; those that come again and again are composed once."""
        view = self._view(scene, large=large)
        picture = self._composed.get((view, large))
        if picture is None:
            picture = compose(view, self._size, self._theme, self._measure, large=large)
            if not isinstance(view, views.Thanks):  # each has a moment of its own
                if len(self._composed) >= PICTURES_KEPT:
                    self._composed.clear()
                self._composed[view, large] = picture
        return picture

    def _view(self, scene: Scene, *, large: bool) -> views.View:
        say = self._sayer(scene.language)
        frame = self._frame(scene, large=large)
        saved = say("Thank you! Your answer is saved.")
        undo = say("Not what you meant? Change it") if scene.can_undo else None
        if scene.item is not None and scene.phase is Phase.WELCOME:
            privacy = say("Anonymous: no camera, no names")
            return views.Welcome(frame, self._pick(scene.item.text, scene), self._choices(scene.item, scene), privacy)
        if scene.item is not None and scene.phase is Phase.FOLLOW_UP:
            question, choices = self._pick(scene.item.text, scene), self._choices(scene.item, scene)
            return views.FollowUp(frame, saved, _point(scene.rating), question, choices, say("Skip"), undo)
        if scene.phase is Phase.THANKS:
            return views.Thanks(
                frame,
                saved,
                _point(scene.rating),
                say("It joins this court’s results and shows what to improve."),
                undo,
                scene.since,
                scene.deadline if scene.deadline is not None else scene.since + 1,
                self._modules(),
                say("See results or say more on your phone"),
            )
        if scene.phase is Phase.NOT_RECORDED:
            return views.NotRecorded(frame, say("Your answer could not be saved. Please try again."), say("Try again"))
        number = self._around.number
        shown = self._texts.say(scene.language, "No. {number}", number=number) if number else None
        return views.OutOfOrder(frame, say("Out of order."), shown)

    def _frame(self, scene: Scene, *, large: bool) -> views.Frame:
        say = self._sayer(scene.language)
        languages = tuple(views.Language(code, self._texts.name(code), code == scene.language) for code in self._around.languages)
        return views.Frame(
            court=self._pick(self._around.court, scene),
            languages=languages if len(languages) > 1 else (),
            larger=say("Usual text") if large else say("Larger text"),
            language=scene.language,
            pressed=_pressed(scene),
        )

    def _choices(self, item: Item, scene: Scene) -> tuple[views.Choice, ...]:
        return tuple(
            views.Choice(f"answer:{option.value}", self._pick(option.text, scene), option.icon, _face(option.icon))
            for option in item.options
        )

    def _sayer(self, language: str) -> Callable[[str], str]:
        return lambda message: self._texts.say(language, message)

    def _pick(self, texts: Mapping[str, str], scene: Scene) -> str:
        return pick(texts, scene.language, self._around.language)

    def _modules(self) -> views.Modules | None:
        url = self._around.public_url
        if not url:
            return None
        if self._code is None or self._code[0] != url:
            rows = segno.make(url, error="m", micro=False).matrix_iter(border=QUIET_ZONE)
            self._code = url, tuple(tuple(bool(module) for module in row) for row in rows)
        return self._code[1]


def _pressed(scene: Scene) -> str | None:
    """The control whose commit is under way."""
    if scene.busy is Action.UNDO:
        return "undo"
    return f"answer:{scene.pressed}" if scene.busy is Action.ANSWER else None


def _face(icon: str | None) -> int | None:
    """The point of the scale that an icon's name stands for, if it is a face."""
    if icon is None or not icon.startswith(FACE):
        return None
    return _point(int(icon.removeprefix(FACE))) if icon.removeprefix(FACE).isdecimal() else None


def _point(rating: int | None) -> int | None:
    return rating if rating is not None and 1 <= rating <= 5 else None
