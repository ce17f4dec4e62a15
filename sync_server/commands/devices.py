"""Devices, before and after they are enrolled: `enrol-code` and `place`."""

import argparse
import json
import sys
from datetime import datetime

from sync_server.commands.setting_up import init
from sync_server.project.config import ServerConfig


def enrol_code(options: argparse.Namespace, config: ServerConfig) -> int:
    """`enrol-code`: a code for one device, with all that the device must be told."""
    init(options, config)
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


def place(options: argparse.Namespace, config: ServerConfig) -> int:
    """`place`: where a device stands, from now or another time on; or takes such a move back."""
    init(options, config)
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
