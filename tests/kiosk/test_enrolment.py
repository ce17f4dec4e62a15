"""Enrolment against a real HTTPS server: what it believes, what it refuses, what it leaves on the card."""

import json
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from kiosk import identity
from kiosk.errors import EnrolmentError, IdentityError, ServerUnreachable
from kiosk.upkeep.enrolment import enrol
from kiosk.workers.configuring import verified
from tests.kiosk.authority import Authority, configuration, pem
from tests.kiosk.door import CODE, DEVICE, Door
from workbench.ports import free_port


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    folder = tmp_path / "server"
    folder.mkdir()
    found = Door(folder)
    yield found
    found.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_a_device_gets_an_identity_that_works_and_only_its_owner_reads(door: Door, state: Path) -> None:
    assert enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state) == DEVICE
    who = identity.load(state)
    assert (who.device, who.broker_host, who.broker_port) == (DEVICE, "broker.example", 8883)
    config = verified(identity.load_configs(state, pytest.fail)[0][1], who.device, who.verifier)
    assert config.court["uk"] == "Приклад суду"
    certificate = x509.load_pem_x509_certificate(who.certificate.read_bytes())
    certificate.public_key().verify(who.signer.sign(b"statement"), b"statement")  # type: ignore[union-attr, call-arg]
    modes = {path.name: path.stat().st_mode & 0o777 for path in (state / "identity").iterdir()}
    assert set(modes.values()) == {0o600}
    assert set(modes) == {"key.pem", "certificate.pem", "ca.pem", "identity.json", "configuration.bin"}
    context = ssl.create_default_context(cafile=str(who.ca))
    context.load_cert_chain(who.certificate, who.key)


def test_fingerprint_and_code_may_be_typed_as_people_type_them(door: Door, state: Path) -> None:
    typed = door.authority.fingerprint.upper()
    grouped = ":".join(typed[at : at + 2] for at in range(0, 64, 2))
    enrol(server=door.address.removeprefix("https://"), fingerprint=grouped, code=" abcde-12345 ", state_dir=state)
    assert door.asked == [CODE]


def test_another_server_than_the_one_staff_were_told_of_learns_no_code(door: Door, state: Path) -> None:
    other = Authority.make()
    with pytest.raises(EnrolmentError, match="it is another server, or somebody is in between"):
        enrol(server=door.address, fingerprint=other.fingerprint, code=CODE, state_dir=state)
    assert door.asked == []
    assert not state.exists()


def test_a_ca_that_did_not_issue_the_doors_certificate_is_not_enough(door: Door, state: Path) -> None:
    """Somebody in between can pass the true CA on, but cannot prove to be the server."""
    other = Authority.make()
    door.offered = pem(other.certificate)
    with pytest.raises(EnrolmentError, match="does not prove that it is"):
        enrol(server=door.address, fingerprint=other.fingerprint, code=CODE, state_dir=state)
    assert door.asked == []


@pytest.mark.parametrize(
    ("reason", "text"),
    [("wrong-code", "There is no such code."), ("expired-code", "This code is older than 15 minutes. Ask for a new one.")],
)
def test_the_servers_no_is_told_in_its_own_words(door: Door, state: Path, reason: str, text: str) -> None:
    door.refusal = 403, json.dumps({"error": reason, "text": text}).encode()
    with pytest.raises(EnrolmentError) as caught:
        enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)
    assert reason in str(caught.value)
    assert text in str(caught.value)
    assert not state.exists()


def test_a_server_that_is_not_there_is_named_with_what_to_check(state: Path) -> None:
    port = free_port()
    with pytest.raises(ServerUnreachable, match=f"127.0.0.1:{port}.*Connection refused.*Is the server running") as caught:
        enrol(server=f"https://127.0.0.1:{port}", fingerprint="0" * 64, code=CODE, state_dir=state)
    assert caught.value.retry


def test_a_certificate_for_another_key_is_refused(door: Door, state: Path) -> None:
    door.other_key = True
    with pytest.raises(EnrolmentError, match="another key"):
        enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)
    assert not state.exists()


def test_a_certificate_for_another_name_is_refused(door: Door, state: Path) -> None:
    door.common_name = "kiosk-enrol-2"
    with pytest.raises(EnrolmentError, match="not for kiosk-enrol-1"):
        enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)


def test_a_certificate_of_another_ca_is_refused(door: Door, state: Path) -> None:
    door.issuer = Authority.make()
    with pytest.raises(EnrolmentError, match="not from the server's CA"):
        enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)


def test_a_first_configuration_that_the_server_did_not_sign_for_this_device_is_refused(door: Door, state: Path) -> None:
    door.config_by = Authority.make()
    with pytest.raises(EnrolmentError, match="not signed"):
        enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)
    door.config_by, door.config_for = door.authority, "kiosk-enrol-2"
    with pytest.raises(EnrolmentError, match="not signed"):
        enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        ((200, b"<html>"), "makes no sense"),
        ((200, b'{"v": 7}'), "makes no sense"),
        ((200, b" " * 300_000), "answered with more than"),
        ((302, b"https://elsewhere.example/"), "did not enrol this device"),
        ((500, b"oops"), "It answered 500"),
    ],
)
def test_whatever_a_server_answers_there_is_one_clear_sentence(
    door: Door, state: Path, refusal: tuple[int, bytes], says: str
) -> None:
    door.refusal = refusal
    with pytest.raises(EnrolmentError, match=says):
        enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)


def test_a_page_that_is_no_certificate_is_no_server_of_ours(door: Door, state: Path) -> None:
    door.offered = b"<html>Welcome</html>"
    with pytest.raises(EnrolmentError, match="is no Vidhuk server"):
        enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)


@pytest.mark.parametrize(
    ("server", "fingerprint", "code", "says"),
    [
        ("http://127.0.0.1:1", "0" * 64, CODE, "no address of a server"),
        ("https://", "0" * 64, CODE, "no address of a server"),
        ("https://127.0.0.1:1", "12:34", CODE, "64 hexadecimal digits"),
        ("https://127.0.0.1:1", "z" * 64, CODE, "64 hexadecimal digits"),
    ],
)
def test_what_was_mistyped_is_named_before_anything_is_sent(
    state: Path, server: str, fingerprint: str, code: str, says: str
) -> None:
    with pytest.raises(EnrolmentError, match=says):
        enrol(server=server, fingerprint=fingerprint, code=code, state_dir=state)


@pytest.mark.parametrize("code", ["", "abc", "АБВГД-12345", "A" * 30])
def test_what_is_no_code_is_not_sent(door: Door, state: Path, code: str) -> None:
    with pytest.raises(EnrolmentError, match="no enrolment code"):
        enrol(server=door.address, fingerprint=door.authority.fingerprint, code=code, state_dir=state)
    assert door.asked == []


def test_enrolling_again_keeps_the_old_identity_beside_the_new_one(door: Door, state: Path) -> None:
    for _ in range(3):
        enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)
    old, new = ((state / name / "key.pem").read_bytes() for name in ("identity.old", "identity"))
    assert old != new
    identity.load(state)


@pytest.mark.parametrize("name", ["key.pem", "identity.json"])
def test_a_damaged_identity_says_where_and_what_to_do(door: Door, state: Path, name: str) -> None:
    enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)
    (state / "identity" / name).write_bytes(b"\x00\x01")
    with pytest.raises(IdentityError, match=r"is damaged.*Enrol it"):
        identity.load(state)


def test_a_damaged_configuration_is_named_with_what_is_wrong(door: Door, state: Path) -> None:
    enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)
    (state / "identity" / "configuration.bin").write_bytes(b"\xc1")
    damaged: list[str] = []
    assert identity.load_configs(state, damaged.append) == []
    assert len(damaged) == 1
    assert "identity/configuration.bin is damaged: " in damaged[0]


def test_the_configuration_before_is_there_when_the_newest_is_damaged(door: Door, state: Path) -> None:
    enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)
    who = identity.load(state)
    damaged: list[str] = []

    def held() -> list[int]:
        return [verified(signed, who.device, who.verifier).version for _, signed in identity.load_configs(state, damaged.append)]

    def receive(version: int) -> None:
        identity.store_config(state / "identity", door.authority.sign(DEVICE, configuration(version)))

    receive(2)
    receive(3)
    assert held() == [3, 2]
    assert damaged == []
    (state / "identity" / "configuration.bin").write_bytes(b"")
    assert held() == [2]
    receive(4)
    assert held() == [4, 2], "a damaged one is not kept in place of a good one"


def test_proxies_of_the_environment_are_not_asked(door: Door, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    enrol(server=door.address, fingerprint=door.authority.fingerprint, code=CODE, state_dir=state)
    assert os.environ["HTTPS_PROXY"]
