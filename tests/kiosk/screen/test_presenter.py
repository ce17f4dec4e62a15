"""Scenes become pictures, touches become the visit's events. With the real visit behind, and no window."""

from collections.abc import Iterator
from typing import Any

import pytest

from kiosk.core import visit
from kiosk.core.access import Keystroke
from kiosk.core.alarms import Alarms
from kiosk.core.conductor import Conductor
from kiosk.core.hours import Opening
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Phase, Rules, Scene
from kiosk.screen.picture import Drain, Face, Icon, Panel, Picture, Qr, Ring, Text
from kiosk.screen.presenter import Presenter
from kiosk.screen.theme import Palette, Theme
from kiosk.texts import Texts
from tests.kiosk.exit import HandCard, HandClock, HandLoop
from wire.envelopes import Option, Questionnaire
from wire.events import Answer, Left, Retract
from workbench.gallery import COURT, URL, items


class Exit:
    """The screen of one exit: touch its controls by name, look at its pictures."""

    def __init__(self, theme: Theme, ruler: Any, *, url: str | None = URL, grace_ms: int = 0, hold_to_clean: bool = True) -> None:
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
            hold_to_clean=hold_to_clean,
        )
        questionnaire = Questionnaire(1, "exit", list(items()))
        voices = frozenset({"uk"})
        around = Surroundings(COURT, ("uk", "en"), "uk", public_url=url, items=items(), voices=voices)
        self.presenter.configure(around)
        rules = Rules(questionnaire, ("uk", "en"), "uk")
        self.conductor = Conductor(
            rules,
            clock=self.clock,
            loop=self.loop,
            alarms=Alarms(self.loop),
            recorder=self.card,
            screens=[self.presenter],
            alarm=lambda name, sentence: self.complaints.append(sentence),
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

    def hold(self, x: float, y: float, *, for_ms: int) -> None:
        self.clock.now += 1_000
        self.presenter.touched("finger", x, y, self.clock.stamp())
        self.clock.now += for_ms
        self.presenter.lifted("finger")
        self.loop.run()

    def wait(self, ms: int) -> None:
        """Time passes; what falls due on the way happens at its own moment."""
        end = self.clock.now + ms
        while self.loop.alarm and self.loop.alarm[0] <= end:
            self.clock.now = max(self.clock.now, self.loop.alarm[0])
            self.loop.run()
        self.clock.now = end

    def press(self, *keystrokes: Keystroke) -> None:
        for keystroke in keystrokes:
            self.clock.now += 500
            self.conductor.handle(visit.Key(keystroke, self.clock.stamp()))
            self.loop.run()

    @property
    def controls(self) -> list[str]:
        return [control.key for control in self.picture.controls]

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
    assert "English" in screen.texts


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


def test_who_takes_an_answer_back_sees_that_it_is_done_until_they_answer_again(screen: Exit) -> None:
    said = "Вашу відповідь скасовано."
    screen.touch("answer:2")
    screen.settle()
    screen.touch("undo")
    assert said not in screen.texts, "not yet on the card"
    screen.settle()
    assert screen.picture.scene == "welcome"
    assert said in screen.texts
    screen.touch("language:en")
    assert "Your answer is taken back." in screen.texts
    screen.touch("answer:4")
    screen.settle()
    screen.touch("skip")
    screen.settle()
    screen.touch("done")
    assert screen.picture.scene == "welcome"
    assert said not in screen.texts


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


def test_out_of_order_names_the_device_and_asks_nothing(screen: Exit) -> None:
    screen.presenter.configure(Surroundings(court=COURT, languages=("uk",), language="uk", number="17"))
    screen.presenter.show(Scene(Phase.OUT_OF_ORDER, "uk", None, None, None, None, False, 0, None))
    assert {"Пристрій тимчасово не працює.", "№ 17"} <= set(screen.texts)
    assert [control.key for control in screen.picture.controls] == ["access"]


def test_options_without_drawings_are_tiles_with_words(screen: Exit) -> None:
    first = items()[0]
    plain = [Option(value, {"uk": f"Варіант {value}"}) for value in range(11)]
    item = type(first)(first.key, "scale", "zero-to-ten", first.text, plain)
    screen.presenter.show(Scene(Phase.WELCOME, "uk", item, None, None, None, False, 0, None))
    tiles = [mark for mark in screen.picture.marks if isinstance(mark, Panel) and str(mark.control).startswith("answer")]
    assert len(tiles) == 11
    assert "Варіант 10" in screen.texts


# --- the accessible mode -----------------------------------------------------------------------------------------------------


def test_the_access_control_brings_larger_text_contrast_and_the_voices_controls(screen: Exit, theme: Theme) -> None:
    usual = max(mark.size for mark in screen.picture.marks if isinstance(mark, Text))
    screen.touch("access")
    assert screen.picture.large
    assert screen.pictures[-1][1] == theme.contrast
    assert max(mark.size for mark in screen.picture.marks if isinstance(mark, Text)) >= 1.4 * usual
    assert {"access", "repeat", "louder", "language:en"} <= set(screen.controls)


def test_the_access_control_leads_out_of_the_mode_too(screen: Exit) -> None:
    screen.touch("access")
    screen.touch("access")
    assert not screen.picture.large


def test_the_mode_lasts_for_the_visit_and_no_longer(screen: Exit, theme: Theme) -> None:
    screen.touch("access")
    screen.touch("answer:3")
    screen.settle()
    assert screen.picture.large
    screen.touch("skip")
    screen.settle()
    assert screen.picture.large
    screen.touch("done")
    assert not screen.picture.large
    assert screen.pictures[-1][1] == theme.light


def test_the_mode_goes_when_whoever_asked_for_it_walks_away(screen: Exit) -> None:
    screen.touch("access")
    screen.wait(600_000)
    assert not screen.picture.large


def test_keys_go_through_just_what_is_on_the_screen(screen: Exit) -> None:
    """Every screen of a visit: the ring of the visit's state machine is the set of controls that the screen shows."""
    screen.press(Keystroke.NEXT)
    steps: list[str | None] = ["answer:2", "skip", None]
    for step in steps:
        reached = []
        for _ in screen.controls:
            screen.press(Keystroke.NEXT)
            [ring] = [mark for mark in screen.picture.marks if isinstance(mark, Ring)]
            assert ring.control == screen.picture.focus
            reached.append(ring.control)
        assert sorted(str(key) for key in reached) == sorted(screen.controls)
        assert reached[-1] == "access"
        if step is not None:
            screen.touch(step)
            screen.settle()
    assert screen.picture.scene == "thanks"


def test_louder_fills_another_pip(screen: Exit) -> None:
    def pips() -> int:
        return sum(isinstance(mark, Panel) and mark.control == "louder" and mark.fill == "accent" for mark in screen.picture.marks)

    screen.touch("access")
    before = pips()
    screen.touch("louder")
    assert pips() == before + 1


def test_a_language_without_a_voice_says_so_in_a_quiet_line(screen: Exit) -> None:
    screen.touch("access")
    assert "Цією мовою озвучення немає." not in screen.texts
    screen.touch("language:en")
    assert "No speech in this language." in screen.texts
    screen.touch("access")
    assert "No speech in this language." not in screen.texts


# --- what time brings --------------------------------------------------------------------------------------------------------


def test_still_there_is_asked_with_a_bar_that_runs_out_and_any_touch_takes_it_back(screen: Exit) -> None:
    screen.touch("answer:3")
    screen.settle()
    deadline = screen.clock.now + 30_000
    screen.wait(20_500)
    assert "Ви ще тут? Торкніться екрана." in screen.texts
    [bar] = [mark for mark in screen.picture.marks if isinstance(mark, Drain)]
    assert bar.deadline == deadline
    assert deadline - 10_000 <= bar.since <= screen.clock.now
    screen.touch_at(3, 3)
    assert "Ви ще тут? Торкніться екрана." not in screen.texts
    assert screen.picture.scene == "follow-up"


def test_the_bar_of_undo_drains_to_the_end_of_its_offer_and_then_the_offer_is_gone(screen: Exit) -> None:
    screen.touch("answer:2")
    screen.settle()
    screen.touch("skip")
    screen.settle()
    thanked_at = screen.clock.now
    [bar] = [mark for mark in screen.picture.marks if isinstance(mark, Drain)]
    assert (bar.since, bar.deadline) == (thanked_at, thanked_at + 5_000)
    screen.wait(5_001)
    assert screen.picture.scene == "thanks"
    assert "undo" not in screen.controls


def test_a_closed_court_says_when_it_opens_is_dark_and_wakes_at_a_touch(screen: Exit, theme: Theme) -> None:
    screen.conductor.handle(visit.Close(Opening(weekday=0, days_ahead=3, minute=540), screen.clock.stamp()))
    screen.loop.run()
    assert screen.picture.scene == "closed"
    assert screen.pictures[-1][1] == theme.dark
    assert {"Суд зачинено", "Працюватиме в понеділок з 9:00"} <= set(screen.texts)
    screen.touch_at(400, 200)
    assert screen.picture.scene == "welcome"


def test_a_finger_held_on_the_corner_and_lifted_locks_the_screen_for_wiping(screen: Exit, theme: Theme) -> None:
    screen.hold(10, 10, for_ms=5_000)
    assert screen.picture.scene == "cleaning"
    assert screen.pictures[-1][1] == theme.dark
    assert screen.controls == []
    assert "Прибирання екрана: ще 30 с" in screen.texts


def test_while_they_clean_staff_read_what_has_become_of_the_entries_and_nobody_else_does(screen: Exit) -> None:
    screen.presenter.tell_staff("Записано 12 · доставлено 10")
    assert not any("Записано" in text for text in screen.texts)
    screen.hold(10, 10, for_ms=5_000)
    assert "Записано 12 · доставлено 10" in screen.texts
    screen.presenter.tell_staff("Записано 12 · доставлено 12")
    screen.presenter.renew()
    assert "Записано 12 · доставлено 12" in screen.texts


def test_the_lock_counts_its_seconds_and_ends(screen: Exit) -> None:
    screen.hold(10, 10, for_ms=5_000)
    counted = []
    while screen.picture.scene == "cleaning" and screen.picture.renews_at is not None:
        counted.append(next(text for text in screen.texts if "ще" in text))
        screen.wait(max(1, screen.picture.renews_at - screen.clock.now))
        if screen.picture.scene == "cleaning":
            screen.presenter.renew()
    assert counted == [f"Прибирання екрана: ще {left} с" for left in range(30, 0, -1)]
    assert screen.picture.scene == "welcome"


@pytest.mark.parametrize("x, y, for_ms", [(10, 10, 4_900), (400, 10, 6_000), (10, 300, 6_000)])
def test_a_shorter_hold_or_another_place_locks_nothing(screen: Exit, x: int, y: int, for_ms: int) -> None:
    screen.hold(x, y, for_ms=for_ms)
    assert all(picture.scene != "cleaning" for picture, _ in screen.pictures)


def test_a_hand_that_brushes_the_glass_meanwhile_does_not_end_the_hold(screen: Exit) -> None:
    screen.presenter.touched("finger", 10, 10, screen.clock.stamp())
    screen.clock.now += 3_000
    screen.presenter.touched("hand", 400, 100, screen.clock.stamp())
    screen.presenter.lifted("hand")
    screen.clock.now += 2_000
    screen.presenter.lifted("finger")
    screen.loop.run()
    assert screen.picture.scene == "cleaning"


def test_a_hand_on_the_corner_while_a_visitor_is_there_throws_nobody_out(screen: Exit) -> None:
    screen.touch("language:en")
    screen.hold(10, 10, for_ms=6_000)
    assert (screen.picture.scene, screen.picture.language) == ("welcome", "en")


def test_where_staff_do_not_want_it_a_hold_locks_nothing(theme: Theme, ruler: Any) -> None:
    screen = Exit(theme, ruler, hold_to_clean=False)
    screen.hold(10, 10, for_ms=6_000)
    assert screen.picture.scene == "welcome"


# --- beforehand --------------------------------------------------------------------------------------------------------------


def test_what_may_come_next_can_be_drawn_beforehand_in_the_language_and_look_in_front(screen: Exit, theme: Theme) -> None:
    likely = list(screen.presenter.likely())
    assert [picture.scene for picture, _ in likely[:7]] == ["welcome"] * 6 + ["follow-up"]
    assert {picture.scene for picture, _ in likely} == {"welcome", "follow-up", "thanks", "not-recorded"}
    assert {picture.language for picture, _ in likely} == {"uk"}
    screen.touch("language:en")
    screen.touch("access")
    assert {(picture.language, picture.large, palette == theme.contrast) for picture, palette in screen.presenter.likely()} == {
        ("en", True, True)
    }


def test_what_was_drawn_beforehand_is_the_very_picture_that_is_shown(screen: Exit) -> None:
    likely = [picture for picture, _ in screen.presenter.likely()]
    screen.touch("answer:4")
    assert any(screen.picture is picture for picture in likely)
    screen.settle()
    assert any(screen.picture is picture for picture in likely)
