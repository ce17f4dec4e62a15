"""Counts who passes the doors: one row a door and hour of the court's clock, whether anybody came or not, so that answers have a
denominator and a sensor that went silent can be told from an empty hour.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kiosk.core.alarms import Alarms
from kiosk.core.ports import Clock, Loop, Recorder
from kiosk.core.timekeeping import Stamp
from wire.codec import WireError, decode_event, encode_event
from wire.events import BootId, Input, Millis, Passage

HOUR: Final = 3_600_000
KEEP_EVERY: Final = 60_000
"""Milliseconds of counting that a power cut may cost."""
NO_LANGUAGE: Final = "und"
"""Undetermined, as BCP 47 has it: nobody was asked anything."""
CLOCK_WAS_SET: Final = 1_000
"""Milliseconds by which the wall clock must have moved against the monotonic one for the hours to be counted anew."""


class Passing:
    """Counts on the main thread. Rows go to `recorder` when their hour ends and at `stop`.

    What is not on the card yet is told to `keep` (a note of numbers by key; from any thread, must not block) at most a minute after
    it was counted, and comes back as `kept` after a power cut. A cut between a commit and the next note tells an hour twice; the
    rows then agree in device, boot, start and door, which name the hour.
    """

    def __init__(
        self,
        doors: Collection[str],
        *,
        clock: Clock,
        loop: Loop,
        alarms: Alarms,
        recorder: Recorder,
        keep: Callable[[Mapping[str, int]], None],
        kept: Mapping[str, int],
    ) -> None:
        self._clock = clock
        self._loop = loop
        self._alarms = alarms
        self._recorder = recorder
        self._keep_note = keep
        self._zone: ZoneInfo | None = None
        self._counts = dict.fromkeys(doors, 0)
        self._owed = list(_rows(kept))
        self._under_way: list[tuple[Passage, ...]] = []
        self._outcomes: list[tuple[tuple[Passage, ...], bool]] = []
        self._stopped = False
        self._since = clock.stamp()
        self._until = self._hour_after(self._since)
        self._keeping = False

    def start(self) -> None:
        """Counts from now on, and records what was counted before a power cut. The ledger must be running."""
        self._record()
        self._arm()

    def configure(self, timezone: str | None) -> None:
        """Whose hours are counted by; UTC's where that zone is not known."""
        try:
            self._zone = ZoneInfo(timezone) if timezone else None
        except (KeyError, ValueError, OSError):
            self._zone = None
        self._until = self._hour_after(self._clock.stamp())
        self._arm()

    def passed(self, door: str, stamp: Stamp) -> None:
        """Somebody walked through `door`."""
        self._turn(stamp)
        self._counts[door] += 1
        if not self._keeping:
            self._keeping = True
            self._alarms.at("passing-note", stamp.monotonic + KEEP_EVERY, self._keep)

    def stop(self) -> None:
        """Records what has been counted. The ledger must still be running; the loop need not turn any more."""
        now = self._clock.stamp()
        self._turn(now)
        if any(self._counts.values()) or now.monotonic - self._since.monotonic >= KEEP_EVERY:
            self._close(now, now.monotonic)
        self._stopped = True
        self._keep()
        self._record()
        self._settle()

    def _arm(self) -> None:
        self._alarms.at("passing-hour", self._until, self._hour_ends)

    def _hour_ends(self) -> None:
        self._turn(self._clock.stamp())
        self._arm()

    def _turn(self, now: Stamp) -> None:
        """Closes the hour if it is over by `now`."""
        if abs(now.wall_offset - self._since.wall_offset) >= CLOCK_WAS_SET:
            self._until = min(self._hour_after(now), self._since.monotonic + HOUR)
            self._since = self._since._replace(wall_offset=now.wall_offset)
        if now.monotonic < self._until:
            return
        self._close(now, self._until)
        self._keep()
        self._record()
        self._arm()

    def _close(self, now: Stamp, end: int) -> None:
        """What was counted up to `end` (monotonic ms) is owed to the ledger. There the next hour begins, if nobody slept."""
        self._owed += self._rows_until(now, end)
        self._counts = dict.fromkeys(self._counts, 0)
        awake = now.monotonic - end < HOUR
        self._since = now._replace(monotonic=Millis(end)) if awake else now
        self._until = self._hour_after(self._since)

    def _rows_until(self, now: Stamp, end: int) -> list[Passage]:
        """The last millisecond is left out, so that the end of a row lies within its hour."""
        dt = max(0, min(HOUR, end - 1 - self._since.monotonic))
        return [
            Passage(
                questionnaire=0,
                item=door,
                language=NO_LANGUAGE,
                input=int(Input.SENSOR),
                boot=self._since.boot,
                wall_offset=now.wall_offset,
                synchronised=now.synchronised,
                visit=self._since.monotonic,
                dt=dt,
                count=count,
            )
            for door, count in self._counts.items()
        ]

    def _hour_after(self, now: Stamp) -> int:
        """When the local hour of `now` ends (monotonic ms)."""
        offset = datetime.fromtimestamp(now.wall / 1000, self._zone).utcoffset() if self._zone else None
        local = now.wall + (offset or timedelta()) // timedelta(milliseconds=1)
        return now.monotonic + HOUR - local % HOUR

    def _record(self) -> None:
        """Hands what is owed to the ledger; what it cannot take is tried again when the next hour ends."""
        if not self._owed:
            return
        rows = tuple(self._owed)
        self._owed.clear()
        self._under_way.append(rows)

        def done(stored: bool) -> None:
            self._outcomes.append((rows, stored))
            if self._stopped:
                self._settle()
            else:
                self._loop.post(self._settle)

        self._recorder.append(rows, done)

    def _settle(self) -> None:
        """Takes note of what the ledger has said. On the main thread; after `stop` on the ledger's."""
        while self._outcomes:
            rows, stored = self._outcomes.pop()
            self._under_way.remove(rows)
            if not stored:
                self._owed.extend(rows)
            self._keep_note(self._note())

    def _keep(self) -> None:
        self._keeping = False
        self._alarms.at("passing-note", None, self._keep)
        self._keep_note(self._note())

    def _note(self) -> dict[str, int]:
        now = self._clock.stamp()
        counting = [row for row in self._rows_until(now, now.monotonic) if row.count]
        return dict(map(_entry, (*self._owed, *(row for rows in self._under_way for row in rows), *counting)))


def _entry(row: Passage) -> tuple[str, int]:
    """A row as an entry of the note."""
    return f"{row.item} {row.boot.hex()} {row.visit} {row.dt} {row.wall_offset} {int(row.synchronised)}", row.count


def _rows(kept: Mapping[str, int]) -> Iterable[Passage]:
    """The rows of a note; an entry that makes no row is left out."""
    for entry, count in kept.items():
        try:
            door, boot, visit, dt, wall_offset, synchronised = entry.split(" ")
            at = (int(wall_offset), synchronised == "1", int(visit), int(dt))
            row = Passage(0, door, NO_LANGUAGE, int(Input.SENSOR), BootId(bytes.fromhex(boot)), *at, count)
            decode_event(encode_event(row))
        except (ValueError, WireError):
            continue
        yield row
