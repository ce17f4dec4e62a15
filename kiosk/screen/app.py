"""The window: opens it, puts the parts of the screen together, and lends them the main loop.

Importing this module opens nothing; `TouchScreen(...)` does. It is used on the main thread, but for `loop.post` and `loop.stop`.
"""

import ctypes
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from kiosk.core.ports import Clock
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Scene
from kiosk.screen.board import too_high
from kiosk.screen.loop import MainLoop
from kiosk.screen.panels import Alarm, Report, provider
from kiosk.screen.picture import Picture
from kiosk.screen.presenter import Handle, Presenter
from kiosk.screen.settings import ScreenSettings
from kiosk.screen.theme import ASSETS, Palette, Theme, load_or_default
from kiosk.screen.toolkit import prepare
from kiosk.screen.trace import Trace
from kiosk.screen.waiting import SdlWaiter, ThreadWaiter, Waiter, driver
from kiosk.screen.wardrobe import Wardrobe
from kiosk.texts import Texts

NOWHERE: Final = ("", "offscreen", "dummy")
"""Drivers of SDL that draw where nobody sees it; it falls back on them without a word."""
LIKELY: Final = 40
"""Pictures drawn beforehand: what one language shows in one mode until the reason is given, some 90 kB each."""


class TouchScreen:
    """A window that shows scenes (`kiosk.core.ports.Screen`) and reports touches.

    `report` hears what is not right; `alarm` (name, sentence) and `clear` (name) hear, on any thread, of what may right itself.
    """

    def __init__(
        self,
        settings: ScreenSettings,
        *,
        clock: Clock,
        texts: Texts,
        report: Report,
        alarm: Alarm | None = None,
        clear: Report | None = None,
    ) -> None:
        prepare(settings)
        from kivy.base import EventLoop
        from kivy.clock import Clock as KivyClock
        from kivy.core.window import Window  # opens it

        if Window is None or driver() in NOWHERE:
            raise RuntimeError("no window could be opened: there is no display, or DISPLAY does not name one")
        from kiosk.screen.painter import Painter
        from kiosk.screen.ruler import Ruler

        self._clock = clock
        self._window: Any = Window
        self._events: Any = EventLoop
        self._kivy_clock: Any = KivyClock
        self._trace = Trace(settings.trace) if settings.trace else None
        self._untold: Picture | None = None
        self._motion: Any = None
        self._renewal: Any = None
        self._manner: tuple[str, bool] | None = None
        self._coming: Iterator[tuple[Picture, Palette]] | None = None
        self._closed = False
        self._dark = settings.appearance == "dark"
        self._libc = ctypes.CDLL(None)
        waiter: Waiter = SdlWaiter() if settings.input == "mouse" else ThreadWaiter()
        self.loop = MainLoop(now=self._now, waiter=waiter, turn=self._turn, next_event=self._seconds_to_next_event, report=report)

        alarm = alarm or (lambda name, sentence: report(sentence))
        clear = clear or (lambda name: None)
        theme = self.theme = load_or_default(settings.theme or ASSETS / "theme.toml", report)
        still = settings.reduced_motion or theme.reduced_motion
        ruler = self.ruler = Ruler(theme, report)
        self.painter = Painter(theme, ruler, ASSETS, report, still=still)
        self.presenter = Presenter(
            size=tuple(Window.size),
            theme=theme,
            palette=self._usual(theme),
            texts=texts,
            measure=ruler,
            clock=clock,
            draw=self._draw,
            grace_ms=settings.touch_grace_ms,
            diagonal=settings.diagonal,
            mounting_mm=settings.mounting_mm,
            hold_to_clean=settings.hold_to_clean,
        )
        self._wardrobe = Wardrobe(settings, theme, self.painter.wear, report=report, alarm=alarm, clear=clear)
        self._dress(None, None)
        if (complaint := too_high(self.presenter.glass)) is not None:
            report(complaint)
        Window.canvas.add(self.painter.canvas)
        Window.bind(
            on_touch_down=self._on_down,
            on_touch_up=self._on_up,
            on_key_down=_swallow,
            on_keyboard=_swallow,
            on_resize=self._on_resize,
        )
        for each in list(EventLoop.input_providers):
            EventLoop.remove_input_provider(each)  # two that read one panel make every touch count twice
        EventLoop.add_input_provider(provider(settings, waiter, report=report, alarm=alarm, clear=clear))
        EventLoop.start()

    def connect(self, handle: Handle) -> None:
        """Touches go to `handle` from now on."""
        self.presenter.connect(handle)

    def configure(self, around: Surroundings) -> None:
        """The court, its languages, its number and its look."""
        self.painter.forget()
        self._dress(around.accent, around.crest)
        self.presenter.configure(around)
        self._rehearse()

    def _dress(self, accent: str | None, crest: bytes | None) -> None:
        worn = self._wardrobe.dressed(accent, crest)
        if worn is not None:
            self.theme = worn
            self.presenter.dress(worn, self._usual(worn), self.painter.crest_shape)

    def _usual(self, theme: Theme) -> Palette:
        return theme.dark if self._dark else theme.light

    def tell_staff(self, line: str) -> None:
        """`line` is what the screen for staff says from now on."""
        self.presenter.tell_staff(line)

    def show(self, scene: Scene) -> None:
        """Draws `scene`."""
        self.presenter.show(scene)
        manner = scene.language, scene.aid is not None
        if manner != self._manner:
            self._manner = manner
            self._rehearse()

    def _rehearse(self) -> None:
        """What may be shown next is drawn beforehand, when there is nothing else to do."""
        waiting = self._coming is not None
        self._coming = islice(self.presenter.likely(), LIKELY)
        if not waiting:
            self.loop.when_idle(self._rehearse_one)

    def _rehearse_one(self) -> None:
        pair = None if self._coming is None else next(self._coming, None)
        if pair is None:
            self._coming = None
            self._give_back()
            return
        self.painter.prepare(*pair)
        self.loop.when_idle(self._rehearse_one)

    def _give_back(self) -> None:
        """What composing has freed goes back to the system: up to 10 MB in a millisecond, which glibc would keep."""
        trim = getattr(self._libc, "malloc_trim", None)
        if trim is not None:
            trim(0)

    def close(self) -> None:
        """Closes the window."""
        self._closed = True
        self._events.stop()
        self._window.close()
        if self._trace is not None:
            self._trace.close()

    # --- what the loop asks ---

    def _turn(self) -> bool:
        """One round of Kivy's: reads the window's events, and draws if something has changed. False once the window is closed."""
        self._window.mainloop()
        if self._events.quit:
            return False
        self._events.idle()
        if self._untold is not None and self._trace is not None:
            self._trace.shown(self._untold)
        self._untold = None
        return not self._events.quit

    def _seconds_to_next_event(self) -> float:
        return float(self._kivy_clock.get_min_timeout()) - float(self._kivy_clock.time())

    def _now(self) -> int:
        return self._clock.stamp().monotonic

    # --- drawing ---

    def _draw(self, picture: Picture, palette: Palette) -> None:
        now = self._now()
        self._window.clearcolor = (*palette.paper, 1)
        self.painter.paint(picture, palette, now)
        self._untold = picture
        self._go_on(now)
        self._renewal = self._later(
            self._renewal, None if picture.renews_at is None else (picture.renews_at - now) / 1000, self._renew
        )

    def _move(self, elapsed: float) -> None:
        now = self._now()
        self.painter.advance(now)
        self._go_on(now)

    def _go_on(self, now: int) -> None:
        self._motion = self._later(self._motion, self.painter.pause(now), self._move)

    def _renew(self, elapsed: float) -> None:
        self.presenter.renew()

    def _later(self, before: Any, seconds: float | None, call: Callable[[float], None]) -> Any:
        """Has the toolkit's clock call `call` in `seconds`, in place of what was set `before`; None sets nothing."""
        if before is not None:
            before.cancel()
        return None if seconds is None else self._kivy_clock.schedule_once(call, max(0.0, seconds))

    # --- input ---

    def _on_down(self, window: Any, touch: Any) -> bool:
        self.presenter.touched(touch.uid, touch.x, window.height - touch.y, self._clock.stamp())
        return True

    def _on_up(self, window: Any, touch: Any) -> bool:
        self.presenter.lifted(touch.uid)
        return True

    def _on_resize(self, window: Any, width: int, height: int) -> None:
        """Kivy tells of it from within SDL's event filter, even while the window is torn down: no time to draw."""
        if not self._closed:
            self.loop.post(lambda: self.presenter.resize((width, height)))


def _swallow(*_: Any, **__: Any) -> bool:
    """No key does anything: Esc would close the window, F1 would open the toolkit's settings."""
    return True
