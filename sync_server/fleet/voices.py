"""Speaks with espeak-ng: which languages it has a voice for, and what a sentence sounds like. No Django."""

import io
import re
import subprocess
import wave
from functools import cached_property
from typing import Final

from wire.speech import MAX_CLIP_BYTES, RATE, SAMPLE_BYTES, SpeechError

SPEED: Final = 150
"""Words a minute. Espeak's own 175 is for those who listen to it all day."""
PREFERRED: Final = {"en": "en-gb"}
"""Voices of languages that have several."""
PATIENCE_S: Final = 60.0


class NoSpeaker(RuntimeError):
    """espeak-ng cannot be used; the text says why and what to do."""


class Espeak:
    """The program `espeak-ng`. The same version says the same sentence with the same samples."""

    def __init__(self, program: str = "espeak-ng") -> None:
        self._program = program

    @cached_property
    def version(self) -> str:
        """What the program calls itself. Raises `NoSpeaker`."""
        return self._run(["--version"]).decode(errors="replace").partition("Data at")[0].strip()

    @cached_property
    def languages(self) -> frozenset[str]:
        """The languages it has a voice for, as it spells them. Raises `NoSpeaker`."""
        lines = self._run(["--voices"]).decode(errors="replace").splitlines()[1:]
        return frozenset(line.split()[1] for line in lines if len(line.split()) > 1)

    def voice(self, language: str) -> str | None:
        """The voice that speaks `language`; none where there is none. A neighbour's is never taken for it. Raises `NoSpeaker`."""
        wanted = PREFERRED.get(language, language)
        return wanted if wanted in self.languages else None

    def speak(self, voice: str, sentence: str) -> bytes:
        """`sentence` as samples of `wire.speech`. Raises `SpeechError` for one that makes no clip, `NoSpeaker`."""
        # A row of two brackets would begin phonemes.
        spoken = re.sub(r"\[(?=\[)", "[ ", sentence)
        said = self._run(["-v", voice, "-s", str(SPEED), "-b", "1", "-z", "--stdin", "--stdout"], spoken.encode())
        return _samples(said, sentence)

    def _run(self, arguments: list[str], given: bytes = b"") -> bytes:
        try:
            done = subprocess.run([self._program, *arguments], input=given, capture_output=True, timeout=PATIENCE_S, check=True)
        except FileNotFoundError:
            raise NoSpeaker(f"{self._program} is not installed. Run: apt-get install espeak-ng") from None
        except subprocess.CalledProcessError as fault:
            said = fault.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise NoSpeaker(f"{self._program} has failed (exit code {fault.returncode}): {' '.join(said)}") from None
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise NoSpeaker(f"{self._program} cannot be used: {fault}") from None
        return done.stdout


def _samples(said: bytes, sentence: str) -> bytes:
    # Written to a pipe, the file does not know its own length: it claims the longest there is, and wave reads what is there.
    try:
        with wave.open(io.BytesIO(said), "rb") as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            samples = file.readframes(MAX_CLIP_BYTES // SAMPLE_BYTES + 1)
    except (wave.Error, EOFError) as fault:
        raise SpeechError(f"no sound for {sentence!r}: {fault or 'nothing was said'}") from None
    if form != (1, SAMPLE_BYTES, RATE):
        raise NoSpeaker(f"espeak-ng speaks in another form than {RATE} Hz, 16 bits, one channel: {form}")
    if not samples or len(samples) > MAX_CLIP_BYTES:
        raise SpeechError(f"no sound, or more than a minute of it, for {sentence!r}")
    return samples
