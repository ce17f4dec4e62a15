"""Fetches speech packs from the server's door: over HTTPS, trusting the installation's CA alone, checked before they are kept."""

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kiosk.durable import sync_folder
from kiosk.errors import KioskError
from wire.envelopes import VoicePack

PATIENCE_S: Final = (10.0, 30.0)
"""Seconds to connect, and between two pieces."""
PIECE_BYTES: Final = 64 * 1024


class PackError(KioskError):
    """A pack did not come, or not as it was promised."""

    retry = True


class PackLink:
    """The way to the door. `ca` is the PEM file of the installation's CA."""

    def __init__(self, ca: Path) -> None:
        self._ca = ca

    def fetch(self, door: str, pack: VoicePack, path: Path, stopping: Callable[[], bool]) -> None:
        """Writes `pack` from `door` (`https://host:port`) to `path`, durably and only if size and digest are right.

        Raises `PackError`, also when `stopping` says so between two pieces. Nothing is left behind then.
        """
        if urlsplit(door).scheme != "https":
            raise PackError(f"{door} is no https:// address, so no speech is fetched from it.")
        draft = path.with_suffix(".part")
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._download(f"{door.rstrip('/')}/speech/{pack.digest.hex()}", pack, draft, stopping)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
            sync_folder(path.parent)
        except OSError as fault:
            raise PackError(f"The speech for {pack.language} cannot be written: {fault}.", "Is the card full?") from None

    def _download(self, url: str, pack: VoicePack, draft: Path, stopping: Callable[[], bool]) -> None:
        """The pack in a file that has reached the card. Raises `PackError` and `OSError`."""
        digest, size = sha256(), 0
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for piece in self._pieces(url):
                size += len(piece)
                if size > pack.size:
                    raise PackError(f"{url} sends more than the {pack.size} bytes it should.")
                if stopping():
                    raise PackError(f"{url} was given up, because the device stops.")
                digest.update(piece)
                file.write(piece)
            if size != pack.size or digest.digest() != pack.digest:
                raise PackError(f"{url} does not send what the configuration names ({size} of {pack.size} bytes came).")
            file.flush()
            os.fsync(file.fileno())

    def _pieces(self, url: str) -> Iterator[bytes]:
        """What the door sends, piece by piece. Raises `PackError`."""
        import requests  # 8 MiB and a tenth of a second, for what most devices do once a month
        import urllib3

        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxy of the environment, and no other trust store
                with session.get(
                    url,
                    headers={"Accept-Encoding": "identity"},
                    verify=str(self._ca),
                    timeout=PATIENCE_S,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    if response.status_code != 200:
                        raise PackError(f"{url} answers {response.status_code}.")
                    yield from response.iter_content(PIECE_BYTES)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as fault:
            raise PackError(f"{url} cannot be fetched: {type(fault).__name__}.") from None
        except OSError as fault:  # what requests says of a CA file that is not there
            raise PackError(f"{url} cannot be fetched: {fault}.") from None
