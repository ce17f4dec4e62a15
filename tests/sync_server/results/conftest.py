"""A court with one device. Imported before Django is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sync_server.courts.models import Court
    from tests.sync_server.device import Source


@pytest.fixture
def court() -> Court:
    from tests.sync_server.device import a_court

    return a_court()


@pytest.fixture
def source(court: Court) -> Source:
    from tests.sync_server.device import a_source, an_exit

    return a_source(exit=an_exit(court))
