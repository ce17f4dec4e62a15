"""What is looked at and left as it is: `check` and `status`."""

import argparse
import contextlib
import json

import django

from sync_server.project.config import ConfigError, ServerConfig


def check(_: argparse.Namespace, config: ServerConfig) -> int:
    """`check`: raises `SystemCheckError` where something is missing, and prints what is worth knowing besides."""
    surroundings()
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


def status(options: argparse.Namespace, config: ServerConfig) -> int:
    """`status`: how the devices are, for people or as JSON."""
    django.setup()
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


def surroundings() -> None:
    """Raises `SystemCheckError` unless everything the server needs is there."""
    django.setup()
    from django.core.management import call_command

    call_command("check")
