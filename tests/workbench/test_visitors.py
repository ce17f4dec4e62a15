"""Sample visitors leave what real ones would: by the kiosk's own rules, at plausible hours, the same for the same seed."""

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kiosk.core import visit as core
from sync_server.surveys.files import load
from wire import chain, codec
from wire.events import NOT_APPLICABLE, Answer, Event, Flag, Input, Left, Retract, StreamId, at
from workbench import samples
from workbench.sample_courts import COURTS, SampleCourt
from workbench.visitors import HOURS, WEEKS, Door, rows_of_weeks

ROOT = Path(__file__).resolve().parents[2]
KYIV = ZoneInfo("Europe/Kyiv")
LAST = date(2026, 11, 22)  # a Sunday, so that the twelve weeks are calendar weeks
NEVER = 2**50
QUESTIONNAIRE = load(ROOT / "assets" / "questionnaires" / "exit.toml").questionnaire(1)
RULES = core.Rules(QUESTIONNAIRE, languages=("uk", "en"), language="uk")


def weeks_of(court: SampleCourt, exit: int = 0, *, seed: int = 1) -> list[list[Event]]:
    door = Door(court, court.exits[exit], KYIV)
    calendar = list(rows_of_weeks(door, last=LAST, until_ms=NEVER, rules=RULES, seed=seed))
    return [[row for day in calendar[week * 7 : week * 7 + 7] for row in day] for week in range(WEEKS)]


def standing(rows: list[Event]) -> dict[tuple[bytes, int], int]:
    """{visit: rating} after everything that was taken back."""
    ratings: dict[tuple[bytes, int], int] = {}
    for row in rows:
        if row.item == "overall" and isinstance(row, Answer):
            ratings[row.boot, row.visit] = row.value
        elif row.item == "overall" and isinstance(row, Retract):
            ratings.pop((row.boot, row.visit), None)
    return ratings


@pytest.fixture(scope="module")
def everything() -> list[Event]:
    return [row for court in COURTS for number in range(len(court.exits)) for week in weeks_of(court, number) for row in week]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    once, again, other = (
        [codec.encode_event(row) for week in weeks_of(COURTS[0], seed=seed) for row in week] for seed in (1, 1, 2)
    )
    assert once == again
    assert once != other


def test_every_row_is_one_that_the_wire_takes(everything: list[Event]) -> None:
    assert all(codec.decode_event(codec.encode_event(row)) == row for row in everything)


def test_all_kinds_of_behaviour_occur(everything: list[Event]) -> None:
    kinds = Counter(type(row) for row in everything)
    assert kinds[Answer] > kinds[Left] > kinds[Retract] > 50
    assert {row.reason for row in everything if isinstance(row, Flag)} == {"rapid"}
    assert kinds[Flag] > 50
    assert {row.language for row in everything} == {"uk", "en"}
    assert {row.input for row in everything} >= {Input.TOUCH, Input.BUTTON}


def test_people_come_in_opening_hours_of_working_days_and_most_before_noon(everything: list[Event]) -> None:
    moments = [
        datetime.fromtimestamp(at(row) / 1000, KYIV) for row in everything if isinstance(row, Answer) and row.item == "overall"
    ]
    assert all(moment.weekday() < 5 for moment in moments)
    by_hour = Counter(moment.hour for moment in moments)
    assert set(by_hour) <= {*HOURS, max(HOURS) + 1}
    assert by_hour[11] > by_hour[13] > by_hour[17]


def test_rows_of_a_day_come_in_the_order_in_which_they_happened() -> None:
    for week in weeks_of(COURTS[0]):
        moments = [at(row) for row in week]
        assert moments == sorted(moments)


def test_the_question_that_rotates_is_shown_to_all_in_turn_and_answered_skipped_or_left() -> None:
    bank = {item.key for item in QUESTIONNAIRE.rotation}
    rows = [row for week in weeks_of(COURTS[0]) for row in week if row.item in bank]
    shown = Counter({(row.boot, row.visit): row.item for row in rows}.values())
    assert shown.keys() == bank
    assert max(shown.values()) - min(shown.values()) <= 1, "over the weeks every item has been shown as often as any other"
    values = {row.value for row in rows if isinstance(row, Answer)}
    assert values == {1, 2, 3, 4, 5, NOT_APPLICABLE}
    assert any(isinstance(row, Left) for row in rows)


def test_a_rating_taken_back_and_given_again_stands_once() -> None:
    rows = [row for week in weeks_of(COURTS[0]) for row in week]
    retracted = {(row.boot, row.visit) for row in rows if isinstance(row, Retract)}
    ratings = standing(rows)
    assert retracted
    assert retracted <= ratings.keys()


def test_the_tiny_court_gets_fourteen_to_twentyone_answers_in_every_week() -> None:
    (tiny,) = (court for court in COURTS if court.weekly_limits)
    for week in weeks_of(tiny):
        assert 14 <= len(standing(week)) <= 21


def test_one_court_changes_visibly_and_the_others_do_not() -> None:
    def good(weeks: list[list[Event]]) -> float:
        ratings = [value for week in weeks for value in standing(week).values()]
        return sum(value >= 4 for value in ratings) / len(ratings)

    changed = [court for court in COURTS if court.afterwards]
    assert len(changed) == 1
    weeks = weeks_of(changed[0])
    turn = changed[0].changed_week or 0
    assert good(weeks[turn:]) - good(weeks[:turn]) > 0.1


def test_courts_differ_in_level() -> None:
    def mean(court: SampleCourt) -> float:
        ratings = [value for week in weeks_of(court)[:6] for value in standing(week).values()]
        return sum(ratings) / len(ratings)

    means = [mean(court) for court in COURTS]
    assert max(means) - min(means) > 0.4


def test_every_court_says_in_its_name_that_it_is_invented() -> None:
    assert len(COURTS) == 6
    assert all("Вигаданий" in court.name_uk and "Invented" in court.name_en for court in COURTS)
    assert len({court.slug for court in COURTS}) == 6


def test_nobody_comes_after_the_present_moment() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=KYIV)
    door = Door(COURTS[0], COURTS[0].exits[0], KYIV)
    until = int(noon.timestamp() * 1000)
    *_, rows = rows_of_weeks(door, last=noon.date(), until_ms=until, rules=RULES, seed=1)
    *_, whole = rows_of_weeks(door, last=noon.date(), until_ms=NEVER, rules=RULES, seed=1)
    assert 0 < len(rows) < len(whole)
    assert rows == whole[: len(rows)]


def test_batches_are_chained_signed_and_small_enough_to_send() -> None:
    (device, *_) = samples.devices(QUESTIONNAIRE, now=datetime(2026, 11, 20, 12, tzinfo=UTC), courts=COURTS[:1])
    expected_first, link, stream = 1, None, None
    for count, content_type, data, _arrival in device.batches():
        batch = codec.decode_upward(content_type, data)
        stream = stream or StreamId(batch.stream)
        link = link or chain.origin(stream)
        assert (batch.first, batch.previous, len(batch.rows)) == (expected_first, link, count)
        link = chain.links(link, batch.rows)[-1]
        device.key.public_key().verify(batch.signature, chain.batch_statement(stream, batch.first, count, link))
        expected_first += count
    assert expected_first - 1 == len(device.rows)
