"""The kiosk's sounds: made by the recipe beside them, short, soft, without a click, and none like another."""

from array import array
from itertools import combinations, pairwise

import pytest

from kiosk.core.sounding import Sound
from kiosk.outputs.sounds import MOST_BYTES, SOUNDS
from wire.speech import RATE, samples_of
from workbench import tones

SHORT_S = 0.7
SOFT = 0.3
"""Of full scale; the voice at its usual volume peaks at about 0.17."""
STEP = 0.08
"""The largest step between neighbouring samples that is a tone and no click."""


def heard(sound: Sound) -> list[float]:
    return [sample / tones.FULL for sample in array("h", samples_of((SOUNDS / f"{sound.value}.wav").read_bytes()))]


@pytest.mark.parametrize("sound", list(Sound))
def test_the_file_is_what_the_recipe_makes(sound: Sound) -> None:
    made = array("h", tones.samples(tones.SIGNS[sound]))
    kept = array("h", samples_of((SOUNDS / f"{sound.value}.wav").read_bytes()))
    assert len(made) == len(kept)
    assert max(abs(one - other) for one, other in zip(made, kept, strict=True)) <= 1  # another libm may round the other way


@pytest.mark.parametrize("sound", list(Sound))
def test_it_is_short_soft_and_without_a_click(sound: Sound) -> None:
    samples = heard(sound)
    assert len(samples) / RATE <= SHORT_S
    assert 0.05 <= max(map(abs, samples)) <= SOFT
    edges = [0.0, *samples, 0.0]
    assert max(abs(one - other) for one, other in pairwise(edges)) <= STEP
    assert (SOUNDS / f"{sound.value}.wav").stat().st_size <= MOST_BYTES


def test_no_two_are_alike_in_movement() -> None:
    def movement(sound: Sound) -> tuple[int, float, bool]:
        notes = tones.SIGNS[sound]
        return len(notes), notes[-1].pitch - notes[0].pitch, sum(note.rings for note in notes) > 0.06

    assert all(movement(one) != movement(other) for one, other in combinations(Sound, 2))
