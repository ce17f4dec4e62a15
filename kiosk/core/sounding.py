"""Which sounds say what a scene says."""

from enum import Enum


class Sound(Enum):
    """Signs for the ear; each is a file in `assets/sounds`, and a pattern of a buzzer."""

    PRESSED = "pressed"
    SAVED = "saved"
    STILL_THERE = "still-there"
    FAILED = "failed"
    MOVED = "moved"
