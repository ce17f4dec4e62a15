"""Starts granian, and sets up Python for a process that lives for months."""

import gc
import os
import sys
from pathlib import Path
from typing import Final, NoReturn

from sync_server.project.config import Address

OBJECTS_BEFORE_COLLECTING: Final = 50_000
"""Python looks for rings of garbage after 700 new objects by default, many times within one batch of ratings; we make none."""


def serve(address: Address, *, settings: str, workers: int, tls: tuple[Path, Path] | None = None) -> NoReturn:
    """Becomes granian, serving our pages under `settings`. `tls` are certificate and key (PEM)."""
    arguments = ["--interface", "wsgi", "--host", address.host, "--port", str(address.port), "--workers", str(workers)]
    arguments += ["--no-ws", "--blocking-threads", "4", "--log-level", "warning", "--respawn-failed-workers"]
    if tls is not None:
        arguments += ["--ssl-certificate", str(tls[0]), "--ssl-keyfile", str(tls[1]), "--ssl-protocol-min", "tls1.2"]
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    os.execv(sys.executable, [sys.executable, "-m", "granian", *arguments, "sync_server.project.wsgi:application"])


def calm_collector() -> None:
    """Lets Python collect garbage seldom, and never again what was there at start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTING, 20, 20)
