"""Which configuration is in force, and what it means to the parts that go by it."""

from dataclasses import replace
from typing import Final

import msgspec

from kiosk import builtin, identity
from kiosk.config import KioskConfig
from kiosk.core import contacts
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Rules
from kiosk.identity import Identity
from kiosk.texts import LANGUAGES, Texts
from kiosk.upkeep.notices import Notices
from kiosk.workers.configuring import verified
from wire.codec import WireError
from wire.envelopes import Config

NONE: Final = "configuration"
"""The alarm that stands while what is asked is not what the device received last."""


def first(config: KioskConfig, who: Identity, notices: Notices, texts: Texts) -> Config:
    """The newest configuration on the card that the server has signed for this device, else the built-in one.

    What is wrong with a newer one stands as an alarm until the server has sent it again; an older one that is damaged is reported.
    """
    why: list[str] = []
    for file, signed in identity.load_configs(config.state_dir, why.append):
        try:
            found = verified(signed, who.device, who.verifier)
        except WireError as fault:
            why.append(f"The configuration {identity.FOLDER}/{file} cannot be used: {fault}.")
            continue
        if file == identity.CONFIG:
            for sentence in why:
                notices.report(sentence)
        else:
            why = why or [f"The configuration {identity.FOLDER}/{identity.CONFIG} is missing."]
            notices.alarm(NONE, " ".join([*why, "The one before it is used until the server has sent it again."]))
        return found
    why = why or ["This device has no configuration yet."]
    notices.alarm(NONE, " ".join([*why, "The built-in question is asked until the server has sent a configuration."]))
    return builtin.configuration(texts, LANGUAGES)


def rules(received: Config, config: KioskConfig, voices: frozenset[str]) -> Rules:
    """What the court has configured; `voices` are the languages that have speech on the card.

    Without a screen only the first item can be asked, so only that counts as shown. Where nothing can be seen nor heard, there is
    no accessible mode, and face buttons mean nothing but their faces.
    """
    noticed = config.has_window or not voices.isdisjoint(received.languages)
    made = Rules(
        received.questionnaire,
        tuple(received.languages),
        received.language,
        received.timings,
        received.misuse,
        contacts.keypad(config.panel.contacts) if noticed else (),
        accessible=noticed,
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
        accent=received.accent,
        crest=received.crest,
    )
