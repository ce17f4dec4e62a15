"""Where touches come from: exactly one provider of Kivy's, kept alive. A panel that is missing or unplugged stops nobody.

Kivy reads a panel on a thread of its own, which ends without a word when the panel goes. Here the thread says so and looks again.
"""

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from kiosk.screen.settings import ScreenSettings
from kiosk.screen.waiting import Waiter, WakingQueue

RETRY_S: Final = 10.0
"""Between two looks for a panel that is gone: soon enough for whoever has just plugged it in, and no load while nobody has."""
ALARM: Final = "touch-panel"

Report = Callable[[str], None]
Alarm = Callable[[str, str], None]


class Keeper:
    """Keeps a reader of `device` going. `alarm` and `clear` are called on the reader's thread."""

    def __init__(self, device: str, *, alarm: Alarm, clear: Report, retry_s: float = RETRY_S) -> None:
        self._device = device
        self._alarm = alarm
        self._clear = clear
        self._retry_s = retry_s
        self._stopped = threading.Event()
        self._lost = False

    def run(self, read: Callable[[], None]) -> None:
        """Calls `read`, which returns or raises when the panel is gone, again and again until `stop`."""
        while not self._stopped.is_set():
            try:
                with open(self._device, "rb"):  # says why it cannot be read; Kivy would only log it
                    pass
                read()
                why = "it ended"
            except OSError as error:
                why = error.strerror or str(error)
            except Exception as error:  # Kivy raises bare Exception for a file that is no panel
                why = f"{type(error).__name__}: {error}"
            if not self._stopped.is_set() and not self._lost:
                self._lost = True
                again = f"it is tried again every {self._retry_s:g} s"
                self._alarm(ALARM, f"the touch panel {self._device} cannot be read ({why}); {again}")
            self._stopped.wait(self._retry_s)

    def heard(self) -> None:
        """A touch came: whatever was wrong is over."""
        if self._lost:
            self._lost = False
            self._clear(ALARM)

    def stop(self) -> None:
        """No further look."""
        self._stopped.set()


def provider(settings: ScreenSettings, waiter: Waiter, *, report: Report, alarm: Alarm, clear: Report) -> Any:
    """The one source of touches that `settings` name, for Kivy's event loop. Needs Kivy, and a window."""
    if settings.input == "mouse":
        from kivy.input.providers.mouse import MouseMotionEventProvider

        return MouseMotionEventProvider("mouse", "disable_multitouch,disable_hover")
    keeper = Keeper(settings.device, alarm=alarm, clear=clear)
    return kept(_reader(settings.input, report), keeper, waiter)("panel", settings.device)


def kept(panel: Any, keeper: Keeper, waiter: Waiter) -> Any:
    """Kivy's provider class `panel`, whose thread wakes the loop with each touch and whose reader `keeper` keeps going."""

    class Kept(panel):
        """The provider."""

        queue: Any

        def _thread_run(self, **options: Any) -> None:
            def wake() -> None:
                keeper.heard()
                waiter.wake()

            self.queue = options["queue"] = WakingQueue(self.queue, wake)  # one of the two providers looks here, one there
            read = super()._thread_run
            keeper.run(lambda: read(**options))

        def stop(self) -> None:
            keeper.stop()
            super().stop()

    return Kept


def _reader(name: str, report: Report) -> Any:
    """Kivy's provider for a kind of panel. Without libmtdev the other one reads the same panels."""
    if name == "mtdev":
        try:
            from kivy.input.providers import mtdev
        except OSError as error:
            report(f"screen.input: mtdev cannot be used ({error}); hidinput is used instead. Install libmtdev1, or write hidinput")
        else:
            mtdev.Device = _noticing(mtdev.Device)
            return mtdev.MTDMotionEventProvider
    from kivy.input.providers.hidinput import HIDInputMotionEventProvider

    return HIDInputMotionEventProvider


def _noticing(device: Any) -> Any:
    """Kivy's device class of mtdev, which would wait for an unplugged panel twenty times a second and tell nobody."""

    class Noticing(device):
        """The device."""

        def idle(self, ms: int) -> bool:
            if not Path(self._filename).exists():
                self.close()
                raise OSError(errno.ENODEV, "it is unplugged")
            return bool(super().idle(ms))

    return Noticing
