"""The health worker keeps the ledger short: what is backed up goes once it is old, and at once where there is hardly any room."""

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from kiosk.core.progress import Progress
from kiosk.core.troubles import Troubles
from kiosk.core.ways import Way
from kiosk.workers import health
from kiosk.workers.health import HealthWorker
from kiosk.workers.sync import Outlook
from tests.kiosk.exit import HandClock
from tests.kiosk.ledgers import Bench, rating
from tests.kiosk.test_ledger_keeper import EPOCH
from wire.envelopes import Health
from wire.events import DAY_MS

MIB = 2**20
CLOCK = HandClock()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Rows of ten days ago and of yesterday, all backed up but the last two."""
    made = Bench(tmp_path / "ledger-device.sqlite3")
    for number in range(20):
        days = 10 if number < 10 else 1
        assert made.keeper.record([[rating(number, wall=CLOCK.stamp().wall - days * DAY_MS)]]) == [True]
    made.keeper.remember(made.keeper.standing().stream, Progress(EPOCH, 20, 18), now=True)
    return made


def pruned(bench: Bench, monkeypatch: pytest.MonkeyPatch, *, free: int) -> list[int]:
    """The visits that are left after a minute with so many bytes free on the card; rows are kept for a week."""
    monkeypatch.setattr(health, "disk_usage", lambda folder: SimpleNamespace(free=free))
    HealthWorker(
        shelf=bench.keeper,
        clock=CLOCK,
        state_dir=bench.path.parent,
        software="test",
        retention_days=7,
        config_version=lambda: 1,
        outlook=lambda: Outlook(Way.MQTT, True, None, Troubles()),
        notes=list,
        send=lambda report: None,
        keep=lambda report: None,
    ).step()
    return bench.visits()


def test_with_room_only_what_is_old_is_deleted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pruned(bench, monkeypatch, free=64 * MIB) == list(range(10, 20))


def test_without_room_all_that_is_backed_up_is_deleted_and_nothing_else(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pruned(bench, monkeypatch, free=64 * MIB - 1) == [18, 19]


def test_a_card_that_takes_no_status_and_does_not_say_its_room_is_reported_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(report: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(health, "disk_usage", refuse)
    sent: list[Health] = []
    worker = HealthWorker(
        shelf=bench.keeper,
        clock=CLOCK,
        state_dir=bench.path.parent,
        software="test",
        retention_days=7,
        config_version=lambda: 1,
        outlook=lambda: Outlook(Way.MQTT, True, None, Troubles()),
        notes=list,
        send=sent.append,
        keep=refuse,
    )
    with pytest.raises(OSError, match="full"):
        worker.step()
    assert (sent[0].recorded, sent[0].free_bytes) == (20, 0)
    assert "how much room" in sent[0].notes[0]
    assert bench.visits() == [18, 19]
