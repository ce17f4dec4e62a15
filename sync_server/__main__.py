"""The server's commands, each started from one TOML file. `run` is all of it; `web`, `door`, `gateway`, `tally`, `speech` and
`daily` are its parts.
"""

import argparse
import os
import select
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sync_server.commands import backups, courts, devices, looking, parts, setting_up
from sync_server.keeping import lock
from sync_server.keeping.errors import KeepingError
from sync_server.project.config import VARIABLE, ConfigError, ServerConfig, load, read


def main(argv: Sequence[str]) -> int:
    """Runs one command. 0 for success, 1 for trouble that was said in one sentence, 2 for a command that was not understood; 130
    and 141 as shells have them, for Ctrl-C and for a reader who went away.
    """
    options = _parser().parse_args(argv)
    try:
        config = read(options.config) if options.config else load()
    except ConfigError as fault:
        return _trouble(fault)
    if options.config:
        os.environ[VARIABLE] = str(options.config.resolve())
    os.environ["DJANGO_SETTINGS_MODULE"] = "sync_server.project.settings"
    command: Callable[[argparse.Namespace, ServerConfig], int] = options.command
    holding = lock.alone if command is backups.restore else lock.in_use
    try:
        with holding(config.state_dir):
            code = command(options, config)
        print(end="", flush=True)  # while what goes wrong with it can still be caught
        return code
    except KeyboardInterrupt:
        return 130
    except Exception as fault:
        if isinstance(fault, BrokenPipeError) and _nobody_reads():
            return 141
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

    add(
        "run",
        parts.run,
        "Starts everything on this machine: broker, pages, device door, gateway, tallies, speech. Ctrl-C stops all.",
    )
    add("init", setting_up.init, "Makes state directory, keys, certificates and tables. Safe to repeat; `run` does it by itself.")
    add("web", parts.web, "Serves the pages only.")
    add("door", parts.door, "Serves the TLS door for devices only.")
    add("gateway", parts.gateway, "Takes in what devices send by MQTT, only.")
    add("tally", parts.tally, "Keeps the tallies up to date, only.")
    add("speech", parts.speech, "Makes what kiosks say aloud whenever a text has changed, only.")
    add("daily", parts.daily, "Makes a backup every day at the time that is configured, only.")
    add("check", looking.check, "Checks configuration and surroundings, and starts nothing.")
    status = add(
        "status", looking.status, "Says how the devices are: present, stored, missing, forked, and what was set aside and why."
    )
    status.add_argument("--json", action="store_true", help="print it as JSON")
    add("migrate", setting_up.migrate, "Brings the tables up to date.")
    backup = add(
        "backup", backups.backup, "Makes a backup while everything runs, and retires the oldest beyond those that are kept."
    )
    backup.add_argument("--to", type=Path, metavar="FOLDER", help="make a copy there, to be carried away; nothing waits for it")
    listing = add("backups", backups.backups, "Lists the backups, oldest first, and says which are retired or damaged.")
    listing.add_argument("--check", action="store_true", help="read every byte of them")
    retire = add("retire", backups.retire, "From now on a backup is not restored: devices may delete what newer ones hold.")
    retire.add_argument("name", metavar="NAME", nargs="?", help="see backups")
    retire.add_argument("--missing", action="store_true", help="all whose files are lost for good: backups begin afresh")
    restore = add("restore", backups.restore, "Puts a backup in the place of the database. The server must be stopped.")
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
        setting_up.createadmin,
        "Makes an administrator of all courts. Asks for the password, or reads it with --password-stdin.",
    )
    admin.add_argument("--username", required=True)
    admin.add_argument("--full-name", default="")
    admin.add_argument("--password-stdin", action="store_true", help="read the password from the first line of standard input")
    court = add("add-court", courts.add_court, "Adds a court.")
    court.add_argument("--slug", required=True, help="its name in addresses: a-z, 0-9 and -")
    court.add_argument("--name-uk", required=True)
    court.add_argument("--name-en", default="")
    court.add_argument("--timezone", default="Europe/Kyiv")
    setting = add(
        "set-court", courts.set_court, "Sets a court as a TOML file says: languages, hours, waits, crest. See show-court."
    )
    setting.add_argument("slug", metavar="SLUG")
    setting.add_argument("--file", required=True, type=Path, metavar="COURT.TOML", help="what it leaves out is as usual again")
    showing = add("show-court", courts.show_court, "Prints a court's settings as such a file, and how its languages sound.")
    showing.add_argument("slug", metavar="SLUG")
    showing.add_argument("--crest", type=Path, metavar="CREST.PNG", help="also writes the court's crest to this file")
    exit = add("add-exit", courts.add_exit, "Adds an exit to a court and prints its number.")
    exit.add_argument("--court", required=True, metavar="SLUG")
    exit.add_argument("--name-uk", required=True)
    exit.add_argument("--name-en", default="")
    add("list-exits", courts.list_exits, "Lists courts and exits with their numbers.")
    code = add("enrol-code", devices.enrol_code, "Makes a one-time code (15 minutes) by which one device enrols at an exit.")
    code.add_argument("--exit", required=True, type=int, metavar="NUMBER", help="see list-exits")
    code.add_argument("--device", metavar="NAME", help="the device's name: 8 to 32 of a-z, 0-9 and -; otherwise one is made up")
    code.add_argument("--json", action="store_true", help="print code, device, server address and CA fingerprint as JSON")
    place = add(
        "place",
        devices.place,
        "Says at which exit a device stands, or stood from some time on. What was counted follows by itself.",
    )
    place.add_argument("--device", required=True, metavar="NAME")
    place.add_argument("--exit", type=int, metavar="NUMBER", help="see list-exits; without it the move at --from is taken back")
    place.add_argument("--from", dest="since", metavar="TIME", help="as 2026-11-20T08:00, in the court's own time; otherwise now")
    return parser


def _nobody_reads() -> bool:
    """Whether a reader of what we print has gone, as `head` goes, and it is not another pipe that broke. What is still to be
    printed goes nowhere then: at its end Python tries once more, and complains.
    """
    told = select.poll()
    for descriptor in (1, 2):
        told.register(descriptor, 0)  # an error is told unasked
    gone = [descriptor for descriptor, event in told.poll(0) if event & select.POLLERR]
    for descriptor in gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    return bool(gone)


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
