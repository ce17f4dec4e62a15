"""Waits for processes that have just been stopped: they hold on to a database for a moment longer than to anything else."""

import time
from collections.abc import Callable
from typing import Final

from sync_server.keeping.errors import InUse

PATIENCE_S = 15.0
"""Longer than a process takes to end on a busy machine, short enough for somebody who has forgotten to stop one."""
EVERY_S: Final = 0.1


def patiently(attempt: Callable[[], None]) -> None:
    """Does `attempt`, and again while it raises `InUse`, which it raises itself in the end."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return attempt()
        except InUse:
            if time.monotonic() > deadline:
                raise
        time.sleep(EVERY_S)
