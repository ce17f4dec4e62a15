"""The visitor's minute in all its turns, at a real window: what is asked in rotation, who walks away, who sits, who comes late."""

from collections.abc import Callable

from kiosk.texts import LANGUAGES
from tests.journeys.conftest import Journey
from wire.envelopes import Hours, Timings
from wire.events import Answer, Flag, Left
from workbench.gallery import bank

Start = Callable[..., Journey]
PATIENT = Timings(question=600_000, thanks=60_000, cooldown=0)
NEVER_OPEN = Hours("Europe/Kyiv", [[] for _ in range(7)])
STILL_THERE = "Still there? Touch the screen."
LOWER_PART = 0.3
"""Of the screen's height, above which somebody in a wheelchair need not reach."""


def test_everybody_is_asked_one_more_question_and_the_next_person_another(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT, rotation=bank()[:3])
    asked = []
    for number in range(3):
        if number == 2:
            visit.stop()
            visit.start_again()  # what has been asked is remembered over night
        visit.touch("answer:4")
        visit.shows("follow-up", pressed=None)
        visit.touch("answer:2")
        visit.until(lambda picture: "answer:-2" in picture["controls"], "the third question, which may not concern one")
        visit.touch("answer:-2" if number else "answer:5")
        visit.shows("thanks")
        visit.touch("done")
        visit.shows("welcome", pressed=None)
    asked = [(row.item, row.value) for row in visit.rows() if isinstance(row, Answer) and row.item not in ("overall", "reason")]
    assert asked == [(item.key, value) for item, value in zip(bank()[:3], (5, -2, -2), strict=True)]


def test_who_walks_away_is_asked_first_and_has_left_what_was_shown(kiosk: Start) -> None:
    visit = kiosk(timings=Timings(question=6_000, warning=3_000, thanks=2_000, cooldown=0))
    visit.touch("answer:4")
    asked = visit.says(STILL_THERE)
    assert asked["scene"] == "follow-up"
    assert "answer:1" in asked["controls"], "the question stays where it was, and can still be answered"
    visit.shows("welcome")
    assert [(type(row), row.item) for row in visit.rows()] == [(Answer, "overall"), (Left, "reason")]


def test_any_touch_keeps_the_question_there(kiosk: Start) -> None:
    visit = kiosk(timings=Timings(question=8_000, warning=4_000, thanks=2_000, cooldown=0))
    visit.touch("answer:4")
    visit.says(STILL_THERE)
    visit.touch_at(400, 90)  # no control
    words = visit.words(STILL_THERE)
    visit.until(lambda picture: words not in picture["texts"], "it is not asked any more")
    visit.says(STILL_THERE)  # time has begun anew
    visit.touch("answer:3")
    visit.shows("thanks")
    assert [(type(row), row.item) for row in visit.rows()] == [(Answer, "overall"), (Answer, "reason")]


def test_an_answer_can_be_taken_back_for_a_while_and_the_thanks_stay_longer(kiosk: Start) -> None:
    visit = kiosk(timings=Timings(question=600_000, thanks=30_000, undo=2_000, cooldown=0))
    visit.touch("answer:4")
    visit.shows("follow-up", pressed=None)
    visit.touch("skip")
    visit.until(lambda picture: picture["scene"] == "thanks" and "undo" in picture["controls"], "undo is offered")
    visit.until(
        lambda picture: picture["scene"] == "thanks" and "undo" not in picture["controls"], "undo is over, the thanks are not"
    )


def test_every_language_is_one_touch_away(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT, languages=LANGUAGES)
    for language in (*LANGUAGES[1:], LANGUAGES[0]):
        visit.touch(f"language:{language}")
        visit.shows("welcome", language=language)
    visit.touch("language:crh")
    visit.shows("welcome", language="crh")
    visit.touch("answer:5")
    visit.shows("follow-up", language="crh", pressed=None)
    assert [row.language for row in visit.rows()] == ["crh"]


def test_who_sits_reaches_everything_and_the_next_person_finds_the_usual_screen(kiosk: Start) -> None:
    visit = kiosk(timings=PATIENT, rotation=bank()[:1], languages=LANGUAGES)
    heights = {}
    visit.touch("access")
    visit.shows("welcome", large=True)
    for answer, scene in (("answer:2", "follow-up"), ("answer:5", "follow-up"), ("answer:4", "thanks"), ("done", "welcome")):
        picture, seen = visit.pictures[-1], len(visit.pictures)
        heights |= {(seen, key): box[1] for key, box in picture["controls"].items()}
        assert "access" in picture["controls"]
        visit.touch(answer)
        visit.until(lambda picture, seen=seen: len(visit.pictures) > seen and picture["pressed"] is None, f"{answer} leads on")
        visit.shows(scene)
    assert not visit.shows("welcome")["large"]
    too_high = {place: y for place, y in heights.items() if y < LOWER_PART * visit.size[1] - 1}
    assert too_high == {}
    assert [row.value for row in visit.rows() if isinstance(row, Answer)] == [2, 5, 4]


def test_the_accessible_mode_goes_when_nobody_is_there_any_more(kiosk: Start) -> None:
    visit = kiosk(timings=Timings(question=3_000, thanks=2_000, cooldown=0, aided=1))
    visit.touch("access")
    visit.shows("welcome", large=True)
    visit.shows("welcome", large=False)
    assert visit.rows() == []


def test_a_closed_court_s_screen_wakes_at_a_touch_and_rests_again(kiosk: Start) -> None:
    visit = kiosk(timings=Timings(question=3_000, thanks=2_000, cooldown=0), hours=NEVER_OPEN)
    visit.shows("closed")
    visit.says("The court is closed")
    visit.until(lambda picture: sum(visit.colour_at(400, 4)) < 3 * 128, "it is dark")
    visit.touch_at(400, 240)
    visit.shows("welcome")
    visit.touch("answer:5")
    visit.shows("follow-up", pressed=None)
    visit.shows("closed")
    rows = visit.rows()
    assert [row.value for row in rows if isinstance(row, Answer)] == [5]
    assert [row.reason for row in rows if isinstance(row, Flag)] == ["closed"]


def test_while_the_screen_is_wiped_nothing_is_an_answer(kiosk: Start) -> None:
    visit = kiosk(timings=Timings(question=600_000, thanks=60_000, cooldown=0, cleaning=5_000))
    face = visit.pictures[-1]["controls"]["answer:3"]
    visit.hold_at(12, 12, seconds=5.3)
    wiped = visit.shows("cleaning")
    assert not any(key.startswith("answer") for key in wiped["controls"])
    visit.hammer([(face[0] + face[2] // 2, face[1] + 10 * number) for number in range(1, 9)])
    visit.shows("welcome")
    assert visit.rows() == []
