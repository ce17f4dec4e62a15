"""The tokens of the theme file reach the pages whole, and colours that cannot be read stop the server."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from sync_server.dashboard import theme
from sync_server.dashboard.theme import ThemeError
from wire.colour import contrast, rgb

FILE = settings.ASSETS / "theme.toml"
STYLES = settings.REPOSITORY / "sync_server" / "dashboard" / "static" / "dashboard" / "pages.css"


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "theme.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_every_variable_a_page_uses_is_one_the_theme_gives() -> None:
    given = set(re.findall(r"(--[\w-]+):", theme.theme().css))
    used = set(re.findall(r"var\((--[\w-]+)\)", STYLES.read_text() + str(theme.theme().vega)))
    charts = (settings.REPOSITORY / "sync_server" / "dashboard" / "charts.py").read_text()
    used |= set(re.findall(r"var\((--[\w-]+)\)", charts))
    assert used <= given
    assert {"--scale-1", "--on-scale-5"} <= given


def test_no_style_sheet_or_chart_names_a_colour_of_its_own() -> None:
    folder = settings.REPOSITORY / "sync_server" / "dashboard"
    for path in (STYLES, folder / "charts.py", folder / "static" / "dashboard" / "court.js"):
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsl", path.read_text()), path.name


def test_numbers_on_the_scale_can_be_read_in_every_palette() -> None:
    for block in re.findall(r"\{[^{}]*--scale-1[^{}]*\}", theme.theme().css):
        colours = dict(re.findall(r"--([\w-]+): (#\w{6});", block))
        for place in range(1, 6):
            assert contrast(rgb(colours[f"scale-{place}"]), rgb(colours[f"on-scale-{place}"])) >= 4.5


def test_paper_is_always_light() -> None:
    css = theme.theme().css
    assert re.findall(r"@media ([^{]+) \{\s*:root \{\s*--paper", css) == [
        "screen and (prefers-color-scheme: dark)",
        "screen and (prefers-contrast: more)",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('ink = "#14202B"', 'ink = "#9AA5B0"', r"palette\.light\.ink has a contrast"),
        ('accent = "#9CC4EE"', 'accent = "#1A5490"', r"palette\.dark\.accent has a contrast"),
        ('ink = "#14202B"', 'ink = "ink"', r"palette\.light\.ink"),
        ('paper = "#FBFAF7"', "paper = 7", r"palette\.light\.paper"),
        ("page_base = 16", "page_base = 4", r"type\.page_base"),
        ("[motion]", "[motion", "is not TOML"),
    ],
)
def test_a_theme_that_cannot_be_used_is_refused_by_field(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ThemeError, match=said):
        theme.read(changed(tmp_path, old, new))


def test_a_theme_that_is_gone_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ThemeError, match="cannot be read"):
        theme.read(tmp_path / "theme.toml")
