"""The words of what was asked, in the language of the page."""

from dataclasses import dataclass
from typing import Final

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from sync_server.results.selectors import FACES
from sync_server.surveys.selectors import item_of
from wire.envelopes import Texts

OVERALL: Final = "overall"
"""The item whose five faces open every visit."""
REASON: Final = "reason"


@dataclass(frozen=True, slots=True)
class Scale:
    """An item's question and options: `words[i]` is what `points[i]` says."""

    question: str
    points: tuple[int, ...]
    words: tuple[str, ...]


def scale_of(key: str) -> Scale:
    """The item `key` as it is asked now; before the first release, the five faces."""
    item = item_of(key)
    if item is None:
        faces = (_("Very bad"), _("Bad"), _("Neither good nor bad"), _("Good"), _("Very good"))
        return Scale(_("How was your visit to the court?"), FACES, faces)
    return Scale(
        in_language(item.text),
        tuple(option.value for option in item.options),
        tuple(in_language(option.text) for option in item.options),
    )


def in_language(texts: Texts) -> str:
    """The text in the page's language, else in Ukrainian, else in whichever there is."""
    language = (get_language() or "uk").split("-")[0]
    return texts.get(language) or texts.get("uk") or next(iter(texts.values()), "")
