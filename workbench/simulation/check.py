"""The check at the end of every run: what was thanked is stored and counted exactly once, at its time and place; nothing else is.

Three accounts of the same visits are compared: what the visitors were told, what the server's ledger holds, what its tallies say.
The tallies are counted a second time here, in plain Python, from rows whose times were first held against the truth.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from contextlib import suppress
from datetime import UTC, date, datetime
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from kiosk.core.progress import Standing
from kiosk.errors import LedgerError
from wire import codec
from wire.envelopes import Batch
from wire.events import DONT_KNOW, NOT_APPLICABLE, StreamId
from workbench.simulation.clocks import SECOND
from workbench.simulation.server import StoredRow
from workbench.simulation.truth import KINDS, Fate, Key, Told, Visit

if TYPE_CHECKING:
    from sync_server.ingest.models import Stream
    from workbench.simulation.kiosk import Kiosk
    from workbench.simulation.world import World

TIME_ERROR: Final = 2 * SECOND
"""How far off, in ms, a dated row may be."""
TOLD_WITHIN: Final = 1_900
"""A start of a device whose clock the server can tell within so many ms must have dates: it believes two seconds, and we are no
pedants about the last tenth.
"""
MANY: Final = 10
"""Devices of which rows are stored; fewer are a small court."""
HONEST: Final = 120 * SECOND
"""What the server leaves to honest clocks that differ; whoever lies by less cannot be told from them."""
NAMED: Final = 5
"""Examples given of each kind of failure."""

ANSWER, RETRACT, LEFT, PASSAGE, FLAG = KINDS.values()


class Stay(NamedTuple):
    """A device stood at `exit` of `court` from `since` (ms) on."""

    since: int
    exit: int
    court: int


class Cell(NamedTuple):
    """Where a visit's word about an item is counted. No day for what cannot be dated."""

    court: int
    exit: int
    item: str
    day: date | None
    input: int


def check(world: "World") -> list[str]:
    """Every way in which this run has failed, in words; empty when it has not."""
    rows = world.server.rows()
    world.agenda.ended(repr((rows, world.server.tallies())))
    what_was_said = [*_rows(world, rows), *_passages(world, rows), *_promises(world, rows)]
    return [*what_was_said, *_chains(world, rows), *_times(world, rows), *_tallies(world, rows)]


def key_of_stored(row: StoredRow) -> Key:
    """The key under which the truth knows a row of the server's."""
    return Key(
        row.device, row.boot, row.visit, row.dt, row.kind, row.item, row.value, row.input, row.wall_offset, row.synchronised
    )  # fmt: skip


# --- rows -------------------------------------------------------------------------------------------------------------------


def _rows(world: "World", rows: Iterable[StoredRow]) -> Iterable[str]:
    stored = {key_of_stored(row) for row in rows}
    fates = world.truth.fates
    missing = [key for key, fate in fates.items() if fate is Fate.KEPT and key not in stored]
    refused = [key for key in stored if fates.get(key) is Fate.REFUSED]
    forged = [key for key in stored if key not in fates]
    yield from _named("thanked, but not stored", missing, world)
    yield from _named("refused to its visitor, but stored", refused, world)
    yield from _named("stored, but never written by any device", forged, world)
    world.agenda.happened["checked"] += len(stored)
    if len({key.device for key in stored}) >= MANY:
        world.agenda.happened["many kiosks"] += 1


def _named(what: str, keys: list[Key], world: "World") -> Iterable[str]:
    if keys:
        examples = "; ".join(
            f"{key.device} boot {key.boot.hex()[:6]} visit {key.visit} +{key.dt} {key.kind} {key.item}"
            f" at {_clock(world.truth.boots[key.boot].true(key.visit + key.dt)) if key.boot in world.truth.boots else '?'}"
            for key in sorted(keys)[:NAMED]
        )
        yield f"{len(keys)} rows {what}: {examples}"


def _clock(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]


# --- streams and chains -------------------------------------------------------------------------------------------------------


def _chains(world: "World", rows: list[StoredRow]) -> Iterable[str]:
    """Watermarks say what is there, and the kept evidence makes one unbroken chain under exactly the stored rows."""
    from sync_server.ingest.models import LedgerRow, Stream

    written: dict[bytes, int] = {}
    for _, standing in _standings(world):
        written[standing.stream] = min(standing.next - 1, written.get(standing.stream, standing.next - 1))
    for stream in Stream.objects.select_related("device").order_by("id"):
        name = f"stream {bytes(stream.stream).hex()[:8]} of {stream.device.name}"
        held = dict(LedgerRow.objects.filter(stream=stream).order_by("seq").values_list("seq", "link"))
        if (stream.device.name, bytes(stream.stream)) not in world.truth.streams:
            yield f"{name}: no device ever had it"
        yield from _watermark(stream, name, held.keys(), written=written.get(bytes(stream.stream)))
        yield from _links(stream, name, held)
    for kiosk in world.kiosks:
        if kiosk.on and kiosk.keeper is not None:
            try:
                kiosk.keeper.standing()
            except LedgerError as fault:
                yield f"{kiosk.name} has no ledger: {fault}"
    for kiosk, standing in _standings(world):
        known = Stream.objects.filter(device__name=kiosk.device, stream=standing.stream).first()
        through = known.stored_through if known is not None else 0  # a stream without rows need not have been heard of
        if not standing.progress.backed_through <= standing.progress.stored_through <= through:
            yield f"{kiosk.name} believes {standing.progress}, the server has {through}"
        if standing.next - 1 > through:  # it may be less: a clone that has not heard yet what its twin has sent
            yield f"{kiosk.name} has written {standing.next - 1} rows, the server has {through}"


def _standings(world: "World") -> Iterable[tuple["Kiosk", Standing]]:
    """Each working device with its present stream. What else the server knows, no card will ever say a word of again."""
    for kiosk in world.kiosks:
        if kiosk.on and kiosk.keeper is not None:
            with suppress(LedgerError):
                yield kiosk, kiosk.keeper.standing()


def _watermark(stream: "Stream", name: str, held: Set[int], *, written: int | None) -> Iterable[str]:
    """Whether the stream's account is right. One that is still written to has to be whole as far as its device has `written` it:
    what lies beyond is a twin's, of which the device has not heard yet. One that its card has left behind may have holes, and
    nobody is asked to fill them: its rows stand in the next one, which `_rows` insists on.
    """
    from sync_server.ingest.models import Gone

    gone: set[int] = set()
    for span in Gone.objects.filter(stream=stream):
        gone.update(range(span.first, span.last + 1))
    known = held | gone
    through = next(seq for seq in count() if seq + 1 not in known)
    highest = max(known, default=0)
    if (stream.stored_through, stream.highest) != (through, highest):
        yield f"{name}: stored through {stream.stored_through}, highest {stream.highest}, but right is {through}, {highest}"
    if written is not None and through < min(written, highest):
        yield f"{name}: its device writes to it, and rows are missing between {through} and {highest}"
    if written is not None and stream.backed_through > stream.stored_through:
        yield f"{name}: backed through {stream.backed_through}, but stored through {stream.stored_through} only"


def _links(stream: "Stream", name: str, held: Mapping[int, int]) -> Iterable[str]:
    """Whether what was signed makes one chain, and the rows of the ledger, {place: link}, stand on it."""
    from sync_server.ingest.models import Evidence

    links: dict[int, bytes] = {0: sha256(b"vidhuk/1 chain\0" + StreamId(bytes(stream.stream))).digest()}
    for evidence in Evidence.objects.filter(stream=stream).order_by("first", "id"):
        batch = codec.decode_upward(evidence.content_type, bytes(evidence.data))
        if not isinstance(batch, Batch):
            yield f"{name}: evidence {evidence.pk} is no batch"
            continue
        state: bytes = batch.previous
        if links.setdefault(batch.first - 1, state) != state:
            yield f"{name}: what was signed from {batch.first} on does not continue what was signed before"
        for seq, row in enumerate(batch.rows, batch.first):
            state = sha256(state + row).digest()
            if links.setdefault(seq, state) != state:
                yield f"{name}: two rows are kept for {seq}"
    for seq, link in held.items():
        if seq not in links or int.from_bytes(links[seq][:8], "big", signed=True) != link:
            yield f"{name}: row {seq} does not continue the chain"
            break


# --- times --------------------------------------------------------------------------------------------------------------------


def _times(world: "World", rows: list[StoredRow]) -> Iterable[str]:
    """A row that is dated is dated right; one that is not could not have been, or lies where its bounds say."""
    from sync_server.ingest.models import Boot

    bounds = {bytes(boot.boot): (boot.low, boot.high) for boot in Boot.objects.all()}
    wrong: list[str] = []
    idle: list[str] = []
    vouched = {row.boot for row in rows if world.truth.boots[row.boot].vouched(_true(world, row, row.dt))}
    worst = 0
    for row in rows:
        boot = world.truth.boots[row.boot]
        true = boot.true(row.visit)
        if row.at is not None:
            if not boot.pretended:
                worst = max(worst, abs(row.at - true))
            if abs(row.at - true) > TIME_ERROR + _knowable(boot.pretended, world.truth.meetings.doubt(row.boot)):
                wrong.append(f"{row.device} row {row.seq} ({boot.habit}) is dated {row.at - true} ms off")
            continue
        world.agenda.happened["undated"] += 1
        low, high = bounds[row.boot]
        slack = TIME_ERROR
        if (low is not None and row.visit + low > true + slack) or (high is not None and row.visit + high < true - slack):
            wrong.append(f"{row.device} row {row.seq} ({boot.habit}): its bounds {low}, {high} exclude {true - row.visit}")
        doubt = world.truth.meetings.doubt(row.boot)
        if boot.pretended:
            continue  # what was learnt of it may have been taken back
        if doubt is not None and doubt <= TOLD_WITHIN:
            idle.append(f"{row.device} row {row.seq} ({boot.habit}) has no date, although a round trip tells it within {doubt} ms")
        elif row.boot in vouched:
            idle.append(
                f"{row.device} row {row.seq} ({boot.habit}) has no date, although a time server vouched for rows of its boot"
            )
    world.agenda.happened["worst time error"] = worst
    for found in (wrong, idle):
        if found:
            yield f"{len(found)} rows: {'; '.join(found[:NAMED])}"


def _knowable(lie: int, doubt: int | None) -> int:
    """How far off a start's plausible lie may put its rows: all the way, or, after a round trip, as far as honest clocks may be
    apart, which a row's own stamp may be once more.
    """
    return lie if doubt is None else min(lie, 2 * HONEST + doubt)


def _true(world: "World", row: StoredRow, dt: int) -> int:
    return world.truth.boots[row.boot].true(row.visit + dt)


# --- what visitors were told --------------------------------------------------------------------------------------------------


def _last_words(rows: Iterable[StoredRow]) -> dict[Visit, StoredRow]:
    """The last word of each visit about each item: by time since its beginning, then by the newest stream and place."""
    words: dict[Visit, StoredRow] = {}
    for row in rows:
        if row.kind in (ANSWER, RETRACT, LEFT):
            visit = Visit(row.device, row.boot, row.visit, row.item)
            known = words.get(visit)
            if known is None or (row.dt, row.stream, row.seq) > (known.dt, known.stream, known.seq):
                words[visit] = row
    return words


def _promises(world: "World", rows: list[StoredRow]) -> Iterable[str]:
    words = _last_words(rows)
    lost = {Visit(key.device, key.boot, key.visit, key.item) for key, fate in world.truth.fates.items() if fate is Fate.LOST}
    broken: list[str] = []
    for visit, told in world.truth.promises.items():
        if told is Told.UNKNOWN or visit in lost:
            continue
        word = words.get(visit)
        said = word.value if word is not None and word.kind == ANSWER else None
        if told is Told.NOT_RECORDED and said is not None and world.truth.owes(visit):
            continue  # the card refused the retraction too, and nobody has come since with whose rows it could go
        world.agenda.happened["promises"] += 1
        if said != (None if isinstance(told, Told) else told):
            broken.append(f"{visit.device} visit {visit.visit} {visit.item}: was told {told}, counted is {said}")
    if broken:
        yield f"{len(broken)} visitors were told something else: {'; '.join(broken[:NAMED])}"


# --- doors --------------------------------------------------------------------------------------------------------------------


def _passages(world: "World", rows: list[StoredRow]) -> Iterable[str]:
    """Nobody is counted twice at a door. An hour that is told twice, by device, start and door, is one hour."""
    hours: dict[Visit, int] = {}
    for row in rows:
        if row.kind == PASSAGE and row.value is not None:
            hour = Visit(row.device, row.boot, row.visit, row.item)
            hours[hour] = max(row.value, hours.get(hour, 0))
    counted: Counter[str] = Counter()
    for hour, people in hours.items():
        counted[hour.device] += people
    for device, people in sorted(counted.items()):
        if people:
            world.agenda.happened["counted at a door"] += people
        if people > world.truth.passed[device]:
            yield f"{device} has counted {people} people at its door, where {world.truth.passed[device]} passed"


# --- tallies --------------------------------------------------------------------------------------------------------------------


def _tallies(world: "World", rows: list[StoredRow]) -> Iterable[str]:
    from sync_server.courts.models import Court
    from sync_server.results.models import COUNTS, Tally

    zones = {court.pk: ZoneInfo(court.timezone) for court in Court.objects.all()}
    expected = _expected(rows, zones)
    found: dict[Cell, dict[str, int]] = {}
    for tally in Tally.objects.all():
        cell = Cell(tally.court_id, tally.exit_id, tally.item, tally.local_date, tally.input)
        if cell in found:
            yield f"two tallies for {cell}"
        counts = {name: getattr(tally, name) for name in COUNTS if getattr(tally, name)}
        for hour, points in tally.hours.items():
            counts |= {f"hour {hour} point {point}": count for point, count in enumerate(points) if count}
        found[cell] = counts
    wrong = [
        f"{cell.item} at exit {cell.exit} on {cell.day}: counted {found.get(cell, {})}, right is {dict(expected.get(cell, {}))}"
        for cell in sorted(found.keys() | expected.keys(), key=str)
        if found.get(cell, {}) != expected.get(cell, {})
    ]
    if wrong:
        yield f"{len(wrong)} tallies are wrong: {'; '.join(wrong[:NAMED])}"


def _expected(rows: list[StoredRow], zones: Mapping[int, ZoneInfo]) -> dict[Cell, dict[str, int]]:
    from sync_server.ingest.models import Boot

    bounds = {
        bytes(boot.boot): (boot.low, boot.high)
        for boot in Boot.objects.filter(low__isnull=False, high__isnull=False)
    }  # fmt: skip
    stays = _stays()
    doubted = {(row.device, row.boot, row.visit) for row in rows if row.kind == FLAG}
    cells: dict[Cell, Counter[str]] = defaultdict(Counter)
    for visit, word in _last_words(rows).items():
        if word.kind == RETRACT:
            continue
        where = _place(word, stays[visit.device], zones, bounds)
        if where is None:
            continue
        stay, day, hour = where
        cell = cells[Cell(stay.court, stay.exit, word.item, day, word.input)]
        _count(cell, word, hour, doubtful=(visit.device, visit.boot, visit.visit) in doubted)
    return {cell: dict(counts) for cell, counts in cells.items() if counts}


def _count(cell: Counter[str], word: StoredRow, hour: int | None, *, doubtful: bool) -> None:
    if word.kind == LEFT:
        cell["unanswered"] += 1
    elif word.value == DONT_KNOW:
        cell["dont_know"] += 1
    elif word.value == NOT_APPLICABLE:
        cell["not_applicable"] += 1
    else:
        cell[f"v{word.value}"] += 1
        if doubtful:
            cell["flagged"] += 1
        else:
            cell[f"c{word.value}"] += 1
            if hour is not None:
                cell[f"hour {hour} point {word.value}"] += 1


def _stays() -> dict[str, list[Stay]]:
    from sync_server.courts.models import Placement

    stays: dict[str, list[Stay]] = defaultdict(list)
    for name, since, exit, court in Placement.objects.order_by("starts_at").values_list(
        "device__name", "starts_at", "exit_id", "exit__court_id"
    ):
        stays[name].append(Stay(round(since.timestamp() * 1000), exit, court))
    return stays


def _stay_at(stays: list[Stay], at: int) -> Stay | None:
    place = bisect_right([stay.since for stay in stays], at)
    return stays[place - 1] if place else None


def _place(
    word: StoredRow, stays: list[Stay], zones: Mapping[int, ZoneInfo], bounds: Mapping[bytes, tuple[int, int]]
) -> tuple[Stay, date | None, int | None] | None:
    """Where and on which local day and hour a word is counted; the day is none where only the whole device can be told."""
    if word.at is not None:
        stay = _stay_at(stays, word.at)
        if stay is None:
            return None
        moment = datetime.fromtimestamp(word.at / 1000, zones[stay.court])
        return stay, moment.date(), moment.hour
    if word.boot in bounds:
        low, high = (word.visit + bound for bound in bounds[word.boot])
        first, last = _stay_at(stays, low), _stay_at(stays, high)
        if first is not None and first == last:
            days = {datetime.fromtimestamp(at / 1000, zones[first.court]).date() for at in (low, high)}
            if len(days) == 1:
                return first, days.pop(), None
    return stays[-1], None, None
