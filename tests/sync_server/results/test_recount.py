"""Tallies equal a recount without any SQL, whatever came in whatever order, on SQLite and on PostgreSQL."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_server.ingest.services import Received, accept
from sync_server.results import tallies
from sync_server.results.models import Tally
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
from tests.sync_server.results.history import LATER, Visit, moved, settle, utc
from wire.events import DONT_KNOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]


DAYS = [utc(2026, 3, 28, 20, 30), utc(2026, 10, 24, 20, 30), utc(2026, 11, 19, 21, 30), NOON]
"""Around which visits fall: two changes of the clock, a midnight, a noon."""


@st.composite
def visits(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """(when, synchronised boot?, [(kind, value or nothing, ms, item)]) of one device."""
    row = st.tuples(
        st.sampled_from(["answer", "answer", "retract", "left", "flag"]),
        st.integers(-2, 10),
        st.integers(0, 5) | st.integers(0, 9_000),
        st.sampled_from(["overall", "reason"]),
    )
    minutes = st.integers(-200, 400)
    visit = st.tuples(st.sampled_from(DAYS), minutes, st.booleans(), st.lists(row, min_size=1, max_size=5))
    return draw(st.lists(visit, min_size=1, max_size=8, unique_by=lambda made: (made[0], made[1], made[2])))


def recount(source: Source, stays: list[tuple[datetime, Any]], rows: list[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    """{(exit, day or none, item, column): count}: the definition, without any SQL. Each row is (seq, at, dated, kind, …)."""
    words: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    doubted = {(at, dated) for _, at, dated, kind, *_ in rows if kind == "flag"}
    for seq, at, dated, kind, value, ms, item in rows:
        if kind != "flag":
            name = (at, dated, item)
            words[name] = max(words.get(name, (-1, -1)), (ms, seq, kind, value))
    found: Counter[tuple[Any, ...]] = Counter()
    for (at, dated, item), (_, _, kind, value) in words.items():
        if kind == "retract":
            continue
        exit = [place for since, place in stays if not dated or since <= at][-1]
        where = (exit.id, exit.court.local_date(at) if dated else None, item)
        if kind == "left":
            found[*where, "unanswered"] += 1
        elif value < 0:
            found[*where, "dont_know" if value == DONT_KNOW else "not_applicable"] += 1
        else:
            found[*where, f"v{value}"] += 1
            found[*where, "flagged" if (at, dated) in doubted else f"c{value}"] += 1
    return found


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_tallies_equal_a_naive_recount_whatever_came_in_whatever_order(data: st.DataObject) -> None:
    run = uuid4().hex[:12]
    here, there = a_court(f"here-{run}"), a_court(f"there-{run}", timezone="Asia/Kolkata")
    exits = [an_exit(here), an_exit(here, "Бічний вихід"), an_exit(there)]
    ever = datetime(2020, 1, 1, tzinfo=UTC)
    expected: Counter[tuple[Any, ...]] = Counter()
    messages: list[Received] = []
    for number in range(data.draw(st.integers(1, 2))):
        source = a_source(f"kiosk-{run}-{number}", exit=exits[0], since=ever)
        stays = [(ever, exits[0])]
        for day, exit in data.draw(
            st.lists(st.tuples(st.sampled_from(DAYS), st.sampled_from(exits)), max_size=2, unique_by=lambda s: s[0])
        ):
            stays.append((day, exit))
        stays.sort(key=lambda stay: stay[0])
        for since, exit in stays[1:]:
            moved(source, exit, since)
        rows = []
        clocked, unclocked = source.boot, uuid4().bytes
        for day, minutes, dated, said in data.draw(visits()):
            at = day + timedelta(minutes=minutes)
            source.boot = clocked if dated else unclocked
            visit = Visit(source, at, synchronised=dated)
            for kind, value, ms, item in said:
                words = {"answer": {"value": value, "item": item}, "flag": {}}.get(kind, {"item": item})
                getattr(visit, kind)(**words, ms=ms)
                rows.append((len(source.rows), at, dated, kind, value, ms, item))
        expected += recount(source, stays, rows)
        total = len(source.rows)
        cuts = sorted(data.draw(st.sets(st.integers(1, total), max_size=4)) | {total})
        firsts = [1, *(cut + 1 for cut in cuts[:-1])]
        messages += [source.message(first, last, received=LATER) for first, last in zip(firsts, cuts, strict=True)]
    order = data.draw(st.permutations(messages)) + data.draw(st.lists(st.sampled_from(messages), max_size=2))
    for message in order:
        accept([message])
        if data.draw(st.booleans()):
            tallies.step(NOON)
    settle()
    found: Counter[tuple[Any, ...]] = Counter()
    for tally in Tally.objects.filter(court__in=[here, there]):
        for name in (
            *(f"{kind}{point}" for kind in "vc" for point in range(11)),
            "dont_know",
            "not_applicable",
            "unanswered",
            "flagged",
        ):
            found[tally.exit_id, tally.local_date, tally.item, name] += getattr(tally, name)
    assert +found == expected
