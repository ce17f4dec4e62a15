"""Waiting for something to become so: by looking again, with a generous deadline, never by sleeping a guess."""

import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0


def until(probe: Callable[[], T], what: str, *, seconds: float = PATIENCE_S, every: float = 0.02) -> T:
    """Calls `probe` until it returns something true, and returns that; AssertionError naming `what` when time runs out."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)


def accepts_connections(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something listens there now."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
