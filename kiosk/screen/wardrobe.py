"""Whose accent and crest are shown: the device's own where it has one that can be used, else the court's, else none. No Kivy."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from kiosk.screen.panels import Alarm, Report
from kiosk.screen.settings import ScreenSettings
from kiosk.screen.theme import Theme, ThemeError, accented

ACCENT: Final = "court-accent"
CREST: Final = "court-crest"
"""Alarms that stand while the court's accent or crest cannot be shown."""
PASSED_OVER: Final = "until then it is passed over."

Wear = Callable[[Path | bytes | None], str | None]


class Wardrobe:
    """`wear` is given each crest to paint and returns what is wrong with it. The device's own faults go to `report`, once; the
    court's stand as alarms until its settings are mended.
    """

    def __init__(self, settings: ScreenSettings, theme: Theme, wear: Wear, *, report: Report, alarm: Alarm, clear: Report) -> None:
        self._theme = theme
        self._wear = wear
        self._alarm = alarm
        self._clear = clear
        self._worn: tuple[str | None, bytes | None] | None = None
        self._own_accent = self._own_crest = False
        if settings.accent is not None:
            try:
                self._theme = accented(theme, settings.accent)
                self._own_accent = True
            except ThemeError as error:
                report(f"{error.field}: {error.reason}; {PASSED_OVER}")
        if settings.crest is not None:
            fault = wear(settings.crest)
            self._own_crest = fault is None
            if fault is not None:
                report(f"screen.crest: {fault}; {PASSED_OVER}")

    def dressed(self, accent: str | None, crest: bytes | None) -> Theme | None:
        """The theme to show from now on, where the court wants `accent` and `crest`; none if nothing has changed."""
        if self._worn == (accent, crest):
            return None
        before, self._worn = self._worn, (accent, crest)
        if not self._own_crest and (before is None or before[1] != crest):
            self._tell(CREST, "crest", self._wear(crest))
        theme, fault = self._theme, None
        if accent is not None and not self._own_accent:
            try:
                theme = accented(theme, accent, label="accent")
            except ThemeError as error:
                fault = error.reason
        self._tell(ACCENT, "accent", fault)
        return theme

    def _tell(self, name: str, field: str, fault: str | None) -> None:
        if fault is None:
            self._clear(name)
        else:
            self._alarm(name, f"The court's {field} cannot be shown: {fault.rstrip('.')}. Set it anew on the server: set-court.")
