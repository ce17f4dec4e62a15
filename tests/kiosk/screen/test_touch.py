"""Which touches count."""

from kiosk.screen.touch import RESTING_MS, TWIN_MS, TouchGate


def tap(gate: TouchGate, finger: object, at: int) -> bool:
    counted = gate.begins(finger, at)
    gate.ends(finger)
    return counted


def test_a_touch_counts() -> None:
    assert tap(TouchGate(0), 1, 1_000)


def test_the_same_touch_reported_by_two_input_layers_counts_once() -> None:
    """Kivy issues 3801, 4172 and 8494: each layer gives its own finger, some milliseconds apart."""
    gate = TouchGate(0)
    assert gate.begins("mouse-1", 1_000)
    assert not gate.begins("mtdev-7", 1_004)
    gate.ends("mouse-1")
    gate.ends("mtdev-7")
    assert not tap(gate, "mouse-2", 1_000 + TWIN_MS - 1)
    assert tap(gate, "mouse-3", 1_000 + TWIN_MS)


def test_an_echo_does_not_prolong_the_silence() -> None:
    gate = TouchGate(0)
    assert tap(gate, 1, 1_000)
    assert not tap(gate, 2, 1_200)
    assert tap(gate, 3, 1_000 + TWIN_MS)


def test_several_fingers_count_once() -> None:
    gate = TouchGate(0)
    assert gate.begins(1, 1_000)
    assert not gate.begins(2, 1_900)
    gate.ends(1)
    assert not gate.begins(3, 2_500)
    gate.ends(2)
    gate.ends(3)
    assert tap(gate, 4, 3_000)


def test_what_leans_on_the_glass_does_not_block_it_for_ever() -> None:
    gate = TouchGate(0)
    assert gate.begins("a bag", 1_000)
    assert not tap(gate, 2, 1_000 + RESTING_MS - 1)
    assert tap(gate, 3, 1_000 + RESTING_MS)


def test_the_first_moments_do_not_count() -> None:
    gate = TouchGate(5_000)
    assert not tap(gate, 1, 4_999)
    assert tap(gate, 2, 5_000)
