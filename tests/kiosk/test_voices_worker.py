"""The card holds the speech that the configuration names: fetched until it is there, and no longer than it is wanted."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from kiosk.errors import KioskError
from kiosk.links.packs import PackLink
from kiosk.workers import voices
from kiosk.workers.voices import LONGEST_S, SHORTEST_S, VoicesWorker
from tests.kiosk.speech_door import SpeechDoor
from tests.support.speaking import pack_of
from tests.support.waiting import until
from wire.envelopes import VoicePack

DOOR = "https://door.example:8443"


def pack(text: str, language: str = "uk") -> VoicePack:
    return VoicePack(language, "espeak-ng", sha256(text.encode()).digest(), len(text.encode()))


class Shelf:
    """A worker, the folder it keeps, a door that has what the test puts there, and everybody who is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.texts: dict[bytes, str] = {}
        self.fetched: list[bytes] = []
        self.told: list[list[str]] = []
        self.alarms: dict[str, str] = {}
        self.draws = 0.0
        self.worker = self.make()

    def make(self) -> VoicesWorker:
        return VoicesWorker(
            folder=self.folder,
            fetch=self.fetch,
            ready=self.ready,
            draw=lambda: self.draws,
            alarm=self.alarms.__setitem__,
            clear=lambda name: self.alarms.pop(name, None) and None,
        )

    def offer(self, *texts: str) -> list[VoicePack]:
        self.texts |= {sha256(text.encode()).digest(): text for text in texts}
        return [pack(text) for text in texts]

    def fetch(self, door: str, pack: VoicePack, path: Path, stopping: Callable[[], bool]) -> None:
        if pack.digest not in self.texts:
            raise KioskError("Nobody answers at the door.")
        self.fetched.append(pack.digest)
        path.write_text(self.texts[pack.digest])

    def ready(self, paths: Sequence[Path]) -> None:
        self.told.append([path.read_text() for path in paths])

    def settle(self) -> None:
        """Steps until there is nothing to do at once."""
        while self.worker.step() == 0.0:
            pass

    def kept(self) -> set[str]:
        return {path.read_text() for path in self.folder.glob("*.zip")}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "speech")


def test_before_any_configuration_there_is_nothing_to_do(shelf: Shelf) -> None:
    assert shelf.worker.step() is None
    assert shelf.told == []


def test_what_is_named_is_fetched_and_told_as_it_comes(shelf: Shelf) -> None:
    shelf.worker.configure(DOOR, shelf.offer("one", "two"))
    shelf.settle()
    assert shelf.told == [[], ["one"], ["one", "two"]]
    assert shelf.alarms == {}


def test_what_is_there_is_not_fetched_again_after_a_restart(shelf: Shelf) -> None:
    shelf.worker.configure(DOOR, shelf.offer("one"))
    shelf.settle()
    shelf.worker = shelf.make()
    shelf.worker.configure(DOOR, [pack("one")])
    shelf.settle()
    assert len(shelf.fetched) == 1
    assert shelf.told[-1] == ["one"]


def test_a_file_that_the_card_has_damaged_is_fetched_anew(shelf: Shelf) -> None:
    shelf.worker.configure(DOOR, shelf.offer("one"))
    shelf.settle()
    (shelf.folder / f"{pack('one').digest.hex()}.zip").write_text("rotten")
    shelf.worker = shelf.make()
    shelf.worker.configure(DOOR, [pack("one")])
    shelf.settle()
    assert len(shelf.fetched) == 2
    assert shelf.told[-1] == ["one"]


def test_the_former_speech_goes_on_until_all_of_the_new_has_come(shelf: Shelf) -> None:
    shelf.worker.configure(DOOR, shelf.offer("old"))
    shelf.settle()
    shelf.worker.configure(DOOR, [*shelf.offer("new"), pack("late")])
    shelf.settle()
    assert shelf.told[-1] == ["new", "old"]
    shelf.offer("late")
    shelf.settle()
    assert shelf.told[-1] == ["new", "late"]
    assert shelf.kept() == {"new", "late"}


def test_speech_that_is_not_wanted_any_more_is_deleted_and_told(shelf: Shelf) -> None:
    shelf.worker.configure(DOOR, shelf.offer("one", "two"))
    shelf.settle()
    shelf.worker.configure(DOOR, [pack("two")])
    shelf.settle()
    assert shelf.told[-1] == ["two"]
    assert shelf.kept() == {"two"}


def test_what_is_missing_is_an_alarm_that_names_its_languages_and_ends_when_it_has_come(shelf: Shelf) -> None:
    shelf.worker.configure(DOOR, [pack("one"), pack("two", "pl")])
    shelf.settle()
    assert "pl, uk" in shelf.alarms["speech"]
    assert "Nobody answers at the door." in shelf.alarms["speech"]
    shelf.offer("one", "two")
    shelf.settle()
    assert shelf.alarms == {}


def test_a_configuration_without_a_door_is_said(shelf: Shelf) -> None:
    shelf.worker.configure(None, shelf.offer("one"))
    shelf.settle()
    assert "no door" in shelf.alarms["speech"]


def test_it_waits_longer_after_each_failure_never_longer_than_the_longest_and_never_in_step_with_others(shelf: Shelf) -> None:
    shelf.worker.configure(DOOR, [pack("one")])
    pauses = []
    for number in range(12):
        shelf.draws = float(number % 2)
        pauses.append(shelf.worker.step())
    early, late = pauses[0::2], pauses[1::2]
    assert early == sorted(early)  # type: ignore[type-var]
    assert late == sorted(late)  # type: ignore[type-var]
    assert early[0] == SHORTEST_S
    assert late[-1] == LONGEST_S
    assert early[-1] == LONGEST_S / 2


def test_a_new_configuration_is_tried_at_once(shelf: Shelf) -> None:
    shelf.worker.configure(DOOR, [pack("one")])
    for _ in range(8):
        shelf.worker.step()
    shelf.worker.configure(DOOR, [pack("other")])
    assert shelf.worker.step() == SHORTEST_S


def test_speech_never_takes_the_room_that_answers_need(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "RESERVE_BYTES", 2**60)
    shelf.worker.configure(DOOR, shelf.offer("one"))
    shelf.settle()
    assert shelf.fetched == []
    assert "kept for answers" in shelf.alarms["speech"]


def test_over_a_real_door_speech_arrives_by_itself(tmp_path: Path) -> None:
    door = SpeechDoor(tmp_path / "door")
    packs = [pack_of(tmp_path / "made", language, {"a": b"\1\2" * 500}) for language in ("uk", "en")]
    told: list[list[str]] = []
    alarms: dict[str, str] = {}
    worker = VoicesWorker(
        folder=tmp_path / "speech",
        fetch=PackLink(door.ca).fetch,
        ready=lambda paths: told.append([path.stem for path in paths]),
        draw=lambda: 0.0,
        alarm=alarms.__setitem__,
        clear=lambda name: alarms.pop(name, None) and None,
        calm_s=0.0,
    )
    worker.start()
    try:
        worker.configure(door.address, packs)
        until(lambda: alarms, "the door has nothing yet")
        for made in packs:
            door.offer(tmp_path / "made" / f"{made.digest.hex()}.zip")
        until(lambda: told and told[-1] == [made.digest.hex() for made in packs], "both have come")
        until(lambda: not alarms, "the alarm is over")
    finally:
        worker.stop()
        door.close()
