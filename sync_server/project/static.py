"""Addresses of static files that change when the file does, without a collecting step."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage


class StampedStaticFiles(StaticFilesStorage):
    """Adds `?v=` and a digest of the file's bytes to its address, so that browsers may keep it and never keep it too long."""

    def url(self, name: str | None) -> str:
        address = super().url(name)
        stamp = _stamp(name) if name else ""
        return f"{address}?v={stamp}" if stamp else address


@cache
def _stamp(name: str) -> str:
    path = finders.find(name)
    return sha256(Path(path).read_bytes()).hexdigest()[:10] if path else ""
