"""Small things worth remembering across a restart, written to the card by a thread of their own so that no visitor waits for it."""

import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec
import structlog

from kiosk.durable import sync_folder, write_synced

log = structlog.get_logger("clerk")


class Clerk:
    """Keeps named notes (numbers by key) as files in `folder`. What is written last wins; a note that cannot be read is as if it
    had never been written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[str, bytes] = {}
        self._news = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="clerk", daemon=True)

    def start(self) -> None:
        """Writes from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Writes what still waits, and ends."""
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def load(self, name: str) -> dict[str, int]:
        """The note called `name`; empty where there is none that can be read."""
        try:
            return msgspec.json.decode((self._folder / f"{name}.json").read_bytes(), type=dict[str, int])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as fault:
            log.warning("note-unreadable", name=name, text=str(fault))
            return {}

    def keep(self, name: str, note: Mapping[str, int]) -> None:
        """Soon `note` is what `name` says. From any thread; does not wait for the card."""
        with self._news:
            self._waiting[name] = msgspec.json.encode(dict(note))
            self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._stopping)
                if not self._waiting:
                    return
                name, content = self._waiting.popitem()
            try:
                self._write(name, content)
            except OSError as fault:
                log.warning("note-not-kept", name=name, text=str(fault))

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f"{name}.new"
        write_synced(draft, content)
        draft.replace(self._folder / f"{name}.json")
        sync_folder(self._folder)
