"""A damaged font is noticed before anything is drawn with it, and another one stands in."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from kiosk.screen import fontfile
from kiosk.screen.settings import ScreenSettings
from kiosk.screen.theme import ASSETS, Theme
from kiosk.screen.toolkit import prepare

FONT = ASSETS / "fonts" / "SourceSans3-SemiBold.ttf"
WHOLE = FONT.read_bytes()
BEHIND_THE_HEAD = (60_000, 150_000, 300_000, 380_000)
CUTS = (0, 3, 12, 100, 4_000, *range(10_000, len(WHOLE), 12_007), *BEHIND_THE_HEAD, len(WHOLE) - 5)


def damaged(content: bytes, folder: Path) -> Path:
    path = folder / "damaged.ttf"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["SourceSans3-Regular.ttf", "SourceSans3-SemiBold.ttf"])
def test_the_shipped_fonts_are_whole(name: str) -> None:
    fontfile.check(ASSETS / "fonts" / name)


@pytest.mark.parametrize("length", CUTS)
def test_a_font_cut_anywhere_is_noticed(length: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cut off|missing"):
        fontfile.check(damaged(WHOLE[:length], tmp_path))


@pytest.mark.parametrize("length", [length for length in CUTS if length < len(WHOLE) - 5])
def test_a_font_with_an_emptied_tail_is_noticed(length: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"damaged|missing|not a TrueType|cut off"):
        fontfile.check(damaged(WHOLE[:length] + bytes(len(WHOLE) - length), tmp_path))


def test_a_byte_turned_in_any_table_is_noticed_and_the_table_named(tmp_path: Path) -> None:
    count = struct.unpack_from(">H", WHOLE, 4)[0]
    for place in range(count):
        tag, _, offset, length = struct.unpack_from(">4sIII", WHOLE, 12 + 16 * place)
        for at in (offset, offset + length // 2, offset + length - 1):
            content = WHOLE[:at] + bytes([WHOLE[at] ^ 0xFF]) + WHOLE[at + 1 :]
            with pytest.raises(ValueError, match=f"its table {tag.decode().strip()} is damaged"):
                fontfile.check(damaged(content, tmp_path))


@pytest.mark.parametrize("length", BEHIND_THE_HEAD)
def test_letters_are_drawn_though_their_font_is_damaged_behind_its_head(
    length: int, tmp_path: Path, theme: Theme, complaints: list[str]
) -> None:
    """Such a font opens without an error and measures widths; all its letters are blank."""
    prepare(ScreenSettings(state_dir=tmp_path))
    from kiosk.screen.ruler import Ruler

    ruler = Ruler(replace(theme, semibold=damaged(WHOLE[:length], tmp_path)), complaints.append)
    assert ruler.label("Суд", 28, True).options["font_name"] == str(FONT)
    assert ruler("Суд", 28, True) > 0
    assert len(complaints) == 1
    assert "damaged.ttf" in complaints[0]
    assert "cut off" in complaints[0]


def test_without_any_whole_font_the_toolkit_s_own_is_used_and_each_file_is_named(
    tmp_path: Path, theme: Theme, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(ScreenSettings(state_dir=tmp_path))
    from kiosk.screen import ruler as rulers

    shipped = replace(theme, regular=tmp_path / "gone.ttf", semibold=damaged(WHOLE[:150_000], tmp_path))
    monkeypatch.setattr(rulers, "default", lambda: shipped)
    ruler = rulers.Ruler(shipped, complaints.append)
    assert [Path(ruler.label("Суд", 28, bold).options["font_name"]).name for bold in (False, True)] == list(rulers.SPARE)
    assert [name in said for name, said in zip(("gone.ttf", "damaged.ttf"), complaints, strict=True)] == [True, True]
