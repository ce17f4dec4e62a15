"""The screen's settings, from the kiosk's TOML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from kiosk.errors import ConfigError

INPUTS: Final = ("mouse", "mtdev", "hidinput")
APPEARANCES: Final = ("light", "dark")
SMALLEST: Final = (480, 320)
LARGEST: Final = (7680, 7680)
NARROWEST: Final = 7.0
"""Inches across. On a smaller panel the accessible mode's targets of 15 mm, its larger text and seven languages have no room."""
WIDEST: Final = 65.0
TOUCH_GRACE_MS: Final = 2_000
"""Touches in the first moments are ignored: drivers report ghosts while they start (Kivy issue 3758)."""


@dataclass(frozen=True, slots=True)
class ScreenSettings:
    """The table `[screen]`. `size` and `position` in px; `trace` is a file that gets a line of JSON for every picture shown.

    `diagonal` (inches) is the panel's own, so that what a finger must hit is 15 mm wide on it; `mounting_mm` says how high its
    lower edge hangs above the floor; `crest` is a picture shown beside the court's name. With `hold_to_clean` a finger held on the
    top left corner for five seconds and lifted locks the screen for wiping.
    """

    state_dir: Path
    size: tuple[int, int] = (800, 480)
    fullscreen: bool = False
    borderless: bool = False
    position: tuple[int, int] | None = None
    input: Literal["mouse", "mtdev", "hidinput"] = "mouse"
    device: str = "/dev/input/event0"
    show_pointer: bool = False
    appearance: Literal["light", "dark"] = "light"
    theme: Path | None = None
    accent: str | None = None
    reduced_motion: bool = False
    trace: Path | None = None
    touch_grace_ms: int = TOUCH_GRACE_MS
    diagonal: float = NARROWEST
    mounting_mm: int = 900
    crest: Path | None = None
    hold_to_clean: bool = True

    @classmethod
    def parse(cls, table: Mapping[str, Any], *, state_dir: Path) -> "ScreenSettings":
        """The settings in a parsed table `[screen]`; paths are relative to `state_dir`. Raises ConfigError naming the field.

        `mode` belongs to whoever decides whether there is a screen at all and is passed over.
        """
        known = {"mode", *cls.__slots__} - {"state_dir"}
        for name in table:
            if name not in known:
                raise ConfigError(f"screen.{name}", "is not a setting.", f"Known are: {', '.join(sorted(known))}.")
        read = _Reader(table, state_dir)
        return cls(
            state_dir=state_dir,
            size=read.pair("size", (800, 480), SMALLEST, LARGEST),
            fullscreen=read.switch("fullscreen"),
            borderless=read.switch("borderless"),
            position=read.pair("position", None, (-LARGEST[0], -LARGEST[1]), LARGEST) if "position" in table else None,
            input=read.choice("input", INPUTS),
            device=read.text("device") or "/dev/input/event0",
            show_pointer=read.switch("show_pointer"),
            appearance=read.choice("appearance", APPEARANCES),
            theme=read.path("theme"),
            accent=read.text("accent"),
            reduced_motion=read.switch("reduced_motion"),
            trace=read.path("trace"),
            touch_grace_ms=read.number("touch_grace_ms", TOUCH_GRACE_MS, 0, 60_000),
            diagonal=read.length("diagonal", NARROWEST, NARROWEST, WIDEST),
            mounting_mm=read.number("mounting_mm", 900, 0, 2_000),
            crest=read.path("crest"),
            hold_to_clean=read.switch("hold_to_clean", usual=True),
        )


class _Reader:
    """Reads fields of one type each, or says what is wrong with them."""

    def __init__(self, table: Mapping[str, Any], folder: Path) -> None:
        self._table = table
        self._folder = folder

    def switch(self, name: str, *, usual: bool = False) -> bool:
        value = self._table.get(name, usual)
        if not isinstance(value, bool):
            raise ConfigError(f"screen.{name}", f"is {value!r}.", "Write true or false.")
        return value

    def text(self, name: str) -> str | None:
        value = self._table.get(name)
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"screen.{name}", f"is {value!r}.", "Write it in quotation marks.")
        return value

    def path(self, name: str) -> Path | None:
        value = self.text(name)
        return None if value is None else self._folder / value

    def choice(self, name: str, allowed: Sequence[str]) -> Any:
        value = self._table.get(name, allowed[0])
        if value not in allowed:
            raise ConfigError(f"screen.{name}", f"is {value!r}.", f"Write one of: {', '.join(allowed)}.")
        return value

    def number(self, name: str, usual: int, low: int, high: int) -> int:
        value = self._table.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ConfigError(f"screen.{name}", f"is {value!r}.", f"Write a whole number from {low} to {high}.")
        return value

    def length(self, name: str, usual: float, low: float, high: float) -> float:
        value = self._table.get(name, usual)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ConfigError(f"screen.{name}", f"is {value!r}.", f"Write a number from {low:g} to {high:g}.")
        return float(value)

    def pair(self, name: str, usual: tuple[int, int] | None, low: tuple[int, int], high: tuple[int, int]) -> Any:
        value = self._table.get(name, usual)
        numbers = isinstance(value, list | tuple) and len(value) == 2 and all(type(part) is int for part in value)
        if not numbers or not all(a <= part <= b for a, part, b in zip(low, value, high, strict=True)):
            raise ConfigError(f"screen.{name}", f"is {value!r}.", f"Write two whole numbers from {list(low)} to {list(high)}.")
        return tuple(value)
