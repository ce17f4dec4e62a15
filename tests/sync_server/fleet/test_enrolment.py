"""A one-time code lets in one device, once, for a quarter of an hour; what it is told is signed and has a number."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection

from sync_server.courts import services as courts
from sync_server.courts.models import Device, Exit, Placement
from sync_server.fleet import services
from sync_server.fleet.authority import Authority, open_authority
from sync_server.fleet.models import ConfigVersion, EnrolmentCode, IssuedCertificate
from sync_server.fleet.services import ATTEMPTS, CODE_LIFE, EnrolmentRefused, configure, enrol, issue_code
from sync_server.project.config import Address
from sync_server.surveys import services as surveys
from sync_server.surveys.files import load_all
from tests.sync_server.device import a_court, an_exit
from wire import chain, codec
from wire.envelopes import EnrolAnswer, EnrolRequest, SignedConfig

pytestmark = pytest.mark.usefixtures("storage")

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
# Named apps let Django's flush cascade to the ledger's table, which is made by hand.
RACE = pytest.mark.django_db(transaction=True, available_apps=list(settings.INSTALLED_APPS))
BROKER = Address("broker.example", 8883)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return open_authority(Path(tmp_path_factory.mktemp("fleet")) / "authority", now=NOW)


@pytest.fixture
def door() -> Exit:
    for sheet in load_all():
        surveys.release(sheet, released_at=NOW)
    return an_exit(a_court())


def request_of(key: Ed25519PrivateKey, code: str) -> EnrolRequest:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    return EnrolRequest(1, code, request.public_bytes(serialization.Encoding.PEM).decode())


def ask(authority: Authority, code: str, *, at: datetime = NOW, peer: str = "192.0.2.1", **more: Any) -> EnrolAnswer:
    request = more.get("request") or request_of(Ed25519PrivateKey.generate(), code)
    return enrol(request, peer=peer, authority=authority, broker=BROKER, now=lambda: at)


def refused(authority: Authority, code: str, **more: Any) -> str:
    with pytest.raises(EnrolmentRefused) as caught:
        ask(authority, code, **more)
    assert str(caught.value).endswith(".")
    assert 400 <= caught.value.status < 500
    return caught.value.reason


def issued(door: Exit, name: str | None = "kiosk-0001") -> str:
    return issue_code(exit=door, name=name, now=lambda: NOW)[0]


@pytest.mark.django_db
class TestOneDevice:
    def test_it_is_let_in_with_everything_it_needs(self, authority: Authority, door: Exit) -> None:
        key = Ed25519PrivateKey.generate()
        answer = ask(authority, "", request=request_of(key, issued(door)))
        assert (answer.device, answer.broker_host, answer.broker_port) == ("kiosk-0001", *BROKER)
        certificate = x509.load_pem_x509_certificate(answer.certificate.encode())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate_pem))
        assert certificate.public_key() == key.public_key()
        signed = msgspec.msgpack.decode(answer.config, type=SignedConfig)
        statement = chain.config_statement("kiosk-0001", signed.document)
        Ed25519PublicKey.from_public_bytes(answer.server_key).verify(signed.signature, statement)
        config = codec.decode_config(signed.document)
        assert (config.version, config.court["uk"]) == (1, door.court.name_uk)
        device = Device.objects.get()
        assert bytes(device.public_key) == key.public_key().public_bytes_raw()
        assert IssuedCertificate.objects.get().serial == str(certificate.serial_number)
        assert codec.decode_enrol_answer(codec.encode_enrolment(answer)) == answer

    def test_it_stands_at_its_exit_even_for_what_a_slow_clock_dates_before_its_enrolment(
        self, authority: Authority, door: Exit
    ) -> None:
        ask(authority, issued(door))
        placement = Placement.objects.get()
        assert placement.exit == door
        assert placement.starts_at <= NOW - timedelta(hours=12)

    def test_its_code_may_be_typed_as_people_type(self, authority: Authority, door: Exit) -> None:
        code = issued(door)
        assert len(code.replace("-", "")) == 10
        assert not set(code) & set("ILOU"), "letters that are mistaken for others"
        ask(authority, code.replace("-", " ").replace(" ", "  "))

    def test_the_code_itself_is_not_kept(self, authority: Authority, door: Exit) -> None:
        code = issued(door).replace("-", "").encode()
        assert code not in bytes(EnrolmentCode.objects.get().code_hash)

    def test_a_device_without_a_chosen_name_is_given_one(self, authority: Authority, door: Exit) -> None:
        answer = ask(authority, issued(door, None))
        assert answer.device.startswith("kiosk-")


@pytest.mark.django_db
class TestRefusals:
    def test_a_code_is_good_once(self, authority: Authority, door: Exit) -> None:
        code = issued(door)
        ask(authority, code)
        assert refused(authority, code) == "used-code"
        assert Device.objects.count() == 1

    def test_a_code_is_good_for_a_quarter_of_an_hour(self, authority: Authority, door: Exit) -> None:
        code = issued(door)
        assert refused(authority, code, at=NOW + CODE_LIFE) == "expired-code"
        ask(authority, code, at=NOW + CODE_LIFE - timedelta(seconds=1))

    def test_a_code_nobody_issued_is_wrong(self, authority: Authority, door: Exit) -> None:
        assert refused(authority, "ABCDE-FGHJK") == "wrong-code"

    def test_a_bad_request_does_not_use_up_the_code(self, authority: Authority, door: Exit) -> None:
        code = issued(door)
        assert refused(authority, code, request=EnrolRequest(1, code, "nonsense")) == "bad-request"
        assert not Device.objects.exists()
        ask(authority, code)

    def test_a_name_that_was_taken_meanwhile_is_refused_and_the_code_stays_good_for_nothing_else(
        self, authority: Authority, door: Exit
    ) -> None:
        first, second = issued(door), issued(door)
        ask(authority, first)
        assert refused(authority, second) == "name-taken"
        assert Device.objects.count() == 1

    def test_a_key_that_is_enrolled_gives_a_second_identity_only_under_a_second_code(
        self, authority: Authority, door: Exit
    ) -> None:
        key = Ed25519PrivateKey.generate()
        code = issued(door)
        ask(authority, code, request=request_of(key, code))
        assert refused(authority, code, request=request_of(key, code)) == "used-code"

    def test_guessing_is_stopped_for_the_address_it_comes_from_and_for_no_other(self, authority: Authority, door: Exit) -> None:
        code = issued(door)
        for _ in range(ATTEMPTS):
            assert refused(authority, "AAAAA-AAAAA", peer="203.0.113.9") == "wrong-code"
        with pytest.raises(EnrolmentRefused) as caught:
            ask(authority, code, peer="203.0.113.9")
        assert (caught.value.reason, caught.value.status) == ("too-many-attempts", 429)
        ask(authority, code, peer="192.0.2.1")

    def test_after_a_quarter_of_an_hour_the_address_may_try_again(self, authority: Authority, door: Exit) -> None:
        for _ in range(ATTEMPTS):
            refused(authority, "AAAAA-AAAAA")
        later = NOW + CODE_LIFE + timedelta(seconds=1)
        code, _ = issue_code(exit=door, name="kiosk-0002", now=lambda: later)
        ask(authority, code, at=later)

    def test_without_a_questionnaire_there_is_nothing_to_ask_and_nothing_is_used_up(self, authority: Authority) -> None:
        door = an_exit(a_court())
        code = issued(door)
        assert refused(authority, code) == "nothing-to-ask"
        assert EnrolmentCode.objects.get().used_at is None
        assert not Device.objects.exists()

    @pytest.mark.parametrize("name", ["+", "#", "short", "KIOSK-0001", "x" * 33, "gateway"])
    def test_no_code_is_issued_for_a_name_that_is_none(self, door: Exit, name: str) -> None:
        with pytest.raises(ValidationError, match="8 to 32"):
            issue_code(exit=door, name=name)

    def test_no_code_is_issued_for_a_name_that_is_taken(self, authority: Authority, door: Exit) -> None:
        ask(authority, issued(door))
        with pytest.raises(ValidationError, match="enrolled already"):
            issue_code(exit=door, name="kiosk-0001")


@pytest.mark.django_db
class TestConfiguration:
    def test_the_same_configuration_keeps_its_number_and_its_bytes(self, authority: Authority, door: Exit) -> None:
        ask(authority, issued(door))
        device = Device.objects.get()
        first = configure(device, authority=authority)
        assert configure(device, authority=authority) == first
        assert ConfigVersion.objects.count() == 1

    def test_another_court_or_questionnaire_is_another_number(self, authority: Authority, door: Exit) -> None:
        ask(authority, issued(door))
        device = Device.objects.get()
        elsewhere = an_exit(a_court("elsewhere"))
        courts.place_device(device=device, exit=elsewhere, starts_at=NOW + timedelta(hours=1))
        second = configure(device, authority=authority, now=lambda: NOW + timedelta(hours=2))
        config = codec.decode_config(second.document)
        assert (config.version, config.court["uk"]) == (2, elsewhere.court.name_uk)
        courts.place_device(device=device, exit=door, starts_at=NOW + timedelta(hours=3))
        back = configure(device, authority=authority, now=lambda: NOW + timedelta(hours=4))
        assert codec.decode_config(back.document).version == 3, "numbers only ever go up"

    def test_it_is_signed_for_this_device(self, authority: Authority, door: Exit) -> None:
        ask(authority, issued(door))
        signed = configure(Device.objects.get(), authority=authority)
        public = Ed25519PublicKey.from_public_bytes(authority.config_public_key)
        public.verify(signed.signature, chain.config_statement("kiosk-0001", signed.document))


@RACE
def test_of_fifty_who_race_with_one_code_exactly_one_is_let_in(authority: Authority, door: Exit) -> None:
    code = issued(door)
    requests = [request_of(Ed25519PrivateKey.generate(), code) for _ in range(50)]
    told: list[str] = []
    gate = threading.Barrier(len(requests) // 5)

    def device(mine: list[EnrolRequest]) -> None:
        gate.wait(60)
        try:
            for request in mine:
                try:
                    told.append(enrol(request, peer="192.0.2.1", authority=authority, broker=BROKER, now=lambda: NOW).device)
                except EnrolmentRefused as refusal:
                    told.append(refusal.reason)
                except Exception as fault:  # whatever it is, the race has found it
                    told.append(repr(fault))
        finally:
            connection.close()

    threads = [threading.Thread(target=device, args=(requests[number::10],)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert Counter(told) == {"kiosk-0001": 1, "used-code": 49}
    assert Device.objects.count() == IssuedCertificate.objects.count() == Placement.objects.count() == 1


@RACE
def test_many_who_ask_for_one_devices_configuration_at_once_get_the_same(authority: Authority, door: Exit) -> None:
    ask(authority, issued(door))
    device = Device.objects.get()
    door.court.name_uk = "Перейменований суд"
    door.court.save()
    told: list[object] = []
    gate = threading.Barrier(8)

    def gateway() -> None:
        gate.wait(60)
        try:
            told.append(configure(device, authority=authority).document)
        except Exception as fault:  # whatever it is, the race has found it
            told.append(repr(fault))
        finally:
            connection.close()

    threads = [threading.Thread(target=gateway) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(told) == 8
    assert len(set(told)) == 1
    assert services.ConfigVersion.objects.filter(device=device).count() == 2
