"""What a screen has to show: the visit's scene with every text already chosen. Made by the presenter, drawn by screens."""

from dataclasses import dataclass

Modules = tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One option: the key of its control, its words, its icon, and the point of the scale if it is a face."""

    key: str
    words: str
    icon: str | None
    point: int | None


@dataclass(frozen=True, slots=True)
class Language:
    """One language on offer."""

    code: str
    name: str
    current: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every screen."""

    court: str
    languages: tuple[Language, ...]
    larger: str
    language: str
    pressed: str | None


@dataclass(frozen=True, slots=True)
class Welcome:
    """The first question."""

    frame: Frame
    question: str
    choices: tuple[Choice, ...]
    privacy: str


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A further question, under the words that the rating is saved."""

    frame: Frame
    saved: str
    rating: int | None
    question: str
    choices: tuple[Choice, ...]
    skip: str
    undo: str | None


@dataclass(frozen=True, slots=True)
class Thanks:
    """The thank-you. `undo` is None when there is nothing to take back; its bar drains from `since` to `deadline`."""

    frame: Frame
    saved: str
    rating: int | None
    what_happens: str
    undo: str | None
    since: int
    deadline: int
    qr: Modules | None
    qr_opens: str


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """The answer could not be saved."""

    frame: Frame
    sentence: str
    again: str


@dataclass(frozen=True, slots=True)
class OutOfOrder:
    """Nothing can be recorded."""

    frame: Frame
    sentence: str
    number: str | None


View = Welcome | FollowUp | Thanks | NotRecorded | OutOfOrder
