"""How a court wants its kiosks: the values, whoever keeps or writes them. No Django."""

from typing import Annotated

import msgspec

from wire.colour import Colour
from wire.crest import MOST_BYTES
from wire.envelopes import Hours, Misuse, Texts, Timings
from wire.events import Language

USUAL_LANGUAGES = ("uk", "en")


class CourtSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the kiosks of a court are told of it. `hours` none: it never closes; they are in the court's own time zone. `accent` and
    `crest` (a PNG as `wire.crest` has it) none: the kiosk's own colour, and the name alone."""

    name: Texts
    languages: tuple[Language, ...] = USUAL_LANGUAGES
    language: Language = "uk"
    ask_reason: bool = True
    ask_rotation: bool = True
    timings: Timings = Timings()
    misuse: Misuse = Misuse()
    hours: Hours | None = None
    accent: Colour | None = None
    crest: Annotated[bytes, msgspec.Meta(max_length=MOST_BYTES)] | None = None
