"""What a visitor hears: signs from the speaker, and the voice of the accessible mode with the packs it speaks from."""

import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from kiosk.config import KioskConfig
from kiosk.core import contacts
from kiosk.core.access import Keystroke
from kiosk.core.ports import Loop
from kiosk.core.surroundings import Surroundings
from kiosk.identity import Identity
from kiosk.links.packs import PackLink
from kiosk.outputs.audio import Player
from kiosk.outputs.sounds import SpeakerSounds
from kiosk.outputs.voices import Voices, open_packs
from kiosk.texts import Texts
from kiosk.upkeep.notices import Notices
from kiosk.voice.narrator import Narrator
from kiosk.workers.voices import VoicesWorker
from wire.envelopes import Config

PACKS: Final = "speech"
"""The folder of the speech packs in the state directory."""
FULL: Final = 1.0


class Ear:
    """The speaker's parts. `spoken` hears, on the main thread, that the languages with a voice have changed."""

    def __init__(
        self,
        config: KioskConfig,
        who: Identity,
        *,
        loop: Loop,
        quiet: Callable[[], bool],
        notices: Notices,
        texts: Texts,
        spoken: Callable[[], None],
        clock_vouched: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._notices = notices
        self._spoken = spoken
        self._player = Player(device=config.audio.device, wake_ms=config.audio.wake_ms, alarm=notices.alarm, clear=notices.clear)
        self.sounds = SpeakerSounds(self._player, notices.report)
        self._voices = Voices(self._player, notices.report, loudness=lambda: config.audio.quiet_volume if quiet() else FULL)
        wired = config.panel.contacts
        self.narrator = Narrator(
            self._voices,
            texts,
            keypad=tuple(key for _, key in contacts.keypad(wired)),
            keys=contacts.key(Keystroke.CHOOSE) in wired,
            private=config.audio.listens == "headset",
        )
        self._worker = VoicesWorker(
            folder=config.state_dir / PACKS,
            fetch=PackLink(who.ca, clock_vouched=clock_vouched).fetch,
            ready=self._packs_are_here,
            draw=random.random,
            alarm=notices.alarm,
            clear=notices.clear,
        )

    @property
    def languages(self) -> frozenset[str]:
        """Languages with a voice now."""
        return self._voices.languages

    def start(self, parts: ExitStack) -> None:
        """Can be heard from now on, until `parts` end."""
        self._player.start()
        parts.callback(self._player.stop)
        self._worker.start()
        parts.callback(self._worker.stop)

    def fetch(self, received: Config) -> None:
        """The packs that `received` names are wanted, whoever is in front."""
        self._worker.configure(received.door, received.speech)

    def configure(self, around: Surroundings) -> None:
        """Where the device stands. Main thread."""
        self.narrator.configure(around)

    def _packs_are_here(self, paths: Sequence[Path]) -> None:
        packs = open_packs(paths, self._notices.report)

        def adopt() -> None:
            before = self._voices.languages
            self._voices.adopt(packs)
            if self._voices.languages != before:
                self._spoken()

        self._loop.post(adopt)
