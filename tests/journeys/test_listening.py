"""A visitor who sees nothing, at a kiosk with a screen: keys under the fingers, a headset, and nothing else.

The speech is espeak-ng's, played by aplay; what is heard is compared sample by sample with the clips of the sentences expected.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from kiosk.texts import OWN_NAME, Texts
from tests.journeys.conftest import Journey
from tests.support.ear import Ear
from tests.support.speaking import clip, pack_of
from tests.support.waiting import until
from wire.envelopes import Timings, VoicePack
from wire.events import Answer, Input, Left, Retract
from workbench.gallery import COURT, bank, items

Start = Callable[..., Journey]
Clips = Mapping[str, bytes]
LANGUAGES = ("uk", "en")
PATIENT = Timings(question=600_000, thanks=60_000, cooldown=0)
OVERALL, REASON = items()
ROTATED = bank()[0]
WORDS = (
    "Speech is on.",
    "Keys: back and next to move, choose to answer.",
    "Thank you! Your answer is saved.",
    "You chose:",
    "Skip",
    "It joins the survey results and shows what to improve.",
    "Not what you meant? Change it",
    "Your answer is taken back.",
    "Still there? Press any key or touch the screen.",
    "You have more time.",
    "Finish",
    "Usual view",
    "This visit has ended.",
    "Speech is off.",
)
EAR_SPEED = 8.0
HEADSET = '[audio]\nlistens = "headset"\n'


def sentences(language: str) -> dict[str, str]:
    """What is said in these journeys, by names of the test's own."""
    texts = Texts([language], pytest.fail)
    said = {message: texts.say(language, message) for message in (*WORDS, OWN_NAME)}
    for item in (OVERALL, REASON, ROTATED):
        said[item.key] = item.text[language]
        said |= {f"{item.key}={option.value}": option.text[language] for option in item.options}
    return said | {"court": COURT[language]}


@pytest.fixture(scope="module")
def voices() -> dict[str, dict[str, bytes]]:
    """Samples by language and name."""
    return {language: {name: clip(language, text) for name, text in sentences(language).items()} for language in LANGUAGES}


class Listener:
    """Somebody who knows nothing but what is heard."""

    def __init__(self, journey: Journey, ear: Ear, voices: Mapping[str, Clips]) -> None:
        self.journey = journey
        self.ear = ear
        self.voices = voices
        self.language = "uk"
        self.panel = journey.panel()

    def press(self, key: str, *, hears: str) -> None:
        """Presses a key and listens until what is expected has been said."""
        self.ear.forget()
        self.panel.press(f"key:{key}")
        self.hears(hears)

    def hears(self, name: str) -> None:
        """Listens until it has been said in the visitor's language."""
        until(lambda: self.ear.hears(self.voices[self.language][name]), f"{name!r} is heard in {self.language}")


@pytest.fixture
def listener(kiosk: Start, tmp_path: Path, voices: Mapping[str, Clips]) -> Callable[..., Listener]:
    """Starts a kiosk with speech and brings a visitor; `listener(timings=…)`."""

    def bring(timings: Timings = PATIENT) -> Listener:
        ear = Ear(tmp_path / "ear", speed=EAR_SPEED)
        packs = [speech(tmp_path, language, voices[language]) for language in LANGUAGES]
        shelf = tmp_path / "made"
        journey = kiosk(timings=timings, rotation=(ROTATED,), speech=tuple(packs), shelf=shelf, env=ear.environment, more=HEADSET)
        until(lambda: "languages='en uk'" in (journey.folder / "kiosk.log").read_text(), "the packs have been found")
        until(ear.samples, "the card has been tried")
        return Listener(journey, ear, voices)

    return bring


def speech(folder: Path, language: str, clips: Clips) -> VoicePack:
    """A pack for the kiosk's card."""
    said = sentences(language)
    return pack_of(folder / "made", language, {said[name]: samples for name, samples in clips.items()})


@pytest.mark.slow
def test_a_visitor_who_sees_nothing_says_everything_there_is_to_say(listener: Callable[..., Listener]) -> None:
    visitor = listener()
    visitor.press("access", hears="overall")
    assert visitor.ear.order(visitor.voices["uk"])[:2] == ["Speech is on.", "court"]
    for value in (1, 2, 3, 4):
        visitor.press("next", hears=f"overall={value}")
    assert visitor.journey.pictures[-1]["focus"] == "answer:4", "who watches sees where the listener is"
    visitor.press("choose", hears="reason")
    assert visitor.ear.order(visitor.voices["uk"])[:3] == ["Thank you! Your answer is saved.", "You chose:", "overall=4"]
    visitor.press("next", hears="reason=1")
    visitor.press("choose", hears=ROTATED.key)
    visitor.press("previous", hears="Usual view")
    for value in (1, 2):
        visitor.press("next", hears=f"{ROTATED.key}={value}")
    visitor.press("choose", hears="It joins the survey results and shows what to improve.")
    visitor.press("next", hears="Not what you meant? Change it")
    visitor.press("next", hears="Finish")
    visitor.press("choose", hears="Speech is off.")
    visitor.journey.shows("welcome", large=False)
    visitor.panel.close()
    given = [(row.item, row.value, row.input) for row in visitor.journey.rows() if isinstance(row, Answer)]
    assert given == [("overall", 4, Input.SPEECH), ("reason", 1, Input.SPEECH), (ROTATED.key, 2, Input.SPEECH)]


@pytest.mark.slow
def test_a_listener_takes_an_answer_back_and_speaks_another_language(listener: Callable[..., Listener]) -> None:
    visitor = listener()
    visitor.press("access", hears="overall")
    visitor.press("previous", hears="Usual view")
    visitor.language = "en"
    visitor.press("previous", hears=OWN_NAME)
    visitor.press("choose", hears="overall")
    visitor.press("next", hears="overall=1")
    visitor.press("choose", hears="Thank you! Your answer is saved.")
    visitor.journey.shows("follow-up", language="en", pressed=None)
    for _ in REASON.options:
        visitor.panel.press("key:next")
    visitor.press("next", hears="Skip")
    visitor.press("next", hears="Not what you meant? Change it")
    visitor.press("choose", hears="Your answer is taken back.")
    visitor.press("access", hears="Speech is off.")
    visitor.panel.close()
    kinds = [(type(row), row.language) for row in visitor.journey.rows() if not isinstance(row, Left)]
    assert kinds == [(Answer, "en"), (Retract, "en")]


@pytest.mark.slow
def test_a_listener_is_asked_before_the_screen_goes_and_any_key_keeps_it(listener: Callable[..., Listener]) -> None:
    visitor = listener(timings=Timings(question=8_000, warning=4_000, thanks=60_000, cooldown=0, aided=1))
    visitor.press("access", hears="overall")
    visitor.ear.forget()
    visitor.hears("Still there? Press any key or touch the screen.")
    visitor.press("repeat", hears="overall")
    visitor.ear.forget()
    visitor.hears("Still there? Press any key or touch the screen.")
    visitor.hears("Speech is off.")
    visitor.journey.shows("welcome", large=False)
    visitor.panel.close()
    assert visitor.journey.rows() == []
