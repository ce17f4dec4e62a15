"""A small installation's papers for tests: a CA, the server's and the devices' certificates, signed configurations."""

import datetime
import ipaddress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from kiosk import identity
from kiosk.identity import About
from tests.kiosk.exit import QUESTIONNAIRE
from wire import chain
from wire.codec import encode_config
from wire.envelopes import Config, SignedConfig

DAY = datetime.timedelta(days=1)


def pem_key(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def configuration(version: int = 1) -> Config:
    return Config(1, version, {"uk": "Приклад суду", "en": "Example court"}, ["uk", "en"], "uk", QUESTIONNAIRE)


@dataclass
class Authority:
    """One CA. `days` are the first and last day, from today, of what it issues: for devices that believe it is another year."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    config_key: Ed25519PrivateKey
    days: tuple[int, int] = (-1, 30)

    @classmethod
    def make(cls, name: str = "test CA") -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _build(name, key.public_key(), name, None, []).sign(key, hashes.SHA256())
        return cls(key, certificate, Ed25519PrivateKey.generate())

    @property
    def fingerprint(self) -> str:
        return sha256(self.certificate.public_bytes(serialization.Encoding.DER)).hexdigest()

    def issue(self, name: str, public_key: object, hosts: list[str] | None = None) -> x509.Certificate:
        builder = _build(name, public_key, self.certificate.subject, self.certificate, hosts or [], self.days)
        return builder.sign(self.key, hashes.SHA256())

    def sign(self, device: str, config: Config) -> SignedConfig:
        document = encode_config(config)
        return SignedConfig(1, document, self.config_key.sign(chain.config_statement(device, document)))

    def server_files(self, folder: Path) -> tuple[Path, Path, Path]:
        """(CA, certificate, key) of a server on loopback."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.issue("server", key.public_key(), ["127.0.0.1", "localhost"])
        files = folder / "ca.pem", folder / "server.pem", folder / "server.key"
        for path, content in zip(files, (pem(self.certificate), pem(certificate), pem_key(key)), strict=True):
            path.write_bytes(content)
        return files

    def give_identity(self, state_dir: Path, device: str, *, port: int, config: Config | None = None) -> bytes:
        """What enrolment would have left in `state_dir`. Returns the device's public key."""
        key = Ed25519PrivateKey.generate()
        identity.store(
            state_dir,
            about=About(device, "127.0.0.1", port, self.config_key.public_key().public_bytes_raw().hex()),
            key=pem_key(key),
            certificate=pem(self.issue(device, key.public_key())),
            ca=pem(self.certificate),
            config=self.sign(device, config or configuration()),
        )
        return key.public_key().public_bytes_raw()


def _build(
    name: str,
    public_key: object,
    issuer: object,
    ca: x509.Certificate | None,
    hosts: list[str],
    days: tuple[int, int] = (-1, 30),
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer if isinstance(issuer, x509.Name) else subject)
        .public_key(public_key)  # type: ignore[arg-type]
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=ca is None, path_length=None), critical=True)
    )
    if hosts:
        names: list[x509.GeneralName] = []
        for host in hosts:
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(host)))
            except ValueError:
                names.append(x509.DNSName(host))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder


def encoded(signed: SignedConfig) -> bytes:
    return msgspec.msgpack.encode(signed)
