"""Where a device stands, as far as those who speak to its visitors must know."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wire.envelopes import Item


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The court's name by language, the languages on offer, the device's short number, and the page that the QR code opens.

    `items` are the questions it may ask, in order, the rotation bank last, so that their texts can be prepared. `voices` are the
    languages that have speech. `accent` (#RRGGBB) and `crest` (a PNG as `wire.crest` has it) are how the court wants to look.
    """

    court: Mapping[str, str]
    languages: tuple[str, ...]
    language: str
    number: str | None = None
    public_url: str | None = None
    items: tuple[Item, ...] = field(default=())
    voices: frozenset[str] = frozenset()
    accent: str | None = None
    crest: bytes | None = None
