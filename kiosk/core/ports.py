"""What the core and the edges expect of one another: narrow Protocols, each with a real driver, hardware with a fake too."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from kiosk.core.access import Volume
from kiosk.core.lighting import Look
from kiosk.core.progress import Excerpt, Progress, Standing
from kiosk.core.sounding import Sound
from kiosk.core.timekeeping import Stamp
from kiosk.core.visit import Scene
from wire.events import Event, StreamId
from wire.topics import Leaf


class Clock(Protocol):
    """Reads the device's clocks."""

    def stamp(self) -> Stamp:
        """Both clocks, now."""


class Loop(Protocol):
    """The main thread: screen, visit and inputs live on it, so that none of them needs a lock."""

    def post(self, call: Callable[[], None]) -> None:
        """Run `call` on the main thread soon. From any thread; wakes a sleeping loop."""

    def at(self, deadline_ms: int | None, call: Callable[[], None]) -> None:
        """Run `call` once the monotonic clock reads `deadline_ms`, in place of what was set before; None sets nothing."""


class Recorder(Protocol):
    """The durable ledger, as the visit sees it."""

    def append(self, rows: Sequence[Event], done: Callable[[bool], None]) -> None:
        """Write `rows` in one transaction. `done` hears, on any thread and once, whether they are on the card."""


class Memory(Protocol):
    """What the visit remembers across a restart: how often each item of the rotation bank was shown, by the item's key."""

    def load(self) -> Mapping[str, int]:
        """What was kept last; empty if there is nothing that can be read."""

    def keep(self, exposures: Mapping[str, int]) -> None:
        """Keeps `exposures` in place of what was kept before. On the main thread; must not block and must not raise."""


class Shelf(Protocol):
    """The durable ledger, as the delivery sees it. From any thread; each raises `kiosk.errors.LedgerError` when the card fails."""

    def standing(self) -> Standing:
        """What it holds now."""

    def read(self, stream: StreamId, first: int, count: int) -> Excerpt:
        """At most `count` rows from `first` on, if `stream` is still the one."""

    def remember(self, stream: StreamId, progress: Progress, *, now: bool = False) -> None:
        """What the server has of `stream`; written soon, or before this returns."""

    def prune(self, *, older_than: int) -> int:
        """Deletes some rows that are backed up and happened before `older_than` (wall ms). Returns how many."""

    def begin_anew(self, stream: StreamId, progress: Progress) -> Standing:
        """Ends `stream`, of which the server has `progress`, and begins another, to which its rows are brought over bit by bit,
        except for those that the server's backups hold (after a fork, all of them). If `stream` is not the present one any more,
        nothing is done. Returns what the ledger holds then."""


class LinkUp(NamedTuple):
    """The server's broker has let us in, and what comes down will reach us."""


class LinkDown(NamedTuple):
    """There is no connection, for the reason `why`. The link goes on trying by itself."""

    why: str


class Delivered(NamedTuple):
    """The broker answered the message that `publish` numbered `token`, with an MQTT 5 reason code."""

    token: int
    reason: int


class Message(NamedTuple):
    """Something came down."""

    leaf: str
    content_type: str | None
    payload: bytes


LinkEvent = LinkUp | LinkDown | Delivered | Message


class Link(Protocol):
    """A way to the server. It neither queues nor retries: rows are safe in the ledger, and the delivery decides."""

    def open(self, heard: Callable[[LinkEvent], None]) -> None:
        """Starts connecting. `heard` is called on a thread of the link's own and must only take note."""

    def close(self) -> None:
        """Ends the connection; says goodbye if it can. `open` may follow."""

    def publish(self, leaf: Leaf, content_type: str, payload: bytes) -> int | None:
        """Hands a message over. Returns its number, or None if the link takes nothing now. From any thread."""


class Screen(Protocol):
    """Whatever shows scenes: the window, the lamps, nothing at all."""

    def show(self, scene: Scene) -> None:
        """Draw `scene`. Called on the main thread whenever it changes."""


class Edge(NamedTuple):
    """A contact (named as in `kiosk.core.contacts`) closed or opened: what it did, chatter and all, stamped when it did."""

    contact: str
    down: bool
    stamp: Stamp


class Contacts(Protocol):
    """What visitors press and walk past: face buttons, tactile keys, door sensors."""

    def start(self, heard: Callable[[Edge], None]) -> frozenset[str]:
        """From now on `heard` hears each edge, on any thread, in the order they happened. Returns the contacts that are down now.

        A contact that cannot be used is reported, and the rest goes on.
        """

    def stop(self) -> None:
        """Lets go of the hardware."""


class Lamps(Protocol):
    """The lights in and around the buttons: the only screen of a device that has no other."""

    def light(self, look: Look) -> None:
        """Show `look`. On the main thread; must not block and must not raise."""

    def stop(self) -> None:
        """Lights out."""


class Sounds(Protocol):
    """Short signs for the ear: a speaker, a buzzer, or both."""

    def play(self, sound: Sound) -> None:
        """Lets `sound` be heard. On the main thread; must not block and must not raise."""


class Spoken(NamedTuple):
    """A sentence as it is shown, and the language it is spoken in, which is the one it is written in."""

    language: str
    sentence: str


class Speech(Protocol):
    """A voice. What it says next cuts off what it is saying."""

    def say(self, sentences: Sequence[Spoken], volume: Volume) -> None:
        """Says `sentences` one after the other; one it has no audio for is left out and reported. Must not block or raise."""

    def hush(self) -> None:
        """Falls silent."""


class Signer(Protocol):
    """The device's private key, which nobody else sees."""

    def sign(self, statement: bytes) -> bytes:
        """The 64-byte Ed25519 signature of `statement`."""


class Verifier(Protocol):
    """The server's public key."""

    def verifies(self, statement: bytes, signature: bytes) -> bool:
        """Whether the server signed `statement`."""
