"""Every screen, in every language, size and mode: nothing is cut off, nothing overlaps, everything can be hit. By measuring."""

from collections import defaultdict
from itertools import combinations
from typing import Any

import pytest

from kiosk.screen import theme as themes
from kiosk.screen.board import Glass, too_high
from kiosk.screen.picture import Box, Control, Crest, Drain, Face, Icon, Panel, Picture, Qr, Ring, Text
from kiosk.screen.theme import Theme
from tests.kiosk.screen.gallery import GLASSES, LANGUAGES, Shot, shots
from wire.colour import TEXT_CONTRAST, contrast
from workbench.gallery import STAFF_LINES

LEAST_TARGET_MM = 15.0
HIGHEST_MM = 1_200
"""Above the floor, for whoever sits: EN 301 549 allows 1220 mm."""

NAMES = {
    "uk": "Українська",
    "en": "English",
    "pl": "Polski",
    "ro": "Română",
    "hu": "Magyar",
    "bg": "Български",
    "crh": "Qırımtatarca",
}


@pytest.fixture(scope="module", params=GLASSES, ids=lambda glass: f"{glass.size[0]}x{glass.size[1]}")
def gallery(request: pytest.FixtureRequest, theme: Theme, ruler: Any) -> list[Shot]:
    def refuse(sentence: str) -> None:
        raise AssertionError(sentence)

    return list(shots(theme, ruler, request.param, report=refuse))


def unit(picture: Picture) -> float:
    short, long = sorted(picture.size)
    return min(short / 480, long / 800)


def parts(shot: Shot) -> list[Control]:
    """Its controls, but for the whole screen that leads back from a thank-you."""
    whole = Box(0, 0, *shot.glass.size)
    return [control for control in shot.picture.controls if control.box != whole]


def ink(mark: object) -> Box | None:
    """What a mark fills and nothing else may touch. Lines of text are set with air above and below, which may touch."""
    if isinstance(mark, Text):
        return mark.box.inset(0, round(mark.lead * 0.12))
    return mark.box if isinstance(mark, Face | Icon | Qr | Crest) else None


def words(mark: Text) -> str:
    return " ".join(mark.lines)


def test_there_are_pictures_of_all_of_it(gallery: list[Shot]) -> None:
    phases = {"welcome", "follow-up", "thanks", "not-recorded", "out-of-order", "closed", "cleaning"}
    assert {shot.picture.scene for shot in gallery} == phases
    assert {shot.language for shot in gallery} == set(LANGUAGES)
    assert {shot.picture.large for shot in gallery} == {True, False}


def test_every_text_fits_its_room_and_the_screen(gallery: list[Shot], ruler: Any) -> None:
    for shot in gallery:
        screen = Box(0, 0, *shot.glass.size)
        for mark in shot.picture.marks:
            if isinstance(mark, Text):
                assert mark.room.holds(mark.box), (shot.name, mark.lines, mark.room, mark.box)
                assert screen.holds(mark.box), (shot.name, mark.lines)
                for line in mark.lines:
                    assert ruler(line, mark.size, mark.bold) <= mark.box.w, (shot.name, line)


def test_what_staff_read_while_they_clean_is_broken_between_its_parts(gallery: list[Shot], ruler: Any) -> None:
    for shot in gallery:
        parts = STAFF_LINES.get(shot.language, STAFF_LINES["uk"]).split(" · ")
        found = [mark for mark in shot.picture.marks if isinstance(mark, Text) and any(part in words(mark) for part in parts)]
        assert (shot.scene == "cleaning") == bool(found), shot.name
        assert not found or " · ".join(words(mark) for mark in found) == " · ".join(parts), (shot.name, found)
        for mark in found:
            alone = words(mark) in parts and ruler(words(mark), mark.size, mark.bold) > mark.room.w
            assert len(mark.lines) == 1 or alone, (shot.name, mark.lines)


def test_no_text_is_smaller_than_the_theme_allows(gallery: list[Shot], theme: Theme) -> None:
    for shot in gallery:
        least = theme.least * unit(shot.picture) * (1.5 if shot.mode == "access" else 1.0)
        for mark in shot.picture.marks:
            if isinstance(mark, Text):
                assert mark.size >= least, (shot.name, mark.lines, mark.size, least)


def test_the_accessible_mode_sets_every_text_half_as_large_again(gallery: list[Shot]) -> None:
    sizes: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for shot in gallery:
        for mark in shot.picture.marks:
            if isinstance(mark, Text):
                sizes[shot.scene, shot.language, words(mark)][shot.mode] = mark.size
    both = {text: found for text, found in sizes.items() if len(found) == 2}
    assert len(both) > 100
    for text, found in both.items():
        assert found["access"] >= 1.5 * found["usual"] - 1, (text, found)  # sizes are whole pixels


def test_nothing_that_carries_meaning_overlaps(gallery: list[Shot]) -> None:
    for shot in gallery:
        filled = [(mark, box) for mark in shot.picture.marks if (box := ink(mark)) is not None]
        for (one, box), (other, its) in combinations(filled, 2):
            assert not box.overlaps(its), (shot.name, one, other)


def test_tiles_and_buttons_hold_their_words_and_no_others(gallery: list[Shot]) -> None:
    for shot in gallery:
        marks = shot.picture.marks
        drains = [mark.box for mark in marks if isinstance(mark, Drain)]
        panels = [
            mark for mark in marks if isinstance(mark, Panel) and mark.box.h > 20 * unit(shot.picture) and mark.box not in drains
        ]
        for panel, other in combinations(panels, 2):
            assert not panel.box.overlaps(other.box), (shot.name, panel, other)
        for panel in panels:
            for mark in marks:
                box = ink(mark)
                if box is not None and isinstance(mark, Text | Icon | Face):
                    inside = panel.box.holds(box) and mark.control == panel.control
                    assert inside or not panel.box.overlaps(box), (shot.name, panel, mark)


def test_every_tile_has_its_icon_in_every_language_and_mode(gallery: list[Shot]) -> None:
    """Who does not read the words well goes by the drawings, and no less so in the accessible mode."""
    for shot in gallery:
        if shot.scene.startswith("reason"):
            answers = {control.key for control in shot.picture.controls if control.key.startswith("answer")}
            icons = [mark for mark in shot.picture.marks if isinstance(mark, Icon) and mark.control in answers]
            assert {mark.control for mark in icons} == answers, shot.name
            assert min(mark.box.w for mark in icons) >= 24 * unit(shot.picture), shot.name


def test_targets_are_fifteen_millimetres_and_apart(gallery: list[Shot]) -> None:
    for shot in gallery:
        screen = Box(0, 0, *shot.glass.size)
        for control in parts(shot):
            assert screen.holds(control.box), (shot.name, control)
            assert min(control.box.w, control.box.h) >= LEAST_TARGET_MM * shot.glass.mm, (shot.name, control)
        for one, other in combinations(parts(shot), 2):
            assert not one.box.overlaps(other.box), (shot.name, one, other)


def test_each_face_has_a_sixth_of_the_width_or_a_row_of_its_own(gallery: list[Shot]) -> None:
    for shot in gallery:
        if shot.picture.scene == "welcome":
            faces = [control.box for control in shot.picture.controls if control.key.startswith("answer")]
            assert len(faces) == 5
            assert all(box.w * 6 >= shot.glass.size[0] for box in faces), shot.name


def test_how_loud_the_voice_is_stands_within_its_button_and_clear_of_its_word(gallery: list[Shot]) -> None:
    for shot in gallery:
        if shot.mode == "access":
            parts_of = [mark for mark in shot.picture.marks if getattr(mark, "control", None) == "louder"]
            button, *pips = [mark.box for mark in parts_of if isinstance(mark, Panel)]
            assert len(pips) == 5
            assert all(button.holds(pip) for pip in pips), (shot.name, button, pips)
            for mark in parts_of:
                assert not isinstance(mark, Text) or not any(mark.box.overlaps(pip) for pip in pips), shot.name


def test_languages_stand_in_their_own_names_in_the_accessible_mode_too_where_there_is_room(gallery: list[Shot]) -> None:
    """On a panel of 7 inches with all languages on offer there is none: targets of 15 mm and larger words leave it to signs."""
    if gallery[0].glass.diagonal < 10:
        return
    for shot in gallery:
        if shot.picture.scene != "cleaning":
            shown = {words(mark) for mark in shot.picture.marks if isinstance(mark, Text) and "language:" in (mark.control or "")}
            assert shown == {NAMES[code] for code in LANGUAGES if code != shot.language}, shot.name


def test_what_is_seen_of_a_control_lies_where_it_can_be_touched(gallery: list[Shot]) -> None:
    for shot in gallery:
        reach = {control.key: control.box for control in shot.picture.controls}
        for mark in shot.picture.marks:
            key = getattr(mark, "control", None)
            if key is not None and not isinstance(mark, Qr | Crest):
                assert reach[key].holds(mark.box), (shot.name, key, mark)


def test_the_accessible_mode_keeps_everything_within_reach(gallery: list[Shot], theme: Theme) -> None:
    for shot in gallery:
        if shot.mode == "access":
            height = shot.glass.size[1]
            for control in shot.picture.controls:
                assert control.box.y >= height * (1 - theme.reach) - 1, (shot.name, control)
                above_floor = shot.glass.mounting_mm + (height - control.box.y) / shot.glass.mm
                assert above_floor <= HIGHEST_MM + 1, (shot.name, control, above_floor)


def test_the_access_control_is_always_there_and_always_at_the_bottom_left(gallery: list[Shot]) -> None:
    for shot in gallery:
        if shot.picture.scene == "cleaning":
            assert shot.picture.controls == ()
            continue
        [access] = [control.box for control in shot.picture.controls if control.key == "access"]
        assert access.x <= shot.glass.size[0] * 0.05, shot.name
        assert access.y >= shot.glass.size[1] / 2, shot.name


def test_keys_go_through_the_controls_as_the_eye_does(gallery: list[Shot]) -> None:
    """Row by row, each from the left. Access keeps its corner and comes last, because it leads out."""
    for shot in gallery:
        if shot.mode == "access":
            seen = sorted(parts(shot), key=lambda control: (control.box.y, control.box.x))
            assert [control.key for control in seen if control.key != "access"] == list(shot.ring[:-1]), shot.name


def test_what_a_key_has_reached_is_framed(gallery: list[Shot]) -> None:
    for shot in gallery:
        rings = [mark for mark in shot.picture.marks if isinstance(mark, Ring)]
        if shot.mode == "usual":
            assert rings == []
            continue
        [ring] = rings
        assert ring.control == shot.picture.focus == shot.ring[len(shot.ring) // 3]
        assert ring.width >= 4
        for mark in shot.picture.marks:
            box = ink(mark)
            hole = ring.box.inset(ring.width, ring.width)
            assert box is None or hole.holds(box) or not ring.box.overlaps(box), (shot.name, mark)


@pytest.mark.parametrize("scene", ["welcome", "reason"])
def test_nothing_that_can_be_touched_moves_when_it_is_asked_whether_anybody_is_there(gallery: list[Shot], scene: str) -> None:
    def controls(name: str) -> dict[tuple[str, str], tuple[Control, ...]]:
        return {(shot.language, shot.mode): shot.picture.controls for shot in gallery if shot.scene == name}

    assert controls(scene) == controls(f"{scene}-leaving")


def test_nothing_moves_when_it_says_that_the_answer_is_taken_back(gallery: list[Shot]) -> None:
    def below(name: str) -> dict[tuple[str, str], list[object]]:
        return {
            (shot.language, shot.mode): [mark for mark in shot.picture.marks if getattr(mark, "control", None) is not None]
            for shot in gallery
            if shot.scene == name
        }

    assert below("welcome") == below("welcome-taken-back")


def test_every_tone_stands_out_from_its_ground(gallery: list[Shot], theme: Theme) -> None:
    """By the colours of all appearances: text 7:1, what marks the focus and the edge of controls 3:1."""
    pairs = {(mark.tone, ground(mark, shot.picture)) for shot in gallery for mark in shot.picture.marks if isinstance(mark, Text)}
    assert len(pairs) > 4
    for palette in (theme.light, theme.dark, theme.contrast):
        for tone, behind in pairs:
            assert contrast(getattr(palette, tone), getattr(palette, behind)) >= TEXT_CONTRAST, (tone, behind)
        assert contrast(palette.accent, palette.paper) >= themes.SHAPE_CONTRAST
        assert contrast(palette.edge, palette.paper) >= themes.SHAPE_CONTRAST


def ground(text: Text, picture: Picture) -> str:
    """The tone that stands behind `text` unless it is pressed."""
    behind = [mark for mark in picture.marks if isinstance(mark, Panel) and mark.box.holds(text.box)]
    return (behind[-1].fill or "paper") if behind else "paper"


def test_a_panel_hung_too_high_for_somebody_seated_is_named_with_the_height_that_would_do() -> None:
    assert all(too_high(glass) is None for glass in GLASSES)
    complaint = too_high(Glass((1080, 1920), 21.5, mounting_mm=1_100))
    assert complaint is not None
    assert "screen.mounting_mm" in complaint
    assert "962 mm or lower" in complaint
    assert too_high(Glass((1080, 1920), 21.5, mounting_mm=962)) is None
    assert too_high(Glass((800, 480), mounting_mm=1_190)) is not None


def test_a_device_hung_high_keeps_its_controls_in_the_lower_half(theme: Theme, ruler: Any) -> None:
    glass = Glass((1080, 1920), 21.5, mounting_mm=1_100)
    for shot in shots(theme, ruler, glass, languages=("uk", "en"), report=print):
        if shot.mode == "access":
            assert all(control.box.y >= 1920 / 2 - 1 for control in shot.picture.controls), shot.name


def test_a_crest_stands_beside_the_name_of_the_court(theme: Theme, ruler: Any) -> None:
    glass = Glass((800, 480), crest=0.8)
    seen = [shot for shot in shots(theme, ruler, glass, languages=("uk",), report=print) if shot.scene == "welcome"]
    for shot in seen:
        [crest] = [mark.box for mark in shot.picture.marks if isinstance(mark, Crest)]
        [name] = [mark.box for mark in shot.picture.marks if isinstance(mark, Text) and "Приозерський" in words(mark)]
        assert crest.right < name.x
        assert crest.y < name.bottom
        assert name.y < crest.bottom


def test_few_languages_stand_in_their_own_names(theme: Theme, ruler: Any) -> None:
    for shot in shots(theme, ruler, Glass((1280, 800), 10.1), languages=("uk", "en"), report=print):
        if shot.scene == "welcome":
            name = {"uk": "English", "en": "Українська"}[shot.language]
            assert name in [words(mark) for mark in shot.picture.marks if isinstance(mark, Text)]
