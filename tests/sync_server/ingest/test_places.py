"""A row is its place in its stream, not what it says."""

import pytest
from django.db import IntegrityError

from sync_server.ingest.books import Book
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


def test_where_nobody_saw_that_a_place_is_taken_the_ledger_itself_refuses_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    source = a_source()
    source.rate(4)
    source.send()
    monkeypatch.setattr(Book, "links", lambda *asked: {})
    with pytest.raises(IntegrityError):
        source.send()
    assert LedgerRow.objects.count() == 1
