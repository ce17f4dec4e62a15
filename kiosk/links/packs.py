"""Fetches speech packs from the server's door: over HTTPS, trusting the installation's CA alone, checked before they are kept.

By the standard library and not by requests, which would cost 8 MiB for good, for what a device does once a month; and because dates
can be left out of the check only there.
"""

import os
import ssl
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kiosk.durable import sync_folder
from kiosk.errors import KioskError
from kiosk.links.tls import NO_CHECK_TIME
from wire.envelopes import VoicePack

PATIENCE_S: Final = 30.0
"""Seconds to connect, and between two pieces."""
PIECE_BYTES: Final = 64 * 1024


class PackError(KioskError):
    """A pack did not come, or not as it was promised."""

    retry = True


class PackLink:
    """The way to the door. `ca` is the PEM file of the installation's CA, `clock_vouched` says whether the wall clock can be held
    against a certificate: a device that believes it is 1970 gets its speech all the same."""

    def __init__(self, ca: Path, *, clock_vouched: Callable[[], bool] = lambda: True) -> None:
        self._ca = ca
        self._clock_vouched = clock_vouched

    def fetch(self, door: str, pack: VoicePack, path: Path, stopping: Callable[[], bool]) -> None:
        """Writes `pack` from `door` (`https://host:port`) to `path`, durably and only if size and digest are right.

        Raises `PackError`, also when `stopping` says so between two pieces. Nothing is left behind then.
        """
        url = f"{door.rstrip('/')}/speech/{pack.digest.hex()}"
        if not door.startswith("https://"):
            raise PackError(f"{door} is no https:// address, so no speech is fetched from it.")
        draft = path.with_suffix(".part")
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._download(url, pack, draft, stopping)
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
        try:
            address = urlsplit(url)
            connection = HTTPSConnection(address.hostname or "", address.port, timeout=PATIENCE_S, context=self._tls())
            try:
                connection.request("GET", address.path)
                response = connection.getresponse()
                if response.status != 200:
                    raise PackError(f"{url} answers {response.status}.")
                while piece := response.read(PIECE_BYTES):
                    yield piece
            finally:
                connection.close()
        except ssl.SSLCertVerificationError as fault:
            raise PackError(f"{url} cannot be fetched: its certificate is not accepted: {fault.verify_message}.") from None
        except (OSError, HTTPException, ValueError) as fault:
            raise PackError(f"{url} cannot be fetched: {str(fault) or type(fault).__name__}.") from None

    def _tls(self) -> ssl.SSLContext:
        """Raises `OSError` for an unusable CA file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(self._ca)
        if not self._clock_vouched():
            context.verify_flags |= NO_CHECK_TIME
        return context
