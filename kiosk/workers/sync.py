"""Brings rows to the server and news from it: hands out what the core's delivery asks for, and tells it what became of that."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import structlog

from kiosk.core.delivery import Delivery, Greet, Renew, Restart, Send, Wait
from kiosk.core.ports import Clock, Delivered, Link, LinkDown, LinkUp, Message, Shelf, Signer, Verifier
from kiosk.core.progress import Progress
from kiosk.core.troubles import Troubles
from kiosk.core.ways import Probe, Switch, Way
from kiosk.errors import LedgerError
from kiosk.workers.configuring import Configuring
from kiosk.workers.line import FromLink
from kiosk.workers.lines import Lines
from kiosk.workers.trouble_book import TroubleBook
from kiosk.workers.upward import Author
from wire.codec import Envelope, WireError, decode_ack, decode_command, encode
from wire.envelopes import Ack, Config, Echo, Health, Hello, Result, SignedConfig
from wire.events import DeviceId

log = structlog.get_logger("sync")

LEDGER_AGAIN_S: Final = 5.0
"""How soon a ledger that could not be read is asked again."""
ASLEEP_S: Final = 3600.0
"""Longest sleep. Whatever happens wakes it before."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The ledger has new rows."""


@dataclass(frozen=True, slots=True)
class Report:
    """Something to say of the device itself, if a way is open; the next report says it better than this one said late."""

    health: Health


@dataclass(frozen=True, slots=True)
class Stop:
    """The device is being switched off."""


News = FromLink | Rows | Report | Stop


class Outlook(NamedTuple):
    """How this device stands with its server. `echo` is None before the server has spoken."""

    way: Way
    up: bool
    echo: Echo | None
    troubles: Troubles


class Sync:
    """One conversation with the server. `step` is called on one thread only; `wake`, `report` and the properties from any."""

    def __init__(
        self,
        *,
        device: DeviceId,
        shelf: Shelf,
        link: Link,
        fallback: Callable[[], Link | None] | None = None,
        signer: Signer,
        verifier: Verifier,
        clock: Clock,
        draw: Callable[[], float],
        software: str,
        config_version: int,
        on_config: Callable[[SignedConfig, Config], None],
        on_change: Callable[[], None] = lambda: None,
        on_trouble: Callable[[Troubles], None] = lambda troubles: None,
        troubles: Troubles = Troubles(),  # noqa: B008 - frozen
    ) -> None:
        """`link` is the way by MQTT; `fallback` makes the one by HTTPS when it is needed, or returns None where there is none.

        `on_config` is given each newer configuration that the server has signed for this device; `on_change` hears when the way in
        use has come up or gone down, or is another; `on_trouble` what went wrong last, in place of `troubles`. All on the sync
        thread.
        """
        self._shelf = shelf
        self._clock = clock
        self._draw = draw
        self._author = Author(shelf, signer, clock, software)
        self._configuring = Configuring(device, verifier, config_version, on_config)
        self._book = TroubleBook(troubles, clock, on_trouble)
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._lines = Lines(link, fallback, self._news.put, draw=draw, now=clock.stamp().monotonic, on_change=on_change)
        self._delivery: Delivery | None = None
        self._echo: Echo | None = None
        self._unwritten = False
        self._stale = True
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)

    @property
    def config_version(self) -> int:
        """Version of the configuration in force."""
        return self._configuring.version

    @property
    def progress(self) -> Progress | None:
        """What the server has, as far as is known."""
        return self._delivery.progress if self._delivery else None

    @property
    def outlook(self) -> Outlook:
        """How it stands with the server."""
        return Outlook(self._lines.way, self._lines.up, self._echo, self._book.troubles)

    # --- life ----------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Opens the link and begins. Raises `OSError` when the device's papers cannot be used."""
        self.open()
        self._thread.start()

    def stop(self) -> None:
        """Closes what is open. Rows under way are sent again next time."""
        self._news.put(Stop())
        if self._thread.ident is not None:
            self._thread.join()
        self.close()

    def open(self) -> None:
        """Opens the link, for whoever calls `turn` instead of `start`. Raises `OSError`."""
        self._lines.open()

    def close(self) -> None:
        """Closes what is open."""
        self._lines.close()

    def wake(self) -> None:
        """The ledger has new rows. From any thread; returns at once."""
        self._news.put(Rows())

    def report(self, health: Health) -> None:
        """Sends `health` by the way in use. From any thread; returns at once."""
        self._news.put(Report(health))

    def turn(self) -> float:
        """One step with each piece of news that has come. Returns the seconds until the next turn is due without news."""
        pause = self.step()
        while not self._news.empty():
            pause = self.step(self._news.get())
        return pause

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
        match news:
            case Rows():
                self._stale = True
            case Report(health):
                self._publish("health", health, now)
            case FromLink():
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
            if self._lines.up:
                self._delivery.connected(now)
        elif self._stale:
            self._delivery.recorded(self._shelf.standing())
        self._stale = False
        return self._delivery

    def _work(self, delivery: Delivery) -> float:
        while True:
            now: int = self._clock.stamp().monotonic
            if self._lines.supervise(now):
                delivery.disconnected()
            step = self._lines.step(now, wanting=delivery.wanting)
            if isinstance(step, Switch):
                self._switch(step.way, delivery, now)
                continue
            if isinstance(step, Probe):
                self._lines.probe(*encode(self._hello(delivery)), now)
                continue
            match delivery.task(now):
                case Greet():
                    self._greet(delivery, now)
                case Send(first, last):
                    self._send(delivery, first, last, now)
                case Renew():
                    self._renew(delivery)
                case Restart():
                    self._lines.suspect(now)
                    delivery.disconnected()
                case Wait(until):
                    self._book.look(delivery.hole)
                    due = min((due for due in (until, step.until, self._lines.due()) if due is not None), default=None)
                    return ASLEEP_S if due is None else max(0.0, (due - now) / 1000)

    def _switch(self, way: Way, delivery: Delivery, now: int) -> None:
        if self._lines.switch(way, now):
            delivery.disconnected()
            if self._lines.up:
                delivery.connected(now)

    def _renew(self, delivery: Delivery) -> None:
        """Another device has sent rows of our stream: ours go on in a new one, and none is lost. Raises `LedgerError`."""
        row = delivery.progress.forked_at or 0
        standing = self._shelf.begin_anew(delivery.standing.stream, delivery.progress)
        delivery.recorded(standing)
        self._book.forked(row, moving=standing.moving)

    # --- upwards -------------------------------------------------------------------------------------------------------------

    def _hello(self, delivery: Delivery) -> Hello:
        return self._author.hello(delivery.standing, config_version=self.config_version, echo=self._echo)

    def _greet(self, delivery: Delivery, now: int) -> None:
        token = self._publish("up", self._hello(delivery), now)
        if token is None:
            delivery.not_taken(now)
        else:
            delivery.greeted(token, now)

    def _send(self, delivery: Delivery, first: int, last: int, now: int) -> None:
        batch = self._author.batch(delivery.standing.stream, first, last)
        token = None if batch is None else self._publish("up", batch, now)
        if batch is None or token is None:
            delivery.not_taken(now)
        else:
            delivery.sent(first, first + len(batch.rows) - 1, token, now)

    def _publish(self, leaf: Literal["up", "health", "result"], envelope: Envelope, now: int) -> int | None:
        return self._lines.in_use.publish(leaf, *encode(envelope), now)

    # --- downwards -----------------------------------------------------------------------------------------------------------

    def _take(self, news: FromLink, now: int) -> None:
        way, event = news
        in_use = self._lines.take(news, now)
        match event:
            case LinkUp() | LinkDown():
                if self._delivery and in_use:
                    self._delivery.connected(now) if self._lines.up else self._delivery.disconnected()
            case Delivered(token, reason):
                if self._delivery and in_use:
                    self._delivery.delivered(token, reason, now)
            case Message():
                try:
                    self._message(way, event, now)
                except WireError as fault:
                    log.warning("message-refused", leaf=event.leaf, reason=fault.reason, text=str(fault))

    def _message(self, way: Way, message: Message, now: int) -> None:
        match message.leaf:
            case "down":
                ack = decode_ack(message.content_type, message.payload)
                self._lines.acknowledged(way)
                self._acknowledged(ack, now)
            case "config":
                self._configuring.take(message)
            case "command":
                command = decode_command(message.content_type, message.payload)
                log.warning("command-unknown", kind=command.kind)
                result = Result(1, command.id, False, f"this device does not know the command {command.kind!r}")
                self._publish("result", result, now)

    def _acknowledged(self, ack: Ack, now: int) -> None:
        first_word, self._echo = self._echo is None, Echo(ack.server_wall, now)
        if self._delivery is None:
            return
        try:
            ours = self._author.wrote(ack, self._delivery.standing)
        except LedgerError as fault:  # the next one says it again
            log.warning("acknowledgement-not-checked", text=str(fault))
            return
        heard = self._delivery.acknowledged(ack, now, ours=ours)
        if first_word:
            self._delivery.greet_again()  # only with an echo can the server tell what our clock means, whatever it claims to be
        if heard.note:
            log.warning("acknowledgement", note=heard.note)
        for rejected in ack.rejected:
            log.error("row-set-aside", seq=rejected.seq, reason=rejected.reason)
        if heard.changed or self._unwritten:
            try:
                urgent = heard.urgent or self._unwritten
                self._shelf.remember(self._delivery.standing.stream, self._delivery.progress, now=urgent)
                self._unwritten = False
            except LedgerError as fault:  # known here all the same; with the next acknowledgement it is tried again
                self._unwritten = True
                log.warning("progress-not-written", text=str(fault))
