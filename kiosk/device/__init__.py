"""Puts a kiosk together: builds its parts, starts them, and stops them in reverse. There is one of each and nobody looks one up.

What the first answer needs comes first. What a visitor can hear, and the way to the server, are imported and built once the first
picture stands: they lose nothing by it, and whoever stands before the screen waits less.
"""

import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import structlog

from kiosk import identity
from kiosk.clock import SystemClock
from kiosk.config import KioskConfig
from kiosk.core import contacts
from kiosk.core.alarms import Alarms
from kiosk.core.conductor import Conductor
from kiosk.core.doorkeeping import Doorkeeper
from kiosk.core.lighting import Lighting
from kiosk.core.passing import Passing
from kiosk.core.ports import Screen, Sounds
from kiosk.core.pressing import Pressing
from kiosk.core.sounding import Sound, Sounding
from kiosk.core.visit import Broken, Mended, Rules, VisitEvent
from kiosk.device import adoption, face, fittings
from kiosk.device.face import MainLoop
from kiosk.device.joining import Joining
from kiosk.ledger.store import LEDGER
from kiosk.ledger.thread import LedgerThread
from kiosk.outputs.backlight import Dimmer
from kiosk.texts import LANGUAGES, STAFF, STAFF_LANGUAGES, Texts
from kiosk.upkeep import status
from kiosk.upkeep.clerk import Clerk
from kiosk.upkeep.notices import Notices
from kiosk.upkeep.status import Status
from kiosk.workers.watchdog import Watchdog
from wire.envelopes import Config, SignedConfig

if TYPE_CHECKING:
    from kiosk.device.ear import Ear
    from kiosk.device.outside import Outside

log = structlog.get_logger("kiosk")

NOTES: Final = "notes"
"""The folder of the clerk's notes in the state directory."""
EXPOSURES: Final = "exposures"
PASSAGES: Final = "passages"


class Exposures:
    """As `kiosk.core.ports.Memory`: a note of the clerk's."""

    def __init__(self, clerk: Clerk) -> None:
        self._clerk = clerk

    def load(self) -> dict[str, int]:
        """What was kept last."""
        return self._clerk.load(EXPOSURES)

    def keep(self, exposures: Mapping[str, int]) -> None:
        """Keeps it soon."""
        self._clerk.keep(EXPOSURES, exposures)


def run(config: KioskConfig) -> None:
    """Runs the kiosk until SIGTERM, SIGINT or a closed window. Raises `KioskError` when it cannot start."""
    who = identity.load(config.state_dir)
    clock = SystemClock(config.clock)
    notices = Notices()
    texts = Texts(LANGUAGES, notices.report)
    in_force = adoption.first(config, who, notices, texts)
    for left in sorted(config.state_dir.glob(LEDGER.format(device="*"))):
        if left.name != LEDGER.format(device=who.device):
            notices.report(f"rows of an earlier identity are kept in {left.name}")

    with ExitStack() as parts:
        front = face.build(config, clock, notices, texts, parts)
        loop = front.loop
        _stop_on_signals(loop)
        fitted = fittings.build(config, clock, notices.report)
        parts.callback(fitted.stop)
        clerk = Clerk(config.state_dir / NOTES)
        alarms = Alarms(loop)

        def handle(event: VisitEvent) -> None:
            conductor.handle(event)

        doorkeeper = Doorkeeper(
            clock=clock, alarms=alarms, handle=handle, report=notices.report, alarm=notices.alarm, clear=notices.clear
        )

        def voices() -> frozenset[str]:
            return ear.languages if ear else frozenset()

        def rules() -> Rules:
            return adoption.rules(in_force, config, voices())

        def tell_where() -> None:
            around = adoption.surroundings(in_force, config, voices())
            front.configure(around)
            if ear:
                ear.configure(around)

        def speaks() -> None:
            """The languages with a voice have changed. Main thread."""
            tell_where()
            conductor.configure(rules())
            log.info("speech", languages=" ".join(sorted(voices())) or "none")

        ear: Ear | None = None
        outside: Outside | None = None

        def on_rows() -> None:
            loop.post(lambda: front.afterwards(send))  # the thank-you first, and only then the network

        def send() -> None:
            if outside:  # else it begins with what the ledger holds by then
                outside.wake()

        def on_health(usable: bool) -> None:
            outcome = Mended if usable else Broken
            loop.post(lambda: handle(outcome(clock.stamp())))

        heard: list[Sounds] = [fitted.buzzer] if fitted.buzzer else []
        joining = Joining()
        screens = [*front.screens, *_others(fitted, heard, doorkeeper), joining]
        if config.has_window and config.backlight.enabled:
            dimmer = Dimmer(usual=config.backlight.usual, closed=config.backlight.closed, report=notices.report)
            screens.append(dimmer)
            parts.callback(dimmer.stop)

        ledger = LedgerThread(
            config.state_dir / LEDGER.format(device=who.device),
            on_rows=on_rows,
            on_health=on_health,
        )
        conductor = Conductor(
            rules(),
            clock=clock,
            loop=loop,
            alarms=alarms,
            recorder=ledger,
            screens=screens,
            memory=Exposures(clerk),
            alarm=notices.alarm,
        )
        passing = Passing(
            [what for kind, what in map(contacts.split, config.panel.contacts) if kind == "door"],
            clock=clock,
            loop=loop,
            alarms=alarms,
            recorder=ledger,
            keep=lambda note: clerk.keep(PASSAGES, note),
            kept=clerk.load(PASSAGES),
        )
        pressing = Pressing(
            {name: wire.window for name, wire in config.panel.contacts.items()},
            clock=clock,
            loop=loop,
            alarms=alarms,
            handle=handle,
            passed=passing.passed,
            alarm=notices.alarm,
            clear=notices.clear,
        )

        def adopt() -> None:
            """What is in force reaches every part that goes by it. Main thread."""
            tell_where()
            conductor.configure(rules())
            pressing.configure(in_force.misuse)
            passing.configure(in_force.hours.timezone if in_force.hours else None)
            doorkeeper.configure(in_force.hours)

        def on_config(signed: SignedConfig, received: Config) -> None:
            identity.store_config(config.state_dir / identity.FOLDER, signed)
            if ear:
                ear.fetch(received)

            def come_into_force() -> None:
                nonlocal in_force
                in_force = received
                notices.clear(adoption.NONE)
                adopt()
                if outside:
                    outside.nudge()  # the server learns which configuration is in force

            loop.post(come_into_force)

        def open_ear() -> None:
            """What a visitor can hear."""
            nonlocal ear
            from kiosk.device.ear import Ear

            ear = Ear(
                config,
                who,
                loop=loop,
                quiet=lambda: doorkeeper.quiet,
                notices=notices,
                texts=texts,
                spoken=speaks,
                clock_vouched=lambda: clock.stamp().synchronised,
            )
            ear.configure(adoption.surroundings(in_force, config, voices()))
            heard.append(ear.sounds)
            joining.join(ear.narrator)
            ear.start(parts)
            ear.fetch(in_force)

        def open_outside() -> None:
            """The way to the server."""
            nonlocal outside
            from kiosk.device.outside import Outside

            staff = Texts(STAFF_LANGUAGES, notices.report, domain=STAFF)

            def on_status(found: Status) -> None:
                language = in_force.language if in_force.language in STAFF_LANGUAGES else STAFF_LANGUAGES[0]
                line = status.line(found, staff, language)
                loop.post(lambda: front.tell_staff(line))

            outside = Outside(
                config,
                who,
                ledger=ledger,
                clock=clock,
                notices=notices,
                clerk=clerk,
                in_force=lambda: in_force,
                on_config=on_config,
                on_status=on_status,
            )
            outside.start(parts)

        clerk.start()
        parts.callback(clerk.stop)
        ledger.start()
        parts.callback(ledger.stop)
        front.connect(handle)
        adopt()
        conductor.start()
        passing.start()
        parts.callback(passing.stop)
        if fitted.contacts is not None:
            pressing.begin(fitted.contacts.start(pressing.edge))
        watchdog = Watchdog(loop)
        watchdog.start()
        parts.callback(watchdog.stop)
        log.info(
            "running",
            device=who.device,
            screen="window" if config.has_window else "none",
            broker=f"{who.broker_host}:{who.broker_port}",
        )
        if config.audio.enabled:
            front.afterwards(open_ear)
        front.afterwards(open_outside)
        loop.run()
        log.info("stopping")


def _others(fitted: fittings.Fittings, heard: Sequence[Sounds], doorkeeper: Doorkeeper) -> list[Screen]:
    """What shows scenes besides the window: lamps, then whatever of `heard` there is by then."""
    screens: list[Screen] = []
    if fitted.lamps:
        screens.append(Lighting(fitted.lamps.light))

    def play(sound: Sound) -> None:
        for sounds in heard:
            sounds.play(sound)

    screens.append(Sounding(play, lambda: doorkeeper.quiet))
    return screens


def _stop_on_signals(loop: MainLoop) -> None:
    def stop(number: int, frame: Any) -> None:
        loop.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
