"""What several test files of the kiosk work with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kiosk.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.ledger.stop()
