"""The daily backup: a part of the server that mostly sleeps. It imports no Django; the backup itself is a command of its own."""

import logging
import subprocess
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Final

from sync_server.keeping import shelf

log = logging.getLogger(__name__)

SETTLING_S: Final = 600.0
"""After its start, a server is left in peace for so long, even if no backup was made for a year."""
LOOK_S: Final = 60.0
"""Between two looks at the clock, which somebody may set."""
AFTER_TROUBLE_S: Final = 900.0
"""After a backup that failed: a full disk is not mended within a minute."""


def due(daily: time, now: datetime, last: datetime | None) -> bool:
    """Whether none was made since it was last time for one: `daily`, on the clock of `now` (aware). A missed one is made later."""
    today = datetime.combine(now.date(), daily, tzinfo=now.tzinfo)
    moment = today if today <= now else today - timedelta(days=1)
    # From the future: the clock has been set back since, and that is no reason to go without one.
    return last is None or last < moment or last > now + timedelta(days=1)


class DailyBackup:
    """Runs `command` when a backup is due in `folder`. `clock` gives the local time, aware."""

    def __init__(
        self,
        folder: Path,
        daily: time | None,
        command: Sequence[str],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._folder = folder
        self._daily = daily
        self._command = list(command)
        self._clock = clock
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ends `run`, after the backup under way. May be called from a signal handler."""
        self._stopping.set()

    def run(self, *, settling: float = SETTLING_S) -> None:
        """Works until `stop`."""
        wait = settling
        while not self._stopping.wait(wait):
            wait = self.step()

    def step(self) -> float:
        """One look, and the backup if it is due. Returns how many seconds to wait before the next."""
        if self._daily is None:
            return LOOK_S
        newest = shelf.newest(shelf.find_all(self._folder))
        if not due(self._daily, self._clock(), newest.known.made_at if newest else None):
            return LOOK_S
        done = subprocess.run(self._command, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            log.error("the daily backup was not made; what it said stands above; trying again in %.0f s", AFTER_TROUBLE_S)
            return AFTER_TROUBLE_S
        return LOOK_S
