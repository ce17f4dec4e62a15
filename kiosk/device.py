"""Puts a kiosk together: builds its parts, starts them, and stops them in reverse. There is one of each and nobody looks one up."""

import random
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec
import structlog

from kiosk import SOFTWARE, fittings, identity
from kiosk.clock import SystemClock
from kiosk.config import KioskConfig
from kiosk.core.alarms import Alarms
from kiosk.core.conductor import Conductor
from kiosk.core.lighting import Lighting
from kiosk.core.ports import Loop, Screen
from kiosk.core.pressing import Pressing
from kiosk.core.progress import Progress
from kiosk.core.surroundings import Surroundings
from kiosk.core.visit import Broken, Mended, Rules, VisitEvent
from kiosk.errors import ConfigError, IdentityError
from kiosk.headless import QueueLoop
from kiosk.ledger.store import LEDGER
from kiosk.ledger.thread import LedgerThread
from kiosk.links.mqtt import Broker, MqttLink
from kiosk.upkeep import status
from kiosk.workers.health import NOTES, HealthWorker
from kiosk.workers.sync import Sync, reading, verified
from kiosk.workers.watchdog import Watchdog
from wire.codec import WireError
from wire.envelopes import Config, Health, SignedConfig

log = structlog.get_logger("kiosk")


class MainLoop(Loop, Protocol):
    """A loop as its owner sees it."""

    def run(self) -> None:
        """Turns until `stop`."""

    def stop(self) -> None:
        """Ends it. From any thread, and from a signal handler."""


@dataclass(frozen=True, slots=True)
class Face:
    """What a visitor has in front of them. `configure` is told each configuration in force, `connect` where touches go;
    `afterwards` runs a call, on the main thread, once what is to be shown has been shown.
    """

    loop: MainLoop
    screens: tuple[Screen, ...]
    afterwards: Callable[[Callable[[], None]], None]
    configure: Callable[[Config], None]
    connect: Callable[[Callable[[VisitEvent], None]], None]


def run(config: KioskConfig) -> None:
    """Runs the kiosk until SIGTERM, SIGINT or a closed window. Raises `KioskError` when it cannot start."""
    who = identity.load(config.state_dir)
    first = _first_config(config, who)
    clock = SystemClock(config.clock)
    notes: list[str] = []

    def report(sentence: str) -> None:
        log.warning("report", text=sentence)
        if sentence not in notes and len(notes) < NOTES:
            notes.append(sentence)

    for left in sorted(config.state_dir.glob(LEDGER.format(device="*"))):
        if left.name != LEDGER.format(device=who.device):
            report(f"rows of an earlier identity are kept in {left.name}")

    with ExitStack() as parts:
        face = _face(config, clock, report, parts)
        _stop_on_signals(face.loop)
        fitted = fittings.build(config, clock, report)
        parts.callback(fitted.stop)
        alarms = Alarms(face.loop)

        def on_rows() -> None:
            face.loop.post(lambda: face.afterwards(sync.wake))  # the thank-you first, and only then the network

        def on_health(usable: bool) -> None:
            outcome = Mended if usable else Broken
            face.loop.post(lambda: conductor.handle(outcome(clock.stamp())))

        ledger = LedgerThread(
            config.state_dir / LEDGER.format(device=who.device),
            on_rows=on_rows,
            on_health=on_health,
        )
        lights = (Lighting(fitted.lamps.light),) if fitted.lamps else ()
        conductor = Conductor(
            _rules(first, config),
            clock=clock,
            loop=face.loop,
            alarms=alarms,
            recorder=ledger,
            screens=(*face.screens, *lights),
        )
        link = MqttLink(
            Broker(who.broker_host, who.broker_port, who.ca, who.certificate, who.key),
            who.device,
            keepalive_s=config.link.keepalive_s,
            clock_vouched=lambda: clock.stamp().synchronised,
        )

        def on_config(signed: SignedConfig, received: Config) -> None:
            identity.store_config(config.state_dir / identity.FOLDER, signed)

            def adopt() -> None:
                face.configure(received)
                conductor.configure(_rules(received, config))
                health.nudge()  # the server learns which configuration is in force

            face.loop.post(adopt)

        def on_up() -> None:
            health.nudge()

        sync = Sync(
            device=who.device,
            shelf=ledger,
            link=link,
            signer=who.signer,
            verifier=who.verifier,
            clock=clock,
            draw=random.random,
            software=SOFTWARE,
            config_version=first.version,
            on_config=on_config,
            on_up=on_up,
        )

        def keep(health: Health, progress: Progress, *, running: bool = True) -> None:
            status.keep(config.state_dir, health, progress, device=who.device, up=sync.up, running=running)

        health = HealthWorker(
            shelf=ledger,
            link=link,
            clock=clock,
            reading=lambda: reading(clock),
            state_dir=config.state_dir,
            software=SOFTWARE,
            retention_days=config.retention_days,
            config_version=lambda: sync.config_version,
            progress=lambda: sync.progress,
            notes=lambda: [f"an unreadable ledger was put aside: {name}" for name in ledger.quarantined] + notes,
            keep=keep,
        )

        ledger.start()
        parts.callback(ledger.stop)
        face.configure(first)
        face.connect(conductor.handle)
        conductor.start()
        if fitted.contacts is not None:
            pressing = Pressing(
                {name: wire.window for name, wire in config.panel.contacts.items()},
                clock=clock,
                loop=face.loop,
                alarms=alarms,
                handle=conductor.handle,
                passed=lambda door, stamp: None,
                alarm=lambda name, sentence: report(sentence),
                clear=lambda name: None,
            )
            pressing.begin(fitted.contacts.start(pressing.edge))
        sync.start()
        parts.callback(sync.stop)
        health.start()
        parts.callback(lambda: keep(*health.report(), running=False))
        parts.callback(health.stop)
        watchdog = Watchdog(face.loop)
        watchdog.start()
        parts.callback(watchdog.stop)
        log.info(
            "running",
            device=who.device,
            screen="window" if config.has_window else "none",
            broker=f"{who.broker_host}:{who.broker_port}",
        )
        face.loop.run()
        log.info("stopping")


def _first_config(config: KioskConfig, who: identity.Identity) -> Config:
    """The newest configuration on the card that the server has signed for this device. Raises `IdentityError`."""
    why = ""
    for signed in identity.load_configs(config.state_dir):
        try:
            return verified(signed, who.device, who.verifier)
        except WireError as fault:
            why = why or str(fault)
            log.error("configuration-unusable", text=str(fault))
    raise IdentityError(f"The configuration this device holds cannot be used: {why}.", identity.ENROL_FIRST)


def _rules(config: Config, kiosk: KioskConfig) -> Rules:
    """What the court has configured. Without a screen only the first item can be asked, so only that counts as shown."""
    rules = Rules(config.questionnaire, tuple(config.languages), config.language, config.timings)
    if kiosk.has_window:
        return rules
    return replace(rules, questionnaire=msgspec.structs.replace(rules.questionnaire, items=rules.questionnaire.items[:1]))


def _face(config: KioskConfig, clock: SystemClock, report: Callable[[str], None], parts: ExitStack) -> Face:
    """The window, or the queue loop of a device without one. The toolkit is imported only for the window."""
    if not config.has_window:
        loop = QueueLoop(clock)
        return Face(loop, (), lambda call: call(), lambda received: None, lambda handle: None)
    from kiosk.screen.settings import ScreenSettings

    settings = ScreenSettings.parse(config.screen, state_dir=config.state_dir)
    if settings.trace:
        log.warning("trace-on", file=str(settings.trace), text="every answer is listed there: for demo, tests and benchmarks only")
    from kiosk.screen.app import TouchScreen

    try:
        screen = TouchScreen(settings, clock=clock, report=report)
    except RuntimeError as fault:
        raise ConfigError("screen", f"{fault}.", "Run it where a display is, or with --headless.") from None
    parts.callback(screen.close)

    def configure(received: Config) -> None:
        screen.configure(
            Surroundings(
                court=received.court,
                languages=tuple(received.languages),
                language=received.language,
                number=config.number or None,
                public_url=received.public_url,
                items=tuple(received.questionnaire.items),
            )
        )

    return Face(screen.loop, (screen,), screen.loop.when_idle, configure, screen.connect)


def _stop_on_signals(loop: MainLoop) -> None:
    def stop(number: int, frame: Any) -> None:
        loop.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
