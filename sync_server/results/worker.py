"""The loop around `tallies.step`: works while there is work, looks again soon when there is none."""

import logging
import threading
from typing import Final

from django.db import DatabaseError, InterfaceError, connection

from sync_server.results import tallies

log = logging.getLogger(__name__)

PAUSE_S: Final = 0.15
"""Between two looks for new marks: a tap should be on the page within a second, and a look is three small questions."""
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
            try:
                worked = tallies.step()
            except (DatabaseError, InterfaceError):
                log.exception("the tallies could not be brought up to date; trying again")
                connection.close()
                self._stopping.wait(AFTER_TROUBLE_S)
                continue
            if not worked:
                self._stopping.wait(PAUSE_S)
