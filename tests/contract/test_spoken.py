"""Speech of everything on screen: what is shown in the accessible mode is said, and what is said has a clip made by the server.

Walked through by the real state machine with the exit questionnaire, in every language: each screen, each control of each screen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import pytest

from kiosk.core.access import Keystroke, Volume
from kiosk.core.ports import Spoken
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Scene
from kiosk.screen import views
from kiosk.screen.staging import Stage
from kiosk.texts import LANGUAGES, TRANSLATIONS, Texts
from kiosk.voice.narrator import Narrator
from sync_server.fleet.speech import DIGITS, sentences_of
from sync_server.surveys.files import QUESTIONNAIRES, load
from tests.kiosk.exit import RULES, Exit

QUESTIONNAIRE = load(QUESTIONNAIRES / "exit.toml").questionnaire(1)
ITEMS = (*QUESTIONNAIRE.items, *QUESTIONNAIRE.rotation)
NAMES = {language: f"court {language}" for language in LANGUAGES}
VOICES = frozenset(LANGUAGES) - {"crh"}
AROUND = Surroundings(
    court=NAMES,
    languages=LANGUAGES,
    language=LANGUAGES[0],
    number="1709",
    public_url="https://court.example/v",
    items=ITEMS,
    voices=VOICES,
)


@dataclass
class Listener:
    """Hears what is said, and forgets nothing: each utterance of its own."""

    said: list[tuple[Spoken, ...]] = field(default_factory=list)

    def say(self, sentences: Sequence[Spoken], volume: Volume) -> None:
        self.said.append(tuple(sentences))

    def hush(self) -> None: ...


class Page(NamedTuple):
    """A screen, and what was said of it: as it came, when it was to be repeated, and of its controls."""

    scene: Scene
    came: set[str]
    repeated: set[str]
    controls: set[str]


class Walk:
    """A visit in `language` from one screen to the next, on each of which every control has been walked over."""

    def __init__(self, language: str) -> None:
        self.texts = Texts(LANGUAGES, pytest.fail)
        self.listener = Listener()
        self.language = language

    def pages(self) -> Iterator[Page]:
        rules = replace(RULES, questionnaire=QUESTIONNAIRE, languages=LANGUAGES, language=self.language)
        for number in range(len(QUESTIONNAIRE.rotation)):
            # Each visit gets another item of the bank: the ones before have been shown already.
            visit = Exit(rules, {item.key: 1 for item in QUESTIONNAIRE.rotation[:number]})
            narrator = Narrator(self.listener, self.texts, keys=True)
            narrator.configure(AROUND)
            visit.conductor._screens = (*visit.conductor._screens, narrator)
            yield from self._walk(visit)

    def _walk(self, visit: Exit) -> Iterator[Page]:
        visit.keys(Keystroke.ACCESS)
        yield self._over(visit)
        visit.tap(4)
        yield self._over(visit)
        visit.undo()
        yield self._over(visit)
        visit.tap(2)
        visit.skip()
        yield self._over(visit)
        visit.tap(3)
        yield self._over(visit)
        visit.card.by_itself = False
        visit.done()
        visit.keys(Keystroke.ACCESS)
        visit.tap(1)
        visit.settle(False)
        yield self._over(visit)
        visit.card.by_itself = True
        visit.break_()
        visit.keys(Keystroke.ACCESS)
        yield self._over(visit)

    def _over(self, visit: Exit) -> Page:
        assert visit.scene.aid is not None
        came, number = self.listener.said[-1], len(self.listener.said)
        visit.keys(Keystroke.REPEAT, *(Keystroke.NEXT for _ in visit.scene.aid.ring))
        repeated, *controls = self.listener.said[number:]
        return Page(visit.scene, words(came), words(repeated), {word for each in controls for word in words(each)})


def words(utterance: Sequence[Spoken]) -> set[str]:
    return {sentence for _, sentence in utterance}


def shown(view: views.View) -> Iterator[str]:
    """Every text of a screen but the device's number, which is said in digits, what is only asked of fingers, and its frame."""
    match view:
        case views.Welcome():
            yield from (view.question, view.privacy, *(choice.words for choice in view.choices))
            if view.is_taken_back:
                yield view.taken_back
        case views.FollowUp():
            yield from (view.saved, view.question, view.skip, *(choice.words for choice in view.choices))
        case views.Thanks():
            yield from (view.saved, view.what_happens, view.done, view.qr_opens)
        case views.NotRecorded():
            yield from (view.sentence, view.again)
        case views.OutOfOrder() | views.Closed() | views.Cleaning():
            yield view.sentence
    if isinstance(view, views.FollowUp | views.Thanks) and view.undo is not None:
        yield view.undo


def around_it(frame: views.Frame) -> Iterator[str]:
    """The controls that every screen has."""
    yield from (frame.access, frame.aid.repeat, frame.aid.louder)
    yield from (language.name for language in frame.languages if language.code in VOICES)


@pytest.mark.parametrize("language", sorted(VOICES))
def test_whatever_a_screen_shows_in_the_accessible_mode_is_said_on_that_screen(language: str) -> None:
    walk = Walk(language)
    stage = Stage(Texts(LANGUAGES, pytest.fail))
    stage.configure(AROUND)
    seen: set[type[views.View]] = set()
    for page in walk.pages():
        view = stage.view(page.scene, now=0, warned_at=0)
        seen.add(type(view))
        assert set(shown(view)) <= page.repeated
        standing = view.saved if isinstance(view, views.FollowUp | views.Thanks) else ""  # a skip does not call itself saved
        assert set(shown(view)) - {standing} <= page.came
        assert set(around_it(view.frame)) <= page.controls
        assert view.frame.court in words(walk.listener.said[0]), "whose device it is, is said once, when the mode begins"
    assert seen == {views.Welcome, views.FollowUp, views.Thanks, views.NotRecorded, views.OutOfOrder}


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_is_said_is_in_the_speech_that_the_server_makes(language: str) -> None:
    walk = Walk(language)
    for _ in walk.pages():
        pass
    assert walk.listener.said
    for tongue, sentence in {spoken for utterance in walk.listener.said for spoken in utterance}:
        assert tongue in VOICES
        asked = {item.text[tongue] for item in ITEMS} | {option.text[tongue] for item in ITEMS for option in item.options}
        assert sentence in {*sentences_of(tongue, TRANSLATIONS), *asked, *DIGITS, NAMES[tongue]}
