"""Whether a font file is whole. No Kivy in here.

A font cut short or damaged behind its head still opens, and still has widths: only its letters are missing, all of them and without
an error. So its tables are summed up before it is used, as the OpenType specification says (1.9, "Calculating checksums").
"""

import struct
import sys
from array import array
from pathlib import Path
from typing import Final

KINDS: Final = (b"\x00\x01\x00\x00", b"OTTO", b"true")
NEEDED: Final = frozenset({b"cmap", b"head", b"hhea", b"hmtx", b"maxp"})
OUTLINES: Final = (frozenset({b"glyf", b"loca"}), frozenset({b"CFF "}), frozenset({b"CFF2"}))
"""Letters stand in tables of one of these kinds."""
_DIRECTORY: Final = struct.Struct(">4sH6x")
_ENTRY: Final = struct.Struct(">4sIII")
_ADJUSTMENT: Final = slice(8, 12)
"""In `head`: the sum of the whole file, which counts as zero in the table's own."""


def check(path: Path) -> None:
    """Raises ValueError saying how the font at `path` is damaged, OSError when it cannot be read."""
    content = path.read_bytes()
    try:
        kind, count = _DIRECTORY.unpack_from(content)
        entries = [_ENTRY.unpack_from(content, _DIRECTORY.size + place * _ENTRY.size) for place in range(count)]
    except struct.error:
        raise ValueError("it is cut off in its head") from None
    if kind not in KINDS:
        raise ValueError("it is not a TrueType or OpenType font")
    tags = {tag for tag, *_ in entries}
    if not tags >= NEEDED or not any(tags >= tables for tables in OUTLINES):
        raise ValueError("tables are missing")
    for tag, said, offset, length in entries:
        table = content[offset : offset + length]
        if len(table) != length:
            raise ValueError(f"it is cut off in its table {_name(tag)}")
        if _sum(table, head=tag == b"head") != said:
            raise ValueError(f"its table {_name(tag)} is damaged")


def _sum(table: bytes, *, head: bool) -> int:
    """The sum of a table's big-endian words of four bytes, to 32 bits."""
    padded = bytearray(table + bytes(-len(table) % 4))
    if head:
        padded[_ADJUSTMENT] = bytes(4)
    words = array("I", bytes(padded))
    if sys.byteorder == "little":
        words.byteswap()
    return sum(words) & 0xFFFFFFFF


def _name(tag: bytes) -> str:
    return tag.decode("ascii", "backslashreplace").strip()
