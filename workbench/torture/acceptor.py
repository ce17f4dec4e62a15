"""A server that takes messages from standard input instead of from a broker: the real `accept`, the real tallies, nothing else.

A frame is a length (4 bytes, little-endian) and so much msgpack: a list of [device, content type, data], each taken in together
as the gateway takes what waits. It is answered with a line of JSON, what was acknowledged for each of them, after the commit. An
empty list asks for the tallies to be brought up to date. Where the database fails, nothing is acknowledged, and the connection is
closed, as the gateway closes it.
"""

import argparse
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec


def main() -> None:
    """`prepare` makes the tables and the devices named (name:public key in hex); `serve` takes frames until the input ends."""
    parser = argparse.ArgumentParser(prog="acceptor")
    parser.add_argument("act", choices=["prepare", "serve"])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("devices", nargs="*")
    options = parser.parse_args()
    os.environ.pop("DATABASE_URL", None)
    os.environ["VIDHUK_SERVER_CONFIG"] = str(options.config)
    os.environ["DJANGO_SETTINGS_MODULE"] = "sync_server.project.settings"
    import django

    django.setup()
    if options.act == "prepare":
        _prepare(options.devices)
    else:
        _serve()


def _prepare(devices: list[str]) -> None:
    from sync_server.courts.services import open_court, open_exit, place_device, register_device
    from sync_server.project.setup import make_tables

    make_tables()
    exit = open_exit(court=open_court(slug="torture", name_uk="Вигаданий суд", is_sample=True), name_uk="Вихід")
    since = datetime(2026, 1, 1, tzinfo=UTC)
    for device in devices:
        name, _, key = device.partition(":")
        place_device(
            device=register_device(name=name, public_key=bytes.fromhex(key), enrolled_at=since), exit=exit, starts_at=since
        )


def _serve() -> None:
    from django.db import DatabaseError, connection

    from sync_server.ingest.services import Received, accept
    from sync_server.results import tallies

    taken = sys.stdin.buffer
    print(json.dumps([]), flush=True)
    while head := taken.read(4):
        messages = msgspec.msgpack.decode(taken.read(int.from_bytes(head, "little")), type=list[tuple[str, str, bytes]])
        said: list[int | None] = [None] * len(messages)
        now = int(time.time() * 1000)
        try:
            if messages:
                outcomes = accept([Received(device, content_type, data, now) for device, content_type, data in messages])
                said = [outcome.ack.stored_through if outcome.ack else None for outcome in outcomes]
            else:
                while tallies.step():
                    pass
        except DatabaseError as fault:
            print(f"the database fails: {fault}", file=sys.stderr, flush=True)
            connection.close()
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
