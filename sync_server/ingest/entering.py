"""Enters examined messages into the ledger, within one transaction that the caller has opened.

Every stream concerned is locked first, in one order, so that workers never wait for each other in a ring and what is read about a
stream stays true until the commit.
"""

from collections.abc import Iterable, Sequence
from os import urandom
from typing import Final, NamedTuple

from django.db.models import QuerySet

from sync_server.ingest import store
from sync_server.ingest.aside import FORKED, Aside, set_aside
from sync_server.ingest.books import Book, short, shorts
from sync_server.ingest.clocks import EARLIEST, FUTURE_TOLERATED, Clocks
from sync_server.ingest.dating import believed
from sync_server.ingest.intake import Greeted, Refused, Sound
from sync_server.ingest.models import Boot, Gone, Installation, ItemKey, Mark, Stream
from wire import chain
from wire.codec import WireError
from wire.envelopes import Ack, Hello, Rejected
from wire.events import Answer, Event, Flag, Left, Passage, Retract, StreamId

HELD_PLACE: Final = 0
"""Kind of a ledger row whose content was set aside."""
HOUR_MS: Final = 3_600_000

KINDS: Final[dict[type[Event], int]] = {Answer: 1, Retract: 2, Left: 3, Passage: 4, Flag: 5}
"""The tags of `wire.events`, as the ledger's column `kind`."""


class Outcome(NamedTuple):
    """What to tell `device`. No ack: nobody we know has asked. `hello` is set when the message was a greeting."""

    device: str
    ack: Ack | None
    hello: Hello | None = None


class Entering:
    """One transaction's worth of messages. `alarms` are for the log, once it is committed."""

    def __init__(self, examined: Sequence[Sound | Greeted | Refused]) -> None:
        self._books: dict[tuple[int, bytes], Book] = {}
        self._items: dict[str, int] = {}
        self._rows: list[store.Columns] = []
        self._marks: set[tuple[int, int | None]] = set()
        self._evidence: list[store.EvidenceColumns] = []
        self._aside: list[Aside] = []
        self._received = max((thing.received.at for thing in examined), default=0)
        self._clocks = Clocks(self._received)
        self._names = {thing.device_id: thing.received.device for thing in examined if thing.device_id is not None}
        self.alarms: list[str] = []
        self._lock(examined)
        self._learn(examined)
        for thing in examined:
            match thing:
                case Sound():
                    self._enter(thing)
                case Greeted():
                    self._greet(thing)
                case Refused():
                    self._aside.append(Aside(thing.received, thing.reason, thing.text))

    def write(self) -> None:
        """Writes rows, evidence, watermarks and marks, and what could not be taken."""
        store.insert(self._rows)
        store.insert_evidence(self._evidence)
        self._marks |= self._clocks.write()
        gone = [span for book in self._books.values() for span in book.close(self._received)]
        Gone.objects.bulk_create(gone)
        for span in gone:
            lost = f"neither {self._names[span.stream.device_id]} nor this server holds its rows {span.first} to {span.last}"
            self.alarms.append(f"{lost} of {bytes(span.stream.stream).hex()}: they are gone")
        store.keep_streams([book.state() for book in self._books.values() if book.state() != book.found])
        keep_marks(self._marks)
        set_aside(self._aside)
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
        boots: dict[tuple[int, bytes], None] = {}
        for thing in examined:
            if isinstance(thing, Greeted):
                boots[thing.device_id, thing.hello.clock.boot] = None
            elif isinstance(thing, Sound):
                device_id = thing.device_id
                for event in thing.events:
                    if not isinstance(event, WireError):
                        keys.add(event.item)
                        boots[device_id, event.boot] = None
        if keys:
            self._items = dict(ItemKey.objects.filter(key__in=keys).values_list("key", "id"))
            for key in sorted(keys - self._items.keys()):
                self._items[key] = ItemKey.objects.get_or_create(key=key)[0].id
        self._clocks.learn(boots)

    # --- entering ---

    def _greet(self, greeted: Greeted) -> None:
        hello, received = greeted.hello, greeted.received
        book = self._books[greeted.device_id, hello.stream]
        book.oldest = max(book.oldest, min(hello.oldest, hello.next))
        if book.ordered_by(hello) and book.stream.highest:
            self._marks.add((book.stream.id, None))  # its order tells more now of rows that are here already
        boot = self._clocks.of(greeted.device_id, hello.clock.boot)
        if book.forked_by(hello, self._clocks.numbers(greeted.device_id), heard=not self._clocks.is_new(boot)):
            self._fork(book.stream, hello.next)
        self._clocks.greet(boot, hello.clock, hello.echo, received=received.at, earliest=greeted.earliest)

    def _enter(self, sound: Sound) -> None:
        book = self._books[sound.device_id, sound.batch.stream]
        stream = book.stream
        known = book.links(sound.first - 1, sound.last)
        fork = self._fork_of(sound, book, known)
        if fork is not None:
            self._fork(stream, fork)
            told = f"row {fork} is not the row that is stored there"
            self._aside.append(Aside(sound.received, FORKED, told, stream, fork))
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
                boot = boots[event.boot] = self._clocks.of(sound.device_id, event.boot)
            visit, wall_offset = event.visit, event.wall_offset
            offset = boot.offset
            if offset is None:
                reading, vouched = visit + event.dt, event.synchronised
                self._clocks.record(boot, reading, wall_offset, vouched, received=received, earliest=sound.earliest)
                offset = boot.offset
            at: int | None = None
            if offset is not None:
                at = visit + offset
                if offset != wall_offset and event.synchronised and believed(wall_offset, offset, visit + boot.reading):
                    at = visit + wall_offset
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
        if boots:
            self._follow(book.stream, sound, boot, alone=len(boots) == 1)

    def _follow(self, stream: Stream, sound: Sound, boot: Boot | None, *, alone: bool) -> None:
        """`boot` has recorded the last of these rows. Where not all continue what its start recorded before, the order of starts
        tells more now than it did.
        """
        assert boot is not None
        if stream.live_after is not None and not (alone and boot.id == stream.latest_boot and sound.first == stream.highest + 1):
            self._marks.add((stream.id, None))
        if sound.last > stream.highest:
            stream.latest_boot = boot.id

    def _hold_place(self, book: Book, sound: Sound, place: int, fault: WireError) -> None:
        seq = sound.first + place
        received = sound.received._replace(data=sound.batch.rows[place])
        self._aside.append(Aside(received, fault.reason, str(fault), book.stream, seq))
        book.rejected.append(Rejected(seq, fault.reason))
        blank = (None,) * 11
        self._rows.append((book.stream.id, seq, HELD_PLACE, *blank, short(sound.links[place])))

    def _fork(self, stream: Stream, seq: int) -> None:
        if stream.forked_at is None:
            name = f"{self._names[stream.device_id]} tells another story than {bytes(stream.stream).hex()} from row {seq} on"
            self.alarms.append(f"{name}: its card was copied or restored from an image")
        stream.forked_at = seq if stream.forked_at is None else min(stream.forked_at, seq)

    # --- afterwards ---

    def _ack(self, device_id: int, stream: bytes, server_wall: int, *, refused: str | None = None) -> Ack:
        return self._books[device_id, stream].ack(self._epoch, server_wall, refused=refused)


def keep_marks(marks: Iterable[tuple[int, int | None]]) -> None:
    """Has the (stream, hour) pairs counted again."""
    Mark.objects.bulk_create(Mark(stream_id=stream, hour=hour) for stream, hour in marks)


def installation() -> Installation:
    """This server's own row, made at first need."""
    return Installation.objects.first() or Installation.objects.create(epoch=urandom(16))


def _stream_of(thing: Sound | Greeted) -> bytes:
    return thing.batch.stream if isinstance(thing, Sound) else thing.hello.stream
