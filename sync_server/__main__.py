"""The server's commands, each started from one TOML file. `run` is all of it; `web`, `door`, `gateway`, `tally`, `speech` and
`daily` are its parts.
"""

import argparse
import contextlib
import getpass
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from sync_server.keeping import lock
from sync_server.keeping.errors import KeepingError
from sync_server.project.config import VARIABLE, ConfigError, ServerConfig, load, read

if TYPE_CHECKING:
    from sync_server.fleet.authority import Authority


def main(argv: Sequence[str]) -> int:
    """Runs one command. 0 for success, 1 for trouble that was said in one sentence, 2 for a command that was not understood."""
    options = _parser().parse_args(argv)
    try:
        config = read(options.config) if options.config else load()
    except ConfigError as fault:
        return _trouble(fault)
    if options.config:
        os.environ[VARIABLE] = str(options.config.resolve())
    os.environ["DJANGO_SETTINGS_MODULE"] = "sync_server.project.settings"
    command: Callable[[argparse.Namespace, ServerConfig], int] = options.command
    holding = lock.alone if command is _restore else lock.in_use
    try:
        with holding(config.state_dir):
            return command(options, config)
    except KeyboardInterrupt:
        return 130
    except Exception as fault:
        if not _is_said_in_words(fault):
            raise
        return _trouble(fault)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./vidhuk server",
        description="The Vidhuk server: takes in ratings, counts and shows them. Start: ./vidhuk server run --config server.toml",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Callable[[argparse.Namespace, ServerConfig], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument(
            "--config", type=Path, metavar="FILE", help="the server's TOML file; without one, everything stays in var/server"
        )
        sub.set_defaults(command=command)
        return sub

    add("run", _run, "Starts everything on this machine: broker, pages, device door, gateway, tallies, speech. Ctrl-C stops all.")
    add("init", _init, "Makes state directory, keys, certificates and tables. Safe to repeat; `run` does it by itself.")
    add("web", _web, "Serves the pages only.")
    add("door", _door, "Serves the TLS door for devices only.")
    add("gateway", _gateway, "Takes in what devices send by MQTT, only.")
    add("tally", _tally, "Keeps the tallies up to date, only.")
    add("speech", _speech, "Makes what kiosks say aloud whenever a text has changed, only.")
    add("daily", _daily, "Makes a backup every day at the time that is configured, only.")
    add("check", _check, "Checks configuration and surroundings, and starts nothing.")
    status = add("status", _status, "Says how the devices are: present, stored, missing, forked, and what was set aside and why.")
    status.add_argument("--json", action="store_true", help="print it as JSON")
    add("migrate", _migrate, "Brings the tables up to date.")
    backup = add("backup", _backup, "Makes a backup while everything runs, and retires the oldest beyond those that are kept.")
    backup.add_argument("--to", type=Path, metavar="FOLDER", help="make a copy there, to be carried away; nothing waits for it")
    backups = add("backups", _backups, "Lists the backups, oldest first, and says which are retired or damaged.")
    backups.add_argument("--check", action="store_true", help="read every byte of them")
    retire = add("retire", _retire, "From now on a backup is not restored: devices may delete what newer ones hold.")
    retire.add_argument("name", metavar="NAME", nargs="?", help="see backups")
    retire.add_argument("--missing", action="store_true", help="all whose files are lost for good: backups begin afresh")
    restore = add("restore", _restore, "Puts a backup in the place of the database. The server must be stopped.")
    restore.add_argument("name", metavar="NAME", help="see backups; or the path of a copy")
    restore.add_argument(
        "--force",
        action="store_true",
        help="even one that is retired, or lacks what devices may have deleted; those rows are named",
    )
    restore.add_argument("--without-backup", action="store_true", help="do not back up first what there is: that disk is full")
    restore.add_argument("--database", metavar="NAME", help="the one to be replaced, where DATABASE_URL says which")
    admin = add(
        "createadmin",
        _createadmin,
        "Makes an administrator of all courts. Asks for the password, or reads it with --password-stdin.",
    )
    admin.add_argument("--username", required=True)
    admin.add_argument("--full-name", default="")
    admin.add_argument("--password-stdin", action="store_true", help="read the password from the first line of standard input")
    court = add("add-court", _add_court, "Adds a court.")
    court.add_argument("--slug", required=True, help="its name in addresses: a-z, 0-9 and -")
    court.add_argument("--name-uk", required=True)
    court.add_argument("--name-en", default="")
    court.add_argument("--timezone", default="Europe/Kyiv")
    setting = add("set-court", _set_court, "Sets a court as a TOML file says: languages, hours, waits, crest. See show-court.")
    setting.add_argument("slug", metavar="SLUG")
    setting.add_argument("--file", required=True, type=Path, metavar="COURT.TOML", help="what it leaves out is as usual again")
    showing = add("show-court", _show_court, "Prints a court's settings as such a file, and how its languages sound.")
    showing.add_argument("slug", metavar="SLUG")
    showing.add_argument("--crest", type=Path, metavar="CREST.PNG", help="also writes the court's crest to this file")
    exit = add("add-exit", _add_exit, "Adds an exit to a court and prints its number.")
    exit.add_argument("--court", required=True, metavar="SLUG")
    exit.add_argument("--name-uk", required=True)
    exit.add_argument("--name-en", default="")
    add("list-exits", _list_exits, "Lists courts and exits with their numbers.")
    code = add("enrol-code", _enrol_code, "Makes a one-time code (15 minutes) by which one device enrols at an exit.")
    code.add_argument("--exit", required=True, type=int, metavar="NUMBER", help="see list-exits")
    code.add_argument("--device", metavar="NAME", help="the device's name: 8 to 32 of a-z, 0-9 and -; otherwise one is made up")
    code.add_argument("--json", action="store_true", help="print code, device, server address and CA fingerprint as JSON")
    place = add(
        "place", _place, "Says at which exit a device stands, or stood from some time on. What was counted follows by itself."
    )
    place.add_argument("--device", required=True, metavar="NAME")
    place.add_argument("--exit", type=int, metavar="NUMBER", help="see list-exits; without it the move at --from is taken back")
    place.add_argument("--from", dest="since", metavar="TIME", help="as 2026-11-20T08:00, in the court's own time; otherwise now")
    return parser


def _trouble(fault: Exception) -> int:
    from django.core.exceptions import ValidationError

    if isinstance(fault, ValidationError):
        text = "; ".join(fault.messages)
    elif isinstance(fault, OSError) and fault.filename is not None:
        text = f"{fault.filename}: {fault.strerror}. Put that right and start again."
    else:
        text = str(fault)
    sys.stderr.write(f"{text}\n")
    return 1


def _is_said_in_words(fault: Exception) -> bool:
    if isinstance(fault, ConfigError | KeepingError | OSError):
        return True  # these may come before Django is there, and the others cannot be named without it
    from django.core.exceptions import ValidationError
    from django.core.management.base import CommandError, SystemCheckError
    from django.db import OperationalError

    from sync_server.gateway.broker import BrokerMissing
    from sync_server.project.supervisor import PartFailed
    from sync_server.project.written import FileFault

    words = (
        ValidationError,
        CommandError,
        SystemCheckError,
        OperationalError,
        BrokerMissing,
        PartFailed,
        FileFault,
    )
    return isinstance(fault, words)


def _aside(sentence: str) -> None:
    """Says something beside what the command was asked for."""
    sys.stderr.write(f"{sentence}\n")


def _django() -> None:
    import django

    django.setup()


def _on_stop(stop: Callable[[], None]) -> None:
    """SIGTERM and Ctrl-C end the command in its own time."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


# --- everything, and its parts -----------------------------------------------------------------------------------------------


def _run(options: argparse.Namespace, config: ServerConfig) -> int:
    from sync_server.project.supervisor import Part, Supervisor, require_free

    _init(options, config)
    parts = []
    listeners = {"web": config.web_address, "door": config.door_address}
    if config.broker.embedded:
        from sync_server.gateway.broker import find_program
        from sync_server.project.config import address

        listeners["broker"] = address(config.broker.listen)
        file = config.state_dir / "broker" / "mosquitto.conf"
        parts.append(Part("broker", [find_program(config.broker.program), "-c", str(file)], listens=listeners["broker"]))
    require_free(listeners)
    arguments = _same_file(options)
    for name in ("gateway", "tally", "speech", *(["daily"] if config.backup.daily else []), "door", "web"):
        parts.append(Part(name, [sys.executable, "-m", "sync_server", name, *arguments], listens=listeners.get(name)))
    supervisor = Supervisor(parts)
    _on_stop(supervisor.stop)
    supervisor.run(ready=lambda: print(f"The server runs. Pages: http://{config.web_address}/", flush=True))
    return 0


def _init(_: argparse.Namespace, config: ServerConfig) -> int:
    _django()
    from sync_server.keeping.commands import settle
    from sync_server.project.setup import make_keys, make_tables

    make_keys(config)
    make_tables()
    settle(config, say=_aside)
    return 0


def _web(_: argparse.Namespace, config: ServerConfig) -> int:
    from sync_server.project.serving import PAGE_THREADS, serve

    _surroundings()
    from sync_server.project.setup import require_tables  # models, which need Django set up

    require_tables()
    serve(config.web_address, settings="sync_server.project.settings", workers=config.web.workers, threads=PAGE_THREADS)


def _door(_: argparse.Namespace, config: ServerConfig) -> int:
    from sync_server.project.serving import DOOR_THREADS, serve

    files = _authority_with("door", config).files_of("door")
    serve(config.door_address, settings="sync_server.project.door_settings", workers=1, threads=DOOR_THREADS, tls=files)


def _gateway(_: argparse.Namespace, config: ServerConfig) -> int:
    _django()
    from sync_server.fleet.services import Places
    from sync_server.gateway.mqtt import Gateway
    from sync_server.project.serving import calm_collector
    from sync_server.project.setup import require_tables

    require_tables()
    calm_collector()
    gateway = Gateway(
        authority=_authority_with("gateway", config),
        broker=config.gateway_address,
        places=Places(config.door_url, config.public.url),
    )
    _on_stop(gateway.stop)
    gateway.run()
    return 0


def _authority_with(part: str, config: ServerConfig) -> "Authority":
    """The installation's authority, which must have made a certificate for `part`. Raises `ConfigError`."""
    from sync_server.fleet.authority import Authority

    authority = Authority(config.authority_dir)
    if not all(file.is_file() for file in authority.files_of(part)):
        raise ConfigError(f"{authority.folder} holds no certificate for the {part} yet. Run first: ./vidhuk server init")
    return authority


def _tally(_: argparse.Namespace, config: ServerConfig) -> int:
    _django()
    from sync_server.project.setup import require_tables
    from sync_server.results.worker import TallyWorker

    require_tables()
    worker = TallyWorker()
    _on_stop(worker.stop)
    worker.run()
    return 0


def _speech(_: argparse.Namespace, config: ServerConfig) -> int:
    _django()
    from sync_server.fleet.worker import SpeechWorker
    from sync_server.project.setup import require_tables, studio

    require_tables()
    os.nice(10)  # nobody waits for it, and ratings share the machine
    worker = SpeechWorker(studio(config))
    _on_stop(worker.stop)
    worker.run()
    return 0


def _daily(options: argparse.Namespace, config: ServerConfig) -> int:
    from sync_server.keeping.daily import DailyBackup

    if config.backup.daily is None:
        raise ConfigError("backup.at is off: no backup is made by itself.")
    command = [sys.executable, "-m", "sync_server", "backup", *_same_file(options)]
    worker = DailyBackup(config.backup_dir, config.backup.daily, command)
    _on_stop(worker.stop)
    worker.run()
    return 0


def _same_file(options: argparse.Namespace) -> list[str]:
    """What tells another process of ours which configuration this one was given."""
    return ["--config", str(options.config.resolve())] if options.config else []


def _check(_: argparse.Namespace, config: ServerConfig) -> int:
    _surroundings()
    from sync_server.fleet.speech import mute
    from sync_server.fleet.voices import NoSpeaker
    from sync_server.project.setup import require_tables, studio

    with contextlib.suppress(ConfigError, NoSpeaker):  # no tables yet; nobody who speaks, which has just been said
        require_tables()
        if languages := mute(studio(config)):
            print(f"No voice for {', '.join(languages)}: kiosks say so to whoever asks for speech in that language.")
    from django.utils import translation

    from sync_server.keeping.warnings import warnings

    with translation.override("en"):
        for warning in warnings(config):
            print(warning)
    return 0


def _surroundings() -> None:
    """Raises `SystemCheckError` unless everything the server needs is there."""
    _django()
    from django.core.management import call_command

    call_command("check")


def _status(options: argparse.Namespace, config: ServerConfig) -> int:
    _django()
    from dataclasses import asdict

    from django.utils import translation

    from sync_server.fleet.selectors import fleet, refused_strangers
    from sync_server.keeping.warnings import warnings
    from sync_server.project.setup import require_tables
    from sync_server.project.status import lines

    require_tables()
    devices, strangers = fleet(), refused_strangers()
    with translation.override("en"):
        wrong = list(warnings(config))
    if options.json:
        told = {"devices": [asdict(device) for device in devices], "strangers": strangers, "warnings": wrong}
        print(json.dumps(told, ensure_ascii=False))
        return 0
    print("\n".join(lines(devices, strangers, wrong)))
    return 0


def _migrate(_: argparse.Namespace, config: ServerConfig) -> int:
    _django()
    from sync_server.project.setup import make_tables

    make_tables()
    return 0


# --- backups -----------------------------------------------------------------------------------------------------------------


def _backup(options: argparse.Namespace, config: ServerConfig) -> int:
    _django()
    from sync_server.keeping import commands
    from sync_server.project.setup import require_tables

    require_tables()
    return commands.backup(options, config)


def _backups(options: argparse.Namespace, config: ServerConfig) -> int:
    _django()
    from sync_server.keeping import commands

    return commands.list_all(options, config)


def _retire(options: argparse.Namespace, config: ServerConfig) -> int:
    _django()
    from sync_server.keeping import commands
    from sync_server.project.setup import require_tables

    require_tables()
    return commands.retire(options, config)


def _restore(options: argparse.Namespace, config: ServerConfig) -> int:
    _django()
    from sync_server.keeping import commands

    commands.restore(options, config)
    return _init(options, config)


# --- setting up --------------------------------------------------------------------------------------------------------------


def _createadmin(options: argparse.Namespace, config: ServerConfig) -> int:
    _init(options, config)
    from sync_server.accounts.services import create_administrator

    if options.password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            sys.stderr.write("The two passwords differ. Nothing was changed.\n")
            return 1
    create_administrator(username=options.username, password=password, full_name=options.full_name)
    print(f"{options.username} may sign in and administers every court.")
    return 0


def _add_court(options: argparse.Namespace, config: ServerConfig) -> int:
    _init(options, config)
    from sync_server.courts.services import open_court

    open_court(slug=options.slug, name_uk=options.name_uk, name_en=options.name_en, timezone=options.timezone)
    print(f"Added {options.slug}. Now give it an exit: ./vidhuk server add-exit --court {options.slug} --name-uk …")
    return 0


def _set_court(options: argparse.Namespace, config: ServerConfig) -> int:
    _init(options, config)
    from sync_server.project.court_settings import change, court_called
    from sync_server.project.setup import studio

    change(court_called(options.slug), options.file, studio(config))
    print(f"{options.slug} is set. Its kiosks hear of it within two minutes; new speech may take some more.")
    return 0


def _show_court(options: argparse.Namespace, config: ServerConfig) -> int:
    _init(options, config)
    from sync_server.courts.files import CREST
    from sync_server.project.court_settings import court_called, save_crest, text_of
    from sync_server.project.setup import studio

    court = court_called(options.slug)
    if options.crest is not None:
        save_crest(court, options.crest)
    print(text_of(court, studio(config), crest_file=options.crest.name if options.crest is not None else CREST), end="")
    return 0


def _add_exit(options: argparse.Namespace, config: ServerConfig) -> int:
    _init(options, config)
    from sync_server.courts.models import Court
    from sync_server.courts.services import open_exit

    court = Court.objects.filter(slug=options.court).first()
    if court is None:
        sys.stderr.write(f"There is no court {options.court!r}. See list-exits, or make one with add-court.\n")
        return 1
    print(open_exit(court=court, name_uk=options.name_uk, name_en=options.name_en).pk)
    return 0


def _list_exits(options: argparse.Namespace, config: ServerConfig) -> int:
    _init(options, config)
    from sync_server.courts.models import Court

    for court in Court.objects.prefetch_related("exits"):
        print(f"{court.slug}  {court.name_uk}")
        for exit in court.exits.all():
            print(f"  {exit.pk:>4}  {exit.name_uk}")
    return 0


def _enrol_code(options: argparse.Namespace, config: ServerConfig) -> int:
    _init(options, config)
    from sync_server.courts.models import Exit
    from sync_server.fleet.authority import Authority
    from sync_server.fleet.services import issue_code

    exit = Exit.objects.filter(pk=options.exit).first()
    if exit is None:
        sys.stderr.write(f"There is no exit {options.exit}. See list-exits.\n")
        return 1
    code, device = issue_code(exit=exit, name=options.device)
    fingerprint = Authority(config.authority_dir).fingerprint
    server = config.door_url
    if options.json:
        print(json.dumps({"code": code, "device": device, "server": server, "fingerprint": fingerprint}))
    else:
        print(f"Code {code} for {device}, good once and for 15 minutes. On the device:")
        print(f"  ./vidhuk kiosk enrol --config kiosk.toml --server {server} --fingerprint {fingerprint} --code {code}")
    return 0


def _place(options: argparse.Namespace, config: ServerConfig) -> int:
    _init(options, config)
    from django.utils import timezone

    from sync_server.courts.models import Device, Exit, Placement
    from sync_server.courts.selectors import placement_at
    from sync_server.courts.services import place_device, remove_placement

    device = Device.objects.filter(name=options.device).first()
    if device is None:
        sys.stderr.write(f"There is no device {options.device!r}. See status.\n")
        return 1
    here = placement_at(device.pk, timezone.now())
    number = options.exit if options.exit is not None or here is None else here.exit_id
    if number is None:
        sys.stderr.write(f"{device} stands nowhere yet. Say where, with --exit.\n")
        return 1
    exit = Exit.objects.filter(pk=number).first()
    if exit is None:
        sys.stderr.write(f"There is no exit {number}. See list-exits.\n")
        return 1
    try:
        since = timezone.now() if options.since is None else datetime.fromisoformat(options.since)
    except ValueError:
        sys.stderr.write(f"{options.since!r} is no time. Write it as 2026-11-20T08:00.\n")
        return 1
    since = since if since.tzinfo is not None else since.replace(tzinfo=exit.court.zone)
    if options.exit is not None:
        place_device(device=device, exit=exit, starts_at=since)
        print(f"{device} stands at {exit.court.name_uk}, {exit.name_uk}, from {since.isoformat(timespec='minutes')} on.")
        return 0
    try:
        remove_placement(device=device, starts_at=since)
    except Placement.DoesNotExist:
        sys.stderr.write(f"There is nothing to take back: no move of {device} at {since.isoformat(timespec='minutes')} is known.\n")
        return 1
    print(f"The move of {device} at {since.isoformat(timespec='minutes')} is taken back.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
