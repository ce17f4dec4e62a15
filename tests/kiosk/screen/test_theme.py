"""The theme file: what is in it, and what is refused."""

import copy
from pathlib import Path
from typing import Any

import pytest

from kiosk.screen import theme as themes
from kiosk.screen.theme import BUILT_IN, Theme, ThemeError
from wire.colour import TEXT_CONTRAST, contrast, rgb


def changed(**paths: Any) -> dict[str, Any]:
    """The built-in document with fields replaced: `type__ratio=9`."""
    document: dict[str, Any] = copy.deepcopy(dict(BUILT_IN))
    for path, value in paths.items():
        *tables, name = path.split("__")
        table = document
        for part in tables:
            table = table[part]
        table[name] = value
    return document


def broken(folder: Path) -> Path:
    """The shipped theme with a colour that is none."""
    text = (themes.ASSETS / "theme.toml").read_text(encoding="utf-8").replace('ink = "#14202B"', 'ink = "black"')
    (folder / "theme.toml").write_text(text, encoding="utf-8")
    return folder / "theme.toml"


def test_the_shipped_file_is_what_is_built_in(theme: Theme) -> None:
    assert theme == themes.default()


def test_contrast_is_as_the_standard_defines_it() -> None:
    black, white = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    assert contrast(black, white) == pytest.approx(21.0)
    assert contrast(white, black) == pytest.approx(21.0)
    grey = themes.colour("grey", "#767676")
    assert contrast(grey, white) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize(
    "change, field",
    [
        ({"palette__light__accent": "#5F9AD6"}, "palette.light.accent"),
        ({"palette__light__quiet": "#8A929A"}, "palette.light.quiet"),
        ({"palette__dark__ink": "#333333"}, "palette.dark.ink"),
        ({"palette__light__paper": "white"}, "palette.light.paper"),
        ({"palette__light__scale": ["#9C4A0A"] * 4}, "palette.light.scale"),
        ({"palette__light__scale": ["#9C4A0A", "#777777", "#AEB6BF", "#5F9AD6", "#1B5494"]}, "palette.light.scale[1]"),
        ({"type__ratio": 9}, "type.ratio"),
        ({"type__kiosk_base": "28"}, "type.kiosk_base"),
        ({"type__large_text": True}, "type.large_text"),
        ({"type__regular": "fonts/none.ttf"}, "type.regular"),
        ({"type__semibold": "theme.toml"}, "type.semibold"),
        ({"access__reach": 1.2}, "access.reach"),
        ({"motion__reduced": 1}, "motion.reduced"),
        ({"space": {}}, "space.step"),
        ({"corner": 12}, "[corner]"),
    ],
)
def test_what_cannot_be_used_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ThemeError) as refused:
        themes.parse(changed(**change), folder=themes.ASSETS)
    assert refused.value.field == field
    assert field in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"[palette", b"\xff\xfe", b"palette = 3\n"])
def test_a_broken_file_is_reported_and_the_built_in_look_is_used(tmp_path: Path, complaints: list[str], content: bytes) -> None:
    path = tmp_path / "theme.toml"
    path.write_bytes(content)
    assert themes.load_or_default(path, complaints.append) == themes.default()
    assert len(complaints) == 1
    assert complaints[0].startswith(f"{path}: ")


def test_a_theme_that_cannot_be_used_is_named_with_its_file_and_field(tmp_path: Path, complaints: list[str]) -> None:
    path = broken(tmp_path)
    assert themes.load_or_default(path, complaints.append) == themes.default()
    (said,) = complaints
    assert said.startswith(f"{path}: palette.light.ink: must be a colour")
    assert said.endswith(" The built-in look is used until this is mended.")
    with pytest.raises(ThemeError, match=str(path)):
        themes.load(path)


def test_a_missing_file_is_reported(tmp_path: Path, complaints: list[str]) -> None:
    assert themes.load_or_default(tmp_path / "none.toml", complaints.append) == themes.default()
    assert "cannot be read" in complaints[0]


def test_a_court_may_set_its_accent_if_it_can_be_read(theme: Theme) -> None:
    own = themes.accented(theme, "#6A1B4D")
    assert own.light.accent == rgb("#6A1B4D")
    assert own.contrast == theme.contrast, "the accessible mode stands out more"
    assert contrast(own.dark.accent, own.dark.paper) >= TEXT_CONTRAST
    assert contrast(own.dark.accent, own.dark.surface) >= TEXT_CONTRAST
    red, green, blue = own.dark.accent
    assert red > blue > green, "still the court's"
    for accent, why in (("#FFB6C1", "stands out only 1.6:1"), ("plum", "must be a colour")):
        with pytest.raises(ThemeError, match=why) as caught:
            themes.accented(theme, accent)
        assert caught.value.field == "screen.accent"


def test_features_of_every_face_stand_out(theme: Theme) -> None:
    for palette in (theme.light, theme.dark, theme.contrast):
        for fill in palette.scale:
            assert contrast(palette.mark_on(fill), fill) >= themes.MARK_CONTRAST


def test_a_missing_font_is_named_and_takes_nothing_else_of_the_theme_away(tmp_path: Path, complaints: list[str]) -> None:
    text = (themes.ASSETS / "theme.toml").read_text(encoding="utf-8").replace('ink = "#14202B"', 'ink = "#101010"')
    (tmp_path / "theme.toml").write_text(text, encoding="utf-8")  # the fonts it names are not beside it
    theme = themes.load_or_default(tmp_path / "theme.toml", complaints.append)
    assert theme.light.ink == themes.colour("ink", "#101010")
    assert (theme.regular, theme.semibold) == (themes.default().regular, themes.default().semibold)
    assert [field in said for field, said in zip(themes.FONTS, complaints, strict=True)] == [True, True]
    assert all(str(tmp_path / "theme.toml") in said and "Another font is used" in said for said in complaints)


def test_without_any_shipped_font_there_is_a_theme_all_the_same(
    tmp_path: Path, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = (themes.ASSETS / "theme.toml").read_text(encoding="utf-8")
    (tmp_path / "theme.toml").write_text(shipped, encoding="utf-8")
    monkeypatch.setattr(themes, "ASSETS", tmp_path)
    theme = themes.load_or_default(tmp_path / "theme.toml", complaints.append)
    assert theme.light == themes.default().light
    assert theme.regular == tmp_path / "fonts" / "SourceSans3-Regular.ttf"  # the painter finds out, and takes the toolkit's
    assert len(complaints) == 2
