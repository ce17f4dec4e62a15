"""Starts granian, and sets up Python for a process that lives for months."""

import gc
import os
import socket
import sys
from functools import cache
from pathlib import Path
from typing import Final, NoReturn

from sync_server.project.config import Address

OBJECTS_BEFORE_COLLECTING: Final = 50_000
"""Python looks for rings of garbage after 700 new objects by default, many times within one batch of ratings; we make none."""


PAGE_THREADS: Final = 4
DOOR_THREADS: Final = 24
"""granian reads what is sent on the thread that answers it: devices on slow lines need many that mostly wait."""

SILENT_S: Final = 60
"""After so long a silence the other side is asked whether it is still there, and three times more within half a minute."""
ASKED_EVERY_S: Final = 10
ASKED_TIMES: Final = 3


def serve(address: Address, *, settings: str, workers: int, threads: int, tls: tuple[Path, Path] | None = None) -> NoReturn:
    """Becomes granian, serving our pages under `settings`. `tls` are certificate and key (PEM)."""
    arguments = ["--interface", "wsgi", "--host", address.host, "--port", str(address.port), "--workers", str(workers)]
    arguments += ["--no-ws", "--blocking-threads", str(threads), "--log-level", "warning", "--respawn-failed-workers"]
    if tls is not None:
        arguments += ["--ssl-certificate", str(tls[0]), "--ssl-keyfile", str(tls[1]), "--ssl-protocol-min", "tls1.2"]
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    os.execv(sys.executable, [sys.executable, "-m", "granian", *arguments, "sync_server.project.wsgi:application"])


@cache
def notice_the_vanished() -> None:
    """Lets the system end connections whose other side has vanished without a word; each would hold a thread for ever.

    granian's listening socket does not ask for that, and connections take over what holds for the socket they came in by. To be
    called in each of its workers with every request, because it listens only once the application stands; does its work once.
    """
    for fd in _open_files():
        try:
            found = socket.socket(fileno=os.dup(fd))
        except OSError:  # no socket
            continue
        with found:
            if found.family in (socket.AF_INET, socket.AF_INET6) and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SILENT_S)
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, ASKED_EVERY_S)
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, ASKED_TIMES)


def _open_files() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd")]


def calm_collector() -> None:
    """Lets Python collect garbage seldom, and never again what was there at start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTING, 20, 20)
