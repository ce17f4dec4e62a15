"""Which configuration is in force, and what it means to the parts that go by it."""

from dataclasses import replace
from typing import Final

import msgspec

from kiosk import builtin, identity
from kiosk.config import KioskConfig
from kiosk.core import contacts
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Rules
from kiosk.errors import IdentityError
from kiosk.identity import Identity
from kiosk.texts import LANGUAGES, Texts
from kiosk.upkeep.notices import Notices
from kiosk.workers.sync import verified
from wire.codec import WireError
from wire.envelopes import Config

NONE: Final = "configuration"
"""The alarm that stands while the built-in question is asked."""


def first(config: KioskConfig, who: Identity, notices: Notices) -> Config:
    """The newest configuration on the card that the server has signed for this device, else the built-in one."""
    why: list[str] = []
    try:
        for signed in identity.load_configs(config.state_dir):
            try:
                found = verified(signed, who.device, who.verifier)
                for sentence in why:
                    notices.report(sentence)
                return found
            except WireError as fault:
                why.append(f"A configuration on the card cannot be used: {fault}.")
    except IdentityError as fault:
        why.append(fault.text)
    notices.alarm(NONE, " ".join([*why, "The built-in question is asked until the server has sent a configuration."]))
    return builtin.configuration(Texts(LANGUAGES, notices.report), LANGUAGES)


def rules(received: Config, config: KioskConfig) -> Rules:
    """What the court has configured. Without a screen only the first item can be asked, so only that counts as shown."""
    made = Rules(
        received.questionnaire,
        tuple(received.languages),
        received.language,
        received.timings,
        received.misuse,
        contacts.keypad(config.panel.contacts),
    )
    if config.has_window:
        return made
    only = msgspec.structs.replace(made.questionnaire, items=made.questionnaire.items[:1], rotation=[])
    return replace(made, questionnaire=only)


def surroundings(received: Config, config: KioskConfig, voices: frozenset[str]) -> Surroundings:
    """Where the device stands, for those who speak to its visitors; `voices` are the languages that have speech on the card."""
    return Surroundings(
        court=received.court,
        languages=tuple(received.languages),
        language=received.language,
        number=config.number or None,
        public_url=received.public_url,
        items=(*received.questionnaire.items, *received.questionnaire.rotation),
        voices=voices,
    )
