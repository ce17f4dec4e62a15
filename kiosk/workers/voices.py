"""Keeps the speech that the configuration names on the card: fetches what is missing, drops what is no longer named.

Until all of it has come, what was there before goes on speaking: most sentences stay the same from one configuration to the next.
"""

import threading
from collections.abc import Callable, Sequence
from hashlib import file_digest
from pathlib import Path
from shutil import disk_usage
from typing import Final, Protocol

import structlog

from kiosk.errors import KioskError
from wire.envelopes import VoicePack

log = structlog.get_logger("voices")

ALARM: Final = "speech"
SHORTEST_S: Final = 2.0
LONGEST_S: Final = 300.0
"""Between two attempts, before the jitter; the same patience as the delivery's."""
CALM_S: Final = 3.0
"""Before the first step, which reads all speech on the card: until then the screen needs card and processor more."""
RESERVE_BYTES: Final = 200 * 1024 * 1024
"""What speech leaves free on the card: ratings come first."""


class Fetch(Protocol):
    """Gets one pack. As `kiosk.links.packs.PackLink.fetch`."""

    def __call__(self, door: str, pack: VoicePack, path: Path, stopping: Callable[[], bool]) -> None:
        """Writes `pack` to `path` durably, or raises `KioskError` and leaves nothing."""


class VoicesWorker:
    """`ready(paths)` hears, on the worker's thread, which files there are: at the start, and whenever that changes.

    `draw` gives numbers from 0 to 1 for the jitter. `alarm` and `clear` hear of speech that is still missing, and that it has come.
    """

    def __init__(
        self,
        *,
        folder: Path,
        fetch: Fetch,
        ready: Callable[[Sequence[Path]], None],
        draw: Callable[[], float],
        alarm: Callable[[str, str], None],
        clear: Callable[[str], None],
        calm_s: float = CALM_S,
    ) -> None:
        self._folder = folder
        self._fetch = fetch
        self._ready = ready
        self._draw = draw
        self._alarm = alarm
        self._clear = clear
        self._calm_s = calm_s
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._wanted: tuple[str | None, tuple[VoicePack, ...]] | None = None
        self._whole: set[str] = set()
        self._told: tuple[Path, ...] | None = None
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="voices", daemon=True)

    def start(self) -> None:
        """Works from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Works no more. A pack under way is given up; it is fetched again next time."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)  # a door that has fallen silent in the middle of a pack holds nobody up

    def configure(self, door: str | None, packs: Sequence[VoicePack]) -> None:
        """These packs are wanted, from `door`. From any thread."""
        with self._lock:
            self._wanted = (door, tuple(packs))
        self._failures = 0
        self._wake.set()

    def _run(self) -> None:
        self._stopping.wait(self._calm_s)
        while not self._stopping.is_set():
            try:
                pause = self.step()
            except Exception:
                log.exception("voices-step-failed")
                pause = LONGEST_S
            self._wake.wait(pause)
            self._wake.clear()

    def step(self) -> float | None:
        """Brings the card nearer to what is wanted, by one pack at most. Returns seconds until the next step, None for ever."""
        with self._lock:
            wanted = self._wanted
        if wanted is None:
            return None
        door, packs = wanted
        here = [path for pack in packs if self._is_here(path := self._path(pack))]
        missing = [pack for pack in packs if self._path(pack) not in here]
        former = [path for path in self._others(packs) if self._is_here(path)] if missing else []
        self._tell([*here, *former])
        if not missing:
            self._drop(self._others(packs))
            self._clear(ALARM)
            return None
        try:
            self._get(door, missing[0])
        except KioskError as fault:
            if self._stopping.is_set():
                return None
            languages = ", ".join(sorted({pack.language for pack in missing}))
            log.warning("speech-not-fetched", text=str(fault))
            self._alarm(ALARM, f"Speech is not here yet for: {languages}. {fault}")
            return self._back_off()
        log.info("speech-fetched", language=missing[0].language, voice=missing[0].voice, bytes=missing[0].size)
        self._failures = 0
        return 0.0

    def _get(self, door: str | None, pack: VoicePack) -> None:
        """Raises `KioskError`."""
        if door is None:
            raise KioskError("The configuration names no door to fetch it from.")
        self._folder.mkdir(parents=True, exist_ok=True)
        free = disk_usage(self._folder).free
        if free < pack.size + RESERVE_BYTES:
            raise KioskError(f"The card has {free // 2**20} MiB free, which are kept for answers.")
        self._fetch(door, pack, self._path(pack), self._stopping.is_set)
        self._whole.add(self._path(pack).name)

    def _is_here(self, path: Path) -> bool:
        """Whether the whole pack is on the card. Its digest, which is its name, is worked out once; a damaged one is deleted."""
        try:
            if path.name in self._whole and path.exists():
                return True
            with path.open("rb") as file:
                whole = file_digest(file, "sha256").hexdigest() == path.stem
            if whole:
                self._whole.add(path.name)
            else:
                log.warning("speech-damaged", file=path.name)
                path.unlink()
        except FileNotFoundError:
            return False
        except OSError as fault:
            log.warning("speech-unreadable", file=path.name, text=str(fault))
            return False
        return whole

    def _others(self, packs: Sequence[VoicePack]) -> list[Path]:
        """What is on the card besides `packs`."""
        wanted = {self._path(pack) for pack in packs}
        return sorted(path for path in self._folder.glob("*.zip") if path not in wanted)

    def _tell(self, paths: list[Path]) -> None:
        if (found := tuple(paths)) != self._told:
            self._told = found
            self._ready(found)

    def _drop(self, paths: Sequence[Path]) -> None:
        """Deletes what nobody wants any more. Who has such a file open goes on reading it."""
        for path in paths:
            try:
                path.unlink(missing_ok=True)
            except OSError as fault:
                log.warning("speech-not-dropped", file=path.name, text=str(fault))
            self._whole.discard(path.name)

    def _back_off(self) -> float:
        self._failures += 1
        return min(LONGEST_S, SHORTEST_S * 2.0 ** min(self._failures, 10)) * (0.5 + self._draw() / 2)

    def _path(self, pack: VoicePack) -> Path:
        return self._folder / f"{pack.digest.hex()}.zip"
