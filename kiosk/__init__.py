"""The device at the exit: it stores a tap durably, thanks for it, and only then thinks of the network."""

from typing import Final

SOFTWARE: Final = "vidhuk-kiosk/0.1.0"
"""What this device says it runs."""
