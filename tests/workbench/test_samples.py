"""Sample results come in through `accept` and nothing else, and what it does not take is not passed over."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from workbench import samples
from workbench.sample_courts import COURTS

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TINY = tuple(court for court in COURTS if court.weekly_limits)


@pytest.fixture
def questionnaire(storage: str, db: Any) -> None:
    from sync_server.surveys.files import load
    from sync_server.surveys.services import release

    release(load(ROOT / "assets" / "questionnaires" / "exit.toml"), released_at=NOW)


def silent(*_: object) -> None:
    pass


def test_every_row_sent_is_stored_and_tallied(questionnaire: None) -> None:
    from django.db.models import Sum

    from sync_server.courts.models import Court
    from sync_server.ingest.models import Evidence, LedgerRow, SetAside
    from sync_server.results import tallies
    from sync_server.results.models import RAW, Tally
    from sync_server.surveys.selectors import current_questionnaire

    stored = samples.fill(silent, now=NOW, courts=TINY)
    while tallies.step():
        pass
    asked = current_questionnaire()
    assert asked is not None
    (device,) = samples.devices(asked, now=NOW, courts=TINY)
    assert stored == LedgerRow.objects.count() == len(device.rows) > 300
    assert SetAside.objects.count() == 0
    assert Evidence.objects.count() > 1
    assert Court.objects.get().is_sample
    totals = Tally.objects.filter(item="overall").aggregate(**{name: Sum(name) for name in RAW})
    visits = {(row.boot, row.visit) for row in device.rows if row.item == "overall"}
    assert sum(totals.values()) == len(visits)


def test_a_batch_that_is_refused_stops_the_filling(questionnaire: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    foreign = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    monkeypatch.setattr(samples.SampleDevice, "public_key", property(lambda _: foreign))
    with pytest.raises(samples.SamplesRefused, match="sample-court1-exit1: a batch was not acknowledged"):
        samples.fill(silent, now=NOW, courts=TINY)


def test_without_a_questionnaire_nothing_is_filled(storage: str, db: Any) -> None:
    with pytest.raises(samples.SamplesRefused, match="no questionnaire"):
        samples.fill(silent, now=NOW, courts=TINY)


def test_progress_reaches_the_total(questionnaire: None) -> None:
    said: list[tuple[int, int]] = []
    samples.fill(lambda done, total, _court: said.append((done, total)), now=NOW, courts=TINY)
    assert said == sorted(said)
    assert said[-1][0] == said[-1][1]
