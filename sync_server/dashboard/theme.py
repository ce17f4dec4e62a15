"""Compiles the tokens of `assets/theme.toml` to CSS variables and to the one Vega theme. Nothing else names a colour.

Paper gets the light palette whatever the screen has, and who asks the browser for more contrast gets the contrast palette.
"""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from django.conf import settings
from django.templatetags.static import static

from wire.colour import TEXT_CONTRAST, Colour, contrast, rgb

STEPS: Final = range(6)
"""Sizes of the type scale that pages use, as powers of its ratio."""
MOTION_LIMIT: Final = 1000
"""No movement lasts longer, in ms."""


class ThemeError(Exception):
    """The theme cannot be used. The text names the table, the field and the reason."""


class Palette(msgspec.Struct, frozen=True):
    """One set of colours; `scale` goes from worst to best."""

    paper: Colour
    surface: Colour
    pressed: Colour
    ink: Colour
    quiet: Colour
    line: Colour
    edge: Colour
    accent: Colour
    scale: Annotated[list[Colour], msgspec.Meta(min_length=5, max_length=5)]


class Palettes(msgspec.Struct, frozen=True):
    light: Palette
    dark: Palette
    contrast: Palette


class Type(msgspec.Struct, frozen=True):
    """One family; `page_base` in px, `page_line` in text sizes, `ratio` from one size to the next."""

    family: str
    ratio: Annotated[float, msgspec.Meta(gt=1, le=2)]
    page_base: Annotated[int, msgspec.Meta(ge=12, le=24)]
    page_line: Annotated[float, msgspec.Meta(ge=1.2, le=2)]


class Space(msgspec.Struct, frozen=True):
    step: Annotated[int, msgspec.Meta(ge=2, le=32)]


class Corner(msgspec.Struct, frozen=True):
    page: Annotated[int, msgspec.Meta(ge=0, le=32)]


class Motion(msgspec.Struct, frozen=True):
    quick: Annotated[int, msgspec.Meta(ge=0, le=MOTION_LIMIT)]
    calm: Annotated[int, msgspec.Meta(ge=0, le=MOTION_LIMIT)]


class Tokens(msgspec.Struct, frozen=True):
    """What pages read of the theme file; the kiosk reads more."""

    palette: Palettes
    type: Type
    space: Space
    corner: Corner
    motion: Motion


@dataclass(frozen=True, slots=True)
class Theme:
    """The compiled theme; `version` changes when anything in it does."""

    css: str
    vega: dict[str, Any]
    version: str


@lru_cache(maxsize=1)
def theme() -> Theme:
    """The installation's theme, compiled once for this process. Raises `ThemeError`."""
    tokens = read(settings.ASSETS / "theme.toml")
    css = compile_css(tokens, font_address=static)
    return Theme(css, compile_vega(tokens), sha256(css.encode()).hexdigest()[:10])


def read(path: Path) -> Tokens:
    """The tokens in `path`, whole and legible. Raises `ThemeError`."""
    try:
        tokens = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Tokens)
    except OSError as error:
        raise ThemeError(f"{path.name} cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ThemeError(f"{path.name} is not TOML: {error}.") from error
    except msgspec.ValidationError as error:
        raise ThemeError(f"{path.name}: {error}.") from error
    for name in Palettes.__struct_fields__:
        palette: Palette = getattr(tokens.palette, name)
        for field in ("ink", "quiet", "accent"):
            reached = contrast(rgb(getattr(palette, field)), rgb(palette.paper))
            if reached < TEXT_CONTRAST:
                raise ThemeError(
                    f"{path.name}: palette.{name}.{field} has a contrast of {reached:.1f} to 1 on its paper; text needs 7 to 1."
                )
    return tokens


def compile_css(tokens: Tokens, *, font_address: Any) -> str:
    """Fonts and variables. `font_address` turns a static file's name into its address."""
    kind, motion = tokens.type, tokens.motion
    # Small print is half a step down: a whole one falls under 13 px.
    small = f"  --text-small: {kind.ratio**-0.5:.4f}rem;\n"
    sizes = small + "\n".join(f"  --text-{step}: {kind.ratio**step:.4f}rem;" for step in STEPS)
    fonts = "\n".join(
        _font_face(kind.family, weight, font_address(f"fonts/{kind.family.replace(' ', '')}-{cut}.woff2"))
        for weight, cut in ((400, "Regular"), (600, "SemiBold"))
    )
    return f"""/* Compiled from assets/theme.toml. */
{fonts}
:root {{
{_variables(tokens.palette.light)}
{sizes}
  --family: "{kind.family}", system-ui, sans-serif;
  --base: {kind.page_base}px;
  --leading: {kind.page_line};
  --space: {tokens.space.step}px;
  --corner: {tokens.corner.page}px;
  --quick: {motion.quick}ms;
  --calm: {motion.calm}ms;
}}
@media screen and (prefers-color-scheme: dark) {{
  :root {{
{_variables(tokens.palette.dark)}
  }}
}}
@media screen and (prefers-contrast: more) {{
  :root {{
{_variables(tokens.palette.contrast)}
  }}
}}
@media (prefers-reduced-motion: reduce) {{
  :root {{ --quick: 0ms; --calm: 0ms; }}
}}
"""


def _font_face(family: str, weight: int, address: str) -> str:
    return (
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; font-style: normal; font-display: swap; '
        f'src: url("{address}") format("woff2"); }}'
    )


def _variables(palette: Palette) -> str:
    plain = {name: getattr(palette, name) for name in ("paper", "surface", "pressed", "ink", "quiet", "line", "edge", "accent")}
    scale = {f"scale-{place}": colour for place, colour in enumerate(palette.scale, start=1)}
    # A number on a hue takes whichever of ink and paper reads better there.
    on_scale = {
        f"on-scale-{place}": max((palette.ink, palette.paper), key=lambda text: contrast(rgb(text), rgb(colour)))
        for place, colour in enumerate(palette.scale, start=1)
    }
    return "\n".join(f"  --{name}: {colour};" for name, colour in (plain | scale | on_scale | {"bar": palette.scale[3]}).items())


def compile_vega(tokens: Tokens) -> dict[str, Any]:
    """The Vega theme. Its colours are the CSS variables, so one chart serves light, dark and paper."""
    family = f"{tokens.type.family}, system-ui, sans-serif"
    return {
        "background": "transparent",
        "font": family,
        "padding": 0,
        "view": {"stroke": None},
        "axis": {
            "domain": False,
            "ticks": False,
            "grid": False,
            "gridColor": "var(--line)",
            "labelColor": "var(--quiet)",
            "labelFont": family,
            "labelFontSize": 13,
            "labelPadding": 8,
            "labelLimit": 400,
        },
        "axisX": {"domain": True, "domainColor": "var(--ink)"},
        "text": {"font": family, "fontSize": 14, "color": "var(--ink)"},
        "bar": {"cornerRadius": 0},
        "aria": False,
    }
