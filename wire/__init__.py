"""The contract of both sides: what a device and a server say to each other, byte for byte.

Imports msgspec and the standard library only, so that it runs unchanged on a Pi and on a server.
"""

from typing import Final

VERSION: Final = 1
"""Version of the wire format. It stands in every envelope and in every topic."""
