"""Tells systemd that the device is up, and then, from the main loop itself, that it is still turning."""

import os
import threading
from typing import Final

import sdnotify

from kiosk.core.ports import Loop

PER_INTERVAL: Final = 3
"""Signs of life in each interval after which systemd would restart the kiosk."""


class Watchdog:
    """Does nothing where systemd does not ask (no NOTIFY_SOCKET, no WATCHDOG_USEC)."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._notifier = sdnotify.SystemdNotifier()
        self._stopping = threading.Event()
        self._every_s = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6 / PER_INTERVAL
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Ready; signs of life from now on."""
        self._loop.post(lambda: self._notifier.notify("READY=1"))
        if self._every_s > 0:
            self._thread.start()

    def stop(self) -> None:
        """Says that the stop is meant."""
        self._notifier.notify("STOPPING=1")
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            self._loop.post(lambda: self._notifier.notify("WATCHDOG=1"))
