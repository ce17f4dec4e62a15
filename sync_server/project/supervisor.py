"""Keeps the parts of a server on one machine running: started in order, started again when one dies, stopped in reverse."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sync_server.project.config import EVERYWHERE, Address

START_S: Final = 60.0
"""How long a part may take until it listens: migrations are done by then, so this is generous even on a Pi."""
GRACE_S: Final = 8.0
"""How long a part may take to stop: the gateway finishes its group, the web its requests."""
FIRST_RESTART_S: Final = 0.5
LAST_RESTART_S: Final = 30.0
STEADY_S: Final = 60.0
"""A part that has run for so long is forgiven its earlier deaths."""


class PartFailed(RuntimeError):
    """A part cannot be started; the text says which and why."""


@dataclass
class Part:
    """One process: its name, its command, and where it listens, if it does."""

    name: str
    argv: Sequence[str]
    listens: Address | None = None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    due: float = field(default=0.0)

    def start(self) -> None:
        """Starts it in a process group of its own, so that Ctrl-C reaches only us; it dies when we are killed."""
        self.started = time.monotonic()
        argv = ["setpriv", "--pdeathsig", "TERM", "--", *self.argv]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def clear_away(self) -> None:
        """Ends what a dead part has left behind: a worker without its master would hold the port for ever."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Asks, waits, and then ends it with everything it has started."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(grace_s)
        self.clear_away()
        self.process.wait()


class Supervisor:
    """Runs parts until `stop`."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = list(parts)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ends `run`. May be called from a signal handler."""
        self._stopping.set()

    def run(self, *, ready: Callable[[], None]) -> None:
        """Starts every part, calls `ready` when all that listen do, and watches them. Raises `PartFailed` if one never comes up."""
        try:
            for part in self._parts:
                part.start()
                if part.name == "broker":
                    self._await(part)
            for part in self._parts:
                self._await(part)
            if not self._stopping.is_set():
                ready()
            while not self._stopping.wait(0.25):
                for part in self._parts:
                    self._tend(part)
        finally:
            for part in reversed(self._parts):
                part.stop()

    def _await(self, part: Part) -> None:
        deadline = time.monotonic() + START_S
        while part.listens is not None and not self._stopping.is_set() and not _answers(part.listens):
            if not part.alive:
                raise PartFailed(f"The part {part.name} ended while starting. What it said stands above.")
            if time.monotonic() > deadline:
                raise PartFailed(f"The part {part.name} does not answer at {part.listens}. What it said stands above.")
            time.sleep(0.05)

    def _tend(self, part: Part) -> None:
        now = time.monotonic()
        if part.alive:
            if part.deaths and now - part.started > STEADY_S:
                part.deaths = 0
            return
        if not part.due:
            code = part.process.returncode if part.process else None
            part.clear_away()
            wait = min(LAST_RESTART_S, FIRST_RESTART_S * 2**part.deaths)
            part.deaths += 1
            part.due = now + wait
            sys.stderr.write(f"The part {part.name} has ended (exit code {code}); starting it again in {wait:g} s.\n")
        elif now >= part.due:
            part.due = 0.0
            part.start()


def require_free(listeners: Mapping[str, Address]) -> None:
    """Raises `PartFailed` with the fix if an address is taken already."""
    for name, address in listeners.items():
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as fault:
                raise PartFailed(
                    f"{name}.listen: {address} cannot be used ({fault.strerror}). Stop what uses it, or write another port."
                ) from None


def _answers(address: Address) -> bool:
    host = EVERYWHERE.get(address.host, address.host)
    try:
        with socket.create_connection((host, address.port), timeout=1):
            return True
    except OSError:
        return False
