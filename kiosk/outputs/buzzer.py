"""A buzzer on a GPIO pin, by gpiozero: each sign is a pattern of short tones."""

import threading
from collections.abc import Callable
from typing import Any, Final

from gpiozero import OutputDevice

from kiosk.core.contacts import OutputWire
from kiosk.core.sounding import Sound

PATTERNS: Final[dict[Sound, tuple[int, ...]]] = {
    Sound.PRESSED: (30,),
    Sound.SAVED: (60, 70, 60),
    Sound.STILL_THERE: (400,),
    Sound.FAILED: (180, 120, 180, 120, 180),
    Sound.MOVED: (15,),
}
"""Milliseconds on, off, on …"""


class GpioBuzzer:
    """As `kiosk.core.ports.Sounds`. The newest sign cuts off the one before. A buzzer that fails is reported and stays silent."""

    def __init__(self, wire: OutputWire, *, report: Callable[[str], None], factory: Any) -> None:
        """`factory` is a gpiozero pin factory."""
        self._report = report
        self._next: Sound | None = None
        self._stopping = False
        self._news = threading.Condition()
        self._buzzer: Any = None
        self._thread = threading.Thread(target=self._run, name="buzzer", daemon=True)
        try:
            self._buzzer = OutputDevice(wire.pin, active_high=wire.active_high, pin_factory=factory)
        except Exception as fault:  # lgpio's errors have no ancestor in common with gpiozero's
            self._report(f"the buzzer on GPIO {wire.pin} cannot be used: {fault}")
        else:
            self._thread.start()

    def play(self, sound: Sound) -> None:
        """Begins `sound` and returns."""
        with self._news:
            self._next = sound
            self._news.notify()

    def stop(self) -> None:
        """Silence."""
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while (sound := self._awaited()) is not None:
                self._sound(sound)
        except Exception as fault:
            self._report(f"the buzzer does not obey: {fault}")
        finally:
            self._buzzer.close()

    def _awaited(self) -> Sound | None:
        """The next sign, None at the end."""
        with self._news:
            self._news.wait_for(lambda: self._next or self._stopping)
            sound, self._next = self._next, None
            return None if self._stopping else sound

    def _sound(self, sound: Sound) -> None:
        for step, length in enumerate(PATTERNS[sound]):
            self._buzzer.off() if step % 2 else self._buzzer.on()
            if self._interrupted(length):
                break
        self._buzzer.off()

    def _interrupted(self, ms: int) -> bool:
        with self._news:
            return bool(self._news.wait_for(lambda: self._next or self._stopping, ms / 1000))
