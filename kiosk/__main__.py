"""The kiosk's commands: `run`, `enrol`, `status`, `wiring`."""

import argparse
import functools
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from kiosk import config as configuration
from kiosk.config import KioskConfig
from kiosk.errors import ConfigError, EnrolmentError, IdentityError, KioskError
from kiosk.texts import STAFF, STAFF_LANGUAGES, Texts, asked_for

EPILOG = """\
The configuration is a TOML file, for instance:

  state_dir = "state"          # ledger, keys and configuration; relative to this file
  number = "17"                # what staff call the device

  [screen]
  mode = "window"              # or "none": buttons and lamps only
  fullscreen = true

  [panel]
  buzzer = 12                  # GPIO pins, as the BCM numbers them

  [panel.buttons]              # face = pin
  1 = 17
  5 = { pin = 27, pull = "up", active = "low", debounce_ms = 20 }

  [panel.lamps]
  1 = 5
  5 = { pin = 6, active = "high" }

  [panel.keys]                 # access, previous, next, choose, repeat, louder
  access = 13

  [panel.door]                 # beams and motion sensors by the door's name
  main = 24
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command. Returns 0 when it did what was asked, 2 when something must be put right first."""
    options = _parser().parse_args(argv)
    try:
        config = configuration.read(options.config)
        _log(config)
        try:
            return int(options.command(config, options))
        except ConfigError as fault:
            raise fault.within(str(options.config)) from None  # some tables are read by the parts that they are for
    except KioskError as fault:
        texts, language = _words()
        print(f"kiosk: {fault.told(functools.partial(texts.say, language))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def run(config: KioskConfig, options: argparse.Namespace) -> int:
    """`run`."""
    if options.headless:
        config = configuration.check(msgspec.structs.replace(config, screen={**config.screen, "mode": "none"}))
    from kiosk import device

    device.run(config)
    return 0


def enrol(config: KioskConfig, options: argparse.Namespace) -> int:
    """`enrol`."""
    from kiosk.upkeep import enrolment

    texts, language = _words()
    left = _left_behind(config, options)
    name = enrolment.enrol(server=options.server, fingerprint=options.fingerprint, code=options.code, state_dir=config.state_dir)
    print(texts.say(language, "Enrolled as {device}. Start it with: {command}", device=name, command=_running(options.config)))
    if left:
        print(texts.say(language, "What the earlier identity had not delivered stays in {file}.", file=left))
    return 0


def _left_behind(config: KioskConfig, options: argparse.Namespace) -> Path | None:
    """The ledger of the present identity, if it holds what the server has not stored. Raises `EnrolmentError` without --force.

    Under a new identity nothing of it would be delivered: to the server it is another device's.
    """
    from kiosk import identity
    from kiosk.ledger import sealing, store

    try:
        device = identity.load(config.state_dir).device
    except IdentityError:
        return None  # nothing can be delivered under it as it is
    file = config.state_dir / store.LEDGER.format(device=device)
    texts, language = _words()
    say = functools.partial(texts.say, language)
    by_force = say("To enrol it all the same, add --force: they stay in {file}.", file=file)
    try:
        standing = store.look(config.state_dir, device)
    except sealing.Unreadable as fault:
        if options.force:
            return file
        unknown = say(
            "The ledger {file} is damaged, so nobody knows what the server has not stored yet: {fault}.", file=file, fault=fault
        )
        raise EnrolmentError(unknown, say("To enrol it all the same, add --force: the file stays as it is.")) from None
    if standing is None or standing.undelivered == 0:
        return None
    if options.force:
        return file
    found = texts.count(
        language,
        "This device holds {n} entry that the server has not stored yet, and a new identity would never deliver it.",
        "This device holds {n} entries that the server has not stored yet, and a new identity would never deliver them.",
        standing.undelivered,
    )
    run = say("Run it where it reaches the server, until all is delivered: {command}", command=_running(options.config))
    raise EnrolmentError(found, f"{run} {by_force}")


def show_status(config: KioskConfig, options: argparse.Namespace) -> int:
    """`status`."""
    from kiosk import identity
    from kiosk.upkeep import status

    identity.load(config.state_dir)
    found = status.last(config.state_dir)
    now = time.time()
    texts, language = _words()
    if options.json:
        print(msgspec.json.encode(found).decode() if found else "null")
    elif found is None:
        print(texts.say(language, "Enrolled, and not started yet."))
    else:
        print("\n".join(status.sentences(found, now, texts, language)))
    return 0 if found is not None and status.is_running(found, now) else 1


def test_wiring(config: KioskConfig, options: argparse.Namespace) -> int:
    """`wiring`."""
    from kiosk.clock import SystemClock
    from kiosk.device import fittings
    from kiosk.upkeep.wiring import WiringTest

    texts, language = _words()
    panel = config.panel
    if not panel.contacts:
        raise KioskError("The configuration names nothing that could be pressed.", "Write [panel.buttons] into it.")
    faults: list[str] = []

    def report(sentence: str) -> None:
        faults.append(sentence)
        print(sentence)

    clock = SystemClock("trusted")
    alone = msgspec.structs.replace(config, screen={**config.screen, "mode": "none"})  # no touchscreen makes up for what is broken
    fitted = fittings.build(alone, clock, report)
    try:
        if fitted.contacts is None:
            return 1
        test = WiringTest(
            panel.contacts,
            contacts=fitted.contacts,
            lamps=fitted.lamps,
            buzzer=fitted.buzzer,
            lit=panel.lit,
            clock=clock,
            say=functools.partial(texts.say, language),
            tell=functools.partial(print, flush=True),
            simulated=panel.simulated is not None,
        )
        faults += test.run(options.seconds)
    finally:
        fitted.stop()
    return 1 if faults else 0


def _words() -> tuple[Texts, str]:
    """The catalogues, and the language that this terminal asks for."""
    return Texts(STAFF_LANGUAGES, lambda sentence: None, domain=STAFF), asked_for(os.environ)


def _running(config: Path) -> str:
    return f"./vidhuk kiosk run --config {config}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./vidhuk kiosk",
        description="One kiosk: it asks those who leave, stores every answer durably, and brings it to the server.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, what: str, command: object) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=what, description=f"{what[:1].upper()}{what[1:]}.")
        sub.add_argument("--config", type=Path, required=True, metavar="FILE", help="the kiosk's TOML file")
        sub.set_defaults(command=command)
        return sub

    running = add("run", "run the kiosk until it is stopped", run)
    running.add_argument("--headless", action="store_true", help="without a window: buttons and lamps are the whole screen")
    enrolling = add("enrol", "give this device an identity, with a one-time code from the server", enrol)
    enrolling.add_argument("--server", required=True, metavar="URL", help="the server's door for devices, https://host:port")
    enrolling.add_argument("--fingerprint", required=True, metavar="HEX", help="SHA-256 of the server's CA, as its page shows it")
    enrolling.add_argument("--code", required=True, help="the one-time code; it holds for 15 minutes")
    enrolling.add_argument("--force", action="store_true", help="even if entries are undelivered: their file is kept and named")
    trying = add("wiring", "try every button, key, lamp and door sensor by hand; exit code 0 if all came", test_wiring)
    trying.add_argument("--seconds", type=float, default=15, metavar="S", help="how long to wait for each (15)")
    asking = add("status", "say how the device is; exit code 0 while it runs", show_status)
    asking.add_argument("--json", action="store_true", help="as one line of JSON")
    return parser


def _log(config: KioskConfig) -> None:
    """Everything worth a line goes to standard error: systemd's journal keeps it."""
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if config.log == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


if __name__ == "__main__":
    sys.exit(main())
