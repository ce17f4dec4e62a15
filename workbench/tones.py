"""Makes the kiosk's signs for the ear: `python -m workbench.tones` writes `assets/sounds/*.wav`, the same bytes every time.

Soft, short, low, with slow edges: somebody may have lost a case, and clerks hear it all day. None of them cheers and none alarms.
They are told apart by their movement, not by their pitch alone: a knock, a step up, two calls, a step down, a tick.
"""

import argparse
import math
import sys
from array import array
from pathlib import Path
from typing import Final, NamedTuple

from kiosk.core.sounding import Sound
from wire.speech import RATE, wav_of

SOUNDS: Final = Path(__file__).resolve().parents[1] / "assets" / "sounds"
FULL: Final = 32767
PARTIALS: Final = ((1.0, 1.0), (2.0, 0.22), (3.0, 0.07))
"""A struck wooden bar, roughly: (multiple of the pitch, strength)."""


class Note(NamedTuple):
    """One stroke: when it begins (s), its pitch (Hz), how long it rings (s) and how loud (0 to 1)."""

    at: float
    pitch: float
    rings: float
    loud: float


SIGNS: Final[dict[Sound, tuple[Note, ...]]] = {
    Sound.PRESSED: (Note(0.0, 330.0, 0.09, 0.30),),
    Sound.SAVED: (Note(0.0, 440.0, 0.22, 0.26), Note(0.11, 587.3, 0.34, 0.28)),
    Sound.STILL_THERE: (Note(0.0, 523.3, 0.24, 0.26), Note(0.34, 523.3, 0.34, 0.26)),
    Sound.FAILED: (Note(0.0, 349.2, 0.26, 0.28), Note(0.18, 261.6, 0.42, 0.30)),
    Sound.MOVED: (Note(0.0, 660.0, 0.04, 0.18),),
}
RISE_S: Final = 0.006
"""Long enough that no click is heard at the start."""


def samples(sign: tuple[Note, ...]) -> bytes:
    """16-bit samples of one channel at `wire.speech.RATE`."""
    spans = [(round(note.at * RATE), round(note.rings * RATE)) for note in sign]
    wave = [0.0] * max(first + length for first, length in spans)
    for note, (first, length) in zip(sign, spans, strict=True):
        for place in range(length):
            wave[first + place] += note.loud * _bar(note, place / RATE)
    return array("h", [round(max(-1.0, min(1.0, value)) * FULL) for value in wave]).tobytes()


def _bar(note: Note, time: float) -> float:
    """A struck bar at `time` s after the stroke, -1 to 1: rises in `RISE_S`, falls to nothing as its ringing ends."""
    rise = 0.5 - 0.5 * math.cos(math.pi * min(1.0, time / RISE_S))
    fall = math.exp(-4.0 * time / note.rings) * (0.5 + 0.5 * math.cos(math.pi * time / note.rings))
    tone = sum(strength * math.sin(2 * math.pi * note.pitch * multiple * time) for multiple, strength in PARTIALS)
    return rise * fall * tone / sum(strength for _, strength in PARTIALS)


def build(folder: Path = SOUNDS) -> int:
    """Writes every sign and returns how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    for sound, sign in SIGNS.items():
        (folder / f"{sound.value}.wav").write_bytes(wav_of(samples(sign)))
    return len(SIGNS)


def main(argv: list[str]) -> int:
    """Writes the signs and says how many."""
    argparse.ArgumentParser(prog="python -m workbench.tones", description="Make the kiosk's sounds.").parse_args(argv)
    print(f"{build()} sounds written into assets/sounds")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
