"""A row is its place in its stream, not what it says."""

import pytest

from sync_server.ingest.models import LedgerRow
from tests.sync_server.device import NOON, a_source
from wire.events import Flag

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


def test_rows_of_the_same_bytes_are_as_many_rows() -> None:
    source = a_source()
    flag = source.event(Flag, NOON, "rapid")
    source.add(flag, flag, flag)
    assert source.send().stored_through == 3
    assert list(LedgerRow.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3]
    assert len(set(LedgerRow.objects.values_list("link", flat=True))) == 3
