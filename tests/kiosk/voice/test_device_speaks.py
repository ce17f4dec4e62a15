"""A whole device without a screen, worked by keys and ears alone: its speech comes from the door and is heard through aplay."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from kiosk.texts import Texts
from tests.kiosk.authority import Authority, configuration
from tests.kiosk.rig import Kiosk, running
from tests.kiosk.speech_door import SpeechDoor
from tests.support.ear import Ear
from tests.support.speaking import clip, pack_of
from tests.support.waiting import until
from wire.envelopes import Config, Item, Option, Questionnaire
from workbench.panel import Panel

DEVICE = "kiosk-speaks-1"
FACES = {1: "Дуже погано", 2: "Погано", 3: "Ні добре, ні погано", 4: "Добре", 5: "Дуже добре"}
QUESTION = "Як пройшов ваш візит до суду?"
COURT = "Печерський суд"
WORDS = (
    "Speech is on.",
    "Keys: back and next to move, choose to answer.",
    "Anonymous: no camera, no names",
    "Thank you! Your answer is saved.",
    "It joins the survey results and shows what to improve.",
    "Not what you meant? Change it",
    "Your answer is taken back.",
    "Repeat",
    "Louder",
    "Volume:",
    "Usual view",
    "This turns speech off.",
    "Speech is off.",
)


def asked() -> Config:
    options = [Option(value, {"uk": text}) for value, text in FACES.items()]
    questionnaire = Questionnaire(1, "exit", [Item("overall", "scale", "faces5", {"uk": QUESTION}, options)])
    return msgspec.structs.replace(configuration(), court={"uk": COURT}, languages=["uk"], questionnaire=questionnaire)


@pytest.fixture(scope="module")
def clips() -> dict[str, bytes]:
    """What the court's Ukrainian voice says, by the words as this test knows them."""
    return {name: clip("uk", sentence) for name, sentence in sentences().items()}


def sentences() -> dict[str, str]:
    texts = Texts(["uk"], pytest.fail)
    own = {message: texts.say("uk", message) for message in WORDS}
    return own | {str(value): text for value, text in FACES.items()} | {"court": COURT, "question": QUESTION, "four": "4"}


@pytest.fixture
def ear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ear:
    """Listens faster than life, because there is much to hear."""
    ear = Ear(tmp_path / "ear", speed=4.0)
    monkeypatch.setenv(*next(iter(ear.environment.items())))
    return ear


@pytest.fixture
def kiosk(tmp_path: Path, ear: Ear, clips: Mapping[str, bytes]) -> Iterator[Kiosk]:
    """A running device with its speech; `ear` hears it."""
    authority = Authority.make()
    door = SpeechDoor(tmp_path / "door", authority)
    pack = pack_of(tmp_path / "made", "uk", {sentence: clips[name] for name, sentence in sentences().items()})
    door.offer(tmp_path / "made" / f"{pack.digest.hex()}.zip")
    kiosk = Kiosk(tmp_path)
    config = msgspec.structs.replace(asked(), door=door.address, speech=[pack])
    authority.give_identity(kiosk.state, DEVICE, port=1, config=config)
    try:
        with running(kiosk):
            until(lambda: "languages=uk" in (tmp_path / "kiosk.log").read_text(), "the speech has come")
            until(ear.samples, "the card has been tried")
            yield kiosk
    finally:
        door.close()


class Listener:
    """Somebody with a headset and keys, who knows nothing but what is heard."""

    def __init__(self, kiosk: Kiosk, ear: Ear, clips: Mapping[str, bytes]) -> None:
        self.panel = Panel(kiosk.state / "panel.sock")
        self.ear = ear
        self.clips = clips

    def press(self, key: str, *, until_heard: str) -> list[str]:
        """Presses a key, listens until `until_heard` is over, and gives what was heard since the press."""
        self.ear.forget()
        self.panel.press(f"key:{key}")
        until(lambda: self.ear.hears(self.clips[until_heard]), f"{until_heard!r} is heard")
        return self.ear.order(self.clips)


@pytest.mark.slow
def test_a_visitor_who_sees_nothing_rates_changes_their_mind_and_hears_the_end(
    kiosk: Kiosk, ear: Ear, clips: Mapping[str, bytes]
) -> None:
    visitor = Listener(kiosk, ear, clips)
    assert visitor.press("access", until_heard="question") == ["Speech is on.", "court", "question"]
    assert visitor.press("next", until_heard="1") == ["1"]
    assert visitor.press("next", until_heard="2") == ["2"]
    assert visitor.press("louder", until_heard="four") == ["Volume:", "four"]
    saved = visitor.press("choose", until_heard="It joins the survey results and shows what to improve.")
    assert saved == ["Thank you! Your answer is saved.", "It joins the survey results and shows what to improve."]
    assert visitor.press("next", until_heard="Not what you meant? Change it")
    assert visitor.press("choose", until_heard="question") == ["Your answer is taken back.", "question"]
    assert visitor.press("repeat", until_heard="Anonymous: no camera, no names") == [
        "Your answer is taken back.",
        "question",
        "Keys: back and next to move, choose to answer.",
        *map(str, FACES),
        "Anonymous: no camera, no names",
    ]
    assert visitor.press("access", until_heard="Speech is off.") == ["Speech is off."]
    visitor.panel.close()
