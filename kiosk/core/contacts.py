"""What can be pressed or passed at a device, by name: `face:4`, `key:next`, `door:main`; and what is known of its wire."""

from collections.abc import Collection
from typing import Final, Literal, NamedTuple

from kiosk.core.access import KEYPADS, Keystroke

FACES: Final = (1, 2, 3, 4, 5)
"""Faces a button can stand for, worst first."""

Pull = Literal["up", "down", "none"]


def face(value: int) -> str:
    """The contact of the button with the face `value`."""
    return f"face:{value}"


def key(keystroke: Keystroke) -> str:
    """The contact of a tactile key."""
    return f"key:{keystroke.value}"


def door(name: str) -> str:
    """The contact of the beam or motion sensor at the door `name`."""
    return f"door:{name}"


def split(contact: str) -> tuple[str, str]:
    """Kind and name: `("face", "4")`."""
    kind, _, name = contact.partition(":")
    return kind, name


class ContactWire(NamedTuple):
    """Where a contact is wired: BCM number, resistor, the level at which it is down, and how long it may chatter (ms)."""

    pin: int
    pull: Pull
    active_high: bool
    window: int


class OutputWire(NamedTuple):
    """Where a lamp or buzzer is wired: BCM number, and the level that switches it on."""

    pin: int
    active_high: bool


def keypad(contacts: Collection[str]) -> tuple[tuple[int, Keystroke], ...]:
    """What the face buttons among `contacts` mean in the accessible mode, from left to right.

    Empty where tactile keys reach everything by themselves, and where there are fewer than two buttons.
    """
    if key(Keystroke.NEXT) in contacts and key(Keystroke.CHOOSE) in contacts:
        return ()
    faces = [value for value in FACES if face(value) in contacts]
    return tuple(zip(faces, KEYPADS.get(len(faces), ()), strict=False))
