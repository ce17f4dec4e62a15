"""The way to the server: brings rows there and news from it, and says how the device is. Built once the first picture stands."""

import random
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

import structlog

from kiosk import SOFTWARE
from kiosk.config import KioskConfig
from kiosk.core.ports import Clock, Link
from kiosk.core.troubles import Troubles
from kiosk.errors import LedgerError
from kiosk.identity import Identity
from kiosk.ledger.thread import LedgerThread
from kiosk.links.mqtt import Broker, MqttLink
from kiosk.upkeep import status
from kiosk.upkeep.clerk import Clerk
from kiosk.upkeep.notices import Notices
from kiosk.workers.health import HealthWorker
from kiosk.workers.sync import Sync
from wire.envelopes import Config, Health, SignedConfig

log = structlog.get_logger("outside")

TROUBLES: Final = "troubles"
"""The clerk's note of what last went wrong with the server."""


class Outside:
    """The ways to the server with those who use them. `in_force` is the configuration in force; `on_config` is given each newer one
    that the server has signed for this device, `on_status` what staff should know, each on a thread of its own.
    """

    def __init__(
        self,
        config: KioskConfig,
        who: Identity,
        *,
        ledger: LedgerThread,
        clock: Clock,
        notices: Notices,
        clerk: Clerk,
        in_force: Callable[[], Config],
        on_config: Callable[[SignedConfig, Config], None],
        on_status: Callable[[status.Status], None],
    ) -> None:
        self._state_dir = config.state_dir
        self._who = who
        self._ledger = ledger
        self._clock = clock
        self._notices = notices
        self._clerk = clerk
        self._in_force = in_force
        self._on_status = on_status
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
            fallback=self._fallback,
            signer=who.signer,
            verifier=who.verifier,
            clock=clock,
            draw=random.random,
            software=SOFTWARE,
            config_version=in_force().version,
            on_config=on_config,
            on_change=self.nudge,
            on_trouble=self._on_trouble,
            troubles=Troubles.of(clerk.load(TROUBLES)),
        )
        self._health = HealthWorker(
            shelf=ledger,
            clock=clock,
            state_dir=config.state_dir,
            software=SOFTWARE,
            retention_days=config.retention_days,
            config_version=lambda: sync.config_version,
            outlook=lambda: sync.outlook,
            notes=lambda: [
                *([f"nothing is being recorded: {ledger.trouble}"] if ledger.trouble else []),
                *(f"an unreadable ledger was put aside: {name}" for name in ledger.quarantined),
                *notices.sentences(),
            ],
            send=sync.report,
            keep=self._keep,
        )
        notices.listen(self.nudge)

    def start(self, parts: ExitStack) -> None:
        """Reports and connects from now on, until `parts` end. Raises `OSError` when the device's papers cannot be used: staff on
        the device hear of it all the same.
        """
        parts.callback(self._sync.stop)
        parts.callback(lambda: self._keep(self._health.report(), running=False))
        parts.callback(self._health.stop)
        self._health.start()
        self._sync.start()

    def wake(self) -> None:
        """The ledger has new rows. From any thread; returns at once."""
        self._sync.wake()

    def nudge(self) -> None:
        """There is news worth a report before its time. From any thread."""
        self._health.nudge()

    def _fallback(self) -> Link | None:
        """The way by HTTPS, where the configuration in force names a door."""
        door = self._in_force().door
        if door is None:
            return None
        from kiosk.links.https import HttpsLink  # what it stands on costs 8 MiB, and most devices never need it

        return HttpsLink(
            door,
            self._who.device,
            signer=self._who.signer,
            ca=self._who.ca,
            clock_vouched=lambda: self._clock.stamp().synchronised,
            report=self._notices.report,
        )

    def _on_trouble(self, troubles: Troubles) -> None:
        self._clerk.keep(TROUBLES, troubles.note())
        self.nudge()

    def _behind(self) -> int | None:
        """How many rows stayed behind with earlier streams, as far as the card tells."""
        try:
            return self._ledger.standing().behind
        except LedgerError:
            return None

    def _keep(self, health: Health, *, running: bool = True) -> None:
        outlook = self._sync.outlook
        found = status.of(health, device=self._who.device, up=outlook.up, behind=self._behind(), running=running)
        self._on_status(found)
        try:
            status.keep(self._state_dir, found)
        except OSError as fault:  # staff see it on the screen all the same, and the server has been told
            log.warning("status-not-kept", text=str(fault))
