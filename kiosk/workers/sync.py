"""Brings rows to the server and news from it: hands out what the core's delivery asks for, and tells it what became of that."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from kiosk.core.delivery import Delivery, Greet, Restart, Send, Wait, fit
from kiosk.core.ports import Clock, Delivered, Link, LinkDown, LinkEvent, LinkUp, Message, Shelf, Signer, Verifier
from kiosk.core.progress import Progress
from kiosk.errors import LedgerError
from wire import chain
from wire.codec import WireError, decode_ack, decode_command, decode_config, decode_signed_config, encode
from wire.envelopes import Batch, Config, Hello, Result, SignedConfig
from wire.envelopes import Clock as ClockReading
from wire.events import DeviceId

log = structlog.get_logger("sync")

LEDGER_AGAIN_S: Final = 5.0
"""How soon a ledger that could not be read is asked again."""
LINK_PATIENCE: Final = 300_000
"""Milliseconds without a sign of life from a link that is down; it speaks every minute while its thread lives."""
ASLEEP_S: Final = 3600.0
"""Longest sleep. Whatever happens wakes it before."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The ledger has new rows."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The device is being switched off."""


News = LinkEvent | Rows | Stop


class Sync:
    """One conversation with the server. `step` is called on one thread only; `wake` and `heard` from any."""

    def __init__(
        self,
        *,
        device: DeviceId,
        shelf: Shelf,
        link: Link,
        signer: Signer,
        verifier: Verifier,
        clock: Clock,
        draw: Callable[[], float],
        software: str,
        config_version: int,
        on_config: Callable[[SignedConfig, Config], None],
        on_up: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_config` is given each newer configuration that the server has signed for this device; `on_up` hears when the link
        has come up. Both on the sync thread.
        """
        self._device = device
        self._shelf = shelf
        self._link = link
        self._signer = signer
        self._verifier = verifier
        self._clock = clock
        self._draw = draw
        self._software = software
        self._config_version = config_version
        self._on_config = on_config
        self._on_up = on_up
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._delivery: Delivery | None = None
        self._stale = True
        self._up = False
        self._down_why = ""
        self._link_news_at: int = clock.stamp().monotonic
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)

    @property
    def config_version(self) -> int:
        """Version of the configuration in force."""
        return self._config_version

    @property
    def up(self) -> bool:
        """Whether the link is up, as far as is known."""
        return self._up

    @property
    def progress(self) -> Progress | None:
        """What the server has, as far as is known."""
        return self._delivery.progress if self._delivery else None

    def start(self) -> None:
        """Opens the link and begins."""
        self._link.open(self.heard)
        self._thread.start()

    def stop(self) -> None:
        """Closes the link. Rows under way are sent again next time."""
        self._news.put(Stop())
        if self._thread.ident is not None:
            self._thread.join()
        self._link.close()

    def wake(self) -> None:
        """The ledger has new rows. From any thread; returns at once."""
        self._news.put(Rows())

    def heard(self, event: LinkEvent) -> None:
        """The link has something to say. From any thread; returns at once."""
        self._news.put(event)

    def _run(self) -> None:
        pause = 0.0
        while True:
            try:
                news = self._news.get(timeout=pause)
            except queue.Empty:
                news = None
            if isinstance(news, Stop):
                return
            try:
                pause = self.step(news)
            except Exception:
                log.exception("sync-step-failed")  # the rows are in the ledger; the next step tries again
                pause = LEDGER_AGAIN_S

    def step(self, news: News | None = None) -> float:
        """Takes note of `news`, does what is to be done now, and returns the seconds until the next step is due without news."""
        now = self._clock.stamp().monotonic
        if isinstance(news, Rows):
            self._stale = True
        elif news is not None:
            self._take(news, now)
        try:
            delivery = self._fresh_delivery(now)
            return self._work(delivery)
        except LedgerError as fault:
            log.warning("ledger-not-read", text=str(fault))
            self._stale = True
            return LEDGER_AGAIN_S

    def _fresh_delivery(self, now: int) -> Delivery:
        """The delivery, knowing what the ledger holds. Raises `LedgerError`."""
        if self._delivery is None:
            self._delivery = Delivery(self._shelf.standing(), draw=self._draw)
            if self._up:
                self._delivery.connected(now)
        elif self._stale:
            self._delivery.recorded(self._shelf.standing())
        self._stale = False
        return self._delivery

    def _work(self, delivery: Delivery) -> float:
        while True:
            now: int = self._clock.stamp().monotonic
            match delivery.task(now):
                case Greet():
                    self._greet(delivery, now)
                case Send(first, last):
                    self._send(delivery, first, last, now)
                case Restart():
                    self._restart("no acknowledgement comes back", now)
                case Wait(until):
                    return self._pause(until, now)

    def _pause(self, until: int | None, now: int) -> float:
        """Seconds to sleep; a link that is down and has said nothing for long is started afresh first."""
        dues = [] if until is None else [until]
        if not self._up:
            if now - self._link_news_at >= LINK_PATIENCE:
                self._restart("the link has fallen silent", now)
            dues.append(self._link_news_at + LINK_PATIENCE)
        return max(0.0, (min(dues) - now) / 1000) if dues else ASLEEP_S

    def _restart(self, why: str, now: int) -> None:
        log.warning("link-restarted", why=why)
        self._up = False
        self._link_news_at = now
        if self._delivery:
            self._delivery.disconnected()
        self._link.close()
        self._link.open(self.heard)

    # --- upwards -------------------------------------------------------------------------------------------------------------

    def _greet(self, delivery: Delivery, now: int) -> None:
        standing = delivery.standing
        hello = Hello(
            1,
            standing.stream,
            standing.next,
            standing.oldest,
            self._config_version,
            reading(self._clock),
            self._software,
            standing.progress.epoch,
        )
        token = self._publish_up(hello)
        if token is None:
            delivery.not_taken(now)
        else:
            delivery.greeted(token, now)

    def _send(self, delivery: Delivery, first: int, last: int, now: int) -> None:
        stream = delivery.standing.stream
        excerpt = self._shelf.read(stream, first, last - first + 1)
        rows = excerpt.rows[: fit(excerpt.rows)]
        if not rows:
            delivery.not_taken(now)
            return
        head = excerpt.head if len(rows) == len(excerpt.rows) else chain.links(excerpt.previous, rows)[-1]
        statement = chain.batch_statement(stream, first, len(rows), head)
        token = self._publish_up(Batch(1, stream, first, excerpt.previous, rows, self._signer.sign(statement)))
        if token is None:
            delivery.not_taken(now)
        else:
            delivery.sent(first, first + len(rows) - 1, token, now)

    def _publish_up(self, envelope: Batch | Hello) -> int | None:
        return self._link.publish("up", *encode(envelope))

    # --- downwards -----------------------------------------------------------------------------------------------------------

    def _take(self, event: LinkEvent | Stop, now: int) -> None:
        match event:
            case LinkUp():
                self._up = True
                log.info("link-up")
                self._on_up()
                if self._delivery:
                    self._delivery.connected(now)
            case LinkDown(why):
                if self._up or why != self._down_why:
                    log.warning("link-down", why=why)
                self._up, self._down_why = False, why
                self._link_news_at = now
                if self._delivery:
                    self._delivery.disconnected()
            case Delivered(token, reason):
                if self._delivery:
                    self._delivery.delivered(token, reason, now)
            case Message():
                try:
                    self._message(event, now)
                except WireError as fault:
                    log.warning("message-refused", leaf=event.leaf, reason=fault.reason, text=str(fault))

    def _message(self, message: Message, now: int) -> None:
        match message.leaf:
            case "down":
                self._acknowledged(message, now)
            case "config":
                self._configured(message)
            case "command":
                command = decode_command(message.content_type, message.payload)
                log.warning("command-unknown", kind=command.kind)
                result = Result(1, command.id, False, f"this device does not know the command {command.kind!r}")
                self._link.publish("result", *encode(result))

    def _acknowledged(self, message: Message, now: int) -> None:
        ack = decode_ack(message.content_type, message.payload)
        if self._delivery is None:
            return
        heard = self._delivery.acknowledged(ack, now)
        if heard.note:
            log.warning("acknowledgement", note=heard.note)
        for rejected in ack.rejected:
            log.error("row-set-aside", seq=rejected.seq, reason=rejected.reason)
        if heard.changed:
            try:
                self._shelf.remember(self._delivery.standing.stream, self._delivery.progress, now=heard.urgent)
            except LedgerError as fault:  # known here all the same; after a restart the server says it again
                log.warning("progress-not-written", text=str(fault))

    def _configured(self, message: Message) -> None:
        if not message.payload:  # a retained message that was cleared
            return
        signed = decode_signed_config(message.content_type, message.payload)
        config = verified(signed, self._device, self._verifier)
        if config.version <= self._config_version:
            return
        self._on_config(signed, config)
        self._config_version = config.version
        log.info("configured", version=config.version)


def verified(signed: SignedConfig, device: DeviceId, verifier: Verifier) -> Config:
    """The configuration in `signed`, if the server signed it for `device`. Raises `WireError`."""
    if not verifier.verifies(chain.config_statement(device, signed.document), signed.signature):
        raise WireError("signature", "a configuration that the server did not sign for this device")
    return decode_config(signed.document)


def reading(clock: Clock) -> ClockReading:
    """The clocks, as they travel."""
    stamp = clock.stamp()
    return ClockReading(stamp.boot, stamp.monotonic, stamp.wall, stamp.synchronised)
