"""Rows for benchmarks: made by the kiosk's own visit core, with the times and choices of the demo's sample visitors. Pure."""

from datetime import date
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.core import visit as core
from wire import VERSION, chain, codec
from wire.envelopes import Batch, Questionnaire
from wire.events import Event, Link, StreamId
from workbench.sample_courts import COURTS, SampleExit
from workbench.visitors import Door, rows_of_weeks

LAST_DAY: Final = date(2026, 11, 20)
BUSY: Final = 400.0
"""Answering visitors a day: ten times the best published exit, so that there is enough to measure with."""


def rows(questionnaire: Questionnaire, *, door: int, count: int, a_day: float = BUSY, last: date = LAST_DAY) -> list[Event]:
    """The first `count` rows of exit number `door` in the twelve weeks that end with `last`, always the same ones.

    Raises `ValueError` if twelve weeks have fewer.
    """
    rules = core.Rules(questionnaire, languages=("uk", "en"), language="uk")
    place = Door(COURTS[0], SampleExit(f"Вихід {door}", f"Exit {door}", a_day), ZoneInfo("Europe/Kyiv"))
    days = rows_of_weeks(place, last=last, until_ms=2**52, rules=rules, seed=door)
    made = list(islice((row for day in days for row in day), count))
    if len(made) < count:
        raise ValueError(f"twelve weeks have {len(made)} rows, and {count} were asked for")
    return made


class Ledger:
    """One device's rows as its ledger keeps them, from which signed batches are cut."""

    def __init__(self, stream: StreamId, key: Ed25519PrivateKey, rows: list[Event]) -> None:
        self.stream = stream
        self.events = rows
        self._key = key
        self._rows = [codec.encode_event(row) for row in rows]
        self._links = [chain.origin(stream), *chain.links(chain.origin(stream), self._rows)]

    def batch(self, first: int, count: int) -> tuple[str, bytes]:
        """(content type, bytes) of rows `first` (from 1) and the `count` - 1 after it, as the kiosk sends them."""
        part = self._rows[first - 1 : first - 1 + count]
        if len(part) < count:
            raise ValueError(f"there are {len(self._rows)} rows, and {first} to {first + count - 1} were asked for")
        head: Link = self._links[first - 1 + count]
        signature = self._key.sign(chain.batch_statement(self.stream, first, count, head))
        return codec.encode(Batch(VERSION, self.stream, first, self._links[first - 1], part, signature))
