"""The way to the server: brings rows there and news from it, and says how the device is. Built once the first picture stands."""

import random
from collections.abc import Callable
from contextlib import ExitStack

from kiosk import SOFTWARE
from kiosk.config import KioskConfig
from kiosk.core.ports import Clock
from kiosk.core.progress import Progress
from kiosk.identity import Identity
from kiosk.ledger.thread import LedgerThread
from kiosk.links.mqtt import Broker, MqttLink
from kiosk.upkeep import status
from kiosk.upkeep.notices import Notices
from kiosk.workers.health import HealthWorker
from kiosk.workers.sync import Sync, reading
from wire.envelopes import Config, Health, SignedConfig


class Outside:
    """The link with those who use it. `version` is that of the configuration in force; `on_config` is given each newer one that the
    server has signed for this device, on a thread of its own.
    """

    def __init__(
        self,
        config: KioskConfig,
        who: Identity,
        *,
        ledger: LedgerThread,
        clock: Clock,
        notices: Notices,
        version: int,
        on_config: Callable[[SignedConfig, Config], None],
    ) -> None:
        self._state_dir = config.state_dir
        self._device = who.device
        link = MqttLink(
            Broker(who.broker_host, who.broker_port, who.ca, who.certificate, who.key),
            who.device,
            keepalive_s=config.link.keepalive_s,
            clock_vouched=lambda: clock.stamp().synchronised,
        )
        self._sync = sync = Sync(
            device=who.device,
            shelf=ledger,
            link=link,
            signer=who.signer,
            verifier=who.verifier,
            clock=clock,
            draw=random.random,
            software=SOFTWARE,
            config_version=version,
            on_config=on_config,
            on_up=self.nudge,
        )
        self._health = HealthWorker(
            shelf=ledger,
            link=link,
            clock=clock,
            reading=lambda: reading(clock),
            state_dir=config.state_dir,
            software=SOFTWARE,
            retention_days=config.retention_days,
            config_version=lambda: sync.config_version,
            progress=lambda: sync.progress,
            notes=lambda: [*(f"an unreadable ledger was put aside: {name}" for name in ledger.quarantined), *notices.sentences()],
            keep=self._keep,
        )
        notices.listen(self.nudge)

    def start(self, parts: ExitStack) -> None:
        """Reports and connects from now on, until `parts` end. Raises `OSError` when the device's papers cannot be used: staff on
        the device hear of it all the same.
        """
        parts.callback(self._sync.stop)
        parts.callback(lambda: self._keep(*self._health.report(), running=False))
        parts.callback(self._health.stop)
        self._health.start()
        self._sync.start()

    def wake(self) -> None:
        """The ledger has new rows. From any thread; returns at once."""
        self._sync.wake()

    def nudge(self) -> None:
        """There is news worth a report before its time. From any thread."""
        self._health.nudge()

    def _keep(self, health: Health, progress: Progress, *, running: bool = True) -> None:
        status.keep(self._state_dir, health, progress, device=self._device, up=self._sync.up, running=running)
