"""What staff should know about the device: faults that were noticed, and alarms that stand until they are over."""

import threading
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.get_logger("kiosk")

MOST: Final = 40
"""Faults remembered since the start; a part that finds new words for its fault every minute must not fill the memory."""


class Notices:
    """Collects sentences for the log and the health report. From any thread."""

    def __init__(self) -> None:
        self._news: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._noticed: list[str] = []
        self._alarms: dict[str, str] = {}

    def listen(self, news: Callable[[], None]) -> None:
        """From now on `news` hears when an alarm begins, changes or ends."""
        self._news = news

    def report(self, sentence: str) -> None:
        """Something is wrong and may stay so; each sentence is kept once."""
        log.warning("report", text=sentence)
        with self._lock:
            if sentence not in self._noticed and len(self._noticed) < MOST:
                self._noticed.append(sentence)

    def alarm(self, name: str, sentence: str) -> None:
        """The alarm called `name` stands, in these words."""
        with self._lock:
            known, self._alarms[name] = self._alarms.get(name), sentence
        if known != sentence:
            log.warning("alarm", name=name, text=sentence)
            self._news()

    def clear(self, name: str) -> None:
        """The alarm called `name` is over; nothing happens if it does not stand."""
        with self._lock:
            stood = self._alarms.pop(name, None) is not None
        if stood:
            log.info("alarm-over", name=name)
            self._news()

    def sentences(self) -> list[str]:
        """Standing alarms, then faults, in the order they were noticed."""
        with self._lock:
            return [*self._alarms.values(), *self._noticed]
