"""What enrolment would have left in a kiosk's state directory, made without a server: for kiosks that stand alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from kiosk import identity
from wire import chain
from wire.codec import encode_config
from wire.envelopes import Config, Item, Option, Questionnaire, SignedConfig, Timings
from workbench.installation import HOST

OVERALL: Final = "overall"
"""The one item that is asked."""
ASKED: Final = Questionnaire(
    7, "exit", [Item(OVERALL, "scale", "faces5", {"uk": "Як?", "en": "How?"}, [Option(n, {"uk": f"{n}"}) for n in range(1, 6)])]
)
SINCE: Final = timedelta(days=3650)


def give(state: Path, device: str, *, port: int) -> None:
    """Makes `state` an enrolled device called `device` whose broker would listen on `port`."""
    key, server_key, ca_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("Nobody's CA", ca_key.public_key(), "Nobody's CA", ca_key)
    document = encode_config(Config(1, 1, {"uk": "Суд", "en": "Court"}, ["uk", "en"], "uk", ASKED, Timings(cooldown=0)))
    identity.store(
        state,
        about=identity.About(device, HOST, port, server_key.public_key().public_bytes_raw().hex()),
        key=key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        certificate=_certificate(device, key.public_key(), "Nobody's CA", ca_key),
        ca=ca,
        config=SignedConfig(1, document, server_key.sign(chain.config_statement(device, document))),
    )


def _certificate(name: str, public: object, issuer: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public)  # type: ignore[arg-type]
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SINCE)
        .not_valid_after(now + SINCE)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)
