"""Between the visit and the glass: turns scenes into pictures, and touches into the visit's events. No Kivy in here.

It decides nothing about a visit: what a touch means is the state machine's business.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from kiosk.core import visit
from kiosk.core.access import Aid, Keystroke
from kiosk.core.ports import Clock
from kiosk.core.surroundings import Surroundings
from kiosk.core.timekeeping import Stamp
from kiosk.core.visit import Action, Phase, Scene
from kiosk.screen import views
from kiosk.screen.board import Glass, corner
from kiosk.screen.picture import Measure, Picture
from kiosk.screen.screens.compose import compose
from kiosk.screen.staging import Stage
from kiosk.screen.theme import Palette, Theme
from kiosk.screen.touch import TouchGate
from kiosk.texts import Texts
from wire.events import Input, Millis

PICTURES_KEPT: Final = 128
"""Composed pictures, some 20 kB each: what one language can show, in one look."""
CLEANING_HOLD_MS: Final = 5_000
"""How long staff hold a finger on the corner: nobody who reads or rates does that."""
NIGHT: Final = (Phase.CLOSED, Phase.CLEANING)
"""Shown dark: a closed court dims its screen, and on a dark screen one sees what has to be wiped away."""

Handle = Callable[[visit.VisitEvent], None]
Draw = Callable[[Picture, Palette], None]


class Presenter:
    """Shows scenes on one screen of `size` px by calling `draw`, and tells `connect`ed ears what was touched.

    `diagonal` (inches) and `mounting_mm` (its lower edge above the floor) are the panel's; `crest` is the width of the court's
    crest over its height, None where there is none.
    """

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
        diagonal: float = 7.0,
        mounting_mm: int = 900,
        crest: float | None = None,
        hold_to_clean: bool = True,
    ) -> None:
        self._glass = Glass(size, diagonal, mounting_mm, crest)
        self._theme = theme
        self._palette = palette
        self._stage = Stage(texts)
        self._measure = measure
        self._clock = clock
        self._draw = draw
        self._gate = TouchGate(clock.stamp().monotonic + grace_ms)
        self._hold_to_clean = hold_to_clean
        self._held: tuple[object, int] | None = None
        self._handle: Handle = lambda event: None
        self._around = Surroundings(court={}, languages=(), language="en")
        self._scene: Scene | None = None
        self._warned_at = 0
        self._picture: Picture | None = None
        self._composed: dict[views.View, Picture] = {}

    @property
    def picture(self) -> Picture | None:
        """What is shown now."""
        return self._picture

    @property
    def glass(self) -> Glass:
        """The panel as it is laid out for."""
        return self._glass

    def connect(self, handle: Handle) -> None:
        """Touches go to `handle` from now on."""
        self._handle = handle

    def configure(self, around: Surroundings) -> None:
        """The court, its languages and its number."""
        self._around = around
        self._stage.configure(around)
        self._redraw()

    def dress(self, theme: Theme, palette: Palette, crest: float | None) -> None:
        """From the next picture on it looks like this; `crest` as in the beginning."""
        self._theme, self._palette = theme, palette
        self._glass = replace(self._glass, crest=crest)
        self._composed.clear()

    def tell_staff(self, line: str) -> None:
        """`line` is what the screen for staff says from now on, whenever it is drawn."""
        self._stage.staff = line

    def resize(self, size: tuple[int, int]) -> None:
        """The window has another size now."""
        if size != self._glass.size:
            self._glass = replace(self._glass, size=size)
            self._composed.clear()
            self._redraw()

    def show(self, scene: Scene) -> None:
        """Draws `scene`."""
        before = self._scene
        if scene.leaving_at is not None and (before is None or before.leaving_at != scene.leaving_at):
            self._warned_at = self._now()
        self._scene = scene
        self._redraw()

    def renew(self) -> None:
        """Draws the same scene as it looks now. Called when the picture's `renews_at` has come."""
        self._redraw()

    # --- touches ---

    def touched(self, finger: object, x: float, y: float, stamp: Stamp) -> None:
        """A finger came down at `x`, `y` (px from the top left) at `stamp`."""
        if self._picture is None or not self._gate.begins(finger, stamp.monotonic):
            return
        if self._hold_to_clean and corner(self._glass).contains(x, y):
            self._held = finger, stamp.monotonic
        self._act(self._picture.at(x, y), stamp)

    def lifted(self, finger: object) -> None:
        """A finger went up."""
        self._gate.ends(finger)
        if self._held is None or self._held[0] != finger:
            return  # the hand on the corner is still there
        since, self._held = self._held[1], None
        stamp = self._clock.stamp()
        if stamp.monotonic - since >= CLEANING_HOLD_MS:
            self._handle(visit.Clean(stamp))

    def _act(self, control: str | None, stamp: Stamp) -> None:
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
            case "access":
                self._handle(visit.Access(stamp))
            case "repeat" | "louder":
                self._handle(visit.Key(Keystroke(name), stamp))
            case _:
                self._handle(visit.Stay(stamp))

    # --- scenes to pictures ---

    def likely(self) -> Iterator[tuple[Picture, Palette]]:
        """Pictures that may come next in the language and the look now shown, the likeliest first, so that they can be painted
        before anybody waits for them."""
        scene = self._scene
        language = self._around.language if scene is None else scene.language
        aid = None if scene is None or scene.aid is None else Aid(ring=(), volume=scene.aid.volume)
        for coming in self._coming(Scene(Phase.WELCOME, language, None, None, None, None, False, 0, None, aid=aid)):
            yield self._compose(coming), self._palette_of(coming)

    def _coming(self, blank: Scene) -> Iterator[Scene]:
        items = self._around.items
        if not items:
            return
        first = blank._replace(item=items[0])
        ratings = [option.value for option in items[0].options]
        follow_up = blank._replace(phase=Phase.FOLLOW_UP, can_undo=True)
        asked = [follow_up._replace(item=item, rating=rating) for item in items[1:] for rating in ratings]
        yield first
        yield from (first._replace(pressed=rating, busy=Action.ANSWER) for rating in ratings)
        yield from asked[: len(ratings)]
        for rating in ratings:
            yield blank._replace(phase=Phase.THANKS, rating=rating, can_undo=True, deadline=Millis(1))
        for scene in asked[: len(ratings)]:
            for option in scene.item.options if scene.item else ():
                yield scene._replace(pressed=option.value, busy=Action.ANSWER)
        yield blank._replace(phase=Phase.NOT_RECORDED)
        yield from asked[len(ratings) :]

    def _redraw(self) -> None:
        if self._scene is not None:
            self._picture = self._compose(self._scene)
            self._draw(self._picture, self._palette_of(self._scene))

    def _palette_of(self, scene: Scene) -> Palette:
        if scene.aid is not None:
            return self._theme.contrast
        return self._theme.dark if scene.phase in NIGHT else self._palette

    def _compose(self, scene: Scene) -> Picture:
        """The picture of `scene`; those that come again and again are composed once."""
        view = self._stage.view(scene, now=self._now(), warned_at=self._warned_at)
        picture = self._composed.get(view)
        if picture is None:
            picture = compose(view, self._glass, self._theme, self._measure)
            if not _has_its_own_moment(view):
                if len(self._composed) >= PICTURES_KEPT:
                    self._composed.clear()
                self._composed[view] = picture
        return picture

    def _now(self) -> int:
        return self._clock.stamp().monotonic


def _has_its_own_moment(view: views.View) -> bool:
    """Whether `view` will never come again just so."""
    return isinstance(view, views.Thanks | views.Cleaning) or view.frame.leaving is not None
