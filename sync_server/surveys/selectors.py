"""Which questionnaire is asked, and what a version's words were. Reads only."""

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from sync_server.surveys.models import Questionnaire
from wire.envelopes import Item
from wire.envelopes import Questionnaire as WireQuestionnaire


def current_questionnaire(key: str = "exit") -> WireQuestionnaire | None:
    """The newest released version of `key`, as a kiosk receives it; none before the first release."""
    row = Questionnaire.objects.filter(key=key).order_by("-version").first()
    return _decoded(row.document) if row else None


def questionnaire(version: int) -> WireQuestionnaire | None:
    """The questionnaire that was released as `version`."""
    row = Questionnaire.objects.filter(version=version).first()
    return _decoded(row.document) if row else None


def item_of(key: str, *, questionnaire_key: str = "exit") -> Item | None:
    """The item `key` as it is asked now, with its words and options."""
    current = current_questionnaire(questionnaire_key)
    return next((item for item in (*current.items, *current.rotation) if item.key == key), None) if current else None


def languages_of(asked: WireQuestionnaire) -> frozenset[str]:
    """The languages in which every question and every option of `asked` has its words."""
    items = (*asked.items, *asked.rotation)
    texts = [item.text for item in items] + [option.text for item in items for option in item.options]
    return frozenset.intersection(*(frozenset(language for language, text in words.items() if text.strip()) for words in texts))


def _decoded(document: Mapping[str, object]) -> WireQuestionnaire:
    return _decoded_bytes(msgspec.json.encode(document))


@lru_cache(maxsize=16)
def _decoded_bytes(document: bytes) -> WireQuestionnaire:
    return msgspec.json.decode(document, type=WireQuestionnaire)
