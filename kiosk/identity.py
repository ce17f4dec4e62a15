"""Who this device is: its key, its certificate, whom it trusts, and its configuration. Files in the state directory, mode 0600."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kiosk.durable import sync_folder, write_synced
from kiosk.errors import IdentityError
from wire.codec import WireError, decode_kept_config
from wire.envelopes import SignedConfig
from wire.events import DeviceId
from wire.topics import DEVICE_PATTERN

FOLDER: Final = "identity"
CONFIG: Final = "configuration.bin"
FORMER: Final = "configuration.former.bin"
"""The one before: a card that has lost the newest must not put the device out of order."""
ENROL_FIRST: Final = "Enrol it: ./vidhuk kiosk enrol --config FILE --server https://… --fingerprint … --code …"


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """`identity.json`: what is not secret."""

    device: Annotated[str, msgspec.Meta(pattern=rf"\A{DEVICE_PATTERN}\Z")]
    broker_host: Annotated[str, msgspec.Meta(min_length=1)]
    broker_port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    server_key: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class DeviceSigner:
    """The device's private key. As `kiosk.core.ports.Signer`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def sign(self, statement: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(statement)


class ServerVerifier:
    """The key with which the server signs configurations. As `kiosk.core.ports.Verifier`."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    def verifies(self, statement: bytes, signature: bytes) -> bool:
        """Whether the server signed `statement`."""
        try:
            self._key.verify(signature, statement)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled device. The three paths are PEM files."""

    device: DeviceId
    broker_host: str
    broker_port: int
    ca: Path
    certificate: Path
    key: Path
    signer: DeviceSigner
    verifier: ServerVerifier


def load(state_dir: Path) -> Identity:
    """The identity kept in `state_dir`. Raises `IdentityError`: never enrolled, or damaged."""
    folder = state_dir / FOLDER
    if not (folder / "identity.json").exists():
        raise IdentityError("This device is not enrolled yet.", ENROL_FIRST)
    try:
        about = msgspec.json.decode((folder / "identity.json").read_bytes(), type=About)
        key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("key.pem holds no Ed25519 key")
        verifier = ServerVerifier(Ed25519PublicKey.from_public_bytes(bytes.fromhex(about.server_key)))
    except (OSError, ValueError, msgspec.MsgspecError) as fault:
        raise IdentityError("The identity in {folder} is damaged: {fault}.", ENROL_FIRST, folder=folder, fault=fault) from None
    return Identity(
        DeviceId(about.device),
        about.broker_host,
        about.broker_port,
        folder / "ca.pem",
        folder / "certificate.pem",
        folder / "key.pem",
        DeviceSigner(key),
        verifier,
    )


def store(state_dir: Path, *, about: About, key: bytes, certificate: bytes, ca: bytes, config: SignedConfig) -> None:
    """Keeps a new identity, whole or not at all; one that was there before is put beside it. PEM bytes. Raises `OSError`."""
    state_dir.mkdir(parents=True, exist_ok=True)
    draft, final, old = (state_dir / f"{FOLDER}{suffix}" for suffix in (".new", "", ".old"))
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    write_synced(draft / "key.pem", key)
    write_synced(draft / "certificate.pem", certificate)
    write_synced(draft / "ca.pem", ca)
    write_synced(draft / "identity.json", msgspec.json.format(msgspec.json.encode(about), indent=2))
    store_config(draft, config)
    sync_folder(draft)
    if final.exists():
        shutil.rmtree(old, ignore_errors=True)
        final.rename(old)
    draft.rename(final)
    sync_folder(state_dir)


def load_configs(state_dir: Path, damaged: Callable[[str], None]) -> list[tuple[str, SignedConfig]]:
    """The configurations last received, each with its file's name, the newest first, still to be verified.

    `damaged` hears of each that cannot be read, and why.
    """
    found: list[tuple[str, SignedConfig]] = []
    for name in (CONFIG, FORMER):
        try:
            found.append((name, _config(state_dir / FOLDER / name)))
        except FileNotFoundError:
            continue
        except (OSError, WireError) as fault:
            why = (fault.strerror if isinstance(fault, OSError) else None) or fault
            damaged(f"The configuration {FOLDER}/{name} is damaged: {why}.")
    return found


def store_config(folder: Path, config: SignedConfig) -> None:
    """Keeps a configuration in `folder`, and beside it the one before that can be read. Raises `OSError`."""
    draft = folder / f"{CONFIG}.new"
    write_synced(draft, msgspec.msgpack.encode(config))
    current = folder / CONFIG
    if _is_whole(current):
        (folder / FORMER).unlink(missing_ok=True)
        (folder / FORMER).hardlink_to(current)
    draft.replace(current)
    sync_folder(folder)


def _config(path: Path) -> SignedConfig:
    return decode_kept_config(path.read_bytes())


def _is_whole(path: Path) -> bool:
    try:
        _config(path)
    except (OSError, WireError):
        return False
    return True
