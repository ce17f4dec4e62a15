"""Measures lines of text with the fonts they will be drawn in. Uses Kivy's text, and needs no window."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import kivy
from kivy.core.text import Label as CoreLabel

from kiosk.screen import fontfile
from kiosk.screen.theme import Theme, default

WIDTHS_KEPT: Final = 4096
"""Most measured lines are rejected ways of breaking one; those of a few screens are enough to know."""
SPARE: Final = ("Roboto-Regular.ttf", "Roboto-Bold.ttf")
"""Fonts inside Kivy, which has every letter of our languages too: what is left when no font of ours can be read."""
PROBE: Final = "Жи", 20


class Ruler:
    """Widths of lines in px. `report` hears of a font that cannot be used; another one is taken in its place."""

    def __init__(self, theme: Theme, report: Callable[[str], None]) -> None:
        shipped = default()
        spare = [str(Path(kivy.kivy_data_dir) / "fonts" / name) for name in SPARE]
        self._fonts = {
            False: _usable((theme.regular, shipped.regular), spare[0], report),
            True: _usable((theme.semibold, shipped.semibold), spare[1], report),
        }
        self._known: dict[tuple[str, int, bool], int] = {}
        self._labels: dict[tuple[int, bool], Any] = {}

    def label(self, text: str, size: int, bold: bool) -> Any:
        """A label of Kivy's core for one line."""
        return _label(self._fonts[bold], text, size)

    def __call__(self, text: str, size: int, bold: bool) -> int:
        """Width in px."""
        key = (text, size, bold)
        if key not in self._known:
            if len(self._known) >= WIDTHS_KEPT:
                self._known.clear()
            if (size, bold) not in self._labels:
                self._labels[size, bold] = self.label("", size, bold)
                self._labels[size, bold].resolve_font_name()
            self._known[key] = int(self._labels[size, bold].get_extents(text)[0])
        return self._known[key]


def _usable(fonts: tuple[Path, ...], spare: str, report: Callable[[str], None]) -> str:
    """The first of `fonts` that is whole and can be drawn with, or `spare`."""
    for path in dict.fromkeys(fonts):
        try:
            fontfile.check(path)
            label = _label(str(path), *PROBE)
            label.resolve_font_name()
            if label.get_extents(PROBE[0])[0] > 0:
                return str(path)
            why = "it is empty"
        except OSError as error:
            why = error.strerror or str(error)
        except Exception as error:  # Kivy raises what its text library happens to say
            why = str(error)
        report(f"the font {path.name} cannot be used ({why}); another one is used until it is restored")
    return spare


def _label(font: str, text: str, size: int) -> Any:
    return CoreLabel(text=text, font_size=size, font_name=font, font_hinting="light", color=(1, 1, 1, 1))
