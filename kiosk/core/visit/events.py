"""What can happen to a visit. Every event carries the stamp of its own moment."""

from dataclasses import dataclass

from kiosk.core.access import Keystroke
from kiosk.core.hours import Opening
from kiosk.core.timekeeping import Stamp
from wire.events import Input


@dataclass(frozen=True, slots=True)
class Tap:
    """An option of the item on screen was tapped."""

    value: int
    input: Input
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Press:
    """A physical face button was pressed. It answers the question that has its face on screen; anywhere else past the first it is
    the next person's rating. Only in the accessible mode of a device whose face buttons are its keypad it is a key."""

    value: int
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Skip:
    """The visitor does not want to answer the item on screen."""

    stamp: Stamp
    input: Input = Input.TOUCH


@dataclass(frozen=True, slots=True)
class Undo:
    """Not what the visitor meant: everything this visit has answered is taken back."""

    stamp: Stamp
    input: Input = Input.TOUCH


@dataclass(frozen=True, slots=True)
class Done:
    """The thank-you was touched away: the next person may begin. On "not recorded": trying again."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Speak:
    """Another language was chosen; it holds until the visit ends."""

    language: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Tick:
    """The moment is now `stamp`. Sent when something falls due; sent too early it does nothing."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Committed:
    """The rows of append number `token` are on the card."""

    token: int
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Failed:
    """The rows of append number `token` are not on the card."""

    token: int
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Broken:
    """Nothing can be recorded until somebody mends the device."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Mended:
    """Recording works again."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Stay:
    """A touch or key that means nothing but that somebody is there. It wakes a closed device."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Access:
    """The accessibility control: the accessible mode begins, or ends."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Key:
    """A tactile key. Any of them begins the accessible mode; in it they move through everything that can be chosen."""

    key: Keystroke
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Stuck:
    """The face button `value`, pressed last at `since` (monotonic ms), has not come up: its rating is doubtful."""

    value: int
    since: int
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Close:
    """The court has closed; it opens again at `opens`, if that is known. A visitor in front is not sent away."""

    opens: Opening | None
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Open:
    """The court has opened."""

    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Clean:
    """Staff want to wipe the screen: it is locked for `timings.cleaning`."""

    stamp: Stamp


Acted = Tap | Press | Skip | Undo | Done | Speak | Stay | Access | Key
"""What a visitor does."""
VisitEvent = Acted | Stuck | Close | Open | Clean | Tick | Committed | Failed | Broken | Mended
