"""Reads a ledger's file and write-ahead log page by page, without SQLite, which gives up where this goes on. Reads only.

The formats are those of https://www.sqlite.org/fileformat2.html. Nothing here believes what it finds: whoever asks checks rows by
their chain and values by their seals.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from kiosk.ledger.sealing import SEAL_BYTES

PAGE_BYTES: Final = 4096
"""SQLite's own size of a page, which the ledger never changes."""
LINK_BYTES: Final = 32
_LOG_HEADER: Final = struct.Struct(">8I")
_FRAME_HEADER: Final = struct.Struct(">6I")
_LOG_MAGIC: Final = 0x377F0682
_LEAF: Final = 0x0D
_INDEX_LEAF: Final = 0x0A
_LINK_TYPE: Final = 12 + 2 * LINK_BYTES
_SEAL_TYPES: Final = {0: 0, 12 + 2 * SEAL_BYTES: SEAL_BYTES}
"""Bytes of a row's checksum in a record, by its kind."""
_RECORD_ANYWHERE: Final = re.compile(rb"(?=[\x04-\x06][\x00-\x06\x08\x09](?:[\x81-\xff][\x00-\x7f]|[\x0c-\x7f])\x4c)", re.DOTALL)
"""How a row's record begins: its own length, a number or nothing, a row, 32 bytes."""
_NUMBER_BYTES: Final = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}
"""Bytes of a number in a record, by its kind; kind 0 is none at all, kinds 8 and 9 are the numbers 0 and 1."""


class Row(NamedTuple):
    """A row as it stands in the file: number, encoded row, state of the chain after it, and the row's checksum, if it has one."""

    seq: int
    row: bytes
    link: bytes
    seal: bytes = b""


class _Frame(NamedTuple):
    """A page in the log: its number, whether it ends a transaction, and where its bytes begin."""

    page: int
    commits: bool
    offset: int


class Log(NamedTuple):
    """A write-ahead log: `live` frames are what SQLite reads, `beyond` those of later transactions, behind a broken frame."""

    live: list[_Frame]
    beyond: list[_Frame]

    @property
    def end(self) -> int:
        """How many bytes SQLite reads, and where it writes next."""
        return self.live[-1].offset + PAGE_BYTES if self.live else 0

    @property
    def commits_beyond(self) -> int:
        """Transactions behind the break. A power cut can tear the last one only; two were damaged on the card."""
        return sum(frame.commits for frame in self.beyond)


class Damaged:
    """A ledger file and its log, to be read in `steps`: first each page as SQLite would see it, then what lies behind a break of
    the log. Raises `OSError` if there is no such file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log_path = path.with_name(path.name + "-wal")
        log = read_log(self._log_path)
        self._live = {frame.page: frame for frame in log.live}
        self._beyond = log.beyond
        pages = -(-path.stat().st_size // PAGE_BYTES)
        self._pages = max([pages, *self._live])

    @property
    def steps(self) -> int:
        """How many pages there are to read."""
        return self._pages + len(self._beyond)

    def rows(self, first: int, count: int) -> Iterator[Row]:
        """The rows on `count` pages from step `first` on. A page that cannot be read has none."""
        for step in range(first, min(first + count, self.steps)):
            yield from rows_on(self._read(step), first_page=step == 0)

    def values(self) -> dict[str, bytes]:
        """What `meta` holds, still sealed."""
        found: dict[str, bytes] = {}
        for step in range(self._pages):
            found |= _values_on(self._read(step))
            if "stream" in found:
                break  # a handful of values fit on one page
        return found

    def _read(self, step: int) -> bytes:
        if step >= self._pages:
            return _slice(self._log_path, self._beyond[step - self._pages].offset)
        frame = self._live.get(step + 1)
        return _slice(self._path, step * PAGE_BYTES) if frame is None else _slice(self._log_path, frame.offset)


def rows_beyond(path: Path) -> tuple[list[Row], int]:
    """Rows behind a break of the log of the ledger `path`, and in how many transactions they stand."""
    log_path = path.with_name(path.name + "-wal")
    log = read_log(log_path)
    rows = {row for frame in log.beyond for row in rows_on(_slice(log_path, frame.offset), first_page=False)}
    return sorted(rows), log.commits_beyond


def has_rows(log: Path) -> bool:
    """Whether a row stands anywhere in the file of a write-ahead log."""
    frames = read_log(log)
    return any(rows_on(_slice(log, frame.offset), first_page=False) for frame in (*frames.live, *frames.beyond))


def read_log(path: Path) -> Log:
    """The frames of a write-ahead log; none if there is no such file or it is none."""
    try:
        data = path.read_bytes()
    except OSError:
        return Log([], [])
    if len(data) < _LOG_HEADER.size + _FRAME_HEADER.size:
        return Log([], [])
    magic, _, _, _, salt1, salt2, sum1, sum2 = _LOG_HEADER.unpack_from(data)
    order = ">" if magic & 1 else "<"
    sums = _checksum(data[: _LOG_HEADER.size - 8], (0, 0), order)
    whole = magic & ~1 == _LOG_MAGIC and sums == (sum1, sum2)
    if not whole:  # SQLite would read nothing of it; its first frame still tells which frames belong together
        salt1, salt2 = _FRAME_HEADER.unpack_from(data, _LOG_HEADER.size)[2:4]
    frames: list[_Frame] = []
    live = 0
    for start in range(_LOG_HEADER.size, len(data) - _FRAME_HEADER.size - PAGE_BYTES + 1, _FRAME_HEADER.size + PAGE_BYTES):
        page, size, of1, of2, sum1, sum2 = _FRAME_HEADER.unpack_from(data, start)
        body = start + _FRAME_HEADER.size
        ours = (of1, of2) == (salt1, salt2)
        if whole:
            sums = _checksum(data[body : body + PAGE_BYTES], _checksum(data[start : start + 8], sums, order), order)
            whole = ours and sums == (sum1, sum2)
        frames.append(_Frame(page, ours and size > 0, body))
        if whole and size > 0:
            live = len(frames)
    ends = [place + 1 for place, frame in enumerate(frames) if frame.commits]
    return Log(frames[:live], frames[live : max(ends, default=0)])


def rows_on(page: bytes, *, first_page: bool) -> list[Row]:
    """The rows on one page of a table; by their looks where the page's own index is broken."""
    head = 100 if first_page else 0
    found: list[Row] = []
    try:
        whole = page[head] in (_LEAF, _INDEX_LEAF)
        (count,) = struct.unpack_from(">H", page, head + 3)
        for place in struct.unpack_from(f">{count}H", page, head + 8) if whole else ():
            _, at = _varint(page, place)
            seq, at = _varint(page, at) if page[head] == _LEAF else (0, at)
            if (row := _row(page, seq, at)) is not None:
                found.append(row)
    except (IndexError, struct.error):
        whole = False
    return found if whole else _rows_by_looks(page)


def _rows_by_looks(page: bytes) -> list[Row]:
    found: list[Row] = []
    for match in _RECORD_ANYWHERE.finditer(page):
        try:
            row = _row(page, _seq_before(page, match.start()), match.start())
        except IndexError:
            continue
        if row is not None:
            found.append(row)
    return found


def _seq_before(page: bytes, at: int) -> int:
    """The variable-length integer that ends before `at`, where a row's number stands in a table that is ordered by it."""
    start = at - 1
    while start > max(0, at - 9) and page[start - 1] >= 0x80:
        start -= 1
    return _varint(page, start)[0] if page[at - 1] < 0x80 else 0


def _row(page: bytes, seq: int, at: int) -> Row | None:
    """The row whose record begins at `at`; None for a record of another table. Its number is `seq`, or stands in the record. Raises
    `IndexError` where the page ends first."""
    size, place = _varint(page, at)
    number, place = _varint(page, place)
    kind, place = _varint(page, place)
    link_kind, place = _varint(page, place)
    seal_kind, place = _varint(page, place) if place < at + size else (0, place)
    whole = number in _NUMBER_BYTES and link_kind == _LINK_TYPE and seal_kind in _SEAL_TYPES and place == at + size
    if not whole or kind < 12 or kind % 2:
        return None
    begin = place + _NUMBER_BYTES[number]
    if number:
        seq = 1 if number == 9 else int.from_bytes(page[place:begin], "big")
    middle = begin + (kind - 12) // 2
    last = middle + LINK_BYTES
    end = last + _SEAL_TYPES[seal_kind]
    if end > len(page):
        raise IndexError
    return Row(seq, page[begin:middle], page[middle:last], page[last:end]) if seq >= 1 else None


def _values_on(page: bytes) -> dict[str, bytes]:
    """Keys and values, if this is the page of a table of such."""
    found: dict[str, bytes] = {}
    if not page or page[0] != _INDEX_LEAF:
        return found
    try:
        (count,) = struct.unpack_from(">H", page, 3)
        for place in struct.unpack_from(f">{count}H", page, 8):
            _, at = _varint(page, place)
            size, next_at = _varint(page, at)
            key_kind, next_at = _varint(page, next_at)
            value_kind, _ = _varint(page, next_at)
            middle = at + size + (key_kind - 13) // 2
            if key_kind >= 13 and key_kind % 2 and value_kind >= 12 and value_kind % 2 == 0:
                key = page[at + size : middle].decode("ascii", "replace")
                found[key] = page[middle : middle + (value_kind - 12) // 2]
    except (IndexError, struct.error):
        pass  # what could be read so far; a value that was cut short has no seal
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """SQLite's variable-length integer at `at`, and where it ends. Raises `IndexError`."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


def _checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = first + even + second & 0xFFFFFFFF
        second = second + odd + first & 0xFFFFFFFF
    return first, second


def _slice(path: Path, offset: int) -> bytes:
    """One page; what of it can be read."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(PAGE_BYTES)
    except OSError:
        return b""
