"""Loopback ports for listeners: free, and not such as the system gives to outgoing connections.

A port that the system calls free comes from the range it also draws the near ends of connections from, so that another program's
connection may take it before the listener does. We draw below that range, and never the same one twice. Programs of ours that run
side by side (the test run's workers) do not draw each other's either: whoever has drawn a port holds a name of the same number
among Linux's abstract sockets until its process ends.
"""

import random
import socket
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
LOWEST: Final = 20_000
OUTGOING: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL_OUTGOING: Final = 32_768
TRIES: Final = 1_000

_held: dict[int, socket.socket] = {}


def free_port() -> int:
    """A port on which nobody listens. Raises `OSError` when none is found."""
    below = _first_outgoing()
    for _ in range(TRIES):
        port = random.randrange(LOWEST, below)
        if port not in _held and _is_free(port) and _hold(port):
            return port
    raise OSError(f"no free port between {LOWEST} and {below} on {HOST}")


def _first_outgoing() -> int:
    try:
        first = int(OUTGOING.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return USUAL_OUTGOING
    return first if first > LOWEST + TRIES else USUAL_OUTGOING


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _hold(port: int) -> bool:
    """Whether the port is now ours among our own programs."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0vidhuk-port-{port}")
    except OSError:
        name.close()
        return False
    _held[port] = name
    return True
