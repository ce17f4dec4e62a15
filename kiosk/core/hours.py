"""When a court is open, by its own calendar."""

from typing import NamedTuple


class Opening(NamedTuple):
    """When a closed court opens next: a day of the week (0 is Monday), how many days from today, and a minute of that local day."""

    weekday: int
    days_ahead: int
    minute: int
