"""What the core and the edges expect of one another: narrow Protocols, each with a real driver, hardware with a fake too."""

from collections.abc import Callable, Sequence
from typing import Protocol

from kiosk.core.timekeeping import Stamp
from kiosk.core.visit import Scene
from wire.events import Event


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


class Screen(Protocol):
    """Whatever shows scenes: the window, the lamps, nothing at all."""

    def show(self, scene: Scene) -> None:
        """Draw `scene`. Called on the main thread whenever it changes."""


class Signer(Protocol):
    """The device's private key, which nobody else sees."""

    def sign(self, statement: bytes) -> bytes:
        """The 64-byte Ed25519 signature of `statement`."""
