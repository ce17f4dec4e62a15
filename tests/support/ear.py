"""An ear without a sound card: ALSA's own `file` plugin hands what `aplay` plays to a file, as fast as it would be heard."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from kiosk.core.access import LOUDEST, QUIETEST
from kiosk.outputs.audio import gain_of, scaled
from kiosk.outputs.voices import STEP_DB
from wire.speech import RATE, SAMPLE_BYTES

SECOND = RATE * SAMPLE_BYTES
GAINS = tuple(gain_of(STEP_DB * (volume - LOUDEST)) for volume in range(QUIETEST, LOUDEST + 1))
BEGINNING = SECOND // 5
"""Bytes of a clip by which it is known to have begun."""

PACE = """
import os, sys, time
player = int(sys.argv[4])  # who it was when the shell began: killed since then, it must not be followed
file = open(sys.argv[1], "ab", 0)
while samples := sys.stdin.buffer.raw.read(int(sys.argv[2])):
    if os.getppid() != player:
        break  # killed: what the card still holds is not heard
    file.write(samples)
    time.sleep(len(samples) / float(sys.argv[3]))
"""


class Ear:
    """A folder with an ALSA configuration whose `default` device is heard here. Give `environment` to whoever runs `aplay`.

    `speed` is how much faster than life it listens. What was cut off is not heard any more.
    """

    def __init__(self, folder: Path, *, speed: float = 1.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "heard.raw"
        self.file.touch()
        pace = folder / "pace.py"
        pace.write_text(PACE)
        into = f"exec {sys.executable} -S {pace} {self.file} {SECOND // 50 * max(1, round(speed))} {SECOND * speed} $PPID"
        config = folder / "asound.conf"
        config.write_text(
            "pcm.silence { type null }\n"
            f'pcm.!default {{ type file slave.pcm "silence" file "| {into}" format "raw" }}\n'
            "pcm.unplugged { type hw card 31 }\n"
        )
        self.environment = {"ALSA_CONFIG_PATH": str(config)}

    def samples(self) -> bytes:
        """Everything heard until now."""
        return self.file.read_bytes()

    def forget(self) -> None:
        """Begins anew."""
        os.truncate(self.file, 0)

    def quiet_for(self, seconds: float) -> bool:
        """Whether nothing more has come for `seconds`. Waits that long."""
        before = self.file.stat().st_size
        time.sleep(seconds)
        return self.file.stat().st_size == before

    def begins(self, samples: bytes) -> bool:
        """Whether the beginning of `samples` was heard, at any volume."""
        return self.hears(samples[:BEGINNING])

    def hears(self, samples: bytes) -> bool:
        """Whether the whole of `samples` was heard, at any volume."""
        return self._place(self.samples(), samples) is not None

    def order(self, clips: Mapping[str, bytes]) -> list[str]:
        """Which of `clips` (samples by name) were heard whole, in the order of their first times, at any volume."""
        heard = self.samples()
        places = {name: self._place(heard, samples) for name, samples in clips.items()}
        return [name for _, name in sorted((place, name) for name, place in places.items() if place is not None)]

    def _place(self, heard: bytes, samples: bytes) -> int | None:
        return min((place for gain in GAINS if (place := heard.find(scaled(samples, gain))) >= 0), default=None)
