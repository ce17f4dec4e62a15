"""Enters examined messages into the ledger, within one transaction that the caller has opened.

Every stream concerned is locked first, in one order, so that workers never wait for each other in a ring and what is read about a
stream stays true until the commit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from os import urandom
from struct import unpack
from typing import Final, NamedTuple

from django.db.models import F, QuerySet

from sync_server.ingest import store
from sync_server.ingest.intake import Greeted, Received, Refused, Sound
from sync_server.ingest.models import Boot, Evidence, Installation, ItemKey, Mark, SetAside, Stream
from wire import VERSION, chain
from wire.codec import WireError
from wire.envelopes import MAX_BYTES, MAX_ROWS, Ack, Hello, Range, Rejected
from wire.events import DAY_MS, Answer, Event, Flag, Left, Passage, Retract, StreamId

CREDIT: Final = 8
"""Batches a device may have under way: enough to fill a slow line, few enough that a resend is cheap."""
HELD_PLACE: Final = 0
"""Kind of a ledger row whose content was set aside."""
EARLIEST: Final = 1_577_836_800_000
"""2020-01-01 in ms: an instant before the first device was built is a clock that was never set."""
FUTURE_TOLERATED: Final = DAY_MS
"""No visit begins later than its delivery; a day covers any honest mistake of a clock."""
KEPT_OF_A_REFUSAL: Final = MAX_BYTES
"""Bytes kept of a message that was refused: all of any that an honest device could have sent."""
KEPT_OF_A_DEVICE: Final = 1_000
"""Messages and rows set aside that are kept of one device."""
MISSING_NAMED: Final = 64
"""Gaps named in one acknowledgement; the rest are named in the next."""
GREETING_SLACK_MS: Final = 60_000
"""A greeting may be read out while a touch that came before it is still being written to a slow card."""
HOUR_MS: Final = 3_600_000

KINDS: Final[dict[type[Event], int]] = {Answer: 1, Retract: 2, Left: 3, Passage: 4, Flag: 5}
"""The tags of `wire.events`, as the ledger's column `kind`."""


class Outcome(NamedTuple):
    """What to tell `device`. No ack: nobody we know has asked. `hello` is set when the message was a greeting."""

    device: str
    ack: Ack | None
    hello: Hello | None = None


@dataclass(slots=True)
class Book:
    """A stream while batches are entered into it. `missing` are its gaps as (first, last), `found` is its state before."""

    stream: Stream
    entered: list[Sound] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)
    found: store.StreamColumns = field(init=False)

    def __post_init__(self) -> None:
        self.found = self.state()

    def state(self) -> store.StreamColumns:
        """What `accept` may change of a stream."""
        return (self.stream.stored_through, self.stream.highest, self.stream.forked_at, self.stream.id)

    def links(self, first: int, last: int) -> dict[int, int]:
        """{seq: link} of what is stored, or is about to be, between `first` and `last`."""
        highest = self.stream.highest
        if first > highest:
            return {}
        if first == highest and self.entered and self.entered[-1].last == highest:
            return {first: short(self.entered[-1].head)}  # the next in line, as nearly all are
        known = store.links_between(self.stream.id, first, last)
        for sound in self.entered:
            for seq in range(max(first, sound.first), min(last, sound.last) + 1):
                known[seq] = short(sound.links[seq - sound.first])
        return known

    def previous_of(self, first: int) -> bytes | None:
        """The chain before row `first`, where a batch beginning there has been accepted."""
        for sound in self.entered:
            if sound.first == first:
                return sound.batch.previous
        found = Evidence.objects.filter(stream=self.stream, first=first).values_list("previous", flat=True).first()
        return None if found is None else bytes(found)

    def has_overtaken(self, hello: Hello, boots: Mapping[bytes, int]) -> bool:
        """Whether `hello` is merely late: a broken line is answered by sending again, so that a greeting may come after rows
        that its device recorded only later: in the same start of the device and after it, or in a start first heard of later.

        `boots` numbers the device's starts in the order in which they were first heard of.
        """
        found = store.first_recorded(self.stream.id, hello.next)
        for sound in self.entered:
            for seq, event in enumerate(sound.events, sound.first):
                if seq >= hello.next and not isinstance(event, WireError) and (found is None or seq < found[0]):
                    found = seq, boots[event.boot], event.visit + event.dt
        if found is None:
            return False
        _, boot, recorded = found
        greeting = boots[hello.clock.boot]
        return boot > greeting or (boot == greeting and recorded > hello.clock.monotonic - GREETING_SLACK_MS)


def short(link: bytes) -> int:
    """The first 8 bytes of a chain state as a signed integer, as a ledger column holds it."""
    return int.from_bytes(link[:8], "big", signed=True)


def shorts(links: Sequence[bytes]) -> tuple[int, ...]:
    """`short` of many, in one go."""
    return unpack(">" + "q24x" * len(links), b"".join(links))


class Entering:
    """One transaction's worth of messages."""

    def __init__(self, examined: Sequence[Sound | Greeted | Refused]) -> None:
        self._books: dict[tuple[int, bytes], Book] = {}
        self._boots: dict[tuple[int, bytes], Boot] = {}
        self._items: dict[str, int] = {}
        self._rows: list[store.Columns] = []
        self._marks: set[tuple[int, int | None]] = set()
        self._evidence: list[store.EvidenceColumns] = []
        self._anchored: list[Boot] = []
        self._undated: set[int] = set()
        self._latest = max((thing.received.at for thing in examined), default=0) + FUTURE_TOLERATED
        self._lock(examined)
        self._learn(examined)
        for thing in examined:
            match thing:
                case Sound():
                    self._enter(thing)
                case Greeted():
                    self._greet(thing)
                case Refused():
                    set_aside(thing.received, thing.reason, thing.text)

    def write(self) -> None:
        """Writes rows, evidence, watermarks and marks."""
        store.insert(self._rows)
        store.insert_evidence(self._evidence)
        store.keep_offsets([(boot.offset, boot.id) for boot in self._anchored])
        for boot in self._anchored:
            assert boot.offset is not None
            if boot.id not in self._undated:
                continue
            touched = store.date_boot(boot.id, boot.device_id, boot.offset, earliest=EARLIEST, latest=self._latest)
            self._marks.update(touched)
            self._marks.update((stream, None) for stream, _ in touched)
        for book in self._books.values():
            self._advance(book)
        store.keep_streams([book.state() for book in self._books.values() if book.state() != book.found])
        Mark.objects.bulk_create(Mark(stream_id=stream, hour=hour) for stream, hour in self._marks)
        self._epoch = bytes(installation().epoch)

    def outcome(self, thing: Sound | Greeted | Refused, server_wall: int) -> Outcome:
        """What to tell the sender of `thing`. `server_wall` is this server's clock in ms."""
        received = thing.received
        if isinstance(thing, Refused):
            if thing.device_id is None or thing.stream is None or (thing.device_id, thing.stream) not in self._books:
                return Outcome(received.device, None)
            return Outcome(received.device, self._ack(thing.device_id, thing.stream, server_wall, refused=thing.text))
        if isinstance(thing, Greeted):
            return Outcome(received.device, self._ack(thing.device_id, thing.hello.stream, server_wall), thing.hello)
        return Outcome(received.device, self._ack(thing.device_id, thing.batch.stream, server_wall))

    # --- what is known before anything is entered ---

    def _lock(self, examined: Sequence[Sound | Greeted | Refused]) -> None:
        opening = {(thing.device_id, _stream_of(thing)) for thing in examined if not isinstance(thing, Refused)}
        refused = [thing for thing in examined if isinstance(thing, Refused)]
        asking = {(thing.device_id, thing.stream) for thing in refused if thing.device_id is not None and thing.stream is not None}
        wanted = sorted(opening | asking)
        if not wanted:
            return
        streams = Stream.objects.filter(device_id__in={device for device, _ in wanted}, stream__in={name for _, name in wanted})
        if len(wanted) > 1 and opening - {(device, bytes(name)) for device, name in streams.values_list("device_id", "stream")}:
            # To open one while holding others, out of turn, is how rings begin: one by one, then.
            for device_id, name in wanted:
                if (device_id, name) in opening:
                    Stream.objects.get_or_create(device_id=device_id, stream=name)
                self._hold(Stream.objects.filter(device_id=device_id, stream=name))
            return
        self._hold(streams)
        for device_id, name in opening - self._books.keys():  # a single one, or it would have been opened above
            Stream.objects.get_or_create(device_id=device_id, stream=name)
            self._hold(Stream.objects.filter(device_id=device_id, stream=name))

    def _hold(self, streams: QuerySet[Stream]) -> None:
        for stream in streams.select_for_update(no_key=True).order_by("device_id", "stream"):
            self._books[stream.device_id, bytes(stream.stream)] = Book(stream)

    def _learn(self, examined: Sequence[Sound | Greeted | Refused]) -> None:
        """Numbers of the items and boots that the messages name."""
        keys: set[str] = set()
        boots: set[tuple[int, bytes]] = set()
        for thing in examined:
            if isinstance(thing, Greeted):
                boots.add((thing.device_id, thing.hello.clock.boot))
            elif isinstance(thing, Sound):
                device_id = thing.device_id
                for event in thing.events:
                    if not isinstance(event, WireError):
                        keys.add(event.item)
                        boots.add((device_id, event.boot))
        if keys:
            self._items = dict(ItemKey.objects.filter(key__in=keys).values_list("key", "id"))
            for key in sorted(keys - self._items.keys()):
                self._items[key] = ItemKey.objects.get_or_create(key=key)[0].id
        if boots:
            # Locked, so that no row is entered as undated while another worker dates this boot.
            named = Boot.objects.filter(device_id__in={device for device, _ in boots}, boot__in={boot for _, boot in boots})
            known = list(named.select_for_update(no_key=True).order_by("id"))
            self._boots = {(boot.device_id, bytes(boot.boot)): boot for boot in known}
            # Rows that came before, with a boot nobody could date, wait for its first anchor.
            self._undated = {boot.id for boot in known if boot.offset is None}
            for device_id, name in sorted(boots - self._boots.keys()):
                self._boots[device_id, name] = self._open_boot(device_id, name)

    def _open_boot(self, device_id: int, name: bytes) -> Boot:
        number = store.open_boot(device_id, name)
        if number is not None:
            return Boot(id=number, device_id=device_id, boot=name)
        boot = Boot.objects.get(device_id=device_id, boot=name)  # another worker was faster
        self._undated.add(boot.id)
        return boot

    # --- entering ---

    def _greet(self, greeted: Greeted) -> None:
        hello, received = greeted.hello, greeted.received
        book = self._books[greeted.device_id, hello.stream]
        clock = hello.clock
        boots = {name: boot.id for (device_id, name), boot in self._boots.items() if device_id == greeted.device_id}
        if hello.next <= book.stream.highest and not book.has_overtaken(hello, boots):
            self._fork(book.stream, hello.next)
        vouched = clock.synchronised and _plausible(clock.wall, received.at)
        offset = clock.wall - clock.monotonic if vouched else received.at - clock.monotonic
        self._anchor(self._boots[greeted.device_id, clock.boot], offset)

    def _enter(self, sound: Sound) -> None:
        book = self._books[sound.device_id, sound.batch.stream]
        stream = book.stream
        known = book.links(sound.first - 1, sound.last)
        fork = self._fork_of(sound, book, known)
        if fork is not None:
            self._fork(stream, fork)
            set_aside(sound.received, "forked", f"row {fork} is not the row that is stored there", stream=stream, seq=fork)
            return
        fresh = [place for place in range(len(sound.links)) if sound.first + place not in known]
        if not fresh:
            return
        self._add(book, sound, fresh)
        book.entered.append(sound)
        stream.highest = max(stream.highest, sound.last)
        self._evidence.append(
            (
                stream.id,
                sound.first,
                sound.last,
                sound.batch.previous,
                sound.head,
                sound.received.content_type or "",
                sound.received.data,
                sound.received.at,
            )
        )

    @staticmethod
    def _fork_of(sound: Sound, book: Book, known: dict[int, int]) -> int | None:
        """The first row at which this batch and the stored stream part, or none."""
        previous = chain.origin(StreamId(sound.batch.stream)) if sound.first == 1 else None
        if previous is not None and previous != sound.batch.previous:
            return 1
        before = known.get(sound.first - 1)
        if before is not None and before != short(sound.batch.previous):
            return sound.first - 1
        for seq in sorted(known):
            if seq >= sound.first and known[seq] != short(sound.links[seq - sound.first]):
                return seq
        if sound.last < book.stream.highest:
            after = book.previous_of(sound.last + 1)
            if after is not None and after != sound.head:
                return sound.last
        return None

    def _add(self, book: Book, sound: Sound, places: Sequence[int]) -> None:
        """Turns rows into columns. This loop is the cost of a rating: it calls nothing that it can know already."""
        stream_id, first, received = book.stream.id, sound.first, sound.received.at
        latest = received + FUTURE_TOLERATED
        items, events, links = self._items, sound.events, shorts(sound.links)
        add = self._rows.append
        boots: dict[bytes, Boot] = {}
        hours: set[int | None] = set()
        for place in places:
            event = events[place]
            if isinstance(event, WireError):
                self._hold_place(book, sound, place, event)
                continue
            boot = boots.get(event.boot)
            if boot is None:
                boot = boots[event.boot] = self._boots[sound.device_id, event.boot]
            visit, wall_offset = event.visit, event.wall_offset
            at: int | None = visit + wall_offset
            if event.synchronised and EARLIEST <= visit + wall_offset <= latest:
                if boot.offset is None:
                    self._anchor(boot, wall_offset)
            elif boot.offset is None:
                at = None
                self._undated.add(boot.id)
            else:
                at = visit + boot.offset
                if not EARLIEST <= at <= latest:
                    at = None
            hours.add(None if at is None else at // HOUR_MS)
            add(
                (
                    stream_id,
                    first + place,
                    KINDS[type(event)],
                    at,
                    boot.id,
                    visit,
                    event.dt,
                    items[event.item],
                    event.value if isinstance(event, Answer) else event.count if isinstance(event, Passage) else None,
                    event.questionnaire,
                    event.language,
                    event.input,
                    wall_offset,
                    event.synchronised,
                    links[place],
                )
            )
        self._marks.update((stream_id, hour) for hour in hours)

    def _hold_place(self, book: Book, sound: Sound, place: int, fault: WireError) -> None:
        seq = sound.first + place
        received = sound.received._replace(data=sound.batch.rows[place])
        set_aside(received, fault.reason, str(fault), stream=book.stream, seq=seq)
        book.rejected.append(Rejected(seq, fault.reason))
        blank = (None,) * 11
        self._rows.append((book.stream.id, seq, HELD_PLACE, *blank, short(sound.links[place])))

    def _anchor(self, boot: Boot, offset: int) -> None:
        """The first anchor of a boot stays: a better one would move answers that have been shown on their day already."""
        if boot.offset is None:
            boot.offset = offset
            self._anchored.append(boot)

    def _fork(self, stream: Stream, seq: int) -> None:
        stream.forked_at = seq if stream.forked_at is None else min(stream.forked_at, seq)

    # --- afterwards ---

    @staticmethod
    def _advance(book: Book) -> None:
        """Moves the contiguous watermark over what now joins up, and notes the gaps that remain."""
        through, highest, _, number = book.found
        whole = through == highest  # nothing lies beyond, so what has just come is all there is to join
        covered = sorted((sound.first, sound.last) for sound in book.entered) if whole else store.covered_after(number, through)
        book.stream.stored_through, book.missing = join(book.stream, covered)

    def _ack(self, device_id: int, stream: bytes, server_wall: int, *, refused: str | None = None) -> Ack:
        return make_ack(self._books[device_id, stream], self._epoch, server_wall, refused=refused)


def gaps(stream: Stream) -> list[tuple[int, int]]:
    """The gaps between how far `stream` is stored and its highest row."""
    return join(stream, store.covered_after(stream.id, stream.stored_through) if stream.highest > stream.stored_through else [])[1]


def join(stream: Stream, covered: Iterable[tuple[int, int]]) -> tuple[int, list[tuple[int, int]]]:
    """(how far `stream` reaches without a gap, the gaps beyond). `covered` are (first, last) by their beginning."""
    through = joined = stream.stored_through
    missing: list[tuple[int, int]] = []
    for first, last in covered:
        if first > through + 1:
            missing.append((through + 1, first - 1))
        through = max(through, last)
        if not missing:
            joined = through
    return joined, missing


def make_ack(book: Book, epoch: bytes, server_wall: int, *, refused: str | None = None) -> Ack:
    """What the server holds of a stream, as its device is told."""
    unnamed = book.missing[MISSING_NAMED:]
    return Ack(
        v=VERSION,
        epoch=epoch,
        stream=bytes(book.stream.stream),
        stored_through=book.stream.stored_through,
        backed_through=min(book.stream.backed_through, book.stream.stored_through),
        credit=CREDIT,
        server_wall=server_wall,
        missing=[Range(first, last) for first, last in book.missing[:MISSING_NAMED]],
        rejected=book.rejected[:MAX_ROWS],
        forked_at=book.stream.forked_at,
        refused=None if refused is None else refused[:200],
        highest=unnamed[0][0] - 1 if unnamed else book.stream.highest,
    )


def set_aside(received: Received, reason: str, text: str, *, stream: Stream | None = None, seq: int | None = None) -> None:
    """Keeps what could not be taken, with its reason; the same again is only counted."""
    kept = SetAside.objects.filter(device=received.device[:64])
    if kept.count() >= KEPT_OF_A_DEVICE:
        # Told apart no longer, only counted: one broken device must not fill the disk.
        received, reason, text = received._replace(data=b""), "too-many", f"more than {KEPT_OF_A_DEVICE} kept already; counted only"
        stream, seq = None, None
    place = b"" if seq is None or stream is None else b"%d/%d/" % (stream.id, seq)
    digest = sha256(place + received.data).digest()
    row, made = SetAside.objects.get_or_create(
        device=received.device[:64],
        digest=digest,
        defaults={
            "reason": reason[:40],
            "text": text[:400].replace("\0", " "),
            "stream": stream,
            "seq": seq,
            "content_type": (received.content_type or "")[:64].replace("\0", " "),
            "data": received.data[:KEPT_OF_A_REFUSAL],
            "received": received.at,
        },
    )
    if not made:
        SetAside.objects.filter(pk=row.pk).update(times=F("times") + 1, received=received.at)


def installation() -> Installation:
    """This server's own row, made at first need."""
    return Installation.objects.first() or Installation.objects.create(epoch=urandom(16))


def _stream_of(thing: Sound | Greeted) -> bytes:
    return thing.batch.stream if isinstance(thing, Sound) else thing.hello.stream


def _plausible(instant: int, received: int) -> bool:
    return EARLIEST <= instant <= received + FUTURE_TOLERATED
