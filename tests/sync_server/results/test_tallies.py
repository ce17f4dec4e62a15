"""Tallies say what the ledger says: the last word of every visit, on its court's own day, on SQLite and on PostgreSQL."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_server.courts import services as courts
from sync_server.courts.models import Court
from sync_server.ingest.models import Mark
from sync_server.ingest.services import Received, accept
from sync_server.results import tallies
from sync_server.results.models import CourtRevision, Tally
from sync_server.results.tallies import Day
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
from tests.sync_server.results.history import BOOTED, Visit, counts, hours, utc
from wire import codec
from wire.envelopes import Clock, Echo, Hello
from wire.events import DONT_KNOW, NOT_APPLICABLE, Answer, Input, Passage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]

FRIDAY = date(2026, 11, 20)
LATER = NOON + timedelta(days=1)
"""When rows of that day have all come in."""


def settle(now: datetime = NOON) -> None:
    while tallies.step(now):
        pass


def send(source: Source, first: int = 1, last: int | None = None) -> None:
    source.send(first, last, received=LATER)
    settle()


def greet(source: Source, at: datetime) -> None:
    """The device says hello at `at`, its clock says how long it has been up, and when it last heard this server's."""
    monotonic = int(at.timestamp() * 1000) - BOOTED
    clock, echo = Clock(source.boot, monotonic, monotonic, False), Echo(BOOTED + monotonic - 100, monotonic - 80)
    content_type, data = codec.encode(Hello(1, source.stream, len(source.rows) + 1, 1, 0, clock, "test", echo=echo))
    accept([Received(source.name, content_type, data, int(at.timestamp() * 1000))])
    settle()


@pytest.fixture
def court() -> Court:
    return a_court()


@pytest.fixture
def source(court: Court) -> Source:
    return a_source(exit=an_exit(court))


# --- the last word -----------------------------------------------------------------------------------------------------------


def test_each_visit_counts_once_at_the_point_it_chose(court: Court, source: Source) -> None:
    for value in (5, 5, 4, 1):
        Visit(source, NOON + timedelta(seconds=len(source.rows))).answer(value)
    send(source)
    assert counts(court, FRIDAY) == {"v5": 2, "v4": 1, "v1": 1, "c5": 2, "c4": 1, "c1": 1}


def test_an_answer_given_again_replaces_the_first(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(1).retract(ms=900).answer(5, ms=1_500)
    send(source)
    assert counts(court, FRIDAY) == {"v5": 1, "c5": 1}


def test_an_answer_that_was_taken_back_is_gone_although_it_was_counted_before(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(2).retract(ms=4_000)
    send(source, 1, 1)
    assert counts(court, FRIDAY) == {"v2": 1, "c2": 1}
    send(source, 2, 2)
    assert counts(court, FRIDAY) == {}
    assert not Tally.objects.exists()


def test_a_retraction_that_comes_before_its_answer_is_heard_all_the_same(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(2).retract(ms=4_000)
    send(source, 2, 2)
    send(source, 1, 1)
    assert counts(court, FRIDAY) == {}


def test_rows_of_one_millisecond_are_taken_in_the_order_of_the_ledger(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(1).retract(ms=0).answer(4, ms=0)
    send(source)
    assert counts(court, FRIDAY) == {"v4": 1, "c4": 1}


def test_an_item_that_was_shown_and_left_is_unanswered_and_answered_later_is_not(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(4).left(ms=9_000)
    Visit(source, NOON + timedelta(minutes=1)).answer(4).left(ms=9_000).answer(2, ms=9_500, item="reason")
    send(source)
    assert counts(court, FRIDAY, "reason") == {"unanswered": 1, "v2": 1, "c2": 1}


def test_what_is_no_scale_point_stands_beside_the_scale(court: Court, source: Source) -> None:
    for value in (DONT_KNOW, NOT_APPLICABLE, NOT_APPLICABLE, 0, 10):
        Visit(source, NOON + timedelta(seconds=len(source.rows))).answer(value)
    send(source)
    assert counts(court, FRIDAY) == {"dont_know": 1, "not_applicable": 2, "v0": 1, "v10": 1, "c0": 1, "c10": 1}
    assert hours(court, FRIDAY) == {14: 2}, "and in no hour's distribution"


def test_a_flagged_visit_counts_raw_and_not_cleaned(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(1).flag()
    Visit(source, NOON + timedelta(seconds=9)).answer(5)
    send(source)
    assert counts(court, FRIDAY) == {"v1": 1, "v5": 1, "c5": 1, "flagged": 1}
    assert hours(court, FRIDAY) == {14: 1}


@pytest.mark.parametrize("reason", ["rapid", "burst", "run", "closed", "stuck"])
def test_whatever_the_doubt_the_visit_counts_as_flagged_in_all_that_it_said(court: Court, source: Source, reason: str) -> None:
    Visit(source, NOON).answer(2).flag(reason, ms=1).answer(3, ms=9, item="reason").answer(4, ms=20, item="tangibles.comfort")
    send(source)
    assert counts(court, FRIDAY) == {"v2": 1, "flagged": 1}
    assert counts(court, FRIDAY, "reason") == {"v3": 1, "flagged": 1}
    assert counts(court, FRIDAY, "tangibles.comfort") == {"v4": 1, "flagged": 1}


def test_who_passed_the_door_is_in_no_tally_of_answers(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(4)
    source.add(source.event(Passage, NOON, 230, dt=3_600_000, item="overall"))
    send(source)
    assert counts(court, FRIDAY) == {"v4": 1, "c4": 1}


def test_answers_to_the_built_in_questionnaire_count(court: Court, source: Source) -> None:
    source.add(msgspec.structs.replace(source.event(Answer, NOON, 4), questionnaire=0))
    send(source)
    assert counts(court, FRIDAY) == {"v4": 1, "c4": 1}


def test_a_flag_that_comes_a_batch_later_cleans_what_was_counted(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(1).flag(ms=100).flag("burst", ms=200)
    send(source, 1, 1)
    assert counts(court, FRIDAY) == {"v1": 1, "c1": 1}
    send(source, 2, 3)
    assert counts(court, FRIDAY) == {"v1": 1, "flagged": 1}, "two flags are one doubt"


def test_raw_is_always_cleaned_and_flagged_together(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(1).left(ms=9).flag()
    Visit(source, NOON + timedelta(seconds=3)).answer(DONT_KNOW).flag()
    Visit(source, NOON + timedelta(seconds=6)).answer(3)
    send(source)
    for tally in Tally.objects.all():
        raw = sum(getattr(tally, f"v{point}") for point in range(11))
        cleaned = sum(getattr(tally, f"c{point}") for point in range(11))
        assert raw == cleaned + tally.flagged, f"{tally.item}: flagged is how many answers the cleaned ones leave out"


def test_inputs_and_exits_are_kept_apart(court: Court, source: Source) -> None:
    side = a_source("kiosk-side-1", exit=an_exit(court, "Бічний вихід"))
    Visit(source, NOON).answer(5)
    Visit(source, NOON + timedelta(seconds=1), channel=Input.BUTTON).answer(4)
    Visit(side, NOON).answer(3)
    send(source)
    send(side)
    rows = set(Tally.objects.values_list("exit__name_uk", "input", "v5", "v4", "v3"))
    assert rows == {
        ("Головний вихід", Input.TOUCH, 1, 0, 0),
        ("Головний вихід", Input.BUTTON, 0, 1, 0),
        ("Бічний вихід", Input.TOUCH, 0, 0, 1),
    }


def test_a_fork_sent_anew_under_another_stream_counts_once(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(5)
    send(source)
    again = source.clone()
    again.stream, again.rows, again.links = type(source.stream)(uuid4().bytes), [], []
    again.boot = source.boot
    again.add(*source.rows)
    send(again)
    assert counts(court, FRIDAY) == {"v5": 1, "c5": 1}, "device, boot and visit name a visit, whatever stream brought it"


# --- where -------------------------------------------------------------------------------------------------------------------


def moved(source: Source, exit: Any, at: datetime) -> None:
    assert source.device is not None
    courts.place_device(device=source.device, exit=exit, starts_at=at)


def test_a_device_moved_at_noon_counts_for_both_exits_by_the_hour_of_the_visit(court: Court, source: Source) -> None:
    moved(source, an_exit(court, "Бічний вихід"), NOON)
    for minutes in (-90, -5, -1, 0, 1, 5, 90):
        Visit(source, NOON + timedelta(minutes=minutes)).answer(4)
    send(source)
    assert counts(court, FRIDAY, exit__name_uk="Головний вихід") == {"v4": 3, "c4": 3}
    assert counts(court, FRIDAY, exit__name_uk="Бічний вихід") == {"v4": 4, "c4": 4}


def test_a_device_moved_to_another_court_counts_there_from_that_moment_on(court: Court, source: Source) -> None:
    lviv = a_court("lviv")
    moved(source, an_exit(lviv), NOON)
    for minutes in (-30, -1, 0, 30, 31):
        Visit(source, NOON + timedelta(minutes=minutes)).answer(4)
    send(source)
    assert (counts(court, FRIDAY), counts(lviv, FRIDAY)) == ({"v4": 2, "c4": 2}, {"v4": 3, "c4": 3})


def test_a_visit_across_the_move_counts_once_where_it_began(court: Court, source: Source) -> None:
    moved(source, an_exit(court, "Бічний вихід"), NOON)
    Visit(source, NOON - timedelta(seconds=2)).answer(1).retract(ms=3_000).answer(5, ms=5_000)
    send(source)
    assert counts(court, FRIDAY, exit__name_uk="Головний вихід") == {"v5": 1, "c5": 1}
    assert counts(court, FRIDAY, exit__name_uk="Бічний вихід") == {}


def test_what_was_said_before_any_placement_counts_nowhere_and_harms_nobody(court: Court) -> None:
    late = a_source("kiosk-late-1", exit=an_exit(court), since=NOON)
    Visit(late, NOON - timedelta(hours=3)).answer(1)
    Visit(late, NOON).answer(5)
    send(late)
    assert counts(court, FRIDAY) == {"v5": 1, "c5": 1}


# --- when --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "length", "moments"),
    [
        # Clocks in Kyiv jump from 03:00 to 04:00 at 01:00 UTC …
        (
            "Europe/Kyiv",
            date(2026, 3, 29),
            23,
            {utc(2026, 3, 29, 0, 59): 2, utc(2026, 3, 29, 1, 0): 4, utc(2026, 3, 29, 20, 59): 23},
        ),
        # … and go back from 04:00 to 03:00 at 01:00 UTC, so that the hour from three to four comes twice.
        (
            "Europe/Kyiv",
            date(2026, 10, 25),
            25,
            {utc(2026, 10, 24, 21, 0): 0, utc(2026, 10, 25, 0, 30): 3, utc(2026, 10, 25, 1, 30): 3, utc(2026, 10, 25, 21, 59): 23},
        ),
        ("Asia/Kolkata", FRIDAY, 24, {utc(2026, 11, 19, 18, 30): 0, utc(2026, 11, 20, 3, 29): 8, utc(2026, 11, 20, 3, 30): 9}),
        ("Asia/Kathmandu", FRIDAY, 24, {utc(2026, 11, 19, 18, 15): 0, utc(2026, 11, 20, 18, 14): 23}),
        ("America/St_Johns", FRIDAY, 24, {utc(2026, 11, 20, 3, 30): 0, utc(2026, 11, 20, 15, 29): 11}),
    ],
)
def test_days_and_hours_are_the_courts_own(zone: str, day: date, length: int, moments: dict[datetime, int]) -> None:
    court = a_court(timezone=zone)
    begin, end = tallies.bounds(court, day)
    assert end - begin == timedelta(hours=length)
    source = a_source(exit=an_exit(court))
    for moment in moments:
        Visit(source, moment).answer(4)
    send(source)
    assert hours(court, day) == Counter(moments.values())
    assert set(Tally.objects.values_list("local_date", flat=True)) == {day}


def test_every_hour_of_a_long_day_is_found(court: Court, source: Source) -> None:
    begin, _ = tallies.bounds(court, date(2026, 10, 25))
    for hour in range(25):
        Visit(source, begin + timedelta(hours=hour, minutes=30)).answer(4)
    send(source)
    assert hours(court, date(2026, 10, 25)) == Counter([*range(24), 3])


def test_midnight_belongs_to_the_new_day(court: Court, source: Source) -> None:
    midnight = utc(2026, 11, 20, 22, 0)
    Visit(source, midnight - timedelta(milliseconds=1)).answer(1)
    Visit(source, midnight).answer(5)
    send(source)
    assert counts(court, FRIDAY) == {"v1": 1, "c1": 1}
    assert counts(court, FRIDAY + timedelta(days=1)) == {"v5": 1, "c5": 1}


def test_a_visit_across_midnight_counts_once_on_the_day_it_began(court: Court, source: Source) -> None:
    Visit(source, utc(2026, 11, 20, 21, 59, 58)).answer(1).retract(ms=3_000).answer(5, ms=4_000)
    send(source, 1, 1)
    send(source, 2, 3)
    assert counts(court, FRIDAY) == {"v5": 1, "c5": 1}
    assert counts(court, FRIDAY + timedelta(days=1)) == {}


def test_a_clock_set_right_within_a_visit_across_midnight_still_counts_it_once(court: Court, source: Source) -> None:
    Visit(source, utc(2026, 11, 20, 21, 59, 59)).answer(1)
    row = codec.decode_event(source.rows[-1])
    later = msgspec.structs.replace(row, wall_offset=row.wall_offset + 60_000, dt=2_000, value=5)
    source.add(later)
    send(source, 1, 1)
    send(source, 2, 2)
    both = Counter(counts(court, FRIDAY)) + Counter(counts(court, FRIDAY + timedelta(days=1)))
    assert both == {"v5": 1, "c5": 1}


def test_answers_without_a_clock_are_undated_until_their_day_is_known(court: Court, source: Source) -> None:
    Visit(source, NOON + timedelta(minutes=1), synchronised=False).answer(4).left(ms=9_000)
    Visit(source, NOON + timedelta(minutes=3), synchronised=False).answer(2).flag()
    send(source)
    assert counts(court, None) == {"v4": 1, "v2": 1, "c4": 1, "flagged": 1}
    assert counts(court, None, "reason") == {"unanswered": 1}
    assert counts(court, FRIDAY) == {}
    assert Tally.objects.filter(item="overall").get().hours == {}, "no day, no hour"
    greet(source, NOON + timedelta(hours=5))
    assert counts(court, None) == {}
    assert counts(court, FRIDAY) == {"v4": 1, "v2": 1, "c4": 1, "flagged": 1}
    assert hours(court, FRIDAY) == {14: 1}


def test_undated_answers_of_one_boot_move_and_those_of_another_stay(court: Court, source: Source) -> None:
    Visit(source, NOON, synchronised=False).answer(1)
    source.boot = uuid4().bytes
    Visit(source, NOON, synchronised=False).answer(5)
    send(source)
    greet(source, NOON + timedelta(hours=1))
    assert (counts(court, None), counts(court, FRIDAY)) == ({"v1": 1, "c1": 1}, {"v5": 1, "c5": 1})


def test_a_day_months_ago_is_counted_when_it_comes_at_last(court: Court, source: Source) -> None:
    Visit(source, utc(2026, 2, 2, 9)).answer(3)
    Visit(source, NOON).answer(5)
    send(source, 2, 2)
    send(source, 1, 1)
    assert (counts(court, date(2026, 2, 2)), counts(court, FRIDAY)) == ({"v3": 1, "c3": 1}, {"v5": 1, "c5": 1})


# --- rebuilding --------------------------------------------------------------------------------------------------------------


def told() -> list[tuple[Any, ...]]:
    names = [field.attname for field in Tally._meta.concrete_fields if field.name not in ("id", "hours")]
    return sorted(Tally.objects.values_list(*names), key=str)


def test_counting_a_day_again_changes_nothing_and_says_so(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(5).left(ms=9).flag()
    send(source)
    before, revision = told(), CourtRevision.objects.get().fresh
    ids = set(Tally.objects.values_list("id", flat=True))
    tallies.rebuild(Day(court.id, FRIDAY))
    assert told() == before
    assert set(Tally.objects.values_list("id", flat=True)) == ids, "not one row is written anew"
    assert CourtRevision.objects.get().fresh == revision


def test_counting_one_day_leaves_the_others_and_other_courts_alone(court: Court, source: Source) -> None:
    other = a_source("kiosk-other", exit=an_exit(a_court("other")))
    for device in (source, other):
        for days in (0, 1, 2):
            Visit(device, NOON - timedelta(days=days)).answer(4)
        send(device)
    untouched = set(Tally.objects.exclude(court=court, local_date=FRIDAY).values_list("id", flat=True))
    Visit(source, NOON + timedelta(minutes=1)).answer(5)
    send(source)
    assert set(Tally.objects.exclude(court=court, local_date=FRIDAY).values_list("id", flat=True)) == untouched
    assert counts(court, FRIDAY) == {"v4": 1, "v5": 1, "c4": 1, "c5": 1}


def test_marks_are_used_up_exactly(court: Court, source: Source) -> None:
    Visit(source, NOON).answer(5)
    source.send()
    assert Mark.objects.exists()
    assert tallies.step(NOON) > 0
    assert not Mark.objects.exists()
    assert tallies.step(NOON) == 0


def test_a_mark_that_comes_while_others_are_worked_off_stays(court: Court, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    Visit(source, NOON).answer(5)
    source.send()
    real = tallies.rebuild

    def meanwhile(day: Day) -> set[str]:
        changed = real(day)
        stream = Mark.objects.first()
        assert stream is not None
        Mark.objects.create(stream_id=stream.stream_id, hour=stream.hour)
        return changed

    monkeypatch.setattr(tallies, "rebuild", meanwhile)
    tallies.step(NOON)
    monkeypatch.undo()
    assert Mark.objects.count() >= 1
    settle()
    assert not Mark.objects.exists()


def test_a_long_backlog_is_worked_off_in_steps(court: Court, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "DAYS_AT_ONCE", 3)
    for day in range(10):
        Visit(source, NOON - timedelta(days=day)).answer(4)
    source.send()
    real, rebuilt = tallies.rebuild, []
    monkeypatch.setattr(tallies, "rebuild", lambda day: (rebuilt.append(day), real(day))[1])
    steps = 0
    while tallies.step(NOON):
        assert len(rebuilt) <= 3, "one step holds the database for three days' counting, and no longer"
        rebuilt.clear()
        steps += 1
    assert steps > 2
    assert Tally.objects.filter(v4=1, c4=1).count() == 10


def test_two_workers_cannot_count_the_same_marks_at_once(court: Court, source: Source, storage: str) -> None:
    Visit(source, NOON).answer(5)
    source.send()
    with CaptureQueriesContext(connection) as asked:
        tallies.step(NOON)
    reading = next(query["sql"] for query in asked if query["sql"].startswith('SELECT "ingest_mark"'))
    # On SQLite a transaction that may write is alone from its first statement on.
    assert storage == "sqlite" or "FOR UPDATE" in reading


# --- everything together -----------------------------------------------------------------------------------------------------

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
