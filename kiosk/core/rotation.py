"""Which item of the rotation bank comes next: the one shown least often, so that over weeks every factor is covered.

Being shown counts and answers do not: a choice that looked at answers would bend them.
"""

from collections.abc import Mapping, Sequence

from wire.envelopes import Item

Exposures = Mapping[str, int]
"""How often this device has shown each item of the bank, by the item's key."""


def settled(bank: Sequence[Item], exposures: Exposures) -> Exposures:
    """The exposures of exactly the items of `bank`. One that is new to it begins where the least shown of the others stands:
    from nothing it would be the only one shown until it had caught up with years."""
    known = [exposures[item.key] for item in bank if item.key in exposures]
    start = min(known, default=0)
    return {item.key: exposures.get(item.key, start) for item in bank}


def draw(bank: Sequence[Item], exposures: Exposures) -> int:
    """The place in `bank`, which is not empty, of the item shown least often; of several the first."""
    return min(range(len(bank)), key=lambda place: exposures.get(bank[place].key, 0))


def shown(item: Item, exposures: Exposures) -> Exposures:
    """The exposures after `item` was shown once more."""
    return {**exposures, item.key: exposures.get(item.key, 0) + 1}
