"""Behind a backlog today's answers are counted first, and so is what has waited longest; the rest follows."""

from datetime import timedelta

import pytest

from sync_server.ingest.services import accept
from sync_server.results import tallies
from sync_server.results.models import Tally
from tests.sync_server.device import NOON, a_court, a_source, an_exit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]

DAYS = (0, 10, 20, 30, 40)
TODAY = NOON + timedelta(days=DAYS[-1])


def test_today_is_counted_before_the_days_of_the_backlog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "DAYS_AT_ONCE", 2)
    source = a_source(exit=an_exit(a_court()))
    while tallies.step(NOON):
        pass  # the device's own placement makes days due, newest first, whatever the marks' order
    for place, day in enumerate(DAYS, 1):
        at = NOON + timedelta(days=day)
        source.rate(4, at=at)
        accept([source.message(place, place, received=at)])
    tallies.step(TODAY)
    counted = {(row.local_date - NOON.date()).days for row in Tally.objects.all() if row.local_date is not None}
    assert counted == {0, 40}, "the one that has waited longest, and today"
    while tallies.step(TODAY):
        pass
    assert Tally.objects.count() == len(DAYS)
