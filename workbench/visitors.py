"""Sample visitors: they use the kiosk's own state machine, so that their rows are exactly what a kiosk would have written.

Pure and deterministic: the same seed, exit and day give the same rows, byte for byte. Times come in as arguments; no clock is read.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from kiosk.core import visit as core
from kiosk.core.timekeeping import Stamp
from wire.envelopes import Item
from wire.events import NOT_APPLICABLE, BootId, Event, Input, Millis
from workbench.sample_courts import SampleCourt, SampleExit, Shares

WEEKS: Final = 12

# Share of a day's visitors who leave in each local hour: hearings in the morning, a dip at lunch, the registry closes at five.
HOURS: Final[dict[int, float]] = {8: 2, 9: 9, 10: 15, 11: 17, 12: 12, 13: 6, 14: 13, 15: 14, 16: 9, 17: 3}
# Monday to Sunday; Friday is short, the weekend is closed.
WEEKDAYS: Final = (1.1, 1.05, 1.0, 1.05, 0.8, 0.0, 0.0)

SWITCHED_ON: Final = time(7, 0)
UNDOES: Final = 0.025
WALKS_AWAY: Final = 0.5  # of those who give no reason; the others press "skip"
RAPID: Final = 0.02
GOES_ON: Final = 0.62  # of those who have come as far as the question that rotates
NOT_MINE: Final = 0.12  # of these say that it does not concern them
TAP_MS: Final = 12  # from tap to commit on a slow card


@dataclass(frozen=True)
class Door:
    """One exit of one sample court, and the zone its days are counted in."""

    court: SampleCourt
    exit: SampleExit
    zone: ZoneInfo


def days(last: date) -> list[date]:
    """The twelve weeks that end with `last`, oldest first."""
    return [last - timedelta(days=back) for back in range(WEEKS * 7 - 1, -1, -1)]


def _day(
    door: Door, day: date, *, first: date, until_ms: int, rules: core.Rules, seed: int, exposures: Mapping[str, int]
) -> "_Kiosk":
    """Everything a kiosk at `door` that has shown `exposures` before records on the local `day`; nothing that began after
    `until_ms` (epoch). `first` is the first of the twelve weeks' days, from which a court's change is counted.
    """
    random = Random(f"{seed}/{door.court.slug}/{door.exit.name_en}/{day.isoformat()}")
    on = datetime.combine(day, SWITCHED_ON, tzinfo=door.zone)
    kiosk = _Kiosk(rules, boot_at=int(on.timestamp() * 1000), random=random, exposures=exposures)
    shares = door.court.shares
    if door.court.afterwards and door.court.changed_week is not None and (day - first).days // 7 >= door.court.changed_week:
        shares = door.court.afterwards
    for arrival in _arrivals(door, day, random, seed=seed, first=first):
        if arrival < until_ms:
            _visit(kiosk, arrival, door, shares, random)
    return kiosk


def _arrivals(door: Door, day: date, random: Random, *, seed: int, first: date) -> list[int]:
    """When that day's visitors come, in ms since the epoch, in order."""
    wanted = _how_many(door, day, random, seed=seed, first=first)
    hours = random.choices(list(HOURS), weights=list(HOURS.values()), k=wanted)
    moments = [datetime.combine(day, time(hour), tzinfo=door.zone) for hour in hours]
    return sorted(int(moment.timestamp() * 1000) + random.randrange(3_600_000) for moment in moments)


def _how_many(door: Door, day: date, random: Random, *, seed: int, first: date) -> int:
    weight = WEEKDAYS[day.weekday()]
    if weight == 0:
        return 0
    if door.court.weekly_limits is None:
        mean = door.exit.a_day * weight
        return max(0, round(random.gauss(mean, mean**0.5 * 1.15)))  # a little more scatter than chance alone gives
    # The tiny court's week is drawn first, within its limits, and then spread over the week's five days.
    week = (day - timedelta(days=day.weekday())).isoformat()
    weekly = Random(f"{seed}/{door.court.slug}/{week}")
    chosen = weekly.choices(range(5), weights=WEEKDAYS[:5], k=weekly.randint(*door.court.weekly_limits))
    return chosen.count(day.weekday())


def _visit(kiosk: "_Kiosk", arrival: int, door: Door, shares: Shares, random: Random) -> None:
    """One person: rates, perhaps changes their mind, gives a reason, answers one question more, skips or simply walks off."""
    rating = _pick(random, shares)
    language = "en" if random.random() < door.court.english else "uk"
    kiosk.wait_until(arrival)
    if language != kiosk.rules.language:
        kiosk.speak(language)
        kiosk.pause(1_500, 4_000)
    kiosk.rate(rating, buttons=door.exit.buttons)
    if random.random() < UNDOES:
        kiosk.pause(900, 3_500)
        kiosk.undo()
        kiosk.pause(800, 2_500)
        rating = min(5, max(1, rating + random.choice((-1, 1))))
        kiosk.rate(rating, buttons=door.exit.buttons)
    gives_reason = random.random() < door.court.gives_reason * (0.35 if door.exit.buttons else 1.0)
    if gives_reason:
        kiosk.pause(1_800, 7_000)
        kiosk.tap(_pick(random, door.court.reasons_low if rating <= 2 else door.court.reasons_high))
    elif random.random() < WALKS_AWAY:
        kiosk.walk_away()
        return
    else:
        kiosk.pause(1_200, 4_000)
        kiosk.skip()
    if not _answers_another(kiosk, door, shares, random):
        kiosk.walk_away()
        return
    if (
        random.random() < RAPID and door.court.weekly_limits is None
    ):  # a child, or the next person in a hurry: at once after the thank-you
        kiosk.pause(200, 900)
        kiosk.next_person()
        kiosk.rate(_pick(random, shares), buttons=door.exit.buttons)
    kiosk.walk_away()


def _answers_another(kiosk: "_Kiosk", door: Door, shares: Shares, random: Random) -> bool:
    """The question that rotates, where there is one: answered or skipped. False for somebody who has walked off."""
    asked = kiosk.further_item()
    if asked is None:
        return True
    if random.random() < GOES_ON * (0.35 if door.exit.buttons else 1.0):
        kiosk.pause(1_800, 6_000)
        kiosk.tap(NOT_APPLICABLE if random.random() < NOT_MINE else _pick(random, _tilted(shares, door.court.slug, asked)))
        return True
    if random.random() < WALKS_AWAY:
        return False
    kiosk.pause(1_000, 3_000)
    kiosk.skip()
    return True


def _tilted(shares: Shares, slug: str, item: Item) -> Shares:
    """A court is better at one thing than at another: `shares` leaning the same way whenever this court is asked this."""
    lean = Random(f"{slug}/{item.key}").uniform(-0.4, 0.4)
    worst, bad, middling, good, best = (share * math.exp(lean * place) for place, share in enumerate(shares, start=-2))
    return worst, bad, middling, good, best


def _pick(random: Random, shares: Shares) -> int:
    return random.choices((1, 2, 3, 4, 5), weights=shares)[0]


class _Kiosk:
    """The kiosk's core with a clock that visitors move and a ledger that never fails."""

    def __init__(self, rules: core.Rules, *, boot_at: int, random: Random, exposures: Mapping[str, int]) -> None:
        self.rules = rules
        self.boot = BootId(sha256(f"{boot_at}/{random.random()}".encode()).digest()[:16])
        self.boot_at = boot_at
        self.random = random
        self.state = core.begin(rules, exposures)
        self.now = boot_at
        self.rows: list[Event] = []

    def wait_until(self, moment: int) -> None:
        """Time passes; whatever the screen was waiting for falls due."""
        self.now = max(self.now, moment)
        self._happen(core.Tick(self._stamp()))

    def pause(self, shortest: int, longest: int) -> None:
        """A person thinks."""
        self.now += self.random.randint(shortest, longest)

    def speak(self, language: str) -> None:
        self._happen(core.Speak(language, self._stamp()))

    def rate(self, value: int, *, buttons: bool) -> None:
        if buttons:
            self._happen(core.Press(value, self._stamp()))
        else:
            self.tap(value)

    def tap(self, value: int) -> None:
        self._happen(core.Tap(value, Input.TOUCH, self._stamp()))

    def undo(self) -> None:
        self._happen(core.Undo(self._stamp()))

    def skip(self) -> None:
        self._happen(core.Skip(self._stamp()))

    def next_person(self) -> None:
        self._happen(core.Done(self._stamp()))

    def further_item(self) -> Item | None:
        """The item of the rotation bank that is on screen, if one is."""
        visit = self.state.visit
        on_screen = self.state.phase is core.Phase.FOLLOW_UP and self.state.item >= len(self.rules.questionnaire.items)
        return self.rules.questionnaire.rotation[visit.drawn] if on_screen and visit and visit.drawn is not None else None

    def walk_away(self) -> None:
        """Nobody touches anything until the kiosk is back at its question."""
        while self.state.deadline is not None:
            self.now = max(self.now, self.boot_at + self.state.deadline)
            self._happen(core.Tick(self._stamp()))

    def _stamp(self) -> Stamp:
        return Stamp(self.boot, Millis(self.now - self.boot_at), self.boot_at, True)

    def _happen(self, event: core.VisitEvent) -> None:
        self.state, appends = core.step(self.rules, self.state, event)
        for append in appends:
            self.rows.extend(append.rows)
            self.now += TAP_MS
            self.state, more = core.step(self.rules, self.state, core.Committed(append.token, self._stamp()))
            for late in more:
                self.rows.extend(late.rows)


def rows_of_weeks(door: Door, *, last: date, until_ms: int, rules: core.Rules, seed: int) -> Iterator[list[Event]]:
    """The twelve weeks of one door, a day at a time, oldest first."""
    calendar = days(last)
    exposures: Mapping[str, int] = {}
    for day in calendar:
        kiosk = _day(door, day, first=calendar[0], until_ms=until_ms, rules=rules, seed=seed, exposures=exposures)
        exposures = kiosk.state.exposures
        yield kiosk.rows
