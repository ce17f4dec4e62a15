"""The installation's own CA: what it signs, what it refuses, and how it keeps its keys."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sync_server.fleet.authority import BACKDATED, GATEWAY, Authority, RequestRefused, open_authority, write_private
from wire import chain

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
Key = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return open_authority(tmp_path / "authority", now=NOW)


def request_of(key: Key, name: str = "ignored") -> str:
    hash = None if isinstance(key, Ed25519PrivateKey) else hashes.SHA256()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hash)
    return request.public_bytes(serialization.Encoding.PEM).decode()


def name_of(certificate: x509.Certificate) -> str:
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def test_a_device_is_certified_under_the_name_we_gave_it_whatever_its_request_says(authority: Authority) -> None:
    key = Ed25519PrivateKey.generate()
    certificate, public = authority.certify_device(request_of(key, "gateway"), "kiosk-0001", NOW)
    assert name_of(certificate) == "kiosk-0001"
    assert public == key.public_key().public_bytes_raw()
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH], "it can pass for no server"
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert not basic.value.ca


@pytest.mark.parametrize(
    "name", ["+", "#", "kiosk/+", "KIOSK-0001", "short", "x" * 33, "kiosk-0001\n", "kiosk 0001", "", "кіоск-0001"]
)
def test_names_that_are_no_device_are_refused(authority: Authority, name: str) -> None:
    with pytest.raises(RequestRefused, match="8 to 32"):
        authority.certify_device(request_of(Ed25519PrivateKey.generate()), name, NOW)


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)],
    ids=["P-256", "RSA"],
)
def test_only_ed25519_keys_are_certified(authority: Authority, key: Key) -> None:
    with pytest.raises(RequestRefused, match="Ed25519"):
        authority.certify_device(request_of(key), "kiosk-0001", NOW)


def test_a_request_signed_by_another_key_than_it_carries_is_refused(authority: Authority) -> None:
    request = x509.load_pem_x509_csr(request_of(Ed25519PrivateKey.generate()).encode())
    spoilt = bytearray(request.public_bytes(serialization.Encoding.DER))
    spoilt[-1] ^= 1
    pem = x509.load_der_x509_csr(bytes(spoilt)).public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(RequestRefused, match="not signed by the key it carries"):
        authority.certify_device(pem, "kiosk-0001", NOW)


@pytest.mark.parametrize(
    "pem", ["", "nonsense", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "\0"]
)
def test_what_is_no_request_is_refused(authority: Authority, pem: str) -> None:
    with pytest.raises(RequestRefused, match="not a certificate signing request"):
        authority.certify_device(pem, "kiosk-0001", NOW)


def test_openssl_agrees_that_certificates_are_ours(authority: Authority, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    certificate, _ = authority.certify_device(request_of(Ed25519PrivateKey.generate()), "kiosk-0001", now)
    device = tmp_path / "device.crt"
    device.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    authority.certify_own("broker", ["localhost", "127.0.0.1", "::1"], now)

    def verify(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
        ca = str(authority.certificate_file)
        argv = ["openssl", "verify", "-x509_strict", "-CAfile", ca, *words, str(file)]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    broker, _ = authority.files_of("broker")
    assert verify(device, "-purpose", "sslclient").returncode == 0, verify(device, "-purpose", "sslclient").stderr
    assert verify(device, "-purpose", "sslserver").returncode != 0
    for host in (("-verify_hostname", "localhost"), ("-verify_ip", "127.0.0.1"), ("-verify_ip", "::1")):
        assert verify(broker, "-purpose", "sslserver", *host).returncode == 0
    assert verify(broker, "-purpose", "sslserver", "-verify_hostname", "elsewhere.example").returncode != 0
    other = open_authority(tmp_path / "other")
    argv = ["openssl", "verify", "-CAfile", str(other.certificate_file), str(device)]
    assert subprocess.run(argv, capture_output=True, check=False).returncode != 0


def test_a_device_whose_clock_is_two_days_slow_still_believes_its_certificate(authority: Authority) -> None:
    certificate, _ = authority.certify_device(request_of(Ed25519PrivateKey.generate()), "kiosk-0001", NOW)
    ca = x509.load_pem_x509_certificate(authority.certificate_pem)
    for made in (certificate, ca):
        assert made.not_valid_before_utc == NOW - BACKDATED
    assert certificate.not_valid_after_utc > NOW + timedelta(days=365), "it may be off for a year and come back"
    assert certificate.not_valid_after_utc <= ca.not_valid_after_utc


def test_keys_are_their_owners_only(authority: Authority) -> None:
    authority.certify_own(GATEWAY, [], NOW)
    keys = sorted(path.name for path in authority.folder.glob("*.key"))
    assert keys == ["ca.key", "config.key", "gateway.key"]
    for key in authority.folder.glob("*.key"):
        assert key.stat().st_mode & 0o777 == 0o600
    assert authority.folder.stat().st_mode & 0o077 == 0


def test_a_secret_replaces_another_whole_and_stays_private(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"former")
    file.chmod(0o644)
    write_private(file, b"new")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o600)
    assert list(tmp_path.iterdir()) == [file]


def test_the_second_start_finds_the_same_authority(authority: Authority) -> None:
    authority.certify_own("door", ["localhost"], NOW)
    kept = {path.name: path.read_bytes() for path in authority.folder.iterdir()}
    again = open_authority(authority.folder, now=NOW + timedelta(days=9))
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == kept
    assert (again.fingerprint, again.config_public_key) == (authority.fingerprint, authority.config_public_key)


def test_an_authority_whose_making_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    folder.mkdir()
    (folder / "ca.key").write_bytes(b"half")
    (folder / "ca.key.new").write_bytes(b"quarter")
    made = open_authority(folder, now=NOW)
    made.certify_device(request_of(Ed25519PrivateKey.generate()), "kiosk-0001", NOW)


def test_two_installations_share_nothing(tmp_path: Path) -> None:
    one, other = open_authority(tmp_path / "one"), open_authority(tmp_path / "other")
    assert one.fingerprint != other.fingerprint
    assert one.config_public_key != other.config_public_key


def test_the_fingerprint_is_that_of_the_certificate(authority: Authority) -> None:
    argv = ["openssl", "x509", "-in", str(authority.certificate_file), "-noout", "-fingerprint", "-sha256"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert said.partition("=")[2].strip().replace(":", "").lower() == authority.fingerprint


def test_a_part_needs_a_new_certificate_for_a_new_name_and_before_the_old_one_ends(authority: Authority) -> None:
    assert not authority.covers("door", ["localhost"], NOW)
    authority.certify_own("door", ["localhost", "127.0.0.1"], NOW)
    assert authority.covers("door", ["localhost"], NOW)
    assert authority.covers("door", ["127.0.0.1"], NOW)
    assert not authority.covers("door", ["court.example"], NOW)
    assert not authority.covers("door", ["localhost"], NOW + timedelta(days=2 * 365 - 20))


def test_a_certificate_and_a_key_that_do_not_belong_together_do_not_do(authority: Authority) -> None:
    authority.certify_own("door", ["localhost"], NOW)
    certificate, key = authority.files_of("door")
    other = ec.generate_private_key(ec.SECP256R1())
    kept = key.read_bytes()
    key.write_bytes(
        other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    assert not authority.covers("door", ["localhost"], NOW), "power failed between the two"
    key.write_bytes(kept)
    assert authority.covers("door", ["localhost"], NOW)
    certificate.write_bytes(certificate.read_bytes()[:100])
    assert not authority.covers("door", ["localhost"], NOW), "half a certificate"


def test_a_certificate_of_a_former_authority_does_not_do(authority: Authority, tmp_path: Path) -> None:
    authority.certify_own("door", ["localhost"], NOW)
    former = [path.read_bytes() for path in authority.files_of("door")]
    fresh = open_authority(tmp_path / "fresh", now=NOW)
    for path, content in zip(fresh.files_of("door"), former, strict=True):
        path.write_bytes(content)
    assert not fresh.covers("door", ["localhost"], NOW)


def test_a_signed_configuration_is_for_one_device_and_one_purpose(authority: Authority) -> None:
    public = Ed25519PublicKey.from_public_bytes(authority.config_public_key)
    signature = authority.sign_config(chain.config_statement("kiosk-0001", b"document"))
    public.verify(signature, chain.config_statement("kiosk-0001", b"document"))
    for other in (chain.config_statement("kiosk-0002", b"document"), chain.config_statement("kiosk-0001", b"another"), b"document"):
        with pytest.raises(InvalidSignature):
            public.verify(signature, other)
