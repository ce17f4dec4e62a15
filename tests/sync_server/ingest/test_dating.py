"""What can be known of a clock: arrivals bound it from above, echoes from below, and nothing is guessed in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_server.ingest.dating import DRIFT, HONEST_MS, TIGHT_MS, Bounds, Known, believed, greeted, recorded
from wire.envelopes import Clock, Echo

NOW = 1_795_000_000_000
BOOT = bytes(16)
YEAR = 365 * 86_400_000
NOTHING = Known(None, Bounds())


def near(instant: int) -> object:
    """Within what a clock drifts in some seconds."""
    return pytest.approx(instant, rel=0, abs=3)


def greeting(known: Known, monotonic: int, received: int, *, wall: int | None = None, echo: Echo | None = None, earliest: int = 0):
    clock = Clock(BOOT, monotonic, monotonic if wall is None else wall, wall is not None)
    return greeted(known, clock, echo, received=received, earliest=earliest)


def test_an_arrival_alone_is_no_anchor() -> None:
    known = greeting(NOTHING, 5_000, NOW).known
    assert known == Known(None, Bounds(None, NOW - 5_000, 5_000))


def test_a_round_trip_is_an_anchor_to_half_its_length() -> None:
    known = greeting(NOTHING, 5_000, NOW, echo=Echo(NOW - 900, 4_800)).known
    assert known.offset == near(NOW - 5_000 - 350)


def test_a_slow_round_trip_is_none_and_a_quicker_one_later_is() -> None:
    known = greeting(NOTHING, 5_000, NOW, echo=Echo(NOW - 10_000, 4_800)).known
    assert known.offset is None
    known = greeting(known, 65_000, NOW + 60_000, echo=Echo(NOW + 59_900, 64_950)).known
    assert known.offset is not None
    assert abs(known.offset - (NOW - 5_000)) < 100


def test_bounds_of_long_ago_become_wider_as_clocks_drift() -> None:
    known = Known(None, Bounds(NOW, NOW + 100, 0))
    assert known.bounds.middle == NOW + 50
    day = 86_400_000
    later = known.bounds.at(10 * day)
    assert (later.low, later.high) == (NOW - 10 * day // DRIFT, NOW + 100 + 10 * day // DRIFT)
    assert later.middle is None


@given(
    offset=st.integers(NOW - YEAR, NOW),
    told=st.lists(
        st.tuples(st.integers(0, YEAR), st.integers(0, 3_600_000), st.integers(0, 600_000), st.integers(0, 60_000)), min_size=1
    ),
    ppm=st.integers(-100, 100),
)
def test_the_truth_lies_always_within_the_bounds_whatever_is_late(offset: int, told: list[tuple[int, ...]], ppm: int) -> None:
    bounds = Bounds()
    for monotonic, delay, before, back in told:
        true = offset + monotonic * ppm // 1_000_000  # by now the clock is wrong by so much
        bounds = bounds.arrived(monotonic, monotonic + true + delay)
        heard = max(0, monotonic - before)
        bounds = bounds.heard(Echo(heard + offset + heard * ppm // 1_000_000 - back, heard))
        at = bounds.at(monotonic)
        assert at.low is not None
        assert at.high is not None
        assert at.low - 2 <= true <= at.high + 2


def test_a_vouched_clock_within_the_bounds_is_the_anchor() -> None:
    known = greeting(NOTHING, 5_000, NOW + 3_000, wall=NOW, echo=Echo(NOW - 300, 4_800)).known
    assert known.offset == NOW - 5_000


@pytest.mark.parametrize("wrong", [YEAR, 3 * HONEST_MS, -3 * HONEST_MS, -YEAR, -9 * YEAR])
def test_a_vouched_clock_outside_the_bounds_is_not(wrong: int) -> None:
    known = greeting(NOTHING, 5_000, NOW, wall=NOW + wrong, echo=Echo(NOW - 900, 4_800)).known
    assert known.offset == near(NOW - 5_000 - 350)


@pytest.mark.parametrize("wrong", [-YEAR, -2 * 86_400_000, 3 * HONEST_MS, YEAR])
def test_without_an_echo_a_greeting_that_claims_another_day_anchors_nothing(wrong: int) -> None:
    assert greeting(NOTHING, 5_000, NOW, wall=NOW + wrong).known.offset is None


def test_nothing_happened_before_the_device_could_be_there() -> None:
    assert greeting(NOTHING, 5_000, NOW, wall=NOW - 1_000, earliest=NOW).known.offset is None
    assert recorded(NOTHING, 5_000, NOW - 6_000, True, received=NOW, earliest=NOW).offset is None
    assert recorded(NOTHING, 5_000, NOW - 5_000, True, received=NOW, earliest=NOW).offset == NOW - 5_000


def test_a_row_anchors_its_start_if_it_is_vouched_for_and_not_ahead_of_its_arrival() -> None:
    ask = {"received": NOW, "earliest": 0}
    assert recorded(NOTHING, 5_000, NOW - 7_000, True, **ask).offset == NOW - 7_000
    assert recorded(NOTHING, 5_000, NOW - 7_000, False, **ask).offset is None
    assert recorded(NOTHING, 5_000, NOW + HONEST_MS, True, **ask).offset is None
    assert recorded(Known(None, Bounds(NOW - YEAR)), 5_000, NOW - 2 * YEAR, True, **ask).offset is None


def test_the_first_anchor_stays_while_nothing_refutes_it() -> None:
    known = Known(NOW, Bounds())
    learnt = greeting(known, 5_000, NOW + 5_900, echo=Echo(NOW + 5_300, 4_900))
    assert (learnt.known.offset, learnt.refuted) == (NOW, False)
    learnt = greeting(known, 5_000, NOW + 90_000, wall=NOW + 65_000)
    assert (learnt.known.offset, learnt.refuted) == (NOW, False)


def test_an_anchor_follows_its_clock_as_it_drifts() -> None:
    month = 30 * 86_400_000
    drifted = NOW - 200_000
    learnt = greeting(Known(NOW, Bounds()), month, drifted + month + 50, echo=Echo(drifted + month - 150, month - 100))
    assert not learnt.refuted
    assert learnt.known.offset is not None
    assert abs(learnt.known.offset - drifted) < TIGHT_MS


@pytest.mark.parametrize("wrong", [YEAR, 3_600_000, -3_600_000, -YEAR])
def test_an_anchor_that_cannot_have_been_is_refuted(wrong: int) -> None:
    learnt = greeting(Known(NOW + wrong, Bounds()), 5_000, NOW + 5_100, echo=Echo(NOW + 4_900, 4_950))
    assert learnt.refuted
    assert learnt.known.offset == near(NOW + 25)


def test_when_the_servers_own_clock_was_set_the_newer_evidence_holds() -> None:
    bounds = Bounds().arrived(1_000, NOW).heard(Echo(NOW - 100, 900))
    assert bounds.arrived(2_000, NOW - YEAR).high == NOW - YEAR - 2_000
    assert bounds.arrived(2_000, NOW - YEAR).low is None
    assert bounds.heard(Echo(NOW + YEAR, 2_000)).low == NOW + YEAR - 2_000
    assert bounds.heard(Echo(NOW + YEAR, 2_000)).high is None


def test_a_stamp_is_believed_near_its_anchor_and_a_little_farther_off_the_longer_a_clock_ran() -> None:
    assert believed(NOW + HONEST_MS, NOW, 0)
    assert not believed(NOW + HONEST_MS + 1, NOW, 0)
    assert believed(NOW - HONEST_MS - 100, NOW, 100 * DRIFT)
    assert not believed(NOW - 9 * YEAR, NOW, YEAR)


@pytest.mark.parametrize("ahead", [-HONEST_MS, -1_000, 0, 900, 1_100, HONEST_MS])
def test_an_anchor_lies_within_the_bounds_so_that_the_stamps_that_agree_with_it_lie_within_one_allowance(ahead: int) -> None:
    true, doubt = NOW - 5_000, 1_000
    echo = Echo(NOW - doubt - 200, 4_800)
    learnt = [greeting(NOTHING, 5_000, NOW, wall=NOW + ahead, echo=echo).known]
    bounded = Known(None, Bounds(true - doubt, true, 5_000))
    learnt.append(recorded(bounded, 5_000, true + ahead, True, received=NOW, earliest=0))
    for known in learnt:
        assert known.offset is not None
        assert true - doubt - 2 <= known.offset <= true
        assert not believed(true + HONEST_MS + 3, known.offset, 0)
        assert not believed(true - doubt - HONEST_MS - 3, known.offset, 0)
