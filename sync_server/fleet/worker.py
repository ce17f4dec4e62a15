"""The loop around `speech.refresh`: speaks when a text has changed, and looks for changes in between."""

import logging
import threading
from typing import Final

from django.db import DatabaseError, InterfaceError, connection

from sync_server.fleet import speech
from sync_server.fleet.services import utc_now
from sync_server.fleet.speech import Studio
from sync_server.fleet.voices import NoSpeaker
from wire.speech import SpeechError

log = logging.getLogger(__name__)

PAUSE_S: Final = 15.0
"""Between two looks: what staff change is to be spoken, and on the devices, within two minutes."""
AFTER_TROUBLE_S: Final = 120.0
"""After a full disk or the like: to speak everything again at once would only keep the machine busy."""


class SpeechWorker:
    """One process of it is enough. Where nobody can speak it says so once and goes on looking."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._stopping = threading.Event()
        self._said = ""

    def stop(self) -> None:
        """Ends `run` after the sentence under way. May be called from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Works until `stop`."""
        while not self._stopping.is_set():
            self._stopping.wait(self.step())

    def step(self) -> float:
        """One look, and all that is to be done about it. Returns how many seconds to wait before the next."""
        try:
            mute = ", ".join(speech.mute(self._studio))
            self._say(f"no voice for {mute}: kiosks say so to whoever asks for speech in that language" if mute else "")
            speech.refresh(self._studio, now=utc_now(), stopping=self._stopping.is_set)
        except NoSpeaker as fault:
            self._say(f"kiosks stay silent: {fault}")
        except (DatabaseError, InterfaceError):
            log.exception("what is to be spoken cannot be looked up; trying again")
            connection.close()
        except (OSError, SpeechError):
            log.exception("speech could not be made; trying again in %.0f s", AFTER_TROUBLE_S)
            return AFTER_TROUBLE_S
        return PAUSE_S

    def _say(self, sentence: str) -> None:
        if sentence and sentence != self._said:
            log.warning("%s", sentence)
        self._said = sentence
