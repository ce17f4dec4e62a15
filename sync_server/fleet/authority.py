"""The installation's own certificate authority: keys made on the spot, kept in the state directory. No Django in here.

The CA signs with ECDSA P-256, which browsers, brokers and phones all take. A device's key is Ed25519: the same key proves it to the
broker and signs its batches, and the statements it signs carry their purpose, so that one can never pass for the other.
"""

import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from wire.topics import DEVICE_PATTERN

CA_LIFE: Final = timedelta(days=20 * 365)
SERVER_LIFE: Final = timedelta(days=2 * 365)
DEVICE_LIFE: Final = timedelta(days=825)
"""Long enough for a device that was off for a year to come back and renew."""
BACKDATED: Final = timedelta(days=2)
"""A Pi without a clock battery may wake in the past; its certificate must not be too young for it."""
GATEWAY: Final = "gateway"
"""The gateway's name at the broker: seven characters, so that no device can be called so."""

_common_name = re.compile(rf"\A(?:{DEVICE_PATTERN}|{GATEWAY})\Z")


class RequestRefused(ValueError):
    """A signing request that our CA does not sign, with the reason."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Keys and certificates under `folder`; made by `open_authority`."""

    folder: Path

    @property
    def certificate_file(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate_file.read_bytes()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the CA's certificate (DER), in lower-case hex: what a device is told to trust."""
        return x509.load_pem_x509_certificate(self.certificate_pem).fingerprint(hashes.SHA256()).hex()

    def files_of(self, name: str) -> tuple[Path, Path]:
        """(certificate, key) of one of the server's own parts: `broker`, `door` or `gateway`."""
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def sign_config(self, statement: bytes) -> bytes:
        """The server's Ed25519 signature (64 bytes) of a configuration statement."""
        return self._config_key().sign(statement)

    @property
    def config_public_key(self) -> bytes:
        """32 bytes: what devices verify configurations with."""
        return self._config_key().public_key().public_bytes_raw()

    def certify_device(self, request_pem: str, name: str, now: datetime) -> tuple[x509.Certificate, bytes]:
        """Signs a device's request under the name we gave it. Returns the certificate and the device's public key (32 bytes).

        The name inside the request is ignored. Raises `RequestRefused`.
        """
        try:
            request = x509.load_pem_x509_csr(request_pem.encode())
            sound = request.is_signature_valid
            key = request.public_key()
        except Exception as fault:  # the parser raises what its many layers raise; whatever it is, the request is not one
            raise RequestRefused(f"not a certificate signing request in PEM: {fault}") from None
        if not sound:
            raise RequestRefused("the request is not signed by the key it carries")
        if not isinstance(key, Ed25519PublicKey):
            raise RequestRefused("the request must carry an Ed25519 key")
        certificate = self._issue(name, key, now, DEVICE_LIFE, [ExtendedKeyUsageOID.CLIENT_AUTH], ())
        return certificate, key.public_bytes_raw()

    def certify_own(self, part: str, names: Iterable[str], now: datetime) -> None:
        """Makes key and certificate for a part of the server that devices reach as `names`."""
        certificate_file, key_file = self.files_of(part)
        key = ec.generate_private_key(ec.SECP256R1())
        if part == GATEWAY:
            usage, common_name = ExtendedKeyUsageOID.CLIENT_AUTH, GATEWAY
        else:
            usage, common_name = ExtendedKeyUsageOID.SERVER_AUTH, f"vidhuk {part}"
        certificate = self._issue(common_name, key.public_key(), now, SERVER_LIFE, [usage], tuple(names))
        write_private(key_file, _pem(key))
        _write_whole(certificate_file, certificate.public_bytes(serialization.Encoding.PEM), 0o644)

    def covers(self, part: str, names: Iterable[str], now: datetime) -> bool:
        """The part has a certificate for all of `names` that lasts another 30 days."""
        certificate_file, key_file = self.files_of(part)
        if not (certificate_file.exists() and key_file.exists()):
            return False
        try:
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(self.certificate_pem))
        except (InvalidSignature, ValueError, TypeError):
            return False  # damaged, or of another authority: a folder that was put together by hand
        if key.public_key() != certificate.public_key() or certificate.not_valid_after_utc < now + timedelta(days=30):
            return False
        wanted = {_general_name(name) for name in names}
        if not wanted:
            return True
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return wanted <= set(held)

    def _config_key(self) -> Ed25519PrivateKey:
        key = serialization.load_pem_private_key((self.folder / "config.key").read_bytes(), None)
        assert isinstance(key, Ed25519PrivateKey)
        return key

    def _issue(
        self,
        common_name: str,
        key: Ed25519PublicKey | ec.EllipticCurvePublicKey,
        now: datetime,
        life: timedelta,
        usages: list[x509.ObjectIdentifier],
        names: tuple[str, ...],
    ) -> x509.Certificate:
        is_client = ExtendedKeyUsageOID.CLIENT_AUTH in usages
        if is_client and not _common_name.match(common_name):
            raise RequestRefused(f"{common_name!r} is no device name: use 8 to 32 of a-z, 0-9 and '-'")
        ca = x509.load_pem_x509_certificate(self.certificate_pem)
        ca_key = serialization.load_pem_private_key((self.folder / "ca.key").read_bytes(), None)
        assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
            .issuer_name(ca.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(min(now + life, ca.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        return builder.sign(ca_key, hashes.SHA256())


def open_authority(folder: Path, *, now: datetime | None = None) -> Authority:
    """The authority kept in `folder`, made there at the first call."""
    authority = Authority(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not authority.certificate_file.exists():
        _found(authority, now or datetime.now(UTC))
    return authority


def _found(authority: Authority, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Vidhuk CA {os.urandom(4).hex()}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(authority.folder / "config.key", _pem(Ed25519PrivateKey.generate()))
    write_private(authority.folder / "ca.key", _pem(key))
    # The certificate comes last: it is what tells that the authority is complete.
    _write_whole(authority.certificate_file, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def write_private(path: Path, content: bytes) -> None:
    """Writes a secret that only its owner may read, complete or not at all."""
    _write_whole(path, content, 0o600)


def _write_whole(path: Path, content: bytes, mode: int) -> None:
    draft = path.with_suffix(path.suffix + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
