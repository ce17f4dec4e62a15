"""What the simulator forgives of a damaged card: rows on the pages that were hit, and no others."""

from pathlib import Path

import pytest

from kiosk.ledger.keeper import Keeper
from wire.events import Answer, DeviceId, Input
from workbench.simulation.reading import PAGE, Survey

DEVICE = DeviceId("kiosk-0-sim")
ROWS = 200


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    keeper = Keeper(tmp_path / "ledger.sqlite3", now=lambda: 0.0)
    keeper.open()
    assert all(keeper.record([[Answer(7, "overall", "uk", Input.TOUCH, bytes(16), 0, False, at, 0, 4)] for at in range(ROWS)]))
    keeper.close()
    return tmp_path / "ledger.sqlite3"


def visits(survey: Survey) -> set[int]:
    return {key.visit for key in survey.readable()}


def test_a_first_page_that_tells_no_tables_any_more_costs_no_row(ledger: Path) -> None:
    survey = Survey(ledger, DEVICE)
    content = ledger.read_bytes()
    ledger.write_bytes(bytes(PAGE) + content[PAGE:])
    assert visits(survey) == set(range(ROWS))


def test_a_page_of_rows_that_is_hit_may_cost_its_own_rows_only(ledger: Path) -> None:
    survey = Survey(ledger, DEVICE)
    content = ledger.read_bytes()
    ledger.write_bytes(content[:-PAGE] + bytes(PAGE))
    lost = set(range(ROWS)) - visits(survey)
    assert 0 < len(lost) < PAGE // 60
