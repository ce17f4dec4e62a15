"""A court on a winter's day, and what its visitors say: for the tests of its pages."""

from collections.abc import Callable
from datetime import timedelta

from tests.sync_server.device import NOON

Rate = Callable[..., None]
NOW = NOON + timedelta(days=84)
"""A Friday in winter, 14:00 in Kyiv."""
