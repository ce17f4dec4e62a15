"""Enters examined messages into the ledger, within one transaction that the caller has opened.

Every stream concerned is locked first, in one order, so that workers never wait for each other in a ring and what is read about a
stream stays true until the commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from os import urandom
from typing import Final, NamedTuple

from django.db.models import F

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
MISSING_NAMED: Final = 64
"""Gaps named in one acknowledgement; the rest are named in the next."""
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
    """A stream while batches are entered into it; `missing` are its gaps as (first, last)."""

    stream: Stream
    entered: list[Sound] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)

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


def short(link: bytes) -> int:
    """The first 8 bytes of a chain state as a signed integer, as a ledger column holds it."""
    return int.from_bytes(link[:8], "big", signed=True)


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
        self._latest = max((thing.received.at for thing in examined), default=0) + FUTURE_TOLERATED
        self._lock(examined)
        self._learn_items(examined)
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
        for boot in self._anchored:
            assert boot.offset is not None
            touched = store.date_boot(boot.id, boot.device_id, boot.offset, earliest=EARLIEST, latest=self._latest)
            self._marks.update(touched)
            self._marks.update((stream, None) for stream, _ in touched)
        for book in self._books.values():
            self._advance(book)
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
        for device_id, stream in sorted(opening | asking):
            if (device_id, stream) in opening:
                Stream.objects.get_or_create(device_id=device_id, stream=stream)
            locked = Stream.objects.select_for_update(no_key=True).filter(device_id=device_id, stream=stream).first()
            if locked is not None:
                self._books[device_id, stream] = Book(locked)

    def _learn_items(self, examined: Sequence[Sound | Greeted | Refused]) -> None:
        keys = {
            event.item
            for thing in examined
            if isinstance(thing, Sound)
            for event in thing.events
            if not isinstance(event, WireError)
        }
        if not keys:
            return
        self._items = dict(ItemKey.objects.filter(key__in=keys).values_list("key", "id"))
        for key in sorted(keys - self._items.keys()):
            self._items[key] = ItemKey.objects.get_or_create(key=key)[0].id

    def _boot(self, device_id: int, boot: bytes) -> Boot:
        known = self._boots.get((device_id, boot))
        if known is None:
            known, _ = Boot.objects.get_or_create(device_id=device_id, boot=boot)
            self._boots[device_id, boot] = known
        return known

    # --- entering ---

    def _greet(self, greeted: Greeted) -> None:
        hello, received = greeted.hello, greeted.received
        stream = self._books[greeted.device_id, hello.stream].stream
        if hello.next <= stream.highest:
            self._fork(stream, hello.next)
        clock = hello.clock
        vouched = clock.synchronised and _plausible(clock.wall, received.at)
        offset = clock.wall - clock.monotonic if vouched else received.at - clock.monotonic
        self._anchor(self._boot(greeted.device_id, clock.boot), offset)

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
        for place, link in enumerate(sound.links):
            stored = known.get(sound.first + place)
            if stored is not None and stored != short(link):
                return sound.first + place
        if sound.last < book.stream.highest:
            after = book.previous_of(sound.last + 1)
            if after is not None and after != sound.head:
                return sound.last
        return None

    def _add(self, book: Book, sound: Sound, places: Sequence[int]) -> None:
        """Turns rows into columns. This loop is the cost of a rating: it calls nothing that it can know already."""
        stream_id, first, received = book.stream.id, sound.first, sound.received.at
        latest = received + FUTURE_TOLERATED
        items = self._items
        boots: dict[bytes, Boot] = {}
        hours: set[int | None] = set()
        for place in places:
            event, link = sound.events[place], short(sound.links[place])
            if isinstance(event, WireError):
                self._hold_place(book, sound, place, event)
                continue
            boot = boots.get(event.boot)
            if boot is None:
                boot = boots[event.boot] = self._boot(sound.device_id, event.boot)
            visit, wall_offset = event.visit, event.wall_offset
            at: int | None = visit + wall_offset
            if event.synchronised and EARLIEST <= visit + wall_offset <= latest:
                if boot.offset is None:
                    self._anchor(boot, wall_offset)
            elif boot.offset is None:
                at = None
            else:
                at = visit + boot.offset
                if not EARLIEST <= at <= latest:
                    at = None
            hours.add(None if at is None else at // HOUR_MS)
            kind = KINDS[type(event)]
            self._rows.append(
                (
                    stream_id,
                    first + place,
                    kind,
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
                    link,
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
            boot.save(update_fields=["offset"])
            self._anchored.append(boot)

    def _fork(self, stream: Stream, seq: int) -> None:
        stream.forked_at = seq if stream.forked_at is None else min(stream.forked_at, seq)

    # --- afterwards ---

    @staticmethod
    def _advance(book: Book) -> None:
        """Moves the contiguous watermark over what now joins up, and notes the gaps that remain."""
        book.stream.stored_through, book.missing = gaps(book.stream)
        book.stream.save(update_fields=["stored_through", "highest", "forked_at"])

    def _ack(self, device_id: int, stream: bytes, server_wall: int, *, refused: str | None = None) -> Ack:
        return make_ack(self._books[device_id, stream], self._epoch, server_wall, refused=refused)


def gaps(stream: Stream) -> tuple[int, list[tuple[int, int]]]:
    """(how far `stream` is stored without a gap, the gaps between there and its highest row)."""
    through = joined = stream.stored_through
    missing: list[tuple[int, int]] = []
    if stream.highest > through:
        for first, last in store.covered_after(stream.id, through):
            if first > through + 1:
                missing.append((through + 1, first - 1))
            through = max(through, last)
            if not missing:
                joined = through
    return joined, missing


def make_ack(book: Book, epoch: bytes, server_wall: int, *, refused: str | None = None) -> Ack:
    """What the server holds of a stream, as its device is told."""
    return Ack(
        v=VERSION,
        epoch=epoch,
        stream=bytes(book.stream.stream),
        stored_through=book.stream.stored_through,
        backed_through=0,
        credit=CREDIT,
        server_wall=server_wall,
        missing=[Range(first, last) for first, last in book.missing[:MISSING_NAMED]],
        rejected=book.rejected[:MAX_ROWS],
        forked_at=book.stream.forked_at,
        refused=None if refused is None else refused[:200],
    )


def set_aside(received: Received, reason: str, text: str, *, stream: Stream | None = None, seq: int | None = None) -> None:
    """Keeps what could not be taken, with its reason; the same again is only counted."""
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
