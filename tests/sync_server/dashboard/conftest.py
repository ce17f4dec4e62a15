"""A court with one device, and somebody who looks after it. Imported before Django is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from datetime import datetime

    from django.test import Client

    from sync_server.courts.models import Court
    from tests.sync_server.device import Source


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    from django.utils import timezone

    from tests.sync_server.dashboard.staff import NOW

    monkeypatch.setattr(timezone, "now", lambda: NOW)
    return NOW


@pytest.fixture
def court() -> Court:
    from tests.sync_server.device import a_court

    return a_court("mine")


@pytest.fixture
def source(court: Court) -> Source:
    from tests.sync_server.device import a_source, an_exit

    return a_source("kiosk-mine-1", exit=an_exit(court))


@pytest.fixture
def staff(court: Court) -> Client:
    """Facility staff of this court and of no other."""
    from sync_server.accounts.models import Role
    from tests.sync_server.dashboard.staff import signed_in

    return signed_in(Role.Kind.FACILITY, court)
