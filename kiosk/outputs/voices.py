"""The voice: finds the clip of each sentence in the speech packs on the card, and has the player say it."""

import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from kiosk.core.access import LOUDEST, Volume
from kiosk.core.ports import Spoken
from kiosk.outputs.audio import Clip, Player, gain_of
from wire.speech import Pack, SpeechError, clip_name

STEP_DB: Final = 6.0
"""Between two volumes: heard as clearly louder, and 24 dB from the quietest to the loudest (EN 301 549, 5.1.3.6, asks for 18)."""


class ClipPack:
    """The speech pack in the file at `path`. Raises `OSError` and `wire.speech.SpeechError`.

    It stays usable while it is held, also after its file's name is gone.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        file = path.open("rb")
        try:
            self._pack = Pack(file)
        except SpeechError:
            file.close()
            raise
        weakref.finalize(self, file.close)

    @property
    def language(self) -> str:
        """Whose speech it is."""
        return self._pack.index.language

    @property
    def clips(self) -> frozenset[str]:
        """The names of its clips."""
        return self._pack.clips

    def samples(self, clip: str) -> bytes:
        """The samples of `clip`. Raises `wire.speech.SpeechError`. On the player's thread only."""
        return self._pack.samples(clip)


def open_packs(paths: Iterable[Path], report: Callable[[str], None]) -> tuple[ClipPack, ...]:
    """The packs in the files at `paths`; one that cannot be used is left out, and `report` hears which and why. On any thread."""
    packs: list[ClipPack] = []
    for path in paths:
        try:
            packs.append(ClipPack(path))
        except (OSError, SpeechError) as fault:
            report(f"the speech in {path.name} cannot be used, so it is left out: {fault}")
    return tuple(packs)


class Voices:
    """As `kiosk.core.ports.Speech`. `report` hears, on the main thread or the player's, of sentences that nobody speaks; `loudness`
    is a factor on every volume, at most 1."""

    def __init__(self, player: Player, report: Callable[[str], None], *, loudness: Callable[[], float] = lambda: 1.0) -> None:
        self._player = player
        self._report = report
        self._loudness = loudness
        self._packs: dict[str, tuple[ClipPack, ...]] = {}
        self._reported: set[tuple[str, str]] = set()

    @property
    def languages(self) -> frozenset[str]:
        """Languages with a voice now."""
        return frozenset(self._packs)

    def adopt(self, packs: Iterable[ClipPack]) -> None:
        """Speaks from `packs` from now on, and from no others. On the main thread."""
        found: dict[str, tuple[ClipPack, ...]] = {}
        for pack in packs:
            found[pack.language] = (*found.get(pack.language, ()), pack)
        self._packs = found
        self._reported.clear()

    def say(self, sentences: Sequence[Spoken], volume: Volume) -> None:
        """Says `sentences` in place of what is being said; one without a clip is left out and reported once."""
        clips = [clip for sentence in sentences if (clip := self._clip(*sentence)) is not None]
        self._player.speak(clips, gain_of(STEP_DB * (volume - LOUDEST)) * min(1.0, self._loudness()))

    def hush(self) -> None:
        """Falls silent."""
        self._player.hush()

    def _clip(self, language: str, sentence: str) -> Clip | None:
        name = clip_name(language, sentence)
        for pack in self._packs.get(language, ()):
            if name in pack.clips:
                return lambda: self._read(pack, name)
        if language in self._packs and (language, sentence) not in self._reported:  # who fetches packs says which are missing
            self._reported.add((language, sentence))
            self._report(f"nobody speaks {sentence!r} in {language!r}: it is left out")
        return None

    def _read(self, pack: ClipPack, name: str) -> bytes | None:
        """On the player's thread."""
        try:
            return pack.samples(name)
        except SpeechError as fault:
            self._report(f"a sentence in {pack.name} cannot be used, so it is left out: {fault}")
            return None
