"""The authority's roll: who was let in stands on it, by the time that is committed; who was refused does not."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from sync_server.courts.models import Device, Placement
from sync_server.fleet import roll, services
from sync_server.fleet.authority import open_authority
from sync_server.fleet.models import IssuedCertificate
from sync_server.project.config import Address
from sync_server.surveys import services as surveys
from sync_server.surveys.files import load_all
from tests.sync_server.device import a_court, an_exit
from wire.envelopes import EnrolRequest

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def enrol(folder: Path, code: str) -> bytes:
    key = Ed25519PrivateKey.generate()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    pem = request.public_bytes(serialization.Encoding.PEM).decode()
    authority = open_authority(folder, now=NOW)
    services.enrol(
        EnrolRequest(1, code, pem), peer="192.0.2.1", authority=authority, broker=Address("broker.example", 8883), now=lambda: NOW
    )
    return key.public_key().public_bytes_raw()


@pytest.fixture
def code() -> str:
    for sheet in load_all():
        surveys.release(sheet, released_at=NOW)
    return services.issue_code(exit=an_exit(a_court()), name="kiosk-roll", now=lambda: NOW)[0]


def test_a_device_that_is_let_in_stands_on_the_roll_with_all_that_lets_it_in_again(tmp_path: Path, code: str) -> None:
    key = enrol(tmp_path / "authority", code)
    (entry,) = roll.read(tmp_path / "authority")
    certificate, placement = IssuedCertificate.objects.get(), Placement.objects.get()
    assert entry == roll.Enrolled(
        device="kiosk-roll",
        key=key,
        at=NOW.isoformat(),
        serial=certificate.serial,
        expires=certificate.expires_at.isoformat(),
        court="court",
        exit=placement.exit.name_uk,
        since=placement.starts_at.isoformat(),
    )


def test_it_stands_there_even_if_the_server_dies_at_the_commit(tmp_path: Path, code: str) -> None:
    with transaction.atomic():
        enrol(tmp_path / "authority", code)
        transaction.set_rollback(True)
    assert not Device.objects.exists()
    assert [entry.device for entry in roll.read(tmp_path / "authority")] == ["kiosk-roll"]


def test_a_device_that_is_refused_does_not_stand_on_it(tmp_path: Path, code: str) -> None:
    enrol(tmp_path / "authority", code)
    with pytest.raises(services.EnrolmentRefused):
        enrol(tmp_path / "authority", code)
    assert len(roll.read(tmp_path / "authority")) == 1


def test_a_missing_roll_is_an_empty_one(tmp_path: Path) -> None:
    assert roll.read(tmp_path) == []
