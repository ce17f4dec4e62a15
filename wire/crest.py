"""A court's crest: a small PNG that travels within a signed configuration. Says whether a file is one, and leaves out what is not
needed to show it.

Both sides look before they hand a file to a decoder written in C: its size is bounded before anything is inflated, every chunk's
checksum is compared, and what is inflated must be exactly the picture that the header announces. Standard library only.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

MOST_BYTES: Final = 16 * 1024
"""What is left of a message is wanted by the questionnaire in all its languages, and by the hours."""
LEAST_SIDE: Final = 32
MOST_SIDE: Final = 512
"""px: beside its name on the largest screen a crest is some 250 px high."""
SLIMMEST: Final = 4
"""One side is at most so many times as long as the other, or nothing of it can be seen."""

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Values a pixel by PNG's colour type: grey, colours, a palette, grey and colours with transparency."""
PALETTE: Final = 3
DEPTHS: Final = {0: (1, 2, 4, 8), 2: (8,), 3: (1, 2, 4, 8), 4: (8,), 6: (8,)}
FILTERS: Final = 5
"""Ways in which a line of pixels may be written down."""
NEEDED: Final = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")

ANEW: Final = "Save the picture as PNG anew."


class CrestError(ValueError):
    """A file that is no crest: `reason` goes on from the field's name, `fix` is a sentence that says what to do."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(f"{reason}. {fix}")
        self.reason = reason
        self.fix = fix


class Head(NamedTuple):
    """The header of a PNG: its size in px, bits a value, and colour type."""

    width: int
    height: int
    depth: int
    kind: int

    @property
    def line(self) -> int:
        """Bytes of a line of pixels, with the one that says how it is written down."""
        return 1 + (self.width * self.depth * CHANNELS[self.kind] + 7) // 8


def checked(data: bytes) -> tuple[int, int]:
    """Width and height in px of the crest `data`. Raises `CrestError`."""
    head, _ = _examined(data)
    return head.width, head.height


def bare(data: bytes) -> bytes:
    """The crest `data` without what is not shown: names, places, dates, colour profiles. Raises `CrestError`.

    What is bounded is the size of what is left: cameras and drawing programs write more around a picture than it has itself.
    """
    _, chunks = _examined(_without_trimmings(data))
    return SIGNATURE + b"".join(_chunk(name, body) for name, body in chunks)


def _examined(data: bytes) -> tuple[Head, list[tuple[bytes, bytes]]]:
    if len(data) > MOST_BYTES:
        fewer = "Make it smaller, or save it with fewer colours (a palette)."
        raise CrestError(f"has {len(data)} bytes; at most {MOST_BYTES} fit", fewer)
    chunks = list(_chunks(data))
    names = [name for name, _ in chunks]
    if foreign := [name for name in names if name not in NEEDED and not name[0] & 0x20]:
        raise CrestError(f"has a part that nobody knows ({foreign[0].decode('ascii', 'replace')})", ANEW)
    if names[:1] != [b"IHDR"] or names[-1:] != [b"IEND"] or b"IDAT" not in names or _repeats(names):
        raise CrestError("is damaged", ANEW)
    head = _head(chunks[0][1])
    parts = dict(chunks)
    if head.kind == PALETTE and not (0 < len(parts.get(b"PLTE", b"")) <= 3 << head.depth and len(parts[b"PLTE"]) % 3 == 0):
        raise CrestError("is damaged: its palette is missing or has no such size", ANEW)
    _check_lines(head, b"".join(body for name, body in chunks if name == b"IDAT"))
    return head, [(name, body) for name, body in chunks if name in NEEDED]


def _repeats(names: list[bytes]) -> bool:
    """Whether a part stands there twice that may stand there once, or the lines are torn apart."""
    once = [name for name in names if name in NEEDED and name != b"IDAT"]
    first, last = names.index(b"IDAT"), len(names) - names[::-1].index(b"IDAT")
    return len(once) != len(set(once)) or set(names[first:last]) != {b"IDAT"}


def _head(body: bytes) -> Head:
    if len(body) != 13:
        raise CrestError("is damaged", ANEW)
    width, height, depth, kind, deflate, filters, interlaced = struct.unpack(">IIBBBBB", body)
    if not (LEAST_SIDE <= width <= MOST_SIDE and LEAST_SIDE <= height <= MOST_SIDE):
        raise CrestError(f"is {width} × {height} px", f"Each side must have from {LEAST_SIDE} to {MOST_SIDE} px.")
    if max(width, height) > SLIMMEST * min(width, height):
        raise CrestError(f"is {width} × {height} px", f"One side may be at most {SLIMMEST} times as long as the other.")
    if interlaced == 1:
        raise CrestError("is interlaced", "Save it without interlacing.")
    if kind in DEPTHS and depth == 16:
        raise CrestError("has 16 bits a colour", "Save it with 8.")
    if depth not in DEPTHS.get(kind, ()) or (deflate, filters, interlaced) != (0, 0, 0):
        raise CrestError("is damaged", ANEW)
    return Head(width, height, depth, kind)


def _check_lines(head: Head, squeezed: bytes) -> None:
    """Raises `CrestError` unless `squeezed` inflates to the lines of `head`'s picture and nothing else."""
    whole = head.line * head.height
    inflater = zlib.decompressobj()
    try:
        lines = inflater.decompress(squeezed, whole + 1)
    except zlib.error as fault:
        raise CrestError("is damaged", ANEW) from fault
    if len(lines) != whole or not inflater.eof or any(kind >= FILTERS for kind in lines[:: head.line]):
        raise CrestError("is damaged", ANEW)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each part of a PNG, up to its end."""
    if not data.startswith(SIGNATURE):
        raise CrestError("is no PNG", "Save the picture as PNG.")
    at = len(SIGNATURE)
    while at < len(data):
        if len(data) - at < 12:
            raise CrestError("is cut short", ANEW)
        (length,) = struct.unpack_from(">I", data, at)
        name, body, end = data[at + 4 : at + 8], data[at + 8 : at + 8 + length], at + 12 + length
        if end > len(data):
            raise CrestError("is cut short", ANEW)
        if struct.unpack_from(">I", data, end - 4)[0] != zlib.crc32(name + body) or not name.isalpha():
            raise CrestError("is damaged: a checksum does not fit", ANEW)
        yield name, body
        at = end


def _without_trimmings(data: bytes) -> bytes:
    return SIGNATURE + b"".join(_chunk(name, body) for name, body in _chunks(data) if name in NEEDED or not name[0] & 0x20)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
