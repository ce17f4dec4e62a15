"""MQTT topic names, built and parsed here only: `vidhuk/1/<device>/<leaf>`."""

import re
from typing import Final, Literal, NamedTuple

from wire import VERSION
from wire.events import DeviceId

Leaf = Literal["up", "down", "health", "presence", "config", "command", "result"]

DEVICE_WRITES: Final[tuple[Leaf, ...]] = ("up", "health", "presence", "result")
"""What a device may publish to, under its own name only."""
DEVICE_READS: Final[tuple[Leaf, ...]] = ("down", "config", "command")
"""What a device may subscribe to, under its own name only."""

DEVICE_PATTERN: Final = r"[a-z0-9-]{8,32}"
"""Nothing else is a device: `+` and `#` in a certificate's name would open every topic."""
ROOT: Final = f"vidhuk/{VERSION}"
ONLINE: Final = b"online"
OFFLINE: Final = b"offline"
"""What is said on `presence`, which is retained: at connecting, and as the last will."""

SIGNATURE: Final = "Vidhuk-Signature"
"""The header of a message over HTTPS: `wire.chain.request_statement` signed by the device, in base64."""

_device = re.compile(rf"\A{DEVICE_PATTERN}\Z")
_topic = re.compile(rf"\A{ROOT}/({DEVICE_PATTERN})/(up|down|health|presence|config|command|result)\Z")


class Topic(NamedTuple):
    """A parsed topic name."""

    device: DeviceId
    leaf: str


def device_id(name: str) -> DeviceId:
    """`name` as a device id. Raises `ValueError` naming what is allowed."""
    if not _device.match(name):
        raise ValueError(f"device id {name!r}: use 8 to 32 of a-z, 0-9 and '-'")
    return DeviceId(name)


def topic(device: DeviceId, leaf: Leaf) -> str:
    """The topic of one device."""
    return f"{ROOT}/{device}/{leaf}"


def every(leaf: Leaf) -> str:
    """The filter that matches `leaf` of every device."""
    return f"{ROOT}/+/{leaf}"


def shared(group: str, leaf: Leaf) -> str:
    """The filter by which the workers of `group` share out `leaf` of every device among them."""
    return f"$share/{group}/{every(leaf)}"


def parse(name: str) -> Topic | None:
    """Whose topic `name` is, or None for a name that is not ours."""
    found = _topic.match(name)
    return Topic(DeviceId(found[1]), found[2]) if found else None


def door_path(device: DeviceId, leaf: Leaf) -> str:
    """Where `leaf` of a device is posted over HTTPS, from the door's root on."""
    return f"device/{device}/{leaf}"
