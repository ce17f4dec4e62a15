"""`run`, and the parts that it starts, each also to be run by itself: `web`, `door`, `gateway`, `tally`, `speech`, `daily`."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import django

from sync_server.commands.looking import surroundings
from sync_server.commands.setting_up import init
from sync_server.project.config import ConfigError, ServerConfig

if TYPE_CHECKING:
    from sync_server.fleet.authority import Authority


def run(options: argparse.Namespace, config: ServerConfig) -> int:
    """`run`: all of it, under one supervisor, until it is stopped."""
    from sync_server.project.supervisor import Part, Supervisor, require_free

    init(options, config)
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


def web(_: argparse.Namespace, config: ServerConfig) -> int:
    """`web`: becomes the program that serves the pages."""
    from sync_server.project.serving import PAGE_THREADS, serve

    surroundings()
    from sync_server.project.setup import require_tables  # models, which need Django set up

    require_tables()
    serve(config.web_address, settings="sync_server.project.settings", workers=config.web.workers, threads=PAGE_THREADS)


def door(_: argparse.Namespace, config: ServerConfig) -> int:
    """`door`: becomes the program that serves devices over TLS."""
    from sync_server.project.serving import DOOR_THREADS, serve

    files = _authority_with("door", config).files_of("door")
    serve(config.door_address, settings="sync_server.project.door_settings", workers=1, threads=DOOR_THREADS, tls=files)


def gateway(_: argparse.Namespace, config: ServerConfig) -> int:
    """`gateway`: takes in what devices send by MQTT."""
    django.setup()
    from sync_server.fleet.services import Places
    from sync_server.gateway.mqtt import Gateway
    from sync_server.project.serving import calm_collector
    from sync_server.project.setup import require_tables

    require_tables()
    calm_collector()
    worker = Gateway(
        authority=_authority_with("gateway", config),
        broker=config.gateway_address,
        places=Places(config.door_url, config.public.url),
    )
    _on_stop(worker.stop)
    worker.run()
    return 0


def tally(_: argparse.Namespace, config: ServerConfig) -> int:
    """`tally`: keeps the tallies up to date."""
    django.setup()
    from sync_server.project.setup import require_tables
    from sync_server.results.worker import TallyWorker

    require_tables()
    worker = TallyWorker()
    _on_stop(worker.stop)
    worker.run()
    return 0


def speech(_: argparse.Namespace, config: ServerConfig) -> int:
    """`speech`: makes what kiosks say."""
    django.setup()
    from sync_server.fleet.worker import SpeechWorker
    from sync_server.project.setup import require_tables, studio

    require_tables()
    os.nice(10)  # nobody waits for it, and ratings share the machine
    worker = SpeechWorker(studio(config))
    _on_stop(worker.stop)
    worker.run()
    return 0


def daily(options: argparse.Namespace, config: ServerConfig) -> int:
    """`daily`: starts a backup every day. Needs neither Django nor the database itself."""
    from sync_server.keeping.daily import DailyBackup

    if config.backup.daily is None:
        raise ConfigError("backup.at is off: no backup is made by itself.")
    command = [sys.executable, "-m", "sync_server", "backup", *_same_file(options)]
    worker = DailyBackup(config.backup_dir, config.backup.daily, command)
    _on_stop(worker.stop)
    worker.run()
    return 0


def _authority_with(part: str, config: ServerConfig) -> "Authority":
    """The installation's authority, which must have made a certificate for `part`. Raises `ConfigError`."""
    from sync_server.fleet.authority import Authority

    authority = Authority(config.authority_dir)
    if not all(file.is_file() for file in authority.files_of(part)):
        raise ConfigError(f"{authority.folder} holds no certificate for the {part} yet. Run first: ./vidhuk server init")
    return authority


def _same_file(options: argparse.Namespace) -> list[str]:
    """What tells another process of ours which configuration this one was given."""
    return ["--config", str(options.config.resolve())] if options.config else []


def _on_stop(stop: Callable[[], None]) -> None:
    """SIGTERM and Ctrl-C end the command in its own time."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
