"""A visitor's minute, walked through on the real kiosk: real window, real touches, real visit, real ledger, and no network."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.conftest import Journey
from tests.support.display import Display
from tests.support.waiting import until
from wire.envelopes import Timings
from wire.events import Answer, Flag, Left, Retract

Start = Callable[..., Journey]
PATIENT = Timings(question=600_000, thanks=60_000, cooldown=0)
PAPER = (251, 250, 247)
BEST = (27, 84, 148)


def test_a_hurried_visitor_taps_once_and_walks_on(kiosk: Start) -> None:
    visit = kiosk(timings=Timings(question=3_000, thanks=2_000, cooldown=0))
    visit.touch("answer:5")
    saved = visit.shows("follow-up")
    assert "Дякуємо! Вашу відповідь збережено." in saved["texts"]
    visit.shows("welcome", pressed=None)  # nobody touches anything any more
    assert [(type(row), row.item) for row in visit.rows()] == [(Answer, "overall"), (Left, "reason")]


def test_the_pressed_look_is_shown_before_the_thanks(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT)
    visit.touch("answer:2")
    visit.shows("follow-up")
    scenes = [(picture["scene"], picture["pressed"]) for picture in visit.pictures]
    assert scenes == [("welcome", None), ("welcome", "answer:2"), ("follow-up", None)]


def test_a_tap_a_reason_and_the_thank_you(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT)
    visit.touch("answer:1")
    visit.shows("follow-up", pressed=None)
    visit.touch("answer:4")
    thanks = visit.shows("thanks")
    assert any("Дякуємо!" in text for text in thanks["texts"])
    assert "undo" in thanks["controls"]
    visit.touch_at(400, 100)
    visit.shows("welcome")
    answers = [row for row in visit.rows() if isinstance(row, Answer)]
    assert [(row.item, row.value, row.language) for row in answers] == [("overall", 1, "uk"), ("reason", 4, "uk")]


def test_whoever_pressed_the_wrong_face_takes_it_back(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT)
    visit.touch("answer:1")
    visit.shows("follow-up", pressed=None)
    visit.touch("undo")
    visit.shows("welcome", pressed=None)
    visit.touch("answer:5")
    visit.shows("follow-up", pressed=None)
    visit.touch("skip")
    visit.shows("thanks")
    visit.touch("undo")
    visit.shows("welcome", pressed=None)
    kinds = [(type(row), row.item) for row in visit.rows() if not isinstance(row, Left)]
    assert kinds == [(Answer, "overall"), (Retract, "overall"), (Answer, "overall"), (Retract, "overall")]


def test_the_language_is_switched_midway_and_is_the_court_s_own_for_the_next_visitor(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT)
    visit.touch("answer:4")
    visit.shows("follow-up", language="uk", pressed=None)
    visit.touch("language:en")
    english = visit.shows("follow-up", language="en")
    assert "What mattered most?" in english["texts"]
    visit.touch("answer:2")
    visit.shows("thanks", language="en")
    visit.touch("done")
    visit.shows("welcome", language="uk")
    answers = [(row.item, row.language) for row in visit.rows() if isinstance(row, Answer)]
    assert answers == [("overall", "uk"), ("reason", "en")]


def test_a_second_visitor_right_after_the_first_is_thanked_as_well(kiosk: Start) -> None:
    visit = kiosk(timings=Timings(question=600_000, thanks=60_000, cooldown=60_000))
    for value in (2, 5):
        visit.touch(f"answer:{value}")
        visit.shows("follow-up", pressed=None)
        visit.touch("skip")
        visit.shows("thanks")
        visit.touch("done")
        visit.shows("welcome", pressed=None)
    rows = visit.rows()
    assert [row.value for row in rows if isinstance(row, Answer)] == [2, 5]
    assert [row.reason for row in rows if isinstance(row, Flag)] == ["rapid"]


def test_a_bouncing_touch_counts_once(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT)
    x, y, w, h = visit.pictures[-1]["controls"]["answer:3"]
    visit.touch_at(x + w // 2, y + h // 2, times=3)
    visit.shows("follow-up", pressed=None)
    assert [type(row) for row in visit.rows()] == [Answer]


def test_an_answer_that_cannot_be_stored_is_not_thanked_for(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT)
    visit.touch("answer:3")
    visit.shows("follow-up", pressed=None)
    visit.touch("skip")
    visit.shows("thanks")
    visit.touch("done")
    visit.shows("welcome", pressed=None)
    before = len(visit.pictures)
    # No file of the kiosk may grow any more: what a full card does to the ledger, and the trace still fits.
    ledger = max(path.stat().st_size for path in visit.state.glob("ledger*.sqlite3*"))
    assert (visit.state / "trace.jsonl").stat().st_size + 20_000 < ledger
    _, hard = resource.prlimit(visit.pid, resource.RLIMIT_FSIZE, (ledger, resource.RLIM_INFINITY))
    visit.touch("answer:4")
    until(lambda: any(picture["scene"] in ("not-recorded", "out-of-order") for picture in visit.pictures[before:]), "it says so")
    assert not any("Дякуємо" in text for picture in visit.pictures[before:] for text in picture["texts"])
    resource.prlimit(visit.pid, resource.RLIMIT_FSIZE, (hard, hard))
    if visit.pictures[-1]["scene"] == "not-recorded":
        assert "Не вдалося зберегти відповідь. Спробуйте ще раз." in visit.pictures[-1]["texts"]
        visit.touch("done")
    visit.shows("welcome", pressed=None)
    visit.touch("answer:5")
    visit.shows("follow-up", pressed=None)
    assert [row.value for row in visit.rows() if isinstance(row, Answer)] == [3, 5]


def test_no_key_closes_the_screen(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT)
    for name in ("Escape", "F1", "F11", "alt+F4"):
        visit.key(name)
    visit.touch("answer:4")
    visit.shows("follow-up")


@pytest.mark.parametrize("size", [(800, 480), (1024, 600), (1280, 800)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_what_is_on_the_glass_is_what_the_kiosk_means_to_show(kiosk: Start, size: tuple[int, int]) -> None:
    visit = kiosk(timings=PATIENT, size=size)
    x, y, w, h = visit.pictures[-1]["controls"]["answer:5"]

    def blue_in_a_row() -> int:
        """Pixels of the best face's own blue in the middle row of its cell."""
        return sum(visit.colour_at(column, y + h // 3) == BEST for column in range(x, x + w, 2))

    until(lambda: blue_in_a_row() > w // 10, "the best face is blue on the display")
    assert visit.colour_at(size[0] // 2, 2) == PAPER
    visit.touch("answer:5")
    visit.shows("follow-up", pressed=None)
    until(lambda: blue_in_a_row() < 4, "the face has left its place")


def test_on_a_tall_screen_the_faces_stand_in_one_column(kiosk: Start, tmp_path: Path) -> None:
    folder = tmp_path / "tall"
    folder.mkdir()
    tall = Display(folder, width=1080, height=1920).start()
    try:
        visit = kiosk(timings=PATIENT, size=(1080, 1920), display=tall)
        faces = [box for key, box in visit.pictures[-1]["controls"].items() if key.startswith("answer")]
        assert len({x for x, _, _, _ in faces}) == 1
        visit.touch("answer:5")
        visit.shows("follow-up", pressed=None)
        assert [row.value for row in visit.rows() if isinstance(row, Answer)] == [5]
    finally:
        tall.stop()


def test_fullscreen_takes_the_whole_display(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT, more="fullscreen = true")
    visit.shows("welcome", size=[1280, 800])
    visit.touch("answer:2")
    visit.shows("follow-up", pressed=None)


def test_a_broken_theme_is_reported_and_does_not_stop_anything(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT, more='theme = "own.toml"', files={"own.toml": "[palette.light]\npaper = 'white'\n"})
    visit.touch("answer:2")
    visit.shows("follow-up", pressed=None)
    assert "palette.light.paper" in (visit.folder / "kiosk.log").read_text()


def test_it_writes_only_into_its_state_directory(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT)
    assert {path.name for path in visit.folder.iterdir()} == {"state", "kiosk.toml", "kiosk.log"}
    assert list((visit.state / "kivy").iterdir()) == []
    log = (visit.folder / "kiosk.log").read_text()
    assert "Traceback" not in log
    assert "[INFO" not in log
