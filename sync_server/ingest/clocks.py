"""The starts of devices that one transaction's messages name: what is learnt of their clocks, and which rows that dates."""

from collections.abc import Iterable
from typing import Final

from django.db.models import Q

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
            boot.confirmed = False
        keep(boot, _heeding(boot, learnt.known))

    def record(self, boot: Boot, reading: int, wall_offset: int, vouched: bool, *, received: int, earliest: int) -> None:
        """A row has come in of a start that has no anchor."""
        learnt = dating.recorded(known(boot), reading, wall_offset, vouched, received=received, earliest=earliest)
        keep(boot, _heeding(boot, learnt))
        if boot.offset is None:
            self._undated.add(boot.id)

    def write(self) -> set[Mark]:
        """Keeps what was learnt, dates the rows that had to wait for it, and returns what has to be counted again."""
        for boot in self._boots.values():
            self._bound(boot)
        changed = [boot for boot in self._boots.values() if self._tells_more(boot)]
        store.keep_clocks([_state(boot) for boot in changed])
        marks: set[Mark] = set()
        for boot in changed:
            marks |= self._days_before(boot)
        for boot in changed:
            again = boot.id in self._refuted
            if again or (boot.offset is not None and boot.id in self._undated):
                marks |= store.date_rows(boot, earliest=EARLIEST, latest=self._latest, again=again)
        # Bounds may put rows on another day, and bound the starts before and after, of which nothing else may be known; and what
        # a start claims of itself has to fit those around it.
        moved = {boot.device_id for boot in changed if self._found[boot.id][:3] != _state(boot)[:3]}
        if moved:
            lost = Q(device_id__in=Boot.objects.filter(device_id__in=moved, offset=None).values("device_id"))
            claiming = Boot.objects.filter(device_id__in=moved, offset__isnull=False, confirmed=False)
            streams = Stream.objects.filter(lost | Q(device_id__in=claiming.values("device_id"), live_after__isnull=False))
            marks.update((stream, None) for stream in streams.values_list("id", flat=True))
        return marks

    def _bound(self, boot: Boot) -> None:
        """What the order of rows told of a start holds beside what has been learnt now, unless they contradict one another."""
        if boot.offset is not None or _state(boot) == self._found[boot.id]:
            return
        _, low, high, reading, *_ = self._found[boot.id]
        own, before = Bounds(boot.own_low, boot.own_high, boot.reading), Bounds(low, high, reading).at(boot.reading)
        both = own.within(before)
        boot.low, boot.high = (own.low, own.high) if both is None else (both.low, both.high)

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
        return _state(boot) != before and (boot.offset is None or boot.offset != before[0] or boot.confirmed != before[6])


def known(boot: Boot) -> Known:
    """What a start's own messages tell of its clock. An anchor needs no bounds beside it."""
    if boot.offset is not None:
        return Known(boot.offset, Bounds(reading=boot.reading))
    return Known(None, Bounds(boot.own_low, boot.own_high, boot.reading))


def keep(boot: Boot, learnt: Known) -> None:
    """Writes into `boot` what is known now. Its own bounds stay beside an anchor: the order of rows may refute that."""
    own = learnt.bounds
    if boot.offset is not None and learnt.offset is not None:
        own = Bounds(boot.own_low, boot.own_high, boot.reading).at(own.reading)
    boot.own_low, boot.own_high = own.low, own.high
    boot.offset, boot.reading = learnt.offset, own.reading
    boot.confirmed = learnt.offset is not None and (boot.confirmed or learnt.bounds.confirm)
    if learnt.offset is not None:
        boot.low = boot.high = None
        if boot.refuted is not None and dating.believed(learnt.offset, boot.refuted, 0):
            boot.refuted = None


def _heeding(boot: Boot, learnt: Known) -> Known:
    """The same without an anchor that the order of rows has refuted already, unless a round trip bears it out now."""
    if learnt.offset is None or boot.refuted is None or boot.offset is not None or learnt.bounds.confirm:
        return learnt
    again = dating.believed(learnt.offset, boot.refuted, learnt.bounds.reading)
    return Known(None, learnt.bounds) if again else learnt


def _state(boot: Boot) -> store.ClockColumns:
    own = (boot.own_low, boot.own_high)
    return (boot.offset, boot.low, boot.high, boot.reading, *own, boot.confirmed, boot.refuted, boot.id)
