"""What a device captured, by its numbers: compared with a device of which everything is known."""

from dataclasses import dataclass
from itertools import groupby, pairwise

from hypothesis import given
from hypothesis import strategies as st

from sync_server.results.captured import (
    CLOCKS_MS,
    UNCOUNTED,
    VISIT_MS,
    Absence,
    Absent,
    Mark,
    Numbers,
    Report,
    Why,
    absences,
    spans_of,
    within,
    witness,
)

HOUR = 3_600_000
QUARTER = HOUR // 4


@dataclass(frozen=True)
class Card:
    """A stream as it truly was: when row 1, 2 … were recorded, which of them are here, and what its device said last.

    The first `mixed` rows were taken over from elsewhere: recorded whenever, appended before all others.
    """

    recorded: list[int]
    here: set[int]
    mixed: int
    told_at: int | None
    waiting_since: int | None

    @property
    def highest(self) -> int:
        return max(self.here, default=0)

    @property
    def told(self) -> int:
        """How many rows there were when it reported."""
        assert self.told_at is not None
        return max(self.mixed, sum(at <= self.told_at for at in self.recorded))

    def numbers(self) -> Numbers:
        ordered = [(self.recorded[seq - 1] // QUARTER, seq) for seq in sorted(self.here) if seq > self.mixed]
        marks = []
        for _, rows in groupby(sorted(ordered), key=lambda row: row[0]):
            seqs = [seq for _, seq in rows]
            ats = [self.recorded[seq - 1] for seq in seqs]
            marks.append(Mark(min(seqs), max(seqs), min(ats), max(ats)))
        absent = [Absent(Why.MISSING, *span) for span in spans_of(sorted(set(range(1, self.highest + 1)) - self.here))]
        report = None if self.told_at is None else Report(self.told, self.told_at, self.told_at, 0, self.waiting_since)
        return Numbers(self.highest, self.mixed, marks, absent, None, report)


@st.composite
def cards(draw: st.DrawFn, *, since: int = 0) -> Card:
    steps = draw(st.lists(st.integers(0, 6 * HOUR), max_size=30))
    recorded, now = [], since + 100 * HOUR
    mixed = draw(st.integers(0, len(steps)))
    for place, step in enumerate(steps):
        now += step
        recorded.append(draw(st.integers(0, now)) if place < mixed else now)
    here = draw(st.sets(st.integers(1, len(steps)))) if steps else set()
    # What was taken over had been recorded when the card reported that it has it.
    told_at = draw(st.none() | st.integers(max([since + 100 * HOUR, *recorded[:mixed]]), now + 10 * HOUR))
    waiting_since = None
    if told_at is not None and draw(st.booleans()):
        first = next((seq for seq in range(1, len(steps) + 1) if seq not in here), None)
        waiting_since = None if first is None or recorded[first - 1] > told_at else recorded[first - 1]
    return Card(recorded, here, mixed, told_at, waiting_since)


def may(found: Absence, at: int) -> bool:
    return (found.earliest is None or found.earliest <= at) and (found.latest is None or at <= found.latest)


@given(cards())
def test_what_is_not_here_is_named_row_by_row_with_bounds_that_hold(card: Card) -> None:
    found = absences([card.numbers()])
    for seq in set(range(1, card.highest + 1)) - card.here:
        assert any(each.why is Why.MISSING and may(each, card.recorded[seq - 1]) for each in found)
    assert sum(each.rows for each in found if each.why is Why.MISSING) == card.highest - len(card.here)
    told = 0 if card.told_at is None else card.told
    waiting = [each for each in found if each.why is Why.WAITING]
    assert sum(each.rows for each in waiting) == max(0, told - card.highest)
    for seq in range(card.highest + 1, told + 1):
        assert may(waiting[0], card.recorded[seq - 1])


@given(cards(), st.integers(0, 300 * HOUR), st.integers(1, 100 * HOUR))
def test_a_period_that_nothing_may_belong_to_has_all_of_its_rows_here(card: Card, begin: int, length: int) -> None:
    found = absences([card.numbers()])
    end = begin + length
    if any((each.earliest or 0) < end and (each.latest is None or each.latest >= begin) for each in found):
        return
    assert all(seq in card.here for seq, at in enumerate(card.recorded, 1) if begin <= at < end)


@given(cards())
def test_whatever_a_device_never_told_of_came_after_the_last_that_is_known_of_it(card: Card) -> None:
    told = 0 if card.told_at is None else card.told
    (silent,) = [each for each in absences([card.numbers()]) if each.why is Why.SILENT]
    for seq in range(max(card.highest, told, card.mixed) + 1, len(card.recorded) + 1):
        assert may(silent, card.recorded[seq - 1])


@given(cards(), st.data())
def test_the_end_of_a_replaced_stream_lies_before_the_next_one_was_in_use(former: Card, data: st.DataObject) -> None:
    following = data.draw(cards(since=max(former.recorded, default=0)))
    found = absences([former.numbers(), following.numbers()])
    (ended,) = [each for each in found if each.why is Why.REPLACED]
    for seq in range(max(former.highest, former.mixed) + 1, len(former.recorded) + 1):
        assert may(ended, former.recorded[seq - 1])
    assert sum(each.why is Why.SILENT for each in found) == 1, "only of the one in use"


def marks(*at: tuple[int, int]) -> list[Mark]:
    return [Mark(seq, seq, instant, instant) for seq, instant in at]


def test_a_number_between_two_rows_was_recorded_between_them() -> None:
    (missing, _) = absences([Numbers(3, 0, marks((1, 10 * HOUR), (3, 12 * HOUR)), [Absent(Why.GONE, 2, 2)])])
    assert missing == Absence(Why.GONE, 1, 10 * HOUR - VISIT_MS, 12 * HOUR + CLOCKS_MS)


def test_order_tells_nothing_of_rows_that_were_taken_over_but_that_they_were_recorded_before_others() -> None:
    stream = Numbers(5, 3, marks((4, 10 * HOUR), (5, 11 * HOUR)), [Absent(Why.MISSING, 2, 2)])
    assert absences([stream])[0] == Absence(Why.MISSING, 1, None, 10 * HOUR + CLOCKS_MS)
    unordered = Numbers(5, None, (), [Absent(Why.MISSING, 2, 2)], report=Report(5, 20 * HOUR, 20 * HOUR))
    assert absences([unordered])[0] == Absence(Why.MISSING, 1, None, 20 * HOUR + CLOCKS_MS)


def test_dates_that_contradict_the_order_prove_nothing() -> None:
    stream = Numbers(3, 0, marks((1, 50 * HOUR), (3, 12 * HOUR)), [Absent(Why.MISSING, 2, 2)])
    assert absences([stream])[0] == Absence(Why.MISSING, 1, None, None)


def test_what_waits_was_recorded_since_the_device_says_so_and_no_earlier_than_what_is_here() -> None:
    report = Report(5, 20 * HOUR, 20 * HOUR, 0, 15 * HOUR)
    (waiting, silent) = absences([Numbers(3, 0, marks((3, 12 * HOUR)), report=report)])
    assert waiting == Absence(Why.WAITING, 2, 15 * HOUR - VISIT_MS, 20 * HOUR + CLOCKS_MS)
    assert silent == Absence(Why.SILENT, 0, 20 * HOUR - VISIT_MS, None)


def test_a_clock_that_claims_the_future_does_not_say_since_when_rows_wait() -> None:
    report = Report(5, 20 * HOUR, 20 * HOUR, 0, 99 * HOUR)
    (waiting, _) = absences([Numbers(3, 0, marks((3, 12 * HOUR)), report=report)])
    assert waiting.earliest == 12 * HOUR - VISIT_MS


def test_what_is_still_to_be_taken_over_may_be_of_any_day() -> None:
    found = absences([Numbers(3, 0, marks((3, 12 * HOUR)), report=Report(3, 20 * HOUR, 20 * HOUR, 7))])
    assert found[0] == Absence(Why.MOVING, 7, None, 20 * HOUR + CLOCKS_MS)


def test_a_report_without_a_clock_is_no_witness_but_what_it_counts_had_been_recorded_when_it_came() -> None:
    stream = Numbers(3, 0, marks((3, 12 * HOUR)), report=Report(5, None, 20 * HOUR))
    assert witness(stream) == 12 * HOUR
    assert [each.why for each in absences([stream])] == [Why.WAITING, Why.SILENT]
    assert absences([stream])[0].latest == 20 * HOUR + CLOCKS_MS


def test_of_a_second_card_nobody_knows_what_it_recorded_since_they_parted() -> None:
    copied = Numbers(3, 0, marks((1, 10 * HOUR), (2, 11 * HOUR), (3, 12 * HOUR)), twin_at=2)
    assert absences([copied])[0] == Absence(Why.TWIN, 0, 10 * HOUR - VISIT_MS, None)
    ended = absences([copied, Numbers(1, 0, marks((1, 30 * HOUR)))])[0]
    assert ended == Absence(Why.REPLACED, 0, 10 * HOUR - VISIT_MS, 30 * HOUR + CLOCKS_MS)


def test_two_streams_in_use_have_no_end() -> None:
    former = Numbers(3, 0, marks((3, 40 * HOUR)))
    assert absences([former, Numbers(1, 0, marks((1, 30 * HOUR)))])[0].latest is None


def test_nothing_is_known_of_a_stream_without_rows_and_reports() -> None:
    assert absences([Numbers(0)]) == [Absence(Why.SILENT, 0, None, None)]
    assert absences([]) == []


@given(st.sets(st.integers(1, 60)), st.integers(1, 60), st.integers(1, 60))
def test_stretches_hold_the_numbers_they_were_made_of(numbers: set[int], first: int, last: int) -> None:
    spans = spans_of(sorted(numbers))
    assert {each for low, high in spans for each in range(low, high + 1)} == numbers
    assert all(after[0] > before[1] + 1 for before, after in pairwise(spans))
    assert within(spans, first, last) == sum(first <= each <= last for each in numbers)


def test_only_what_cannot_be_counted_has_no_number_of_rows() -> None:
    assert {Why.REPLACED, Why.TWIN, Why.SILENT} == UNCOUNTED
