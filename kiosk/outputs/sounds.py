"""Signs for the ear from the speaker: a short file for each. One that is broken is reported, and stays silent."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from kiosk.core.sounding import Sound
from kiosk.outputs.audio import Player
from wire.speech import SpeechError, samples_of

SOUNDS: Final = Path(__file__).resolve().parents[2] / "assets" / "sounds"
MOST_BYTES: Final = 256 * 1024
"""Of one file. Six seconds, far more than a sign needs."""


class SpeakerSounds:
    """As `kiosk.core.ports.Sounds`: the files in `folder`, named after the sounds. `report` hears which cannot be used, and why."""

    def __init__(self, player: Player, report: Callable[[str], None], *, folder: Path = SOUNDS) -> None:
        self._player = player
        self._samples: dict[Sound, bytes] = {}
        for sound in Sound:
            path = folder / f"{sound.value}.wav"
            try:
                with path.open("rb") as file:
                    self._samples[sound] = samples_of(file.read(MOST_BYTES))
            except (OSError, SpeechError) as fault:
                report(f"the sound {path.name} cannot be used, so it is left out: {fault}")

    def play(self, sound: Sound) -> None:
        """Lets `sound` be heard."""
        if sound in self._samples:
            self._player.play(self._samples[sound])
