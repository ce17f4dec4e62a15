"""The loop around `tallies.step`: works, and rests for as long as it has worked."""

import logging
import threading
import time
from typing import Final

from django.db import DatabaseError, InterfaceError, connection

from sync_server.results import tallies

log = logging.getLogger(__name__)

PAUSE_S: Final = 0.15
"""Between two looks for new marks: a tap should be on the page within a second, and a look is three small questions."""
REST_S: Final = 1.0
"""Longest pause after a step. SQLite has one writer and no queue: who goes on at once after each step keeps ratings out for as long
as there is a backlog. Half of the time is theirs."""
AFTER_TROUBLE_S: Final = 2.0


class TallyWorker:
    """One process of it is enough; two would only wait for each other."""

    def __init__(self) -> None:
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ends `run` after the step under way. May be called from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Works until `stop`."""
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                tallies.step()
            except Exception as fault:
                log.exception("the tallies could not be brought up to date; trying again")
                if isinstance(fault, DatabaseError | InterfaceError):
                    connection.close()
                self._stopping.wait(AFTER_TROUBLE_S)
                continue
            self._stopping.wait(min(REST_S, max(PAUSE_S, time.monotonic() - began)))
