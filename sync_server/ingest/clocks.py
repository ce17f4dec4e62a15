"""The starts of devices that one transaction's messages name: what is learnt of their clocks, and which rows that dates."""

from collections.abc import Iterable
from typing import Final

from sync_server.courts.models import Device
from sync_server.ingest import dating, store
from sync_server.ingest.dating import Bounds, Known
from sync_server.ingest.models import Boot, Stream
from wire.envelopes import Clock, Echo
from wire.events import DAY_MS

EARLIEST: Final = 1_577_836_800_000
"""2020-01-01 in ms: an instant before the first device was built is a clock that was never set."""
FUTURE_TOLERATED: Final = DAY_MS
"""A row dated further ahead of its arrival has no honest date."""

LONGEST_DAY_MS: Final = 25 * 3_600_000
"""Wider bounds put nothing on one local day."""

Mark = tuple[int, int | None]
"""(stream's number, hour): see `ingest.models.Mark`."""


class Clocks:
    """Starts by device and name. They are locked as they are learnt, so that no row is entered as undated while another worker
    dates its start. `received` is when the newest message came in.
    """

    def __init__(self, received: int) -> None:
        self._latest = received + FUTURE_TOLERATED
        self._boots: dict[tuple[int, bytes], Boot] = {}
        self._found: dict[int, store.ClockColumns] = {}
        self._new: set[int] = set()
        self._undated: set[int] = set()
        self._refuted: set[int] = set()

    def learn(self, named: Iterable[tuple[int, bytes]]) -> None:
        """Takes in the starts `named` (device's number, boot), and opens those that were never heard of."""
        wanted = list(dict.fromkeys(named))
        if not wanted:
            return
        boots = Boot.objects.filter(device_id__in={device for device, _ in wanted}, boot__in={boot for _, boot in wanted})
        strange = set(wanted) - {(device, bytes(boot)) for device, boot in boots.values_list("device_id", "boot")}
        if strange:
            # Who opens starts of a device holds the device, before any start: two that open the same, each in its own order, would
            # wait for one another.
            devices = Device.objects.filter(id__in={device for device, _ in strange})
            list(devices.select_for_update(no_key=True).order_by("id").values_list("id", flat=True))
        for boot in boots.select_for_update(no_key=True).order_by("id"):
            self._take(boot)
        for device_id, name in wanted:  # numbered in the order in which a device tells of them
            if (device_id, name) not in self._boots:
                boot = Boot.objects.create(device_id=device_id, boot=name)
                self._new.add(boot.id)
                self._open(boot)

    def _open(self, boot: Boot) -> None:
        self._boots[boot.device_id, bytes(boot.boot)] = boot
        self._found[boot.id] = _state(boot)

    def _take(self, boot: Boot) -> None:
        self._open(boot)
        if boot.offset is None:
            self._undated.add(boot.id)  # rows that came before wait for its first anchor

    def of(self, device_id: int, name: bytes) -> Boot:
        """The start of a device called `name`."""
        return self._boots[device_id, name]

    def is_new(self, boot: Boot) -> bool:
        """Whether nothing was heard of this start before."""
        return boot.id in self._new

    def numbers(self, device_id: int) -> dict[bytes, int]:
        """A device's starts by name, numbered in the order in which they were first heard of."""
        return {name: boot.id for (device, name), boot in self._boots.items() if device == device_id}

    def greet(self, boot: Boot, clock: Clock, echo: Echo | None, *, received: int, earliest: int) -> None:
        """A greeting or a report, written at `clock`, has come in."""
        learnt = dating.greeted(known(boot), clock, echo, received=received, earliest=earliest)
        if learnt.refuted:
            self._refuted.add(boot.id)
        keep(boot, learnt.known)

    def record(self, boot: Boot, reading: int, wall_offset: int, vouched: bool, *, received: int, earliest: int) -> None:
        """A row has come in of a start that has no anchor."""
        keep(boot, dating.recorded(known(boot), reading, wall_offset, vouched, received=received, earliest=earliest))
        if boot.offset is None:
            self._undated.add(boot.id)

    def write(self) -> set[Mark]:
        """Keeps what was learnt, dates the rows that had to wait for it, and returns what has to be counted again."""
        changed = [boot for boot in self._boots.values() if self._tells_more(boot)]
        store.keep_clocks([_state(boot) for boot in changed])
        marks: set[Mark] = set()
        for boot in changed:
            marks |= self._days_before(boot)
        for boot in changed:
            again = boot.id in self._refuted
            if again or (boot.offset is not None and boot.id in self._undated):
                marks |= store.date_rows(boot, earliest=EARLIEST, latest=self._latest, again=again)
        # Bounds may put rows on another day, and bound the starts before and after, of which nothing else may be known.
        moved = {boot.device_id for boot in changed if self._found[boot.id][:3] != _state(boot)[:3]}
        if moved:
            doubtful = Boot.objects.filter(device_id__in=moved, offset=None)
            streams = Stream.objects.filter(device_id__in=doubtful.values("device_id"))
            marks.update((stream, None) for stream in streams.values_list("id", flat=True))
        return marks

    def _days_before(self, boot: Boot) -> set[Mark]:
        """The hours of rows that had no date, by the bounds that put them on a day until now."""
        _, low, high, *_ = self._found[boot.id]
        if low is None or high is None or high - low >= LONGEST_DAY_MS:
            return set()
        streams = Stream.objects.filter(device_id=boot.device_id).values_list("id", flat=True)
        return {mark for stream in streams for mark in store.undated_hours(stream, boot.id, low)}

    def _tells_more(self, boot: Boot) -> bool:
        """Of a start that has its anchor only another anchor is worth a write."""
        before = self._found[boot.id]
        return _state(boot) != before and (boot.offset is None or boot.offset != before[0])


def known(boot: Boot) -> Known:
    """What is known of a start's clock."""
    return Known(boot.offset, Bounds(boot.low, boot.high, boot.reading))


def keep(boot: Boot, learnt: Known) -> None:
    """Writes into `boot` what is known now. An anchor needs no bounds beside it."""
    boot.offset, boot.reading = learnt.offset, learnt.bounds.reading
    boot.low, boot.high = (learnt.bounds.low, learnt.bounds.high) if learnt.offset is None else (None, None)


def _state(boot: Boot) -> store.ClockColumns:
    return (boot.offset, boot.low, boot.high, boot.reading, boot.id)
