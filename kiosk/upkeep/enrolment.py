"""Getting an identity: a one-time code and the device's own key go in, a certificate and the first configuration come out.

The server's CA is fetched unverified and believed only if it has the fingerprint that staff were given; then nothing else is.
"""

import hmac
import ssl
import tempfile
import warnings
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID

from kiosk import identity
from kiosk.errors import EnrolmentError, ServerUnreachable
from kiosk.identity import About, ServerVerifier
from wire import chain
from wire.codec import WireError, decode_config, decode_enrol_answer, decode_kept_config, encode_enrolment
from wire.envelopes import MAX_INFLATED, EnrolAnswer, EnrolRequest, SignedConfig
from wire.events import DeviceId

PATIENCE_S: Final = (10.0, 30.0)
"""Seconds to connect, and to answer."""
ASK_AGAIN: Final = "Ask for a new code and try again."
SAME_RELEASE: Final = "Are both sides of the same release?"


class Refusal(msgspec.Struct, frozen=True):
    """The server's no."""

    error: str = "refused"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Trusted:
    """The installation's CA, found to have the right fingerprint. PEM."""

    pem: bytes


def enrol(*, server: str, fingerprint: str, code: str, state_dir: Path) -> DeviceId:
    """Enrols this device and keeps its identity in `state_dir`. Returns its name. Raises `EnrolmentError`.

    `fingerprint` is the SHA-256 of the CA's certificate (DER) in hex, however it is grouped.
    """
    origin = _origin(server)
    trusted = fetch_ca(origin, fingerprint)
    key = Ed25519PrivateKey.generate()
    answer = _ask(origin, trusted, EnrolRequest(v=1, code=_typed(code), request=_signing_request(key)))
    signed = _checked(answer, key, trusted)
    try:
        identity.store(
            state_dir,
            about=About(answer.device, answer.broker_host, answer.broker_port, answer.server_key.hex()),
            key=key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
            certificate=answer.certificate.encode(),
            ca=trusted.pem,
            config=signed,
        )
    except OSError as fault:
        raise EnrolmentError(
            "The identity could not be written to {folder}: {fault}.", ASK_AGAIN, folder=state_dir, fault=fault
        ) from None
    return DeviceId(answer.device)


def fetch_ca(origin: str, fingerprint: str) -> Trusted:
    """The CA that the server offers, if it is the one with `fingerprint`. Raises `EnrolmentError`."""
    wanted = "".join(letter for letter in fingerprint.lower() if letter.isalnum())
    if len(wanted) != 64 or not set(wanted) <= set("0123456789abcdef"):
        raise EnrolmentError(
            "The fingerprint is not a SHA-256: it must have 64 hexadecimal digits.", "Copy it from the server's device page."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        response = _request("GET", f"{origin}/enrol/ca", verify=False)
    if response.status_code != 200:
        raise EnrolmentError(
            "{origin} is no Vidhuk server: it answered {status}.",
            "Check the address and the port.",
            origin=origin,
            status=response.status_code,
        )
    try:
        certificate = x509.load_pem_x509_certificate(response.content)
    except ValueError:
        raise EnrolmentError(
            "{origin} is no Vidhuk server: it offers no certificate.", "Check the address and the port.", origin=origin
        ) from None
    found = sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()
    if not hmac.compare_digest(found, wanted):
        raise EnrolmentError(
            "The server's fingerprint is {found}…, not {wanted}…: it is another server, or somebody is in between.",
            "Compare the fingerprint with the one on the server's device page. Do not go on until they are equal.",
            found=found[:16],
            wanted=wanted[:16],
        )
    return Trusted(certificate.public_bytes(serialization.Encoding.PEM))


def _ask(origin: str, trusted: Trusted, request: EnrolRequest) -> EnrolAnswer:
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(trusted.pem)
        file.flush()
        response = _request(
            "POST",
            f"{origin}/enrol",
            verify=file.name,
            data=encode_enrolment(request),
            headers={"Content-Type": "application/json"},
        )
    if response.status_code != 200:
        raise _refused(response)
    try:
        return decode_enrol_answer(response.content)
    except WireError as fault:
        raise EnrolmentError("The server's answer makes no sense: {fault}.", SAME_RELEASE, fault=fault) from None


def _request(
    method: str, url: str, *, verify: bool | str, data: bytes | None = None, headers: dict[str, str] | None = None
) -> requests.Response:
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy of the environment, and no other trust store
            response = session.request(
                method, url, data=data, headers=headers, verify=verify, timeout=PATIENCE_S, allow_redirects=False, stream=True
            )
            body = response.raw.read(MAX_INFLATED + 1, decode_content=True)
    except requests.exceptions.SSLError as fault:
        raise EnrolmentError(
            "The server does not prove that it is {url}: {why}.",
            "Use the name or address that its certificate names.",
            url=url,
            why=_why(fault),
        ) from None
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as fault:
        raise ServerUnreachable(
            "Nobody answers at {url}: {why}.", "Is the server running, and the address right?", url=url, why=_why(fault)
        ) from None
    if len(body) > MAX_INFLATED:
        raise EnrolmentError(
            "{url} answered with more than {most} bytes.", "Check the address and the port.", url=url, most=MAX_INFLATED
        )
    response._content = body
    return response


def _checked(answer: EnrolAnswer, key: Ed25519PrivateKey, trusted: Trusted) -> SignedConfig:
    """The first configuration, after everything in the answer was found to fit. Raises `EnrolmentError`."""
    try:
        certificate = x509.load_pem_x509_certificate(answer.certificate.encode())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(trusted.pem))
    except Exception as fault:  # the parser and the verifier raise what their many layers raise
        raise EnrolmentError("The certificate given is not from the server's CA: {fault}.", ASK_AGAIN, fault=fault) from None
    names = [str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [answer.device]:
        raise EnrolmentError("The certificate is for {names}, not for {device}.", ASK_AGAIN, names=names, device=answer.device)
    theirs = certificate.public_key()
    ours = key.public_key().public_bytes_raw()
    if not isinstance(theirs, Ed25519PublicKey) or theirs.public_bytes_raw() != ours:
        raise EnrolmentError("The certificate is for another key than this device's.", ASK_AGAIN)
    try:
        signed = decode_kept_config(answer.config)
        verifier = ServerVerifier(Ed25519PublicKey.from_public_bytes(answer.server_key))
        if not verifier.verifies(chain.config_statement(answer.device, signed.document), signed.signature):
            raise EnrolmentError("The first configuration is not signed by the server.", ASK_AGAIN)
        decode_config(signed.document)
    except WireError as fault:
        raise EnrolmentError("The first configuration makes no sense: {fault}.", SAME_RELEASE, fault=fault) from None
    return signed


def _refused(response: requests.Response) -> EnrolmentError:
    try:
        refusal = msgspec.json.decode(response.content, type=Refusal)
    except msgspec.MsgspecError:
        refusal = Refusal(text=f"It answered {response.status_code}.")
    literally = refusal.text.replace("{", "{{").replace("}", "}}")  # the catalogues have the sentences that servers say
    return EnrolmentError("The server did not enrol this device ({reason}).", literally, reason=refusal.error)


def _signing_request(key: Ed25519PrivateKey) -> str:
    """A request for a certificate in PEM. The name is the server's to give, so none is asked for."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    return request.public_bytes(serialization.Encoding.PEM).decode()


def _origin(server: str) -> str:
    parts = urlsplit(server if "://" in server else f"https://{server}")
    if parts.scheme != "https" or not parts.hostname:
        raise EnrolmentError("{typed!r} is no address of a server.", "Write it as https://host:port.", typed=server)
    return f"https://{parts.netloc}"


def _typed(code: str) -> str:
    tidy = " ".join(code.upper().split())
    if not 6 <= len(tidy) <= 20 or not all(letter.isascii() and (letter.isalnum() or letter in "- ") for letter in tidy):
        raise EnrolmentError(
            "{typed!r} is no enrolment code.", "Copy it from the server's device page, like ABCDE-12345.", typed=code
        )
    return tidy


def _why(fault: BaseException) -> str:
    """The innermost reason of what requests and urllib3 have wrapped many times."""
    seen: BaseException = fault
    while True:
        inner = getattr(seen, "reason", None) if not isinstance(seen, ssl.SSLError) else None
        if not isinstance(inner, BaseException):
            inner = next((part for part in seen.args if isinstance(part, BaseException)), None)
        if not isinstance(inner, BaseException):
            return str(seen).rpartition(": ")[2] or type(seen).__name__
        seen = inner
