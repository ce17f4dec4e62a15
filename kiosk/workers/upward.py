"""What a device says to its server: greetings, and batches of the ledger's rows, signed. Reads and signs; sends nothing."""

from kiosk.core.delivery import fit
from kiosk.core.ports import Clock, Shelf, Signer
from kiosk.core.progress import Standing
from wire import chain
from wire.envelopes import Ack, Batch, Echo, Hello
from wire.envelopes import Clock as ClockReading
from wire.events import Link, StreamId


class Author:
    """Writes for one device. What it raises is `LedgerError`."""

    def __init__(self, shelf: Shelf, signer: Signer, clock: Clock, software: str) -> None:
        self._shelf = shelf
        self._signer = signer
        self._clock = clock
        self._software = software
        self._last: tuple[StreamId, int, Link] | None = None

    def hello(self, standing: Standing, *, config_version: int, echo: Echo | None) -> Hello:
        """A greeting."""
        return Hello(
            1,
            standing.stream,
            standing.next,
            standing.oldest,
            config_version,
            reading(self._clock),
            self._software,
            standing.progress.epoch,
            echo,
            standing.moved,
        )

    def batch(self, stream: StreamId, first: int, last: int) -> Batch | None:
        """Rows `first` … `last` of `stream`, or as many from `first` on as fit; None if there is none of them."""
        excerpt = self._shelf.read(stream, first, last - first + 1)
        rows = excerpt.rows[: fit(excerpt.rows)]
        if not rows:
            return None
        head = excerpt.head if len(rows) == len(excerpt.rows) else chain.links(excerpt.previous, rows)[-1]
        self._last = stream, first + len(rows) - 1, head
        statement = chain.batch_statement(stream, first, len(rows), head)
        return Batch(1, stream, first, excerpt.previous, rows, self._signer.sign(statement))

    def wrote(self, ack: Ack, standing: Standing) -> bool:
        """Whether the rows that `ack` speaks of can be those of this ledger. A card that was copied has a twin, whose rows the
        server may have in place of ours: to take them for delivered would lose ours."""
        through = ack.stored_through
        if not ack.link or ack.stream != standing.stream or not standing.oldest - 1 <= through < standing.next:
            return True  # nothing to compare; what we have not written is a fork by itself
        if self._last is None or self._last[:2] != (standing.stream, through):
            self._last = standing.stream, through, self._shelf.read(standing.stream, through + 1, 0).previous
        return self._last[2].startswith(ack.link)


def reading(clock: Clock) -> ClockReading:
    """The clocks, as they travel."""
    stamp = clock.stamp()
    return ClockReading(stamp.boot, stamp.monotonic, stamp.wall, stamp.synchronised)
