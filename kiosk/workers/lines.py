"""Both lines to the server, and which of them is in use. While that is HTTPS, MQTT is kept open and tried now and then."""

from collections.abc import Callable

import structlog

from kiosk.core.ports import Link, LinkDown, LinkUp
from kiosk.core.ways import Step, Way, Ways
from kiosk.workers.line import FromLink, Line

log = structlog.get_logger("sync")


class Lines:
    """Used on one thread; `way` and `up` may be asked from any. `hear` is given on the links' own threads what they say."""

    def __init__(
        self,
        mqtt: Link,
        https: Callable[[], Link | None] | None,
        hear: Callable[[FromLink], None],
        *,
        draw: Callable[[], float],
        now: int,
        on_change: Callable[[], None],
    ) -> None:
        """`https` makes that link when it is needed, or returns None where there is none; `on_change` hears when the line in use
        has come up or gone down, or is another."""
        self._make_https = https
        self._hear = hear
        self._on_change = on_change
        self._ways = Ways(draw=draw)
        self._mqtt = Line(Way.MQTT, mqtt, hear, now=now)
        self._https: Line | None = None

    @property
    def way(self) -> Way:
        """The way in use."""
        return self._ways.way

    @property
    def up(self) -> bool:
        """Whether its line is up, as far as is known."""
        return self.in_use.up

    @property
    def in_use(self) -> Line:
        """The line that carries rows and reports."""
        return self._https or self._mqtt

    def open(self) -> None:
        """Opens MQTT. Raises `OSError`."""
        self._mqtt.open()

    def close(self) -> None:
        """Closes what is open."""
        for line in reversed(self._all()):
            line.close()

    def due(self) -> int | None:
        """When `supervise` is to be called (monotonic ms)."""
        return min((due for due in (line.due() for line in self._all()) if due is not None), default=None)

    # --- what happens ------------------------------------------------------------------------------------------------------

    def take(self, news: FromLink, now: int) -> bool:
        """Takes note of what a link has said. Returns whether it was that of the line in use."""
        line = next((line for line in self._all() if line.way is news.way), None)
        if line is None:
            return False  # closed since
        was_up = self.up
        line.take(news.event, now)
        if self.up is not was_up:
            self._on_change()
        if line is self._mqtt and isinstance(news.event, LinkUp | LinkDown):
            self._ways.mqtt_up(now) if line.up else self._ways.mqtt_down()
        return line is self.in_use

    def acknowledged(self, way: Way) -> None:
        """The server has acknowledged something over `way`."""
        self._ways.heard(way)

    # --- what to do --------------------------------------------------------------------------------------------------------

    def supervise(self, now: int) -> bool:
        """Starts afresh what has been silent for too long. Returns whether that was the line in use."""
        silent = [line for line in self._all() if (due := line.due()) is not None and now >= due]
        for line in silent:
            self._restart(line, "nothing is answered" if line.up else "the link has fallen silent", now)
        return self.in_use in silent

    def suspect(self, now: int) -> None:
        """Starts the line in use afresh: no acknowledgement comes back over it."""
        self._ways.suspect()
        self._restart(self.in_use, "no acknowledgement comes back", now)

    def step(self, now: int, *, wanting: bool) -> Step:
        """As `Ways.step`."""
        return self._ways.step(now, wanting=wanting)

    def probe(self, content_type: str, greeting: bytes, now: int) -> None:
        """Sends a greeting over MQTT, to see whether it is answered."""
        self._mqtt.publish("up", content_type, greeting, now)
        self._ways.probed(now)

    def switch(self, way: Way, now: int) -> bool:
        """Speaks by `way` from now on. False if it is not to be had."""
        if way is Way.HTTPS:
            link = self._make_https() if self._make_https else None
            if link is None:
                self._ways.unavailable(now)
                return False
            self._https = Line(way, link, self._hear, now=now)
            self._https.open()
        elif self._https is not None:
            self._https.close()
            self._https = None
        log.warning("way-changed", way=way)
        self._ways.switched(way, now)
        self._on_change()
        return True

    def _all(self) -> list[Line]:
        return [self._mqtt] if self._https is None else [self._mqtt, self._https]

    def _restart(self, line: Line, why: str, now: int) -> None:
        if line is self._mqtt:
            self._ways.mqtt_down()
        line.restart(why, now)
        if line is self.in_use:
            self._on_change()
