"""A crest is a small PNG that is whole; whatever else is offered is refused with its reason and what to do."""

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from wire.crest import MOST_BYTES, SIGNATURE, CrestError, bare, checked


def png(size: tuple[int, int] = (48, 64), mode: str = "RGBA", **how: object) -> bytes:
    """A picture with some drawing in it."""
    picture = Image.linear_gradient("L").resize(size).convert("RGB").quantize(16) if mode == "P" else Image.new(mode, size, 1)
    out = io.BytesIO()
    picture.save(out, "PNG", **how)
    return out.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def made(
    *, width: int = 48, height: int = 64, depth: int = 8, kind: int = 0, interlaced: int = 0, lines: bytes | None = None
) -> bytes:
    """A grey PNG whose header says so, written by hand."""
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    body = zlib.compress(bytes((width + 1) * height) if lines is None else lines)
    return SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def refusal(data: bytes) -> CrestError:
    with pytest.raises(CrestError) as caught:
        checked(data)
    with pytest.raises(CrestError):
        bare(data)
    return caught.value


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_usual_kind_of_png_is_taken_and_looks_the_same_when_bare(mode: str) -> None:
    data = png(mode=mode)
    assert checked(data) == (48, 64)
    with Image.open(io.BytesIO(data)) as given_, Image.open(io.BytesIO(bare(data))) as kept:
        assert given_.convert("RGBA").tobytes() == kept.convert("RGBA").tobytes()


def test_what_is_not_shown_is_left_out_and_does_not_count() -> None:
    told = PngInfo()
    told.add_text("Author", "somebody" * 4_000, zip=False)
    data = png(pnginfo=told, icc_profile=bytes(range(256)) * 90)
    assert len(data) > MOST_BYTES
    kept = bare(data)
    assert checked(kept) == (48, 64)
    assert b"somebody" not in kept
    assert b"iCCP" not in kept
    assert bare(kept) == kept


@pytest.mark.parametrize(
    ("data", "reason", "fix"),
    [
        (b"", "is no PNG", "as PNG"),
        (b"\xff\xd8\xff\xe0 a photograph", "is no PNG", "as PNG"),
        (png()[:-5], "is cut short", "anew"),
        (png()[:40], "is cut short", "anew"),
        (SIGNATURE, "is damaged", "anew"),
        (png()[:-12], "is damaged", "anew"),
        (made() + chunk(b"IEND", b""), "is damaged", "anew"),
        (made()[:-12] + chunk(b"EVIL", b"") + chunk(b"IEND", b""), "a part that nobody knows (EVIL)", "anew"),
        (made(width=513), "is 513 × 64 px", "from 32 to 512 px"),
        (made(height=31), "is 48 × 31 px", "from 32 to 512 px"),
        (made(width=2**31 - 1, height=2**31 - 1, lines=b""), "px", "from 32 to 512 px"),
        (made(width=512, height=100), "is 512 × 100 px", "at most 4 times"),
        (made(interlaced=1), "is interlaced", "without interlacing"),
        (png(mode="I;16"), "has 16 bits", "with 8"),
        (made(depth=3), "is damaged", "anew"),
        (made(kind=5), "is damaged", "anew"),
        (made(kind=3), "its palette is missing", "anew"),
        (made(lines=bytes(49 * 64 - 1)), "is damaged", "anew"),
        (made(lines=bytes(49 * 64 + 1)), "is damaged", "anew"),
        (made(lines=bytes(10_000_000)), "is damaged", "anew"),
        (made(lines=b"\x05" + bytes(49 * 64 - 1)), "is damaged", "anew"),
    ],
)
def test_what_is_no_crest_is_refused_with_its_reason_and_what_to_do(data: bytes, reason: str, fix: str) -> None:
    fault = refusal(data)
    assert reason in fault.reason
    assert fix in fault.fix


def test_a_crest_with_more_bytes_than_a_message_has_room_for_is_refused() -> None:
    noise = Image.effect_noise((160, 160), 90)
    out = io.BytesIO()
    noise.save(out, "PNG")
    assert f"has {len(out.getvalue())} bytes; at most {MOST_BYTES} fit" in refusal(out.getvalue()).reason


@given(st.integers(0, len(png()) - 1), st.integers(1, 255))
def test_no_altered_byte_goes_unnoticed(at: int, change: int) -> None:
    data = bytearray(png())
    data[at] ^= change
    refusal(bytes(data))


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_be_refused(data: bytes) -> None:
    refusal(data)
    refusal(SIGNATURE + data)
