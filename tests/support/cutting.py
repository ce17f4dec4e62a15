"""Cuts a process off at every step it takes on the disk, as a power cut or `kill -9` would: nothing of it runs afterwards."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "sqlite3.connect", "subprocess.Popen"}
"""Audit events after which the world is another one."""


def _changes(event: str, arguments: tuple[Any, ...], folder: str) -> bool:
    if event == "open":
        path, _, flags = arguments
        return isinstance(path, str) and path.startswith(folder) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return event in STEPS


def cut_before(step: int, action: Callable[[], object], folder: Path) -> bool:
    """Runs `action` in a process of its own, which is killed just before its `step`-th change (from 1); False if it had fewer.

    The caller has closed its connections to databases.
    """
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return True
        assert os.WEXITSTATUS(status) == 0, "what it said stands above"
        return False
    left = step
    root = str(folder)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if _changes(event, arguments, root):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        sys.addaudithook(watch)
        action()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def every_cut(action: Callable[[], object], folder: Path, *, stride: int = 1) -> Iterator[int]:
    """Cuts `action` off before its first change, then, on what the caller has made of that, before its second, and so on."""
    step = 1
    while cut_before(step, action, folder):
        yield step
        step += stride
