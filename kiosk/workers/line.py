"""One of the ways to the server with the eye kept on it: a link that calls itself connected may have been dead for long."""

from collections.abc import Callable
from typing import Final, NamedTuple

import structlog

from kiosk.core.ports import Delivered, Link, LinkDown, LinkEvent, LinkUp
from kiosk.core.ways import Way
from wire.topics import Leaf

log = structlog.get_logger("sync")

DOWN_PATIENCE: Final = 300_000
"""Milliseconds without a sign of life from a link that is down; it speaks every minute while its thread lives."""
ANSWER_PATIENCE: Final = 25_000
"""Milliseconds without a sign of life from a link that owes an answer. With a health report every minute, a half-open socket and a
thread that has died are noticed within 90 s, however little there is to deliver."""


class FromLink(NamedTuple):
    """The link of `way` has something to say."""

    way: Way
    event: LinkEvent


class Line:
    """The link of `way`. Used on one thread; `hear` is called on the link's own."""

    def __init__(self, way: Way, link: Link, hear: Callable[[FromLink], None], *, now: int) -> None:
        self.way = way
        self._link = link
        self._hear = hear
        self._up = False
        self._why = ""
        self._alive_at = now
        self._owed: set[int] = set()

    @property
    def up(self) -> bool:
        """Whether it is up, as far as is known."""
        return self._up

    def open(self) -> None:
        """Starts connecting. Raises `OSError` when the device's papers cannot be used."""
        self._link.open(self._heard)

    def close(self) -> None:
        """Ends the connection."""
        self._link.close()

    def restart(self, why: str, now: int) -> None:
        """Tears the link down and builds it up again."""
        log.warning("link-restarted", way=self.way, why=why)
        self._up = False
        self._owed.clear()
        self._alive_at = now
        self._link.close()
        self.open()

    def publish(self, leaf: Leaf, content_type: str, payload: bytes, now: int) -> int | None:
        """As `kiosk.core.ports.Link.publish`; from now on the link owes an answer."""
        token = self._link.publish(leaf, content_type, payload)
        if token is not None:
            if not self._owed:
                self._alive_at = max(self._alive_at, now)
            self._owed.add(token)
        return token

    def take(self, event: LinkEvent, now: int) -> None:
        """Takes note of what the link has said."""
        self._alive_at = now
        match event:
            case LinkUp():
                self._up = True
                self._owed.clear()
                log.info("link-up", way=self.way)
            case LinkDown(why):
                if self._up or why != self._why:
                    log.warning("link-down", way=self.way, why=why)
                self._up, self._why = False, why
                self._owed.clear()
            case Delivered(token):
                self._owed.discard(token)

    def due(self) -> int | None:
        """When its silence becomes suspicious (monotonic ms)."""
        if not self._up:
            return self._alive_at + DOWN_PATIENCE
        return self._alive_at + ANSWER_PATIENCE if self._owed else None

    def _heard(self, event: LinkEvent) -> None:
        self._hear(FromLink(self.way, event))
