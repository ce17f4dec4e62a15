"""Which configuration a device starts with, and what it means to its parts."""

from pathlib import Path

import pytest

from kiosk import builtin, identity
from kiosk import config as configuration
from kiosk.config import KioskConfig
from kiosk.core.access import Keystroke
from kiosk.device import adoption
from kiosk.identity import Identity
from kiosk.texts import LANGUAGES, Texts
from kiosk.upkeep.enrolment import enrol
from kiosk.upkeep.notices import Notices
from kiosk.workers.health import NOTE_LENGTH
from tests.kiosk.authority import Authority
from tests.kiosk.authority import configuration as released
from tests.kiosk.door import CODE, Door


@pytest.fixture
def enrolled(tmp_path: Path) -> tuple[KioskConfig, Identity, Door]:
    folder = tmp_path / "server"
    folder.mkdir()
    door = Door(folder)
    config = configuration.parse({"state_dir": "state", "screen": {"mode": "none"}, "panel": {"simulated": "p"}}, folder=tmp_path)
    enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=config.state_dir)
    door.close()
    return config, identity.load(config.state_dir), door


def test_the_newest_configuration_is_in_force(enrolled: tuple[KioskConfig, Identity, Door]) -> None:
    config, who, door = enrolled
    identity.store_config(config.state_dir / "identity", door.authority.sign(who.device, released(7)))
    notices = Notices()
    assert adoption.first(config, who, notices, Texts(LANGUAGES, notices.report)).version == 7
    assert notices.sentences() == []


def test_what_another_server_signed_is_passed_over_for_the_one_before(enrolled: tuple[KioskConfig, Identity, Door]) -> None:
    config, who, door = enrolled
    identity.store_config(config.state_dir / "identity", door.authority.sign(who.device, released(2)))
    identity.store_config(config.state_dir / "identity", Authority.make().sign(who.device, released(3)))
    notices = Notices()
    assert adoption.first(config, who, notices, Texts(LANGUAGES, notices.report)).version == 2
    (said,) = notices.sentences()
    assert "identity/configuration.bin cannot be used: " in said
    assert "did not sign" in said
    assert len(said) <= NOTE_LENGTH


def test_a_damaged_newest_configuration_is_named_while_the_one_before_is_used(
    enrolled: tuple[KioskConfig, Identity, Door],
) -> None:
    config, who, door = enrolled
    for version in (2, 3):
        identity.store_config(config.state_dir / "identity", door.authority.sign(who.device, released(version)))
    (config.state_dir / "identity" / "configuration.bin").write_bytes(b"\xc1")
    notices = Notices()
    assert adoption.first(config, who, notices, Texts(LANGUAGES, notices.report)).version == 2
    (said,) = notices.sentences()
    assert "identity/configuration.bin is damaged: " in said
    assert "The one before it is used" in said
    assert len(said) <= NOTE_LENGTH
    notices.clear(adoption.NONE)
    assert notices.sentences() == [], "it is an alarm, over when a configuration has come"


def test_a_lost_newest_configuration_is_named_while_the_one_before_is_used(enrolled: tuple[KioskConfig, Identity, Door]) -> None:
    config, who, door = enrolled
    for version in (2, 3):
        identity.store_config(config.state_dir / "identity", door.authority.sign(who.device, released(version)))
    (config.state_dir / "identity" / "configuration.bin").unlink()
    notices = Notices()
    assert adoption.first(config, who, notices, Texts(LANGUAGES, notices.report)).version == 2
    assert ["identity/configuration.bin is missing" in sentence for sentence in notices.sentences()] == [True]


def test_a_damaged_former_configuration_is_named_too(enrolled: tuple[KioskConfig, Identity, Door]) -> None:
    config, who, door = enrolled
    for version in (2, 3):
        identity.store_config(config.state_dir / "identity", door.authority.sign(who.device, released(version)))
    (config.state_dir / "identity" / "configuration.former.bin").write_bytes(b"")
    notices = Notices()
    assert adoption.first(config, who, notices, Texts(LANGUAGES, notices.report)).version == 3
    assert ["configuration.former.bin is damaged" in sentence for sentence in notices.sentences()] == [True]


def test_where_every_configuration_is_damaged_the_built_in_question_is_asked(enrolled: tuple[KioskConfig, Identity, Door]) -> None:
    config, who, _ = enrolled
    (config.state_dir / "identity" / "configuration.bin").write_bytes(b"\xc1")
    notices = Notices()
    found = adoption.first(config, who, notices, Texts(LANGUAGES, notices.report))
    assert found.version == builtin.NO_VERSION
    assert found.questionnaire.items[0].key == "overall"
    assert any("configuration.bin is damaged" in sentence for sentence in notices.sentences())
    notices.clear(adoption.NONE)
    assert notices.sentences() == [], "it is an alarm, over when a configuration has come"


def test_without_a_screen_only_the_first_item_counts_as_shown(enrolled: tuple[KioskConfig, Identity, Door]) -> None:
    config, _, _ = enrolled
    asked = adoption.rules(released(1), config, frozenset()).questionnaire
    assert len(asked.items) == 1
    assert asked.rotation == []


def test_face_buttons_are_keys_of_the_accessible_mode_where_none_are_wired(tmp_path: Path) -> None:
    buttons = {"1": 5, "5": 6}
    alone = configuration.parse({"state_dir": "s", "panel": {"buttons": buttons}}, folder=tmp_path)
    beside = configuration.parse(
        {"state_dir": "s", "panel": {"buttons": buttons, "keys": {"next": 13, "choose": 19}}}, folder=tmp_path
    )
    assert adoption.rules(released(1), alone, frozenset()).keypad == ((1, Keystroke.NEXT), (5, Keystroke.CHOOSE))
    assert adoption.rules(released(1), beside, frozenset()).keypad == ()


@pytest.mark.parametrize(
    ("screen", "voices", "accessible"),
    [("none", {"uk"}, True), ("none", set(), False), ("none", {"fr"}, False), ("window", set(), True)],
)
def test_there_is_an_accessible_mode_where_it_can_be_seen_or_heard(
    tmp_path: Path, screen: str, voices: set[str], accessible: bool
) -> None:
    panel = {"buttons": {"1": 5, "5": 6}, "keys": {"access": 13}}
    config = configuration.parse({"state_dir": "s", "screen": {"mode": screen}, "panel": panel}, folder=tmp_path)
    rules = adoption.rules(released(1), config, frozenset(voices))
    assert (rules.accessible, bool(rules.keypad)) == (accessible, accessible)


def test_the_surroundings_name_every_item_that_may_be_asked(enrolled: tuple[KioskConfig, Identity, Door]) -> None:
    config, _, _ = enrolled
    received = released(1)
    around = adoption.surroundings(received, config, frozenset({"uk"}))
    assert [item.key for item in around.items] == [
        item.key for item in (*received.questionnaire.items, *received.questionnaire.rotation)
    ]
    assert around.voices == {"uk"}
