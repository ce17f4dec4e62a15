"""Scenes become pictures, touches become the visit's events. With the real visit behind, and no window."""

from collections.abc import Iterator
from typing import Any

import pytest

from kiosk.core.alarms import Alarms
from kiosk.core.conductor import Conductor
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Phase, Rules, Scene
from kiosk.screen.picture import Face, Icon, Panel, Picture, Qr, Text
from kiosk.screen.presenter import Presenter
from kiosk.screen.theme import Palette, Theme
from kiosk.texts import Texts
from tests.kiosk.exit import HandCard, HandClock, HandLoop
from wire.envelopes import Option, Questionnaire
from wire.events import Answer, Left, Retract
from workbench.sheets import COURT, URL, items


class Exit:
    """The screen of one exit: touch its controls by name, look at its pictures."""

    def __init__(self, theme: Theme, ruler: Any, *, url: str | None = URL, grace_ms: int = 0) -> None:
        self.clock = HandClock()
        self.loop = HandLoop(self.clock)
        self.card = HandCard(by_itself=False)
        self.pictures: list[tuple[Picture, Palette]] = []
        self.complaints: list[str] = []
        self.presenter = Presenter(
            size=(800, 480),
            theme=theme,
            palette=theme.light,
            texts=Texts(("uk", "en"), self.complaints.append),
            measure=ruler,
            clock=self.clock,
            draw=lambda picture, palette: self.pictures.append((picture, palette)),
            grace_ms=grace_ms,
        )
        questionnaire = Questionnaire(1, "exit", list(items()))
        around = Surroundings(court=COURT, languages=("uk", "en"), language="uk", public_url=url, items=items())
        self.presenter.configure(around)
        rules = Rules(questionnaire, ("uk", "en"), "uk")
        self.conductor = Conductor(
            rules, clock=self.clock, loop=self.loop, alarms=Alarms(self.loop), recorder=self.card, screens=[self.presenter]
        )
        self.presenter.connect(self.conductor.handle)
        self.conductor.start()

    @property
    def picture(self) -> Picture:
        return self.pictures[-1][0]

    @property
    def texts(self) -> list[str]:
        return [" ".join(mark.lines) for mark in self.picture.marks if isinstance(mark, Text)]

    def touch(self, control: str) -> None:
        box = next(each.box for each in self.picture.controls if each.key == control)
        self.touch_at(box.x + box.w // 2, box.y + box.h // 2)

    def touch_at(self, x: float, y: float, *, after_ms: int = 1_000) -> None:
        self.clock.now += after_ms
        self.presenter.touched(self.clock.now, x, y, self.clock.stamp())
        self.presenter.lifted(self.clock.now)

    def settle(self, stored: bool = True) -> None:
        while self.card.waiting:
            self.card.settle(stored)
        self.loop.run()


@pytest.fixture
def screen(theme: Theme, ruler: Any) -> Iterator[Exit]:
    made = Exit(theme, ruler)
    yield made
    assert made.complaints == []


def test_the_first_picture_asks_and_shows_five_faces(screen: Exit) -> None:
    assert screen.picture.scene == "welcome"
    assert "Як пройшов ваш візит до суду?" in screen.texts
    assert [mark.point for mark in screen.picture.marks if isinstance(mark, Face)] == [1, 2, 3, 4, 5]
    assert "Анонімно: без камери й без імен" in screen.texts
    assert {"Українська", "English"} <= set(screen.texts)


def test_the_pressed_look_comes_before_the_commit_and_thanks_only_after_it(screen: Exit) -> None:
    screen.touch("answer:4")
    assert (screen.picture.scene, screen.picture.pressed) == ("welcome", "answer:4")
    assert not any("Дякуємо" in text for text in screen.texts)
    screen.settle()
    assert screen.picture.scene == "follow-up"
    assert "Дякуємо! Вашу відповідь збережено." in screen.texts
    assert [mark.point for mark in screen.picture.marks if isinstance(mark, Face)] == [4]
    assert len([mark for mark in screen.picture.marks if isinstance(mark, Icon) and str(mark.control).startswith("answer")]) == 5


def test_a_failed_commit_says_not_recorded_and_never_thanks(screen: Exit) -> None:
    screen.touch("answer:4")
    screen.settle(stored=False)
    assert screen.picture.scene == "not-recorded"
    assert "Не вдалося зберегти відповідь. Спробуйте ще раз." in screen.texts
    screen.touch("done")
    assert screen.picture.scene == "welcome"


def test_a_reason_leads_to_the_thank_you_with_code_and_undo(screen: Exit) -> None:
    screen.touch("answer:2")
    screen.settle()
    screen.touch("answer:5")
    assert screen.picture.pressed == "answer:5"
    screen.settle()
    assert screen.picture.scene == "thanks"
    assert any(isinstance(mark, Qr) for mark in screen.picture.marks)
    screen.touch("undo")
    assert screen.picture.pressed == "undo"
    screen.settle()
    assert screen.picture.scene == "welcome"
    assert [type(row) for row in screen.card.rows] == [Answer, Answer, Retract, Retract]


def test_skip_is_as_plain_as_an_answer(screen: Exit) -> None:
    screen.touch("answer:2")
    screen.settle()
    screen.touch("skip")
    screen.settle()
    assert screen.picture.scene == "thanks"
    assert [type(row) for row in screen.card.rows] == [Answer, Left]


def test_the_thank_you_can_be_touched_away(screen: Exit) -> None:
    screen.touch("answer:2")
    screen.settle()
    screen.touch("skip")
    screen.touch_at(5, 200)
    assert screen.picture.scene == "welcome"


def test_another_language_holds_for_one_visit(screen: Exit) -> None:
    screen.touch("language:en")
    assert "How was your visit to the court?" in screen.texts
    assert screen.picture.language == "en"
    screen.touch("answer:5")
    screen.settle()
    assert "What mattered most?" in screen.texts
    screen.touch("skip")
    screen.settle()
    screen.touch("done")
    assert "Як пройшов ваш візит до суду?" in screen.texts
    assert {row.language for row in screen.card.rows if isinstance(row, Answer)} == {"en"}


def test_the_language_in_force_needs_no_touch(screen: Exit) -> None:
    assert "language:uk" not in [control.key for control in screen.picture.controls]


def test_larger_text_and_contrast_last_as_long_as_somebody_is_there(screen: Exit, theme: Theme) -> None:
    usual = max(mark.size for mark in screen.picture.marks if isinstance(mark, Text))
    screen.touch("larger")
    assert screen.picture.large
    assert screen.pictures[-1][1] == theme.contrast
    assert max(mark.size for mark in screen.picture.marks if isinstance(mark, Text)) > usual
    screen.touch("answer:3")
    screen.settle()
    assert screen.picture.large
    screen.touch("skip")
    screen.settle()
    screen.touch("done")
    assert not screen.picture.large
    assert screen.pictures[-1][1] == theme.light


def test_larger_text_goes_when_whoever_asked_for_it_walks_away(screen: Exit) -> None:
    screen.touch("larger")
    screen.clock.now += 60_000
    screen.loop.run()
    assert not screen.picture.large


def test_a_touch_beside_everything_says_somebody_is_still_there(screen: Exit) -> None:
    screen.touch("answer:3")
    screen.settle()
    screen.clock.now += 29_000
    screen.touch_at(400, 2, after_ms=0)
    screen.clock.now += 29_000
    screen.loop.run()
    assert screen.picture.scene == "follow-up"
    screen.clock.now += 2_000
    screen.loop.run()
    assert screen.picture.scene == "welcome"


def test_a_touch_beside_everything_on_the_first_screen_is_nothing(screen: Exit) -> None:
    shown = len(screen.pictures)
    screen.touch_at(400, 2)
    assert len(screen.pictures) == shown
    assert screen.card.waiting == []


def test_the_same_touch_twice_is_one_answer(screen: Exit) -> None:
    screen.touch("answer:3")
    screen.settle()
    face = screen.picture
    screen.touch_at(400, 250, after_ms=40)
    screen.settle()
    assert screen.picture == face
    assert len(screen.card.rows) == 1


def test_touches_in_the_first_moments_are_ghosts(theme: Theme, ruler: Any) -> None:
    screen = Exit(theme, ruler, grace_ms=2_000)
    screen.touch_at(400, 250, after_ms=1_999)
    assert screen.card.waiting == []
    screen.touch_at(400, 250, after_ms=500)
    assert len(screen.card.waiting) == 1


def test_an_answer_carries_the_moment_of_its_touch(screen: Exit) -> None:
    screen.touch("answer:1")
    touched_at = screen.clock.now
    screen.clock.now += 700
    screen.settle()
    [answer] = screen.card.rows
    assert isinstance(answer, Answer)
    assert answer.visit == touched_at


def test_no_code_is_drawn_where_there_is_no_page_to_open(theme: Theme, ruler: Any) -> None:
    screen = Exit(theme, ruler, url=None)
    screen.touch("answer:2")
    screen.settle()
    screen.touch("skip")
    screen.settle()
    assert screen.picture.scene == "thanks"
    assert not any(isinstance(mark, Qr) for mark in screen.picture.marks)


def test_the_undo_bar_drains_to_the_end_of_the_thank_you(screen: Exit) -> None:
    screen.touch("answer:2")
    screen.settle()
    screen.touch("skip")
    screen.settle()
    drain = next(mark for mark in screen.picture.marks if hasattr(mark, "since"))
    assert (drain.since, drain.deadline) == (screen.clock.now, screen.clock.now + 12_000)


def test_out_of_order_names_the_device_and_asks_nothing(screen: Exit) -> None:
    screen.presenter.configure(Surroundings(court=COURT, languages=("uk",), language="uk", number="17"))
    screen.presenter.show(Scene(Phase.OUT_OF_ORDER, "uk", None, None, None, None, False, 0, None))
    assert {"Пристрій тимчасово не працює.", "№ 17"} <= set(screen.texts)
    assert [control.key for control in screen.picture.controls] == ["larger"]


def test_everything_that_may_come_next_can_be_drawn_beforehand(screen: Exit) -> None:
    likely = list(screen.presenter.likely())
    assert {picture.scene for picture, _ in likely} == {"welcome", "follow-up", "thanks", "not-recorded"}
    assert {picture.language for picture, _ in likely} == {"uk", "en"}


def test_options_without_drawings_are_tiles_with_words(screen: Exit) -> None:
    first = items()[0]
    plain = [Option(value, {"uk": f"Варіант {value}"}) for value in range(11)]
    item = type(first)(first.key, "scale", "zero-to-ten", first.text, plain)
    screen.presenter.show(Scene(Phase.WELCOME, "uk", item, None, None, None, False, 0, None))
    tiles = [mark for mark in screen.picture.marks if isinstance(mark, Panel) and str(mark.control).startswith("answer")]
    assert len(tiles) == 11
    assert "Варіант 10" in screen.texts
