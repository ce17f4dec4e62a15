"""Brings rows to the server and news from it: hands out what the core's delivery asks for, and tells it what became of that.

There are two ways. The one in use carries rows and reports; while that is HTTPS, the MQTT link is kept open and tried now and then.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

import structlog

from kiosk.core.delivery import Delivery, Greet, Hole, Renew, Restart, Send, Wait, fit
from kiosk.core.ports import Clock, Delivered, Link, LinkDown, LinkUp, Message, Shelf, Signer, Verifier
from kiosk.core.progress import Progress, Standing
from kiosk.core.troubles import Fork, Troubles
from kiosk.core.ways import Probe, Switch, Way, Ways
from kiosk.errors import LedgerError
from kiosk.workers.line import FromLink, Line
from wire import chain
from wire.codec import Envelope, WireError, decode_ack, decode_command, decode_config, decode_signed_config, encode
from wire.envelopes import Ack, Batch, Config, Echo, Gap, Health, Hello, Result, SignedConfig
from wire.envelopes import Clock as ClockReading
from wire.events import DeviceId, StreamId
from wire.events import Link as ChainLink

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
        self._device = device
        self._shelf = shelf
        self._fallback = fallback
        self._signer = signer
        self._verifier = verifier
        self._clock = clock
        self._draw = draw
        self._software = software
        self._config_version = config_version
        self._on_config = on_config
        self._on_change = on_change
        self._on_trouble = on_trouble
        self._troubles = troubles
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._ways = Ways(draw=draw)
        self._mqtt = Line(Way.MQTT, link, self._news.put, now=clock.stamp().monotonic)
        self._https: Line | None = None
        self._delivery: Delivery | None = None
        self._hole: Hole | None = None
        self._echo: Echo | None = None
        self._sent_link: tuple[StreamId, int, ChainLink] | None = None
        self._unwritten = False
        self._stale = True
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)

    @property
    def config_version(self) -> int:
        """Version of the configuration in force."""
        return self._config_version

    @property
    def progress(self) -> Progress | None:
        """What the server has, as far as is known."""
        return self._delivery.progress if self._delivery else None

    @property
    def outlook(self) -> Outlook:
        """How it stands with the server."""
        return Outlook(self._ways.way, self._line.up, self._echo, self._troubles)

    @property
    def _line(self) -> Line:
        """The way in use."""
        return self._https or self._mqtt

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
        self._mqtt.open()

    def close(self) -> None:
        """Closes what is open."""
        for line in (self._https, self._mqtt):
            if line is not None:
                line.close()

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
                self._publish(self._line, "health", health, now)
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
            if self._line.up:
                self._delivery.connected(now)
        elif self._stale:
            self._delivery.recorded(self._shelf.standing())
        self._stale = False
        return self._delivery

    def _work(self, delivery: Delivery) -> float:
        while True:
            now: int = self._clock.stamp().monotonic
            self._supervise(delivery, now)
            step = self._ways.step(now, wanting=delivery.wanting)
            if isinstance(step, Switch):
                self._switch(step.way, delivery, now)
                continue
            if isinstance(step, Probe):
                self._publish(self._mqtt, "up", self._hello(delivery.standing), now)
                self._ways.probed(now)
                continue
            match delivery.task(now):
                case Greet():
                    self._greet(delivery, now)
                case Send(first, last):
                    self._send(delivery, first, last, now)
                case Renew():
                    self._renew(delivery)
                case Restart():
                    self._ways.suspect()
                    self._restart(self._line, "no acknowledgement comes back", delivery, now)
                case Wait(until):
                    self._note_hole(delivery)
                    self._date_fork()
                    dues = [until, step.until, *(line.due() for line in self._lines())]
                    due = min((due for due in dues if due is not None), default=None)
                    return ASLEEP_S if due is None else max(0.0, (due - now) / 1000)

    # --- the ways ------------------------------------------------------------------------------------------------------------

    def _lines(self) -> list[Line]:
        return [self._mqtt] if self._https is None else [self._mqtt, self._https]

    def _supervise(self, delivery: Delivery, now: int) -> None:
        """Starts afresh what has been silent for too long."""
        for line in self._lines():
            due = line.due()
            if due is not None and now >= due:
                self._restart(line, "nothing is answered" if line.up else "the link has fallen silent", delivery, now)

    def _restart(self, line: Line, why: str, delivery: Delivery, now: int) -> None:
        if line is self._mqtt:
            self._ways.mqtt_down()
        line.restart(why, now)
        if line is self._line:
            delivery.disconnected()
            self._on_change()

    def _switch(self, way: Way, delivery: Delivery, now: int) -> None:
        """Speaks by `way` from now on, if it is to be had."""
        if way is Way.HTTPS:
            link = self._fallback() if self._fallback else None
            if link is None:
                self._ways.unavailable(now)
                return
            self._https = Line(way, link, self._news.put, now=now)
            self._https.open()
        elif self._https is not None:
            self._https.close()
            self._https = None
        log.warning("way-changed", way=way)
        self._ways.switched(way, now)
        delivery.disconnected()
        if self._line.up:
            delivery.connected(now)
        self._on_change()

    # --- upwards -------------------------------------------------------------------------------------------------------------

    def _hello(self, standing: Standing) -> Hello:
        return Hello(
            1,
            standing.stream,
            standing.next,
            standing.oldest,
            self._config_version,
            reading(self._clock),
            self._software,
            standing.progress.epoch,
            self._echo,
        )

    def _greet(self, delivery: Delivery, now: int) -> None:
        token = self._publish(self._line, "up", self._hello(delivery.standing), now)
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
        batch = Batch(1, stream, first, excerpt.previous, rows, self._signer.sign(statement))
        token = self._publish(self._line, "up", batch, now)
        if token is None:
            delivery.not_taken(now)
        else:
            delivery.sent(first, first + len(rows) - 1, token, now)
            self._sent_link = stream, first + len(rows) - 1, head

    def _publish(self, line: Line, leaf: Literal["up", "health", "result"], envelope: Envelope, now: int) -> int | None:
        return line.publish(leaf, *encode(envelope), now)

    # --- downwards -----------------------------------------------------------------------------------------------------------

    def _take(self, news: FromLink, now: int) -> None:
        way, event = news
        line = next((line for line in self._lines() if line.way is way), None)
        was_up = self._line.up
        if line is not None:
            line.take(event, now)
        if self._line.up is not was_up:
            self._on_change()
        match event:
            case LinkUp() | LinkDown():
                self._changed(line, now)
            case Delivered(token, reason):
                if self._delivery and line is self._line:
                    self._delivery.delivered(token, reason, now)
            case Message():
                try:
                    self._message(way, event, now)
                except WireError as fault:
                    log.warning("message-refused", leaf=event.leaf, reason=fault.reason, text=str(fault))

    def _changed(self, line: Line | None, now: int) -> None:
        """`line` has come up or gone down."""
        if line is self._mqtt:
            self._ways.mqtt_up(now) if line.up else self._ways.mqtt_down()
        if self._delivery and line is self._line:
            self._delivery.connected(now) if line.up else self._delivery.disconnected()

    def _message(self, way: Way, message: Message, now: int) -> None:
        match message.leaf:
            case "down":
                ack = decode_ack(message.content_type, message.payload)
                self._ways.heard(way)
                self._acknowledged(ack, now)
            case "config":
                self._configured(message)
            case "command":
                command = decode_command(message.content_type, message.payload)
                log.warning("command-unknown", kind=command.kind)
                result = Result(1, command.id, False, f"this device does not know the command {command.kind!r}")
                self._publish(self._line, "result", result, now)

    def _acknowledged(self, ack: Ack, now: int) -> None:
        first_word, self._echo = self._echo is None, Echo(ack.server_wall, now)
        if self._delivery is None:
            return
        try:
            ours = self._is_ours(ack, self._delivery.standing)
        except LedgerError as fault:  # the next one says it again
            log.warning("acknowledgement-not-checked", text=str(fault))
            return
        heard = self._delivery.acknowledged(ack, now, ours=ours)
        if first_word and not self._clock.stamp().synchronised:
            self._delivery.greet_again()  # only with an echo can the server tell what our clock means
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

    def _is_ours(self, ack: Ack, standing: Standing) -> bool:
        """Whether the rows that `ack` speaks of can be those of this ledger. A card that was copied has a twin, whose rows the
        server may have in place of ours: to take them for delivered would lose ours. Raises `LedgerError`."""
        through = ack.stored_through
        if not ack.link or ack.stream != standing.stream or not standing.oldest - 1 <= through < standing.next:
            return True  # nothing to compare; what we have not written is a fork by itself
        known = self._sent_link
        if known is None or known[:2] != (standing.stream, through):
            known = self._sent_link = standing.stream, through, self._shelf.read(standing.stream, through + 1, 0).previous
        return known[2].startswith(ack.link)

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

    # --- troubles ------------------------------------------------------------------------------------------------------------

    def _renew(self, delivery: Delivery) -> None:
        """Another device has sent rows of our stream: ours go on in a new one, and none is lost. Raises `LedgerError`."""
        row = delivery.progress.forked_at or 0
        standing = self._shelf.begin_anew(delivery.standing.stream, delivery.progress)
        log.error("stream-forked", row=row, moving=standing.moving)
        delivery.recorded(standing)
        self._trouble(replace(self._troubles, fork=Fork(row, self._known(self._clock.stamp().wall))))

    def _note_hole(self, delivery: Delivery) -> None:
        hole = delivery.hole
        if hole is not None and hole is not self._hole:
            log.warning("rows-sent-again", first=hole.first, last=hole.last)
            wall = self._known(hole.at + self._clock.stamp().wall_offset)
            self._trouble(replace(self._troubles, gap=Gap(hole.first, hole.last, wall)))
        self._hole = hole

    def _known(self, wall: int) -> int | None:
        """`wall`, if somebody vouches for the clock."""
        return wall if self._clock.stamp().synchronised else None

    def _date_fork(self) -> None:
        stamp = self._clock.stamp()
        if stamp.synchronised and (dated := self._troubles.known_at(stamp.wall)) is not self._troubles:
            self._trouble(dated)

    def _trouble(self, troubles: Troubles) -> None:
        self._troubles = troubles
        self._on_trouble(troubles)


def verified(signed: SignedConfig, device: DeviceId, verifier: Verifier) -> Config:
    """The configuration in `signed`, if the server signed it for `device`. Raises `WireError`."""
    if not verifier.verifies(chain.config_statement(device, signed.document), signed.signature):
        raise WireError("signature", "a configuration that the server did not sign for this device")
    return decode_config(signed.document)


def reading(clock: Clock) -> ClockReading:
    """The clocks, as they travel."""
    stamp = clock.stamp()
    return ClockReading(stamp.boot, stamp.monotonic, stamp.wall, stamp.synchronised)
