"""By which of its ways to the server a device speaks."""

from enum import StrEnum


class Way(StrEnum):
    """MQTT is the usual one; HTTPS carries the same bytes to the same ledger where MQTT is blocked."""

    MQTT = "mqtt"
    HTTPS = "https"
