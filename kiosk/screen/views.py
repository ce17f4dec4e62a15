"""What a screen has to show: the visit's scene with every text already chosen. Made in `staging`, drawn by screens."""

from dataclasses import dataclass

Modules = tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One option: the key of its control, its words, its icon, and the point of the scale if it is a face.

    What lies beside the scale ("does not concern me") is `aside`: it stands apart from the points, and quieter.
    """

    key: str
    words: str
    icon: str | None
    point: int | None
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Language:
    """A language that can be switched to: its code, its own name, and a short sign for where names have no room."""

    code: str
    name: str
    short: str


@dataclass(frozen=True, slots=True)
class Access:
    """The accessible mode, whether it is `on` or not: the words of its controls, how loud the voice is, what a key has reached, and
    the quiet line that says that the language has no voice."""

    on: bool
    repeat: str
    louder: str
    volume: int
    most: int
    focused: str | None
    voiceless: str | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """The visitor is being asked whether anybody is there: the bar drains from `since` to `until` (monotonic ms)."""

    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every screen. `languages` are those that can be switched to; `still_there` is what a visitor is asked
    while `leaving` is set, and keeps its room all the time, so that nothing moves when it comes."""

    court: str
    languages: tuple[Language, ...]
    access: str
    language: str
    pressed: str | None
    aid: Access
    still_there: str
    leaving: Leaving | None = None


@dataclass(frozen=True, slots=True)
class Welcome:
    """The first question. That the answers before are `taken_back` is said while `is_taken_back`; its room is always kept."""

    frame: Frame
    question: str
    choices: tuple[Choice, ...]
    privacy: str
    taken_back: str
    is_taken_back: bool


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
    """The thank-you. `undo` is None when there is nothing to take back; its bar drains from `since` to `until`."""

    frame: Frame
    saved: str
    rating: int | None
    what_happens: str
    undo: str | None
    since: int
    until: int
    done: str
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


@dataclass(frozen=True, slots=True)
class Closed:
    """The court is closed; `opens` says when it opens again, `still` that a visit can be rated all the same."""

    frame: Frame
    sentence: str
    opens: str | None
    still: str


@dataclass(frozen=True, slots=True)
class Cleaning:
    """The screen is locked for wiping. The sentence counts the seconds, the bar drains from `since` to `until`; the picture
    is out of date at `next_second` (monotonic ms). `staff` is what those who clean may want to know of the device, if anything."""

    frame: Frame
    sentence: str
    since: int
    until: int
    next_second: int
    staff: str = ""


View = Welcome | FollowUp | Thanks | NotRecorded | OutOfOrder | Closed | Cleaning
