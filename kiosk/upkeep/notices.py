"""What staff should know about the device: faults that were noticed, and alarms that stand until they are over."""

import threading
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.get_logger("kiosk")

MOST: Final = 40
"""Faults remembered since the start; a part that finds new words for its fault every minute must not fill the memory."""


class Notices:
    """Collects sentences for the log and the health report. From any thread. `news` hears when an alarm begins or ends."""

    def __init__(self, news: Callable[[], None]) -> None:
        self._news = news
        self._lock = threading.Lock()
        self._noticed: list[str] = []
        self._alarms: dict[str, str] = {}

    def report(self, sentence: str) -> None:
        """Something is wrong and may stay so; each sentence is kept once."""
        log.warning("report", text=sentence)
        with self._lock:
            if sentence not in self._noticed and len(self._noticed) < MOST:
                self._noticed.append(sentence)

    def alarm(self, name: str, sentence: str) -> None:
        """The alarm called `name` stands, in these words."""
        log.warning("alarm", name=name, text=sentence)
        with self._lock:
            self._alarms[name] = sentence
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
