"""What a start claims of its own clock is believed as long as it fits those around it, and the same whatever comes first."""

import logging
from datetime import datetime, timedelta
from random import Random
from uuid import uuid4

import msgspec
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_server.courts.models import Court
from sync_server.ingest.models import Boot, LedgerRow, Mark, Stream
from sync_server.ingest.services import Received, accept, narrow
from sync_server.results import tallies
from sync_server.results.due import Day
from sync_server.results.models import Tally
from tests.sync_server.device import NOON, Source, a_court, a_source, an_exit
from tests.sync_server.results.history import counts
from tests.sync_server.results.test_due import FRIDAY, LATER, settle
from wire import codec
from wire.envelopes import Clock, Echo, Hello
from wire.events import Answer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage")]

MORNING, EVENING = NOON - timedelta(hours=4), NOON + timedelta(hours=4)
LIE = timedelta(days=-857)
MINUTE = 60_000


@pytest.fixture
def court() -> Court:
    return a_court()


@pytest.fixture
def source(court: Court) -> Source:
    return a_source(exit=an_exit(court))


def ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def claims(source: Source, at: datetime, value: int, *, minutes: int = 1) -> bytes:
    """A start whose clock says that it is `at` when somebody answers, so many minutes after it began. Nobody else says so."""
    source.boot = uuid4().bytes
    return more(source, at, value, minutes=minutes)


def more(source: Source, at: datetime, value: int, *, minutes: int) -> bytes:
    row = source.event(Answer, at, value)
    source.add(msgspec.structs.replace(row, visit=minutes * MINUTE, wall_offset=ms(at) - minutes * MINUTE))
    return source.boot


def meeting(source: Source, boot: bytes, at: datetime) -> Received:
    """The greeting of a start two minutes after it began, which was at `at`: it has heard this server's time just before."""
    reading = 2 * MINUTE
    clock = Clock(boot, reading, ms(at) + reading, True)
    hello = Hello(1, source.stream, 1_000, 1, 0, clock, "test", echo=Echo(ms(at) + reading - 100, reading - 80))
    return Received(source.name, *codec.encode(hello), ms(at) + reading)


def met(source: Source, at: datetime, value: int) -> bytes:
    """A start whose answer came a minute after it began, and which has met the server in the next."""
    boot = claims(source, at, value)
    in_order(source)
    accept([meeting(source, boot, at - timedelta(minutes=1))])
    return boot


def in_order(source: Source) -> None:
    Stream.objects.get_or_create(device=source.device, stream=source.stream, defaults={"live_after": 0})


def send(source: Source, first: int = 1, last: int | None = None) -> None:
    in_order(source)
    source.send(first, last, received=LATER)
    settle()


def dates(source: Source) -> list[int | None]:
    return list(LedgerRow.objects.filter(stream__stream=source.stream).order_by("seq").values_list("at", flat=True))


def test_a_lie_between_two_that_met_the_server_is_refuted_and_its_answers_are_on_the_day_between(
    court: Court, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    met(source, MORNING, 5)
    boot = claims(source, NOON + LIE, 2)
    met(source, EVENING, 5)
    with caplog.at_level(logging.WARNING):
        send(source)
    assert dates(source) == [ms(MORNING), None, ms(EVENING)]
    assert counts(court, FRIDAY) == {"v5": 2, "v2": 1, "c5": 2, "c2": 1}
    assert counts(court, FRIDAY + LIE) == counts(court, None) == {}
    liar = Boot.objects.get(boot=boot)
    assert (liar.offset, liar.refuted) == (None, ms(NOON + LIE) - MINUTE)
    assert f"{source.name} claims" in caplog.text


def test_a_lie_that_was_counted_is_taken_from_its_day_when_one_that_met_the_server_comes_before_it(
    court: Court, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    met(source, MORNING, 5)
    claims(source, NOON + LIE, 2)
    met(source, EVENING, 5)
    send(source, 2)
    assert counts(court, FRIDAY + LIE) == {"v2": 1, "c2": 1}, "nothing speaks against it yet"
    seen: set[Day] = set()
    real = tallies.rebuild
    monkeypatch.setattr(tallies, "rebuild", lambda day: (seen.add(day), real(day))[1])
    send(source, 1, 1)
    assert counts(court, FRIDAY + LIE) == {}
    assert counts(court, FRIDAY) == {"v5": 2, "v2": 1, "c5": 2, "c2": 1}
    assert seen == {Day(court.id, FRIDAY), Day(court.id, FRIDAY + LIE), Day(court.id, None)}


def test_what_a_start_claims_that_fits_is_believed(court: Court, source: Source) -> None:
    claims(source, MORNING, 5)
    claims(source, NOON, 4)
    met(source, EVENING, 5)
    send(source)
    assert dates(source) == [ms(MORNING), ms(NOON), ms(EVENING)]
    assert Boot.objects.filter(refuted=None).count() == 3


def test_two_that_contradict_one_another_are_believed_neither_however_many_stand_by_one(court: Court, source: Source) -> None:
    claims(source, MORNING, 5)
    claims(source, NOON, 4)
    claims(source, NOON + LIE, 2)
    met(source, EVENING, 3)
    send(source)
    assert dates(source) == [None, None, None, ms(EVENING)]
    assert counts(court, FRIDAY + LIE) == {}
    assert counts(court, None) == {"v5": 1, "v4": 1, "v2": 1, "c5": 1, "c4": 1, "c2": 1}


def test_one_of_two_that_meets_the_server_after_all_is_believed_again_and_the_other_is_not(court: Court, source: Source) -> None:
    honest = claims(source, MORNING, 5)
    claims(source, NOON + LIE, 2)
    met(source, EVENING, 5)
    send(source)
    assert dates(source) == [None, None, ms(EVENING)]
    accept([meeting(source, honest, MORNING - timedelta(minutes=1))])
    settle()
    assert dates(source) == [ms(MORNING), None, ms(EVENING)]
    assert counts(court, FRIDAY) == {"v5": 2, "v2": 1, "c5": 2, "c2": 1}
    assert counts(court, None) == {}


def test_a_claim_is_believed_again_when_only_a_lie_spoke_against_it(court: Court, source: Source) -> None:
    claims(source, MORNING, 5)
    met(source, MORNING + timedelta(hours=1), 3)
    claims(source, NOON + LIE, 2)
    met(source, EVENING, 5)
    send(source, 3)
    send(source, 1, 1)
    assert dates(source) == [None, None, ms(EVENING)]
    send(source, 2, 2)
    assert dates(source) == [ms(MORNING), ms(MORNING + timedelta(hours=1)), None, ms(EVENING)], "the second bears the first out"


def test_what_a_lie_told_of_the_starts_before_it_is_forgotten_with_it(court: Court, source: Source) -> None:
    met(source, MORNING, 5)
    source.boot = uuid4().bytes
    row = source.event(Answer, NOON - timedelta(hours=1), 1, synchronised=False)
    source.add(msgspec.structs.replace(row, visit=MINUTE))
    claims(source, NOON + LIE, 2)
    met(source, EVENING, 5)
    send(source, 2)
    assert dates(source) == [None, ms(NOON + LIE), ms(EVENING)]
    send(source, 1, 1)
    assert dates(source) == [ms(MORNING), None, None, ms(EVENING)]
    assert counts(court, FRIDAY) == {"v5": 2, "v2": 1, "v1": 1, "c5": 2, "c2": 1, "c1": 1}


def test_a_refuted_claim_is_not_believed_when_it_is_repeated(court: Court, source: Source) -> None:
    met(source, MORNING, 5)
    boot = claims(source, NOON + LIE, 2)
    later = [more(source, NOON + LIE + timedelta(minutes=more_), 4, minutes=1 + more_) for more_ in (3, 6)]
    met(source, EVENING, 5)
    send(source, 1, 2)
    send(source, 5, 5)
    assert dates(source) == [ms(MORNING), None, ms(EVENING)]
    source.send(3, 4, received=LATER)
    assert dates(source) == [ms(MORNING), None, None, None, ms(EVENING)]
    settle()
    assert later == [boot, boot]
    assert counts(court, FRIDAY) == {"v5": 2, "v4": 2, "v2": 1, "c5": 2, "c4": 2, "c2": 1}


def test_where_rows_may_have_been_taken_over_nothing_is_refuted(court: Court, source: Source) -> None:
    Stream.objects.create(device=source.device, stream=source.stream, live_after=None)
    met(source, MORNING, 5)
    claims(source, NOON + LIE, 2)
    met(source, EVENING, 5)
    send(source)
    assert dates(source) == [ms(MORNING), ms(NOON + LIE), ms(EVENING)]


def taken_over(source: Source, moved: int) -> None:
    """A new start greets: so far its card had taken rows over, and no farther."""
    accept([source.hello(received=LATER, moved=moved)])
    settle()


def test_a_lie_that_was_recorded_after_rows_were_taken_over_is_refuted_by_these(court: Court, source: Source) -> None:
    Stream.objects.create(device=source.device, stream=source.stream)
    second = claims(source, NOON, 3)
    accept([meeting(source, second, NOON - timedelta(minutes=1))])
    met(source, MORNING, 5)
    claims(source, MORNING + LIE, 2)
    source.send(received=LATER)
    settle()
    assert dates(source) == [ms(NOON), ms(MORNING), ms(MORNING + LIE)], "nobody knows of any order"
    source.boot = uuid4().bytes
    taken_over(source, 2)
    assert dates(source) == [ms(NOON), ms(MORNING), None], "of what was taken over the order tells nothing"
    assert counts(court, FRIDAY + LIE) == {}


def test_what_was_taken_over_refutes_nothing_by_its_own_places(court: Court, source: Source) -> None:
    Stream.objects.create(device=source.device, stream=source.stream)
    claims(source, NOON, 3)
    claims(source, MORNING, 4)
    met(source, MORNING - timedelta(hours=1), 5)
    claims(source, EVENING, 2)
    source.boot = uuid4().bytes
    taken_over(source, 3)
    source.send(received=LATER)
    settle()
    assert dates(source) == [ms(at) for at in (NOON, MORNING, MORNING - timedelta(hours=1), EVENING)]


def test_a_start_without_a_clock_after_rows_that_were_taken_over_is_put_on_its_day_by_them(court: Court, source: Source) -> None:
    Stream.objects.create(device=source.device, stream=source.stream)
    met(source, MORNING, 5)
    source.boot = uuid4().bytes
    row = source.event(Answer, NOON, 2, synchronised=False)
    source.add(msgspec.structs.replace(row, visit=MINUTE))
    met(source, EVENING, 4)
    source.boot = uuid4().bytes
    taken_over(source, 1)
    source.send(received=LATER)
    settle()
    assert counts(court, FRIDAY) == {"v5": 1, "v4": 1, "v2": 1, "c5": 1, "c4": 1, "c2": 1}


def test_what_holds_already_is_written_and_marked_once(court: Court, source: Source) -> None:
    met(source, MORNING, 5)
    claims(source, NOON + LIE, 2)
    met(source, EVENING, 5)
    send(source)
    before = list(Boot.objects.order_by("id").values())
    with transaction.atomic():
        narrow(Stream.objects.values_list("id", flat=True))
    assert not Mark.objects.exists()
    assert list(Boot.objects.order_by("id").values()) == before


def test_rows_that_continue_a_start_ask_for_no_look_at_the_order(court: Court, source: Source) -> None:
    met(source, MORNING, 5)
    more(source, MORNING + timedelta(minutes=2), 5, minutes=3)
    send(source, 1, 1)
    source.send(2, 2, received=LATER)
    assert None not in Mark.objects.values_list("hour", flat=True)


def world(court: Court, name: str, arrangement: Random) -> tuple[list[int | None], list[tuple[object, ...]]]:
    """Dates and tallies of a device: starts, liars too, whose rows and greetings come in some order and are counted meanwhile."""
    source = a_source(f"kiosk-order-{name}", exit=an_exit(court, name))
    in_order(source)
    told: list[Received] = []
    for place, (hours, lie, greets) in enumerate(
        ((-100, None, False), (-99, None, True), (-98, LIE, False), (-80, None, False), (-79, LIE * 2, False), (-50, None, True),
         (-49, None, False), (-48, None, False), (-47, LIE / 400, False), (-10, None, True))
    ):  # fmt: skip
        at = NOON + timedelta(hours=hours)
        boot = claims(source, at + (lie or timedelta()), 1 + place % 5)
        more(source, at + (lie or timedelta()) + timedelta(minutes=4), 1, minutes=5)
        if greets:
            told.append(meeting(source, boot, at - timedelta(minutes=1)))
    told += [source.message(seq, seq, received=LATER) for seq in range(1, len(source.rows) + 1)]
    arrangement.shuffle(told)
    for message in told:
        accept([message])
        if arrangement.random() < 0.2:
            settle()
    settle()
    told_twice = arrangement.choice(told)
    accept([told_twice])
    settle()
    names = ("local_date", "item", "v1", "v2", "v3", "v4", "v5", "hours")
    tallied = sorted(Tally.objects.filter(exit__name_uk=name).values_list(*names), key=str)
    return dates(source), tallied


def test_whatever_comes_first_the_same_is_believed_and_counted(court: Court) -> None:
    found = [world(court, f"exit-{seed}", Random(seed)) for seed in range(5)]
    assert all(one == found[0] for one in found), [one[0] for one in found]
    assert [at is None for at in found[0][0]].count(True) not in (0, 20)


Start = tuple[int, bool, bool]
"""After how many hours it began, whether it says that it was years earlier, and whether it has met the server."""
STARTS = st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.booleans()), min_size=2, max_size=6)


@given(starts=STARTS, live=st.integers(1, 6), seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_after_rows_of_any_order_no_wrong_word_stands_beside_what_met_the_server(
    court: Court, starts: list[Start], live: int, seed: int
) -> None:
    """The first starts were taken over in some order, of the last `live` the rows stand as they were recorded. A lie after one that
    met the server dates nothing, who met it is dated right, and all is the same however the messages come.
    """
    found = [taken(court, starts, live, Random(seed), arrangement) for arrangement in range(3)]
    assert all(one == found[0] for one in found)


def taken(court: Court, starts: list[Start], live: int, random: Random, arrangement: int) -> list[int | None]:
    name = uuid4().hex[:20]
    source = a_source(f"kiosk-{name}", exit=an_exit(court, name))
    Stream.objects.create(device=source.device, stream=source.stream)
    at = NOON - timedelta(hours=100)
    told: list[Received] = []
    begun: list[tuple[datetime, Start, bytes]] = []
    for start in starts:
        at += timedelta(hours=start[0])
        begun.append((at, start, uuid4().bytes))
    moved = max(0, len(begun) - live)
    rows = [*random.sample(begun[:moved], moved), *begun[moved:]]
    for when, (_, lies, meets), boot in rows:
        source.boot = boot
        row = source.event(Answer, when, 3)
        source.add(msgspec.structs.replace(row, visit=MINUTE, wall_offset=ms(when + (LIE if lies else timedelta())) - MINUTE))
        if meets:
            told.append(meeting(source, boot, when - timedelta(minutes=1)))
    told += [source.message(seq, seq, received=LATER) for seq in range(1, len(source.rows) + 1)]
    source.boot = uuid4().bytes
    told.append(source.hello(received=LATER, moved=moved))
    Random(arrangement).shuffle(told)
    for place, message in enumerate(told, 1):
        accept([message])
        if arrangement or place == len(told):
            with transaction.atomic():
                narrow(Stream.objects.filter(device=source.device).values_list("id", flat=True))
    known = dates(source)
    for place, (when, (_, lies, meets), _) in enumerate(rows):
        if meets:
            assert known[place] is not None
            assert abs(known[place] - ms(when)) <= 2_000
        elif lies and place >= moved and any(meets for _, (_, _, meets), _ in rows[:place]):
            assert known[place] is None
        elif not lies:
            assert known[place] in (None, ms(when))
    return known
