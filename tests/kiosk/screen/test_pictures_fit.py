"""Every screen, in every language, size and mode: nothing is cut off, nothing overlaps, everything can be hit. By measuring."""

from itertools import combinations
from typing import Any

import pytest

from kiosk.screen.picture import Box, Face, Icon, Panel, Picture, Qr, Text
from kiosk.screen.theme import Theme
from workbench.sheets import LANGUAGES, SIZES, Shot, shots

LEAST_TARGET = 60
"""Pixels at 800×480; 12 mm on a panel of 7 inches. The faces are far larger."""


def every_shot(theme: Theme, ruler: Any, size: tuple[int, int]) -> list[Shot]:
    def refuse(sentence: str) -> None:
        raise AssertionError(sentence)

    return list(shots(theme, ruler, sizes=[size], report=refuse))


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def gallery(request: pytest.FixtureRequest, theme: Theme, ruler: Any) -> list[Shot]:
    return every_shot(theme, ruler, request.param)


def unit(picture: Picture) -> float:
    short, long = sorted(picture.size)
    return min(short / 480, long / 800)


def ink(mark: object) -> Box | None:
    """What a mark fills and nothing else may touch. Lines of text are set with air above and below, which may touch."""
    if isinstance(mark, Text):
        air = round(mark.lead * 0.12)
        return mark.box.inset(0, air)
    return mark.box if isinstance(mark, Face | Icon | Qr) else None


def test_there_are_pictures_of_all_of_it(gallery: list[Shot]) -> None:
    assert {shot.picture.scene for shot in gallery} == {"welcome", "follow-up", "thanks", "not-recorded", "out-of-order"}
    assert {shot.language for shot in gallery} == set(LANGUAGES)
    assert {shot.mode for shot in gallery} == {"usual", "large", "dark"}
    assert any(shot.picture.large for shot in gallery)


def test_every_text_fits_its_room_and_the_screen(gallery: list[Shot], ruler: Any) -> None:
    for shot in gallery:
        screen = Box(0, 0, *shot.size)
        for mark in shot.picture.marks:
            if isinstance(mark, Text):
                assert mark.room.holds(mark.box), (shot.name, mark.lines, mark.room, mark.box)
                assert screen.holds(mark.box), (shot.name, mark.lines)
                for line in mark.lines:
                    assert ruler(line, mark.size, mark.bold) <= mark.box.w, (shot.name, line)


def test_no_text_is_smaller_than_the_theme_allows(gallery: list[Shot], theme: Theme) -> None:
    for shot in gallery:
        least = theme.least * unit(shot.picture) * (1.2 if shot.mode == "large" else 1.0)
        for mark in shot.picture.marks:
            if isinstance(mark, Text):
                assert mark.size >= least - 1, (shot.name, mark.lines, mark.size, least)


def test_nothing_that_carries_meaning_overlaps(gallery: list[Shot]) -> None:
    for shot in gallery:
        filled = [(mark, box) for mark in shot.picture.marks if (box := ink(mark)) is not None]
        for (one, box), (other, its) in combinations(filled, 2):
            assert not box.overlaps(its), (shot.name, one, other)


def test_tiles_and_buttons_hold_their_words_and_no_others(gallery: list[Shot]) -> None:
    for shot in gallery:
        panels = [mark for mark in shot.picture.marks if isinstance(mark, Panel) and mark.box.h > 20]
        for panel, other in combinations(panels, 2):
            assert not panel.box.overlaps(other.box), (shot.name, panel, other)
        for panel in panels:
            for mark in shot.picture.marks:
                if isinstance(mark, Text | Icon | Face):
                    box = ink(mark)
                    assert box is not None
                    inside = panel.box.holds(box) and mark.control == panel.control
                    assert inside or not panel.box.overlaps(box), (shot.name, panel, mark)


def test_controls_are_large_enough_and_apart(gallery: list[Shot]) -> None:
    for shot in gallery:
        screen = Box(0, 0, *shot.size)
        parts = [control for control in shot.picture.controls if control.key != "done"]
        for control in parts:
            assert screen.holds(control.box), (shot.name, control)
            if not control.key.startswith("answer"):
                assert min(control.box.w, control.box.h) >= LEAST_TARGET * unit(shot.picture) - 1, (shot.name, control)
        for one, other in combinations(parts, 2):
            assert not one.box.overlaps(other.box), (shot.name, one, other)


def test_each_face_has_a_sixth_of_the_width_or_a_row_of_its_own(gallery: list[Shot]) -> None:
    for shot in gallery:
        if shot.picture.scene == "welcome":
            faces = [control.box for control in shot.picture.controls if control.key.startswith("answer")]
            assert len(faces) == 5
            assert all(box.w * 6 >= shot.size[0] for box in faces), shot.name


def test_what_is_seen_of_a_control_lies_where_it_can_be_touched(gallery: list[Shot]) -> None:
    for shot in gallery:
        reach = {control.key: control.box for control in shot.picture.controls}
        for mark in shot.picture.marks:
            key = getattr(mark, "control", None)
            if key in reach:
                middle = mark.box.centred(2, 2)
                assert reach[key].holds(middle), (shot.name, key)


def test_large_mode_makes_text_larger(theme: Theme, ruler: Any) -> None:
    def questions(mode: str) -> dict[str, int]:
        return {
            shot.language + shot.scene: max(mark.size for mark in shot.picture.marks if isinstance(mark, Text))
            for shot in every_shot(theme, ruler, (1280, 800))
            if shot.mode == mode and shot.scene == "welcome"
        }

    usual, large = questions("usual"), questions("large")
    assert all(large[name] > size for name, size in usual.items())
