"""What a visitor hears who sees nothing, from the first key to the end: by the real state machine and the real catalogues."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from msgspec import structs

from kiosk.core.access import KEYPADS, USUAL, Keystroke, Volume
from kiosk.core.hours import Opening
from kiosk.core.ports import Spoken
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Phase
from kiosk.texts import Texts
from kiosk.voice.narrator import Narrator
from tests.kiosk.exit import RULES, Exit
from wire.envelopes import Item

ACCESS, PREVIOUS, NEXT, CHOOSE, REPEAT, LOUDER = (
    Keystroke.ACCESS,
    Keystroke.PREVIOUS,
    Keystroke.NEXT,
    Keystroke.CHOOSE,
    Keystroke.REPEAT,
    Keystroke.LOUDER,
)
VALUES = range(1, 6)


def reworded(item: Item, text: str) -> Item:
    return structs.replace(item, text={"uk": f"{text} (uk)", "en": text})


ITEMS = [reworded(item, text) for item, text in zip(RULES.questionnaire.items, ("How was it?", "What mattered?"), strict=True)]
ENGLISH = replace(
    RULES, questionnaire=structs.replace(RULES.questionnaire, items=ITEMS), language="en", languages=("en", "uk", "crh")
)
OPTIONS = [f"option {value}" for value in VALUES]
KEYS = "Keys: back and next to move, choose to answer."
PRIVACY = "Anonymous: no camera, no names"
UNDO = "Not what you meant? Change it"
SAVED = "Thank you! Your answer is saved."


@dataclass
class HandSpeech:
    """Remembers what it was told to say."""

    said: list[tuple[tuple[Spoken, ...], Volume]] = field(default_factory=list)
    hushed: int = 0

    def say(self, sentences: Sequence[Spoken], volume: Volume) -> None:
        self.said.append((tuple(sentences), volume))

    def hush(self) -> None:
        self.hushed += 1


class Booth(Exit):
    """An exit with a narrator, in English if the test says nothing else."""

    def __init__(
        self,
        *,
        voices: Sequence[str] = ("uk", "en"),
        keypad: tuple[Keystroke, ...] = (),
        keys: bool = True,
        private: bool = True,
        number: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(ENGLISH)
        self.speech = HandSpeech()
        self.missing: list[str] = []
        texts = Texts(["en", "uk", "crh"], self.missing.append)
        self.narrator = Narrator(self.speech, texts, keypad=keypad, keys=keys, private=private)
        self.narrator.configure(
            Surroundings(
                court={"uk": "Суд", "en": "Court"},
                languages=ENGLISH.languages,
                language="en",
                number=number,
                public_url=url,
                voices=frozenset(voices),
            )
        )
        self.conductor._screens = (*self.conductor._screens, self.narrator)
        self.narrator.show(self.scene)

    def last(self) -> list[str]:
        return [sentence for _, sentence in self.speech.said[-1][0]]

    def hear(self, *keystrokes: Keystroke) -> list[str]:
        """Presses keys and gives what the last of them is answered with; nothing if it is not."""
        for keystroke in keystrokes:
            before = len(self.speech.said)
            self.keys(keystroke)
        return self.last() if len(self.speech.said) > before else []

    def choose(self, value: int) -> list[str]:
        """Goes to an answer, chooses it, and gives what is said once it is on the card."""
        while self.scene.aid is None or self.scene.aid.focused != f"answer:{value}":
            self.keys(NEXT)
        self.keys(CHOOSE)
        return self.last()


def test_nobody_who_does_not_ask_for_it_hears_a_word() -> None:
    booth = Booth()
    booth.tap(4)
    booth.tap(2)
    booth.wait(60_000)
    assert booth.speech.said == []


def test_the_first_thing_said_is_that_speech_is_on_then_whose_device_it_is_and_all_of_the_screen() -> None:
    assert Booth().hear(ACCESS) == ["Speech is on.", "Court", "How was it?", KEYS, *OPTIONS, PRIVACY]


def test_any_key_begins_it() -> None:
    assert Booth().hear(NEXT)[0] == "Speech is on."


@pytest.mark.parametrize("number", sorted(KEYPADS))
def test_how_the_buttons_work_is_said_from_left_to_right(number: int) -> None:
    (how,) = set(Booth(keypad=KEYPADS[number]).hear(ACCESS)) - set(Booth(keypad=()).hear(ACCESS))
    places = [how.lower().find(word) for word in ("back", "next", "choose", "repeat", "louder") if word in how.lower()]
    assert places == sorted(places)
    assert len(places) == number


def test_without_any_key_the_screen_is_what_one_touches() -> None:
    assert "Touch your answer on the screen." in Booth(keys=False).hear(ACCESS)


def test_a_step_says_the_words_of_one_control_and_nothing_more() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    assert [booth.hear(NEXT) for _ in range(3)] == [["option 1"], ["option 2"], ["option 3"]]
    assert booth.hear(PREVIOUS) == ["option 2"]


def test_every_control_of_the_ring_has_words() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    assert booth.scene.aid is not None
    heard = [booth.hear(NEXT) for _ in booth.scene.aid.ring]
    assert heard == [
        *([option] for option in OPTIONS),
        ["Repeat"],
        ["Louder"],
        ["Українська"],
        ["Language: Crimean Tatar", "No speech in this language."],
        ["Usual view", "This turns speech off."],
    ]
    assert booth.hear(NEXT) == ["option 1"]


def test_after_a_choice_it_says_that_it_is_saved_and_what_was_chosen_before_anything_else() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    assert booth.choose(4) == [SAVED, "You chose:", "option 4", "What mattered?", *OPTIONS, "Skip", UNDO]


def test_a_hall_that_listens_hears_that_an_answer_is_saved_and_not_which() -> None:
    booth = Booth(private=False)
    booth.keys(ACCESS)
    assert booth.choose(1) == [SAVED, "What mattered?", *OPTIONS, "Skip", UNDO]
    assert booth.choose(2)[:2] == [SAVED, "It joins the survey results and shows what to improve."]


def test_nothing_is_promised_while_the_card_is_writing() -> None:
    booth = Booth()
    booth.card.by_itself = False
    booth.keys(ACCESS, NEXT)
    hushed = booth.speech.hushed
    assert booth.hear(CHOOSE) == []
    assert booth.speech.hushed == hushed + 1


def test_the_thank_you_says_what_happens_and_how_to_take_it_back() -> None:
    booth = Booth(url="https://court.example/x")
    booth.keys(ACCESS)
    booth.choose(4)
    assert booth.choose(2) == [
        SAVED,
        "You chose:",
        "option 2",
        "It joins the survey results and shows what to improve.",
        UNDO,
        "Finish",
        "To say more or complain, scan the code with your phone",
    ]


def test_a_skipped_question_is_not_called_saved() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    booth.choose(4)
    booth.skip()
    assert booth.last()[0] == "It joins the survey results and shows what to improve."


def test_taking_it_back_is_confirmed_and_the_question_asked_again() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    booth.choose(4)
    while booth.hear(NEXT) != ["Not what you meant? Change it"]:
        pass
    booth.keys(CHOOSE)
    assert booth.last()[:2] == ["Your answer is taken back.", "How was it?"]


def test_a_card_that_fails_is_said_at_once() -> None:
    booth = Booth()
    booth.card.by_itself = False
    booth.keys(ACCESS, NEXT, CHOOSE)
    booth.settle(False)
    assert booth.last() == ["Your answer could not be saved. Please try again.", "Try again"]


def test_repeat_says_the_whole_screen_how_the_keys_work_and_where_one_is() -> None:
    booth = Booth()
    booth.keys(ACCESS, NEXT, NEXT)
    assert booth.hear(REPEAT) == ["How was it?", KEYS, *OPTIONS, PRIVACY, "option 2"]


def test_repeat_says_what_stands_as_the_screen_does() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    booth.choose(4)
    booth.skip()
    assert booth.hear(REPEAT)[:2] == [SAVED, "It joins the survey results and shows what to improve."]
    booth.undo()
    assert booth.hear(REPEAT)[:2] == ["Your answer is taken back.", "How was it?"]


def test_choosing_before_the_first_step_repeats_the_screen() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    assert booth.hear(CHOOSE) == ["How was it?", KEYS, *OPTIONS, PRIVACY]


def test_louder_is_said_as_loud_as_it_will_be() -> None:
    booth = Booth()
    booth.keys(ACCESS, NEXT)
    heard = []
    for _ in range(5):
        booth.keys(LOUDER)
        heard.append((booth.last(), booth.speech.said[-1][1]))
    assert heard == [(["Volume:", str(volume)], volume) for volume in (4, 5, 1, 2, 3)]


def test_louder_before_the_first_step_asks_again_what_could_not_be_heard() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    assert booth.hear(LOUDER) == ["Volume:", "4", "How was it?"]


def test_the_next_visitor_begins_at_the_usual_volume() -> None:
    booth = Booth()
    booth.keys(ACCESS, LOUDER, ACCESS)
    booth.wait(600_000)
    booth.keys(ACCESS)
    assert booth.speech.said[-1][1] == USUAL


def test_still_there_is_asked_once_and_a_key_gives_more_time() -> None:
    booth = Booth()
    booth.keys(ACCESS, NEXT)
    booth.choose(4)
    said = len(booth.speech.said)
    booth.wait(booth.scene.deadline - booth.clock.now - 1)  # type: ignore[operator]
    assert [[sentence for _, sentence in sentences] for sentences, _ in booth.speech.said[said:]] == [
        ["Still there? Press any key or touch the screen."]
    ]
    booth.stay()
    assert booth.last() == ["You have more time.", "What mattered?"]


def test_a_step_answers_still_there_as_well_and_says_where_it_led() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    booth.choose(4)
    booth.wait(booth.scene.deadline - booth.clock.now - 1)  # type: ignore[operator]
    assert booth.scene.leaving_at is not None
    assert booth.hear(NEXT) == ["option 1"]
    assert booth.scene.leaving_at is None


def test_the_end_of_the_visit_is_announced() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    booth.choose(4)
    booth.choose(2)
    booth.wait(600_000)
    assert booth.scene.aid is None
    assert booth.last() == ["This visit has ended.", "Speech is off."]


def test_turning_it_off_in_the_middle_says_only_that() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    booth.choose(4)
    assert booth.hear(ACCESS) == ["Speech is off."]
    booth.skip()
    assert booth.last() == ["Speech is off."]


def test_a_device_that_breaks_says_so_with_its_number_digit_by_digit() -> None:
    booth = Booth(number="A-17")
    booth.keys(ACCESS)
    booth.break_()
    assert booth.last() == ["Out of order.", "The number of this device:", "1", "7", "Speech is off."]


def test_a_broken_device_that_nobody_asks_any_more_says_only_that_speech_is_off() -> None:
    booth = Booth(number="17")
    booth.break_()
    assert booth.hear(NEXT) == ["Speech is on.", "Court", "Out of order.", "The number of this device:", "1", "7", KEYS]
    booth.wait(600_000)
    assert booth.last() == ["Speech is off."]


def test_a_closed_court_that_is_woken_by_a_key_asks_as_always() -> None:
    booth = Booth()
    booth.close(Opening(0, 3, 540))
    assert booth.hear(NEXT)[:3] == ["Speech is on.", "Court", "How was it?"]


def test_another_language_is_spoken_by_its_own_voice_from_then_on() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    booth.speak("uk")
    (first, *_), _ = booth.speech.said[-1]
    assert first == Spoken("uk", "How was it? (uk)")
    assert "Клавіші: «назад» і «далі» — рухатися, «вибрати» — відповісти." in booth.last()
    assert {language for language, _ in booth.speech.said[-1][0]} == {"uk"}


def test_a_language_is_offered_in_its_own_voice() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    while booth.hear(NEXT) != ["Українська"]:
        pass
    assert booth.speech.said[-1][0] == (Spoken("uk", "Українська"),)


def test_a_language_without_a_voice_is_spoken_in_the_courts_own_and_that_is_said_first() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    booth.speak("crh")
    assert booth.last()[:2] == ["This language has no speech here. You hear another one.", "How was it?"]
    assert {language for language, _ in booth.speech.said[-1][0]} == {"en"}


def test_where_only_another_language_has_come_it_speaks_for_the_courts_own() -> None:
    booth = Booth(voices=("uk",))
    booth.keys(ACCESS)
    assert {language for language, _ in booth.speech.said[-1][0]} == {"uk"}


def test_a_name_that_the_court_gave_in_one_language_only_is_spoken_in_that_one() -> None:
    booth = Booth()
    booth.narrator.configure(Surroundings({"uk": "Суд"}, languages=("en", "uk"), language="en", voices=frozenset({"uk", "en"})))
    booth.keys(ACCESS)
    assert Spoken("uk", "Суд") in booth.speech.said[-1][0]


def test_the_farewell_is_not_said_into_the_next_visit() -> None:
    booth = Booth()
    booth.keys(ACCESS, ACCESS)
    hushed = booth.speech.hushed
    booth.tap(5)
    assert booth.speech.hushed > hushed


def test_the_next_person_who_presses_a_face_is_not_told_about_speech() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    booth.choose(4)
    booth.choose(2)
    said = len(booth.speech.said)
    booth.press(5)
    assert len(booth.speech.said) == said
    assert booth.scene.aid is None


def test_a_clock_that_goes_on_interrupts_nobody() -> None:
    booth = Booth()
    booth.keys(ACCESS)
    said, hushed = len(booth.speech.said), booth.speech.hushed
    for ms in range(0, 2_000, 100):
        booth.narrator.show(booth.scene._replace(since=ms, deadline=99_000_000 + ms))
    assert (len(booth.speech.said), booth.speech.hushed) == (said, hushed)


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (Phase.CLOSED, ["The court is closed", "Opens on Monday.", "Time:", "9", "0", "0"]),
        (Phase.CLEANING, ["The screen is being cleaned. Please wait."]),
    ],
)
def test_a_screen_where_nobody_rates_says_why(phase: Phase, words: list[str]) -> None:
    booth = Booth()
    booth.keys(ACCESS)
    booth.narrator.show(booth.scene._replace(phase=phase, item=None, opens=Opening(0, 3, 540)))
    assert booth.last() == words


def test_no_text_is_missing_in_any_of_this() -> None:
    booth = Booth(number="17", url="https://court.example/x")
    booth.keys(ACCESS)
    for language in ("uk", "crh", "en"):
        booth.speak(language)
        booth.choose(4)
        booth.choose(1)
        booth.undo()
        assert booth.missing == []
