"""Lets samples be heard through ALSA's `aplay`: short signs, and speech that anything newer cuts off at once.

One thread feeds one process at a time. A sign goes before speech, and speech that a sign interrupts goes on with the sentence it
was in. Whoever asks never waits: not for the card, not for a process, not for a file.
"""

import fcntl
import os
import select
import subprocess
import threading
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from wire.speech import RATE, SAMPLE_BYTES

log = structlog.get_logger("audio")

APLAY: Final = "aplay"
ALARM: Final = "audio"
BUFFER_US: Final = 200_000
"""What the card holds, in microseconds: enough for a busy processor, little enough to be cut off without anybody noticing."""
PIPE_BYTES: Final = 4096
"""What the pipe holds, a tenth of a second, so that we know which sentence is being heard."""
F_SETPIPE_SZ: Final = 1031
PIECE_BYTES: Final = 2048
PAUSE: Final = bytes(RATE // 4 * SAMPLE_BYTES)
"""Silence after a sentence: a quarter of a second."""
PATIENCE_S: Final = 5.0
"""A card that takes no sample for so long hangs."""
CHECK_S: Final = 900.0
"""A device that nobody has listened to for so long tries its card with silence: staff hear of a fault before a visitor does."""
CHECK_BROKEN_S: Final = 30.0
CALM_S: Final = 5.0
"""The first time waits so long: until then the screen needs the processor more."""
SIGNS_WAITING: Final = 3
"""A child hammering the buttons is not answered for minutes afterwards."""

Clip = Callable[[], bytes | None]
"""Reads samples when they are needed, on the player's thread; None when they cannot be read."""


@dataclass(slots=True)
class _Utterance:
    clips: tuple[Clip, ...]
    gain: float
    next: int = 0


class _Cut(Exception):
    """Something newer wants to be heard."""


class _Deaf(Exception):
    """The card cannot be used."""


class Player:
    """Plays 16-bit samples of one channel at `wire.speech.RATE` on the ALSA device called `device`.

    `alarm(name, sentence)` and `clear(name)` hear, on the player's thread, of a card that cannot be used and of its return. What
    was to be heard meanwhile is lost, and every new sound tries again. `wake_ms` is silence before what is heard after silence.
    """

    def __init__(
        self,
        *,
        device: str,
        alarm: Callable[[str, str], None],
        clear: Callable[[str], None],
        wake_ms: int = 0,
        program: str = APLAY,
        calm_s: float = CALM_S,
    ) -> None:
        self._command = [
            *(program, "-q", "-D", device, "-t", "raw", "-f", "S16_LE", "-c", "1"),
            *("-r", str(RATE), f"--buffer-time={BUFFER_US}", "-"),
        ]
        self._device = device
        self._alarm = alarm
        self._clear = clear
        self._wake = bytes(wake_ms * RATE // 1000 * SAMPLE_BYTES)
        self._calm_s = calm_s
        self._news = threading.Condition()
        self._signs: deque[bytes] = deque(maxlen=SIGNS_WAITING)
        self._speech: _Utterance | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._speaking = False
        self._cut = False
        self._stopping = False
        self._broken: bool | None = None
        self._thread = threading.Thread(target=self._run, name="audio", daemon=True)

    def start(self) -> None:
        """Plays from now on; tries the card soon, if nobody has by then."""
        self._thread.start()

    def stop(self) -> None:
        """Falls silent for good."""
        with self._news:
            self._stopping = True
            self._interrupt()
            self._news.notify()
        if self._thread.ident is not None:
            self._thread.join(PATIENCE_S)  # a process that hangs in its driver cannot be killed, and holds nobody up

    def play(self, samples: bytes) -> None:
        """Lets a sign be heard, before any speech. From any thread; never waits."""
        with self._news:
            self._signs.append(samples)
            if self._speaking:
                self._interrupt()
            self._news.notify()

    def speak(self, clips: Sequence[Clip], gain: float) -> None:
        """Lets `clips` be heard one after the other, in place of what is being spoken; `gain` 1 leaves them as loud as they are.

        From any thread; never waits.
        """
        with self._news:
            self._speech = _Utterance(tuple(clips), gain) if clips else None
            if self._speaking:
                self._interrupt()
            self._news.notify()

    def hush(self) -> None:
        """Ends the speech. Signs go on. From any thread; never waits."""
        self.speak((), 1.0)

    def _interrupt(self) -> None:
        """Takes the process away, with what it and the card still hold. Called with the lock."""
        self._cut = True
        if self._process is not None:
            self._process.kill()

    # --- the player's own thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._news:
                rest = self._calm_s if self._broken is None else CHECK_BROKEN_S if self._broken else CHECK_S
                idle = not self._news.wait_for(self._wanted, timeout=rest)
                if self._stopping:
                    return
            try:
                self._turn(check=idle)
            except Exception:
                log.exception("audio-turn-failed")
                self._forget()

    def _wanted(self) -> bool:
        return bool(self._signs or self._speech or self._stopping)

    def _turn(self, *, check: bool) -> None:
        """One process from its start to its end."""
        try:
            process = subprocess.Popen(
                self._command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
        except OSError as fault:
            self._deaf(f"{self._command[0]} cannot be run: {fault.strerror or fault}")
            return
        with self._news:
            self._process, self._speaking, self._cut = process, False, self._stopping
        try:
            self._feed(process, check=check)
            self._finish(process)
        except _Cut:
            pass
        except _Deaf as fault:
            self._deaf(str(fault))
        else:
            self._heard()
        finally:
            with self._news:
                self._process, self._speaking = None, False
            process.kill()
            for pipe in (process.stdin, process.stderr):
                if pipe is not None:
                    pipe.close()
            process.wait()

    def _feed(self, process: subprocess.Popen[bytes], *, check: bool) -> None:
        """Writes what is wanted until nothing is, signs first. Raises `_Cut` and `_Deaf`."""
        assert process.stdin is not None
        pipe = process.stdin.fileno()
        os.set_blocking(pipe, False)
        _shrink(pipe)
        self._write(process, pipe, bytes(PIECE_BYTES) if check else self._wake)
        while True:
            with self._news:
                if self._cut:
                    raise _Cut
                sign = self._signs.popleft() if self._signs else None
                speech = self._speech
                if sign is None and speech is None:
                    return
                self._speaking = sign is None or self._speaking
            if sign is not None:
                self._write(process, pipe, sign)
            elif speech is not None:
                self._write_sentence(process, pipe, speech)

    def _write_sentence(self, process: subprocess.Popen[bytes], pipe: int, speech: _Utterance) -> None:
        samples = speech.clips[speech.next]()
        if samples is not None:
            self._write(process, pipe, samples, speech.gain)
        with self._news:
            speech.next += 1
            if last := speech.next == len(speech.clips):
                self._speech = None if self._speech is speech else self._speech
        if samples is not None and not last:
            self._write(process, pipe, PAUSE)

    def _write(self, process: subprocess.Popen[bytes], pipe: int, samples: bytes, gain: float = 1.0) -> None:
        for start in range(0, len(samples), PIECE_BYTES):
            piece = scaled(samples[start : start + PIECE_BYTES], gain)
            while piece:
                ready = select.poll()
                ready.register(pipe, select.POLLOUT)
                if not ready.poll(PATIENCE_S * 1000):
                    raise _Deaf(f"the device {self._device!r} takes no sound")
                if self._cut:
                    raise _Cut
                try:
                    piece = piece[os.write(pipe, piece) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError:
                    raise self._ended(process) from None

    def _finish(self, process: subprocess.Popen[bytes]) -> None:
        """Waits until the last sample has been heard. Raises `_Cut` and `_Deaf`."""
        assert process.stdin is not None
        process.stdin.close()
        try:
            status = process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise _Deaf(f"the device {self._device!r} takes no sound") from None
        if status != 0:
            raise self._ended(process)

    def _ended(self, process: subprocess.Popen[bytes]) -> Exception:
        """Why the process is gone."""
        if self._cut:
            return _Cut()
        assert process.stderr is not None
        process.kill()
        process.wait()
        os.set_blocking(process.stderr.fileno(), False)  # what it has started may still hold the other end
        said = (process.stderr.read() or b"").decode(errors="replace").strip().splitlines()
        return _Deaf(f"the device {self._device!r} cannot be used: {said[-1] if said else 'no reason given'}")

    def _heard(self) -> None:
        if self._broken:
            self._clear(ALARM)
        self._broken = False

    def _deaf(self, why: str) -> None:
        """Nobody hears anything."""
        self._forget()
        if not self._broken:
            self._alarm(ALARM, f"No sound: {why}. Is the headset or speaker plugged in, and [audio] device right?")
        self._broken = True

    def _forget(self) -> None:
        """What waits is dropped, because it would come out of its time."""
        with self._news:
            self._signs.clear()
            self._speech = None


def scaled(samples: bytes, gain: float) -> bytes:
    """`samples` (16 bits, native order) at `gain` from 0 to 1."""
    if gain >= 1:
        return samples
    factor = round(gain * 256)
    return array("h", [sample * factor >> 8 for sample in array("h", samples)]).tobytes()


def gain_of(decibels: float) -> float:
    """The factor for a level in dB under full loudness (0 or less)."""
    return float(10 ** (decibels / 20))


def _shrink(pipe: int) -> None:
    try:
        fcntl.fcntl(pipe, F_SETPIPE_SZ, PIPE_BYTES)
    except OSError as fault:  # only a longer tail of speech
        log.debug("pipe-not-shrunk", text=str(fault))
