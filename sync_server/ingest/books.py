"""A stream's account: what is stored of it, what is missing, what is gone for good, and what its device is told of that."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from struct import unpack
from typing import Final

from sync_server.ingest import store
from sync_server.ingest.intake import Sound
from sync_server.ingest.models import Evidence, Gone, Stream
from wire import VERSION
from wire.codec import WireError
from wire.envelopes import MAX_ROWS, Ack, Hello, Range, Rejected

CREDIT: Final = 8
"""Batches a device may have under way: enough to fill a slow line, few enough that a resend is cheap."""
MISSING_NAMED: Final = 64
"""Gaps named in one acknowledgement; the rest are named in the next."""
GREETING_SLACK_MS: Final = 60_000
"""A greeting may be read out while a touch that came before it is still being written to a slow card."""

Span = tuple[int, int]
"""Sequence numbers (first, last), both included."""


@dataclass(slots=True)
class Book:
    """A stream while messages are entered into it. `missing` are its gaps, `found` is its state before; its device says that it
    holds nothing below `oldest`.
    """

    stream: Stream
    entered: list[Sound] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    missing: list[Span] = field(default_factory=list)
    oldest: int = 1
    found: store.StreamColumns = field(init=False)

    def __post_init__(self) -> None:
        self.found = self.state()

    def state(self) -> store.StreamColumns:
        """What `accept` may change of a stream."""
        stream = self.stream
        gap = (stream.gap_first, stream.gap_last, stream.gap_at)
        return (stream.stored_through, stream.highest, stream.forked_at, *gap, stream.latest_boot, stream.live_after, stream.id)

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

    def ordered_by(self, hello: Hello) -> bool:
        """Takes in what `hello` says of the order of its rows; whether that is news."""
        through, live = hello.moved_through, self.stream.live_after
        if through is None or (live is not None and through <= live):
            return False  # what was said before holds: a card that was copied may know of less
        self.stream.live_after = through
        return True

    def forked_by(self, hello: Hello, boots: Mapping[bytes, int], *, heard: bool) -> bool:
        """Whether `hello` shows that its card was set back: it knows fewer rows than were stored before, and is not merely late.

        It is not late if nothing was `heard` of its start before. Else the order of rows must tell, and it tells only of rows that
        were appended as they were recorded.
        """
        if hello.next > self.found[1]:
            return False
        live = self.stream.live_after
        return not heard or (live is not None and hello.next > live and not self.has_overtaken(hello, boots))

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

    def close(self, now: int) -> list[Gone]:
        """Moves the contiguous watermark over what now joins up, and notes the gaps that remain; `now` is in ms.

        Returns what has turned out to be gone: the device holds it no more, and nobody has it here. The watermark passes over it,
        because what is waited for in vain would hold up all that comes after.
        """
        stream, (through, highest, *_) = self.stream, self.found
        whole = through == highest  # nothing lies beyond, so what has just come is all there is to join
        covered = sorted((sound.first, sound.last) for sound in self.entered) if whole else store.covered_after(stream.id, through)
        joined, self.missing = join(through, covered)
        gone = below(self.oldest, [*self.missing, (stream.highest + 1, self.oldest - 1)])
        if gone:
            joined, self.missing = join(through, sorted([*covered, *gone]))
            stream.highest = max(stream.highest, gone[-1][1])
        stream.stored_through = joined
        if self.missing and self.missing[-1][0] > highest:  # what was missing before lies lower
            (stream.gap_first, stream.gap_last), stream.gap_at = self.missing[-1], now
        return [Gone(stream=stream, first=first, last=last, noticed=now) for first, last in gone]

    def ack(self, epoch: bytes, server_wall: int, *, refused: str | None = None) -> Ack:
        """What the server holds of the stream, as its device is told."""
        stream, unnamed = self.stream, self.missing[MISSING_NAMED:]
        return Ack(
            v=VERSION,
            epoch=epoch,
            stream=bytes(stream.stream),
            stored_through=stream.stored_through,
            backed_through=min(stream.backed_through, stream.stored_through),
            credit=CREDIT,
            server_wall=server_wall,
            missing=[Range(first, last) for first, last in self.missing[:MISSING_NAMED]],
            rejected=self.rejected[:MAX_ROWS],
            forked_at=stream.forked_at,
            refused=None if refused is None else refused[:200],
            highest=unnamed[0][0] - 1 if unnamed else stream.highest,
            link=self._told_link(),
        )

    def _told_link(self) -> bytes:
        """The chain after the contiguous watermark, as far as it is kept; nothing where no row stands there."""
        through = self.stream.stored_through
        link = self.links(through, through).get(through) if through else None
        return b"" if link is None else link.to_bytes(8, "big", signed=True)


def opened(stream: Stream) -> Book:
    """The book of `stream` with the gaps between how far it is stored and its highest row."""
    through = stream.stored_through
    return Book(stream, missing=join(through, store.covered_after(stream.id, through))[1] if stream.highest > through else [])


def join(through: int, covered: Iterable[Span]) -> tuple[int, list[Span]]:
    """(how far a stream that is whole up to `through` reaches without a gap, the gaps beyond). `covered` by their beginning."""
    joined = through
    missing: list[Span] = []
    for first, last in covered:
        if first > through + 1:
            missing.append((through + 1, first - 1))
        through = max(through, last)
        if not missing:
            joined = through
    return joined, missing


def below(limit: int, spans: Iterable[Span]) -> list[Span]:
    """The parts of `spans` that lie below `limit`."""
    return [(first, min(last, limit - 1)) for first, last in spans if first < limit and first <= last]


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What is left of `spans` without `taken`; both by their beginning."""
    taken = list(taken)
    left: list[Span] = []
    for first, last in spans:
        rest = first
        for begin, end in taken:
            if begin > last:
                break
            if begin > rest:
                left.append((rest, begin - 1))
            rest = max(rest, end + 1)
        if rest <= last:
            left.append((rest, last))
    return left


def short(link: bytes) -> int:
    """The first 8 bytes of a chain state as a signed integer, as a ledger column holds it."""
    return int.from_bytes(link[:8], "big", signed=True)


def shorts(links: Sequence[bytes]) -> tuple[int, ...]:
    """`short` of many, in one go."""
    return unpack(">" + "q24x" * len(links), b"".join(links))
