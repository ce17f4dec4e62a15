"""The look's tokens, read from `assets/theme.toml` and checked. No Kivy in here.

A theme that cannot be used is refused with the names of the file and the field, the reason and the fix; the kiosk then goes on with
the built-in default and reports it, because a broken colour must never stop a court from hearing people. A font that is missing
takes nothing else of a theme away: the shipped one stands in for it. So does the theme's own accent for a court's that cannot be
read.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from kiosk.errors import KioskError
from kiosk.screen import fontfile
from wire.colour import TEXT_CONTRAST, Rgb, contrast, lifted, rgb

ASSETS: Final = Path(__file__).resolve().parents[2] / "assets"

SHAPE_CONTRAST: Final = 3.0
"""WCAG 2.2, success criterion 1.4.11: what tells a control apart from its ground."""
MARK_CONTRAST: Final = 4.5
"""Eyes and mouth on the fill of a face: more than a shape needs, because they carry the meaning."""
FONTS: Final = ("type.regular", "type.semibold")
ACCENT: Final = "screen.accent"
"""Where a court writes its accent: in the kiosk's own file."""


class ThemeError(KioskError):
    """A theme that cannot be used. Says which field, why, and what is used instead."""

    def __init__(self, field: str, reason: str, *, file: str = "theme", instead: str = "The built-in look") -> None:
        super().__init__(f"{file}: {field}: {reason}.", f"{instead} is used until this is mended.")
        self.field = field
        self.reason = reason

    def within(self, file: Path, *, instead: str = "The built-in look") -> "ThemeError":
        """The same, naming the file it was found in."""
        return ThemeError(self.field, self.reason, file=str(file), instead=instead)


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one appearance, each as red, green, blue from 0 to 1. `scale` runs from worst to best."""

    paper: Rgb
    surface: Rgb
    pressed: Rgb
    ink: Rgb
    quiet: Rgb
    line: Rgb
    edge: Rgb
    accent: Rgb
    scale: tuple[Rgb, Rgb, Rgb, Rgb, Rgb]

    def mark_on(self, fill: Rgb) -> Rgb:
        """The colour of a face's features on `fill`: whichever of black-ish and white-ish stands out more."""
        candidates = (self.ink, self.paper)
        return max(candidates, key=lambda colour: contrast(colour, fill))

    def outline(self) -> Rgb:
        """The ring of a face."""
        return self.ink


@dataclass(frozen=True, slots=True)
class Theme:
    """Everything about the look that is not a text. Lengths are px at 800×480, times ms.

    `reach` is the share of the screen's height, from the bottom, within which the accessible mode keeps everything to touch.
    """

    light: Palette
    dark: Palette
    contrast: Palette
    regular: Path
    semibold: Path
    ratio: float
    base: float
    least: float
    large_text: float
    reach: float
    step: float
    corner: float
    shadow_opacity: float
    quick: int
    calm: int
    reduced_motion: bool


def load(path: Path) -> Theme:
    """The theme in the TOML file at `path`.

    Raises ThemeError when the file cannot be read, a field is missing or wrong, or a contrast is too low.
    """
    try:
        return parse(_read(path), folder=path.parent)
    except ThemeError as error:
        raise error.within(path) from None


def load_or_default(path: Path, report: Callable[[str], None]) -> Theme:
    """The theme at `path`. Never raises: what cannot be used goes to `report`, and the built-in default takes its place."""
    try:
        return _with_usable_fonts(_read(path), path, report)
    except ThemeError as error:
        report(str(error.within(path)))
        return default()


def accented(theme: Theme, written: str, *, label: str = ACCENT) -> Theme:
    """`theme` with the accent `written` as #RRGGBB: as it is where the ground is light, and with so much white that it can be read
    where the ground is dark. The accessible mode keeps its own, which stands out more. Raises ThemeError naming `label`.
    """
    accent = colour(label, written)
    _demand_of_accent(label, accent, "palette.light", theme.light.paper, theme.light.surface)
    dark = lifted(accent, theme.dark.paper, theme.dark.surface)
    return replace(
        theme, light=replace(theme.light, accent=accent), dark=replace(theme.dark, accent=dark) if dark is not None else theme.dark
    )


def default() -> Theme:
    """The built-in theme: the tokens of `assets/theme.toml` as they were released. Whether its fonts are there is not asked."""
    return parse(BUILT_IN, folder=ASSETS, look=False)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ThemeError("file", f"cannot be read ({error.strerror}); restore the file that was installed") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ThemeError("file", f"is not valid TOML ({error})") from error


def _with_usable_fonts(document: dict[str, Any], path: Path, report: Callable[[str], None]) -> Theme:
    """The theme of `document`, with the shipped font for each that is missing. Raises ThemeError for anything else."""
    folder = path.parent
    for _ in FONTS:
        try:
            return parse(document, folder=folder)
        except ThemeError as error:
            if error.field not in FONTS:
                raise
            report(str(error.within(path, instead="Another font")))
            shipped = BUILT_IN["type"][error.field.removeprefix("type.")]
            document["type"][error.field.removeprefix("type.")] = str(ASSETS / shipped)
    return parse(document, folder=folder, look=False)


def parse(document: Mapping[str, Any], *, folder: Path, look: bool = True) -> Theme:
    """The theme that a parsed TOML document describes. Font paths are taken from `folder`, and opened if `look`.

    Raises ThemeError.
    """
    return Theme(
        light=_palette(document, "light"),
        dark=_palette(document, "dark"),
        contrast=_palette(document, "contrast"),
        regular=_font(document, "regular", folder, look=look),
        semibold=_font(document, "semibold", folder, look=look),
        ratio=_number(document, "type", "ratio", 1.05, 2.0),
        base=_number(document, "type", "kiosk_base", 20, 48),
        least=_number(document, "type", "kiosk_least", 18, 48),
        large_text=_number(document, "type", "large_text", 1.5, 2.0),
        reach=_number(document, "access", "reach", 0.4, 1.0),
        step=_number(document, "space", "step", 4, 16),
        corner=_number(document, "corner", "kiosk", 0, 40),
        shadow_opacity=_number(document, "shadow", "opacity", 0, 0.5),
        quick=round(_number(document, "motion", "quick", 0, 1000)),
        calm=round(_number(document, "motion", "calm", 0, 1000)),
        reduced_motion=_switch(document, "motion", "reduced"),
    )


# --- reading fields ----------------------------------------------------------------------------------------------------------


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table: Any = document
    for part in name.split("."):
        table = table.get(part) if isinstance(table, Mapping) else None
    if not isinstance(table, Mapping):
        raise ThemeError(f"[{name}]", "this table is missing")
    return table


def _field(document: Mapping[str, Any], table: str, name: str) -> tuple[str, Any]:
    fields = _table(document, table)
    label = f"{table}.{name}"
    if name not in fields:
        raise ThemeError(label, "is missing")
    return label, fields[name]


def _number(document: Mapping[str, Any], table: str, name: str, low: float, high: float) -> float:
    label, value = _field(document, table, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ThemeError(label, f"must be a number from {low:g} to {high:g}, but is {value!r}")
    return float(value)


def _switch(document: Mapping[str, Any], table: str, name: str) -> bool:
    label, value = _field(document, table, name)
    if not isinstance(value, bool):
        raise ThemeError(label, f"must be true or false, but is {value!r}")
    return value


def _font(document: Mapping[str, Any], name: str, folder: Path, *, look: bool) -> Path:
    label, value = _field(document, "type", name)
    if not isinstance(value, str):
        raise ThemeError(label, f"must be the path of a font file, but is {value!r}")
    path = folder / value
    if not look:
        return path
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ThemeError(label, f"the font {value!r} cannot be read ({error.strerror})") from error
    if magic not in fontfile.KINDS:
        raise ThemeError(label, f"{value!r} is not a TrueType or OpenType font")
    return path


def colour(label: str, value: object) -> Rgb:
    """`#RRGGBB` as red, green, blue from 0 to 1. Raises ThemeError naming `label`."""
    try:
        return rgb(value if isinstance(value, str) else "")
    except ValueError:
        raise ThemeError(label, f'must be a colour such as "#1A5490", but is {value!r}') from None


def _palette(document: Mapping[str, Any], name: str) -> Palette:
    table = f"palette.{name}"
    one = {field: colour(*_field(document, table, field)) for field in PLAIN_COLOURS}
    label, scale = _field(document, table, "scale")
    if not isinstance(scale, list) or len(scale) != 5:
        raise ThemeError(label, "must list five colours, worst to best")
    first, second, third, fourth, fifth = (colour(f"{label}[{place}]", value) for place, value in enumerate(scale))
    palette = Palette(**one, scale=(first, second, third, fourth, fifth))
    for text in ("ink", "quiet"):
        for ground in ("paper", "surface", "pressed") if text == "ink" else ("paper", "surface"):
            _demand(f"{table}.{text}", one[text], f"{table}.{ground}", one[ground], TEXT_CONTRAST)
    _demand_of_accent(f"{table}.accent", one["accent"], table, one["paper"], one["surface"])
    _demand(f"{table}.edge", one["edge"], f"{table}.paper", one["paper"], SHAPE_CONTRAST)
    for place, fill in enumerate(palette.scale):
        _demand(f"{table}.scale[{place}]", fill, "the eyes and mouth on it", palette.mark_on(fill), MARK_CONTRAST)
    return palette


def _demand_of_accent(label: str, accent: Rgb, table: str, paper: Rgb, surface: Rgb) -> None:
    """An accent is written with: it stands out as text does."""
    for name, ground in (("paper", paper), ("surface", surface)):
        _demand(label, accent, f"{table}.{name}", ground, TEXT_CONTRAST)


def _demand(label: str, one: Rgb, against: str, other: Rgb, least: float) -> None:
    ratio = contrast(one, other)
    if ratio < least:
        raise ThemeError(label, f"stands out only {ratio:.1f}:1 against {against}; it must be {least:g}:1 or more")


PLAIN_COLOURS: Final = ("paper", "surface", "pressed", "ink", "quiet", "line", "edge", "accent")

BUILT_IN: Final[Mapping[str, Any]] = {
    "palette": {
        "light": {
            "paper": "#FBFAF7",
            "surface": "#FFFFFF",
            "pressed": "#E9EEF3",
            "ink": "#14202B",
            "quiet": "#46525E",
            "line": "#D9DEE3",
            "edge": "#7B8794",
            "accent": "#1A5490",
            "scale": ["#9C4A0A", "#DB8A3C", "#AEB6BF", "#5F9AD6", "#1B5494"],
        },
        "dark": {
            "paper": "#10171E",
            "surface": "#18222C",
            "pressed": "#26333F",
            "ink": "#EEF2F5",
            "quiet": "#C3CCD4",
            "line": "#2C3843",
            "edge": "#7F8C98",
            "accent": "#9CC4EE",
            "scale": ["#C4682A", "#E6A05C", "#BEC6CE", "#7DB0E4", "#4A86C8"],
        },
        "contrast": {
            "paper": "#FFFFFF",
            "surface": "#FFFFFF",
            "pressed": "#D5DEE8",
            "ink": "#000000",
            "quiet": "#000000",
            "line": "#000000",
            "edge": "#000000",
            "accent": "#00306B",
            "scale": ["#8A3D00", "#E59A4F", "#C2C8CE", "#6FA8E0", "#0F4580"],
        },
    },
    "type": {
        "regular": "fonts/SourceSans3-Regular.ttf",
        "semibold": "fonts/SourceSans3-SemiBold.ttf",
        "ratio": 1.25,
        "kiosk_base": 28,
        "kiosk_least": 20,
        "large_text": 1.5,
    },
    "access": {"reach": 0.7},
    "space": {"step": 8},
    "corner": {"kiosk": 12},
    "shadow": {"opacity": 0.10},
    "motion": {"quick": 120, "calm": 200, "reduced": False},
}
