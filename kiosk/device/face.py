"""What a visitor has in front of them: the window, or nothing but a loop. The toolkit is imported only for the window."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import structlog

from kiosk.config import KioskConfig
from kiosk.core.ports import Clock, Loop, Screen
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import VisitEvent
from kiosk.errors import ConfigError
from kiosk.headless import QueueLoop
from kiosk.texts import Texts
from kiosk.upkeep.notices import Notices

log = structlog.get_logger("kiosk")


class MainLoop(Loop, Protocol):
    """A loop as its owner sees it."""

    def run(self) -> None:
        """Turns until `stop`."""

    def stop(self) -> None:
        """Ends it. From any thread, and from a signal handler."""


@dataclass(frozen=True, slots=True)
class Face:
    """`configure` is told where the device stands, `connect` where touches go, `tell_staff` what staff may read on the screen that
    they call up; `afterwards` runs a call, on the main thread, once what is to be shown has been shown.
    """

    loop: MainLoop
    screens: tuple[Screen, ...]
    afterwards: Callable[[Callable[[], None]], None]
    configure: Callable[[Surroundings], None]
    connect: Callable[[Callable[[VisitEvent], None]], None]
    tell_staff: Callable[[str], None]


def build(config: KioskConfig, clock: Clock, notices: Notices, texts: Texts, parts: ExitStack) -> Face:
    """The face of `config`; `parts` closes it. Raises `ConfigError`."""
    if not config.has_window:
        return Face(QueueLoop(clock), (), lambda call: call(), lambda around: None, lambda handle: None, lambda line: None)
    from kiosk.screen.settings import ScreenSettings

    settings = ScreenSettings.parse(config.screen, state_dir=config.state_dir)
    if settings.trace:
        log.warning("trace-on", file=str(settings.trace), text="every answer is listed there: for demo, tests and benchmarks only")
    from kiosk.screen.app import TouchScreen

    try:
        screen = TouchScreen(settings, clock=clock, texts=texts, report=notices.report, alarm=notices.alarm, clear=notices.clear)
    except RuntimeError as fault:
        raise ConfigError("screen", f"{fault}.", "Run it where a display is, or with --headless.") from None
    parts.callback(screen.close)
    return Face(screen.loop, (screen,), screen.loop.when_idle, screen.configure, screen.connect, screen.tell_staff)
