"""Mosquitto's configuration and access list, written from what `wire.topics` says and from nothing else.

Devices are told apart by the name in their certificate. A device may write its own `up`, `health`, `presence` and `result`, and
read its own `down`, `config` and `command`; what is not named here is denied.
"""

import pwd
import shutil
from os import environ, geteuid
from pathlib import Path
from typing import Final

from sync_server.fleet.authority import GATEWAY, Authority
from sync_server.project.config import Address
from wire.envelopes import MAX_BYTES
from wire.topics import DEVICE_READS, DEVICE_WRITES, ROOT

IN_FLIGHT: Final = 1_000
"""Messages under way to one subscriber. What the broker keeps waits in line; the gateway lets what is new go first."""
QUEUED_BYTES: Final = 64 * 1024 * 1024
"""What the broker may hold for a slow worker. Beyond that it drops, and devices send again, for PUBACK is no promise here."""


class BrokerMissing(RuntimeError):
    """Mosquitto is not installed."""


def find_program(name: str) -> str:
    """Where Mosquitto is; Debian keeps it in a folder that only root's search path names. Raises `BrokerMissing`."""
    found = shutil.which(name, path=f"{environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise BrokerMissing(f"The broker {name!r} is not installed. Run: apt-get install mosquitto")
    return found


def access_list() -> str:
    """The pattern ACL: one line for each thing somebody may do."""
    lines = ["# Made by sync_server.gateway.broker. Devices: %u is the name in the certificate."]
    lines += [f"pattern write {ROOT}/%u/{leaf}" for leaf in DEVICE_WRITES]
    lines += [f"pattern read {ROOT}/%u/{leaf}" for leaf in DEVICE_READS]
    lines += ["", f"user {GATEWAY}"]
    lines += [f"topic read {ROOT}/+/{leaf}" for leaf in DEVICE_WRITES]
    lines += [f"topic write {ROOT}/+/{leaf}" for leaf in DEVICE_READS]
    return "\n".join(lines) + "\n"


def configuration(address: Address, *, authority: Authority, access_file: Path, user: str) -> str:
    """mosquitto.conf for one explicit TLS listener that takes nobody without a certificate of our CA."""
    certificate, key = authority.files_of("broker")
    return "\n".join(
        [
            "# Made by sync_server.gateway.broker.",
            f"user {user}",
            "persistence false",
            "allow_anonymous false",
            f"acl_file {access_file}",
            f"max_inflight_messages {IN_FLIGHT}",
            "max_queued_messages 0",
            f"max_queued_bytes {QUEUED_BYTES}",
            f"max_packet_size {2 * MAX_BYTES}",
            # Small messages must not wait for the acknowledgement of the one before: that cost 40 ms a tap.
            "set_tcp_nodelay true",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            f"listener {address.port} {address.host}",
            f"cafile {authority.certificate_file}",
            f"certfile {certificate}",
            f"keyfile {key}",
            "require_certificate true",
            "use_identity_as_username true",
            "tls_version tlsv1.2",
            "",
        ]
    )


def write_files(folder: Path, address: Address, *, authority: Authority) -> Path:
    """Writes both files into `folder` and returns the configuration's path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    access_file = folder / "acl"
    access_file.write_text(access_list())
    access_file.chmod(0o600)
    # Started by root, Mosquitto would become another user, who may not read our keys.
    user = pwd.getpwuid(geteuid()).pw_name
    file = folder / "mosquitto.conf"
    file.write_text(configuration(address, authority=authority, access_file=access_file, user=user))
    return file
