"""Child processes that never outlive their parent: started in groups of their own, watched, stopped in reverse order.

Each child runs under setpriv's parent-death signal, so that even a killed parent takes its children along; a household
also adopts orphans of its children (a subreaper), so that nothing of them can be left behind. Linux only.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

GRACE_S = 30.0  # a server gives each of its parts eight seconds; a kiosk closes its ledger
PR_SET_CHILD_SUBREAPER = 36


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
    """Children started one after another and stopped in reverse; a context manager that leaves nothing running."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        # Orphaned grandchildren come to us instead of to init, so that we can find and end them.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def __enter__(self) -> "Household":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, child: Child) -> Child:
        """Starts a child and keeps it."""
        self.children.append(child)
        return child.start()

    def check(self) -> None:
        """Raises ChildFailed when any child has ended."""
        for child in self.children:
            child.check()

    def stop(self) -> None:
        """Stops all in reverse order, then ends whatever descendants are left. May be called twice."""
        while self.children:
            self.children.pop().stop()
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return


def descendants(ancestor: int) -> list[int]:
    """Process ids of all living descendants, from /proc; zombies count as gone."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name in brackets may hold spaces; what follows the last bracket is state and parent.
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state not in ("Z", "X"):
            parents[int(entry.name)] = int(parent)
    found: list[int] = []
    generation = {ancestor}
    while generation:
        generation = {pid for pid, parent in parents.items() if parent in generation and pid not in found}
        found.extend(sorted(generation))
    return found


def wait_for_exit(pids: Sequence[int], seconds: float) -> list[int]:
    """Waits until none of `pids` lives, at most so long; returns those that still do."""
    deadline = time.monotonic() + seconds
    while (living := [pid for pid in pids if Path(f"/proc/{pid}").exists()]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return living
