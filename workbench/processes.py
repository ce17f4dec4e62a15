"""Child processes that never outlive their parent: started in groups of their own, watched, stopped in reverse order.

Each child runs under setpriv's parent-death signal, so that even a killed parent takes its children along, and carries its
household's mark, by which what it has started itself is found and ended too. Linux only.
"""

import contextlib
import os
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

GRACE_S = 30.0  # a server gives each of its parts eight seconds; a kiosk closes its ledger
MARK = "VIDHUK_HOUSEHOLD"


class ChildFailed(Exception):
    """A child ended although nobody asked it to; says which, how, and its last words."""


@dataclass
class Child:
    """One process: its name for people, its command, where its output goes (a file, or nowhere)."""

    name: str
    argv: Sequence[str]
    log: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    user: str | None = None
    pass_fds: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Child":
        """Starts it in a process group of its own. The starting thread must live as long as the child should."""
        output: IO[bytes] | int = subprocess.DEVNULL
        if self.log is not None:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            output = self.log.open("ab")
        # TERM, not KILL: a server that is asked stops its own children too.
        guard = ["setpriv", "--pdeathsig", "TERM"]
        if self.user is not None:
            guard += ["--reuid", self.user, "--regid", self.user, "--clear-groups"]
        try:
            self.process = subprocess.Popen(
                [*guard, "--", *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.cwd,
                env={**os.environ, **self.env},
                pass_fds=self.pass_fds,
                start_new_session=True,
            )
        finally:
            if not isinstance(output, int):
                output.close()
        return self

    @property
    def pid(self) -> int:
        """The process id; only after `start`."""
        assert self.process is not None, f"{self.name} was not started"
        return self.process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process is not None and self.process.poll() is None

    def ended(self) -> int | None:
        """Its exit code, None while it runs (and before it was started)."""
        return None if self.process is None else self.process.poll()

    def last_words(self, lines: int = 8) -> str:
        """The end of its log, indented, or a note that there is none."""
        if self.log is None or not self.log.exists():
            return "  (no output kept)"
        tail = self.log.read_text(errors="replace").strip().splitlines()[-lines:]
        return "\n".join("  " + line for line in tail) or "  (it said nothing)"

    def check(self) -> None:
        """Raises ChildFailed when it has ended."""
        if self.process is not None and self.process.poll() is not None:
            raise ChildFailed(f"{self.name} stopped by itself (exit code {self.process.returncode}). It said:\n{self.last_words()}")

    def ask_to_stop(self) -> None:
        """SIGTERM, once; does not wait."""
        if self.alive():
            self._signal(signal.SIGTERM)

    def stop(self, grace_s: float = GRACE_S) -> int | None:
        """Asks, waits, then kills the whole group. Returns the exit code, None when it never ran."""
        if self.process is None:
            return None
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(grace_s)
        self.kill()
        return self.process.returncode

    def kill(self) -> None:
        """SIGKILL for every process of its group, at once."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _signal(self, number: int) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)


class Household:
    """Children started one after another and stopped in reverse; a context manager that leaves nothing running.

    Everything a child starts inherits the household's mark in its environment, so it is found whoever its parent is by then.
    """

    def __init__(self) -> None:
        self.children: list[Child] = []
        self.mark = f"{MARK}={uuid.uuid4().hex}"

    def __enter__(self) -> "Household":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, child: Child) -> Child:
        """Starts a child and keeps it."""
        name, _, value = self.mark.partition("=")
        child.env = {**child.env, name: value}
        self.children.append(child)
        return child.start()

    def check(self) -> None:
        """Raises ChildFailed when any child has ended."""
        for child in self.children:
            child.check()

    def stop(self) -> None:
        """Stops all in reverse order, then ends whatever of theirs is left. May be called twice."""
        while self.children:
            self.children.pop().stop()
        for pid in carrying(self.mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def carrying(mark: str) -> list[int]:
    """Process ids of all living processes that were started with `mark` (NAME=value) in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            # Gone, a zombie, or somebody else's: none of them is ours to end.
            with contextlib.suppress(OSError):
                if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found
